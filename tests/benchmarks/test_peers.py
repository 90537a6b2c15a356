"""Laws of what goes to other libraries and what comes back."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import peers
from benchmarks.cases import Case
from benchmarks.peering import Peer, request_of, write_series
from tests.benchmarks.test_sets import rolling


def asked(case: Case, folder: Path) -> tuple[pd.DataFrame, dict[str, object]]:
    """What the other side reads: the series and the request."""
    write_series(case, folder / "series.csv")
    request = request_of(case, Peer("LSTM", Path("python")))
    return pd.read_csv(folder / "series.csv"), json.loads(json.dumps(request))


def test_the_others_are_fitted_on_what_we_are(tmp_path: Path) -> None:
    """The rows that precede the test part are as many, and hold nothing missing."""
    case = rolling()
    series, request = asked(case, tmp_path)
    training = peers.before_the_test(series, request)
    assert training.groupby("unique_id").size().to_list() == case.train_ends.tolist()
    assert series["y"].notna().all()


def test_forecasts_come_back_by_series_origin_and_step(tmp_path: Path) -> None:
    """Rows in any order become a cube in ours: here each row tells where it belongs."""
    case = rolling()
    series, request = asked(case, tmp_path)
    ends = series.groupby("unique_id")["ds"].max().to_numpy()
    rows = [
        {"unique_id": i, "cutoff": end - 6 + 3 * w, "ds": end - 6 + 3 * w + k + 1}
        | {f"LSTM{tail}": 100 * i + 10 * w + k for tail in peers.ENDS if tail}
        | {"LSTM-median": 100 * i + 10 * w + k}
        for i, end in enumerate(ends)
        for w in range(2)
        for k in range(3)
    ]
    shuffled = pd.DataFrame(rows).sample(frac=1.0, random_state=0)
    found = peers.cube(shuffled, request)
    places = np.ix_([0, 100], [0, 10], [0, 1, 2])
    np.testing.assert_array_equal(found[..., 2], sum(places[1:], places[0]))
    assert found.shape == (2, 2, 3, 5)
