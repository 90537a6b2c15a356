"""A model with covariates, all the way: a file, training, a version, forecasts."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecaster.cli import run

pytestmark = pytest.mark.tf

CONFIG = """
futr_exog = ["promo"]
hist_exog = ["stock"]
stat_exog = ["kind"]
holidays = "US"
[network]
units = 8
patch_units = 16
head_units = 16
[training]
steps = 80
lanes = 8
learning_rate = 0.01
"""
HEADER = "unique_id,ds,y,promo,stock,kind\n"


def row(series: str, day: int, y: float | None, promo: int) -> str:
    """One row; what is sold doubles where there is a promotion."""
    ds = np.datetime64("2023-01-02") + day
    shown = "" if y is None else f"{y:.3f}"
    return (
        f"{series},{ds},{shown},{promo},{day % 9},{'inn' if series < 'c' else 'bar'}\n"
    )


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data.csv, trained into the model `m`."""
    folder = tmp_path_factory.mktemp("shop")
    rng = np.random.default_rng(0)
    text = HEADER
    for series in "abcd":
        for day in range(160):
            promo = int(rng.random() < 0.4)
            text += row(series, day, (20 + day % 7) * (1 + promo), promo)
    (folder / "data.csv").write_text(text, encoding="utf-8")
    (folder / "c.toml").write_text(CONFIG, encoding="utf-8")
    asked = ["train", str(folder / "data.csv"), "--config", str(folder / "c.toml")]
    where = ["--name", "m", "--models-dir", str(folder / "models")]
    assert run([*asked, *where, "--horizon", "7", "--seed", "1"]) == 0
    return folder


def forecast(shop: Path, data: str, capsys: Any, *more: str) -> Any:
    """The medians [N, H] and what was said."""
    path = shop / "asked.csv"
    path.write_text(data, encoding="utf-8")
    where = ["--name", "m", "--models-dir", str(shop / "models"), "--json"]
    capsys.readouterr()
    code = run(["predict", str(path), *where, *more])
    said = capsys.readouterr()
    if code:
        return code, said.err
    found = json.loads(said.out)["forecasts"]
    return np.array([one["median"] for one in found]), said.err


def test_what_is_ahead_decides(shop: Path, capsys: Any) -> None:
    """A promotion ahead raises the forecasts of its own days; the model has learned it."""
    data = (shop / "data.csv").read_text()
    ahead = "".join(row("a", 160 + k, None, k % 2) for k in range(7))
    none = "".join(row("a", 160 + k, None, 0) for k in range(7))
    some, _ = forecast(shop, data + ahead, capsys)
    calm, _ = forecast(shop, data + none, capsys)
    ratio = some[0] / calm[0]
    assert (ratio[1::2] > 1.3).all()
    np.testing.assert_allclose(ratio[::2], 1.0, rtol=1e-4)


def test_rows_behind_the_data_equal_a_file_of_the_future(
    shop: Path, capsys: Any
) -> None:
    """Both say the same; without either a warning says what is missing."""
    data = (shop / "data.csv").read_text()
    promos = [(s, k, (k + ord(s)) % 2) for s in "abcd" for k in range(7)]
    inside = "".join(row(s, 160 + k, None, promo) for s, k, promo in promos)
    beside = shop / "future.csv"
    first = np.datetime64("2023-01-02") + 160
    lines = [f"{s},{first + k},{promo}\n" for s, k, promo in promos]
    beside.write_text("unique_id,ds,promo\n" + "".join(lines), encoding="utf-8")
    one, quiet = forecast(shop, data + inside, capsys)
    other, _ = forecast(shop, data, capsys, "--future", str(beside))
    np.testing.assert_array_equal(one, other)
    bare, warned = forecast(shop, data, capsys)
    assert (bare != one).any()
    assert "warning" not in quiet
    assert "warning: 'promo' is not known" in warned


def test_an_unknown_kind_and_missing_columns(shop: Path, capsys: Any) -> None:
    """A category nobody has seen is answered; a column that is absent is named."""
    data = (shop / "data.csv").read_text()
    found, _ = forecast(shop, data.replace(",inn\n", ",zoo\n"), capsys)
    assert np.isfinite(found).all()
    code, said = forecast(shop, data.replace("stock", "stuck"), capsys)
    assert code == 2
    assert "'stock' (hist_exog)" in said


def test_the_manifest_tells_order_and_scaling(shop: Path) -> None:
    """Names in their order, with the constants, the categories and the countries."""
    path = next((shop / "models" / "m").glob("*/manifest.json"))
    manifest = json.loads(path.read_text())
    assert manifest["features"][-5:] == [
        "holiday_US",
        "holiday_eve_US",
        "promo",
        "stock",
        "kind",
    ]
    columns = manifest["covariates"]["columns"]
    assert [column["kind"] for column in columns] == ["futr", "hist", "stat"]
    assert columns[1]["mean"] == pytest.approx(4.0, abs=0.2)
    assert columns[2]["categories"] == ["bar", "inn"]
    assert manifest["covariates"]["holidays"] == ["US"]
