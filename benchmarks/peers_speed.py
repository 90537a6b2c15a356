"""Training speed of PyTorch with a network of our shape, run by `.venv-peers`.

    .venv-peers/bin/python benchmarks/peers_speed.py '{"lanes": 64, …}'

Dense layers before and behind `torch.nn.LSTM`, quantiles at the same positions, pinball
loss, clipped AdamW, as ours; random data that are already there, so that nothing but the
network is timed. Prints one JSON object.
"""

import json
import os
import sys
import time
from importlib.metadata import version
from typing import Any

WARM_UP = 3


def main(shape: dict[str, int]) -> None:
    """Time the steps after the first few."""
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    import torch

    torch.manual_seed(0)
    step = training_step(torch, shape)
    for _ in range(WARM_UP):
        step()
    began = time.perf_counter()
    for _ in range(shape["steps"]):
        step()
    seconds = time.perf_counter() - began
    rate = shape["steps"] / seconds
    answer = {"steps_per_s": rate, "versions": {"torch": version("torch")}}
    sys.stdout.write(json.dumps(answer) + "\n")


def training_step(torch: Any, shape: dict[str, int]) -> Any:
    """A function that makes one update of a network of this shape."""
    nn, functional = torch.nn, torch.nn.functional
    width, outputs = shape["units"], shape["horizon"] * shape["quantiles"]
    patch = nn.Linear(shape["inputs"], shape["patch_units"])
    entry = nn.Linear(shape["patch_units"], width)
    lstm = nn.LSTM(width, width, num_layers=shape["layers"], batch_first=True)
    hidden = nn.Linear(shape["patch_units"] + width, shape["head_units"])
    out = nn.Linear(shape["head_units"], outputs)
    layers = nn.ModuleList([patch, entry, lstm, hidden, out])
    optimizer = torch.optim.AdamW(layers.parameters())
    x = torch.randn(shape["lanes"], shape["chunk"], shape["inputs"])
    positions = range(0, shape["chunk"], shape["stride"])
    target = torch.randn(shape["lanes"], len(positions), shape["horizon"], 1)
    level = torch.linspace(0.025, 0.975, shape["quantiles"])

    def step() -> None:
        seen = functional.gelu(patch(x))
        top, _ = lstm(entry(seen))
        context = torch.cat([seen, top], dim=-1)[:, :: shape["stride"]]
        quantiles = out(functional.gelu(hidden(context)))
        error = target - quantiles.reshape(*target.shape[:3], shape["quantiles"])
        loss = torch.maximum(level * error, (level - 1) * error).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(layers.parameters(), 1.0)
        optimizer.step()

    return step


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
