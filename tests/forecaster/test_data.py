"""The sample files are what their script makes, and can be read."""

import subprocess
import sys
from pathlib import Path

import pytest

from forecaster.reading import read_panel

DATA = Path(__file__).parents[2] / "data"
FILES = {
    "sample.csv": ("MS", 3, 5),
    "macro.csv": ("QS-JAN", 12, 0),
    "co2_weekly.csv": ("W-SAT", 1, 59),
    "yearly.csv": ("YS-JAN", 2, 0),
}


def test_the_script_makes_the_same_bytes(tmp_path: Path) -> None:
    """Running the script again gives every sample file byte for byte."""
    command = [sys.executable, DATA / "make_samples.py", "--out", tmp_path]
    subprocess.run(command, check=True, timeout=120)
    assert sorted(file.name for file in DATA.glob("*.csv")) == sorted(FILES)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes(), name


@pytest.mark.parametrize("name", FILES)
def test_samples_read_as_their_readme_says(name: str) -> None:
    """Each sample has the frequency, the series and the missing values it should have."""
    panel = read_panel(DATA / name)
    missing = int((panel.values != panel.values).sum())
    assert (panel.frequency.alias, len(panel), missing) == FILES[name]
