"""Laws of how gunicorn runs the service."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

WORKER = """
import json, os, sys
from pathlib import Path
from forecaster.settings import load
from service import gunicorn_conf
from service.app import create_app, service_of

app = create_app(load())
imported = sorted(sys.modules)
gunicorn_conf.post_fork(None, None)
service_of(app).models.refresh()
answer = app.test_client().post("/predict", json={
    "series": {"unique_id": "a", "ds": ["2024-01-01"], "y": [1.0]}})
unasked = "pyarrow" in sys.modules
import pyarrow as pa
table = pa.table({"unique_id": ["b", "b"], "ds": ["2024-01-01", None], "y": [1.0, None]})
sink = pa.BufferOutputStream()
with pa.ipc.new_stream(sink, table.schema) as writer:
    writer.write_table(table)
arrow = app.test_client().post("/predict", data=sink.getvalue().to_pybytes(), headers={
    "Content-Type": "application/vnd.apache.arrow.stream",
    "Accept": "application/vnd.apache.arrow.stream"})
service_of(app).close()
print(json.dumps({
    "before": "tensorflow" in imported,
    "status": answer.status_code,
    "arrow": [unasked, arrow.status_code, arrow.content_type],
    "after": [name for name, module in sys.modules.items() if module is not None],
    "threads": os.environ["TF_NUM_INTRAOP_THREADS"],
}))
"""


def start(code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh process."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def run(code: str, **environ: str) -> str:
    """What a fresh process prints."""
    done = start(code, **environ)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.tf
def test_a_worker_loads_tensorflow_alone(tiny_models: Path, tmp_path: Path) -> None:
    """And not before it was forked; Keras, pandas and scikit-learn never, Arrow when asked."""
    found = json.loads(
        run(
            WORKER,
            FORECASTER_MODELS_DIR=str(tiny_models),
            FORECASTER_DATABASE=f"sqlite:///{tmp_path}/x.db",
        )
    )

    assert not found["before"]
    assert found["status"] == 200
    assert found["arrow"] == [False, 200, "application/vnd.apache.arrow.stream"]
    assert "tensorflow" in found["after"]
    assert not {"keras", "pandas", "sklearn", "matplotlib"} & set(found["after"])
    assert found["threads"] == "1"


def test_settings_reach_gunicorn() -> None:
    """By the environment, as `forecaster serve` passes them on."""
    code = """
from service import gunicorn_conf as conf
print(conf.bind, conf.workers, conf.threads, conf.worker_class, conf.preload_app)
"""
    printed = run(
        code,
        FORECASTER_HOST="127.0.0.2",
        FORECASTER_PORT="9000",
        FORECASTER_WORKERS="3",
        FORECASTER_THREADS="5",
    )
    assert printed.split() == [
        "127.0.0.2:9000",
        "3",
        "5",
        "service.edge.worker.Worker",
        "False",
    ]


def test_an_unusable_database_ends_the_start_in_one_line(tmp_path: Path) -> None:
    """Exit code 2 and the option that mends it, before any worker is started."""
    code = """
from service import gunicorn_conf as conf
try:
    conf.on_starting(None)
except SystemExit as end:
    print(end.code)
"""
    done = start(code, FORECASTER_DATABASE=f"sqlite:///{tmp_path}")

    assert done.stdout == "2\n"
    assert done.stderr.count("\n") == 1
    assert f"{tmp_path}: it cannot be opened" in done.stderr
    assert "--database" in done.stderr


SWAPPED = """
import os
from types import SimpleNamespace
from service import gunicorn_conf
from service.metrics import Metrics

metrics = Metrics()
metrics.swap("demo", "v1", None)
metrics.swap("demo", "v2", "v1")
print([line for line in metrics.text().decode().splitlines() if "model_live{" in line])
gunicorn_conf.child_exit(None, SimpleNamespace(pid=os.getpid()))
print("model_live{" in metrics.text().decode())
"""


def test_what_answers_is_counted_of_living_processes_alone(tmp_path: Path) -> None:
    """A process that is gone has no version any more, whichever way it went."""
    counted, afterwards = run(
        SWAPPED, PROMETHEUS_MULTIPROC_DIR=str(tmp_path)
    ).splitlines()
    assert 'version="v1"} 0.0' in counted
    assert 'version="v2"} 1.0' in counted
    assert afterwards == "False"
