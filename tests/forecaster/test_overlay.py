"""Laws of one panel on top of another."""

import numpy as np
import pytest

from forecaster.errors import ConfigError, DataError
from forecaster.exog import Columns, Exog
from forecaster.frequency import Frequency
from forecaster.overlay import overlaid
from forecaster.panel import Panel
from tests.forecaster.panels import same

JAN, FEB = "2024-01-01", "2024-02-01"


def panel(values: list[list[float]], starts: list[str], **about: object) -> Panel:
    """Series a, b, … by month."""
    ids = "abc"[: len(values)]
    begins = np.array(starts, "M8[us]")
    return Panel.from_series(list(ids), values, begins, Frequency("MS"), **about)  # type: ignore[arg-type]


def test_a_beginning_below_its_whole_is_the_whole() -> None:
    """Nothing is lost and nothing moved, whichever of the two lies on top."""
    whole = panel([[1, 2, np.nan, 4, 5], [7, 8, 9, 9, 9]], [JAN, FEB])
    assert same(overlaid(whole.cut(3), whole), whole)
    assert same(overlaid(whole, whole.cut([2, 4])), whole)


def test_the_upper_value_holds_and_a_missing_one_hides_nothing() -> None:
    """Where both have a value, the log wins; where one has, that one."""
    file = panel([[1, 2, 3, 4, 5]], [JAN])
    log = panel([[20, np.nan, 40, 50, 60]], [FEB])
    np.testing.assert_array_equal(overlaid(file, log).values, [1, 20, 3, 40, 50, 60])


def test_a_hole_between_the_two_is_missing() -> None:
    """Steps that neither has are gaps."""
    found = overlaid(panel([[1, 2]], [JAN]), panel([[5]], ["2024-05-01"]))
    np.testing.assert_array_equal(found.values, [1, 2, np.nan, np.nan, 5])


def test_series_of_either_are_series_of_both() -> None:
    """Also an older start on top, and an id that only one knows."""
    found = overlaid(panel([[3.0]], [FEB]), panel([[1.0], [9.0]], [JAN, JAN]))
    assert found.ids == ("a", "b")
    np.testing.assert_array_equal(found.values, [1, 3, 9])


def test_covariates_are_laid_over_each_other_cell_by_cell() -> None:
    """By step as values are; constant ones as the upper panel knows them."""
    columns = Columns(hist=("x",), stat=("kind",))
    file = panel(
        [[1, 2], [1, 2]], [JAN, JAN],
        exog=Exog(columns, np.array([[1.0], [2], [3], [4]]), (np.array([5.0, 6.0]),)),
    )  # fmt: skip
    log = panel(
        [[2, 3]], [FEB],
        exog=Exog(columns, np.array([[np.nan], [9]]), (np.array(["inn"], object),)),
    )  # fmt: skip
    exog = overlaid(file, log).exog
    np.testing.assert_array_equal(exog.steps[:, 0], [1, 2, 9, 3, 4])
    assert list(exog.stat[0]) == ["inn", "6"]


def test_what_does_not_fit_is_refused() -> None:
    """Another grid names the series; another frequency or covariates name both."""
    file = panel([[1, 2]], [JAN])
    with pytest.raises(DataError, match=r"series 'a': expected both on one grid"):
        overlaid(file, panel([[1, 2]], ["2024-01-15"]))
    days = Panel.from_series(["a"], [[1.0]], np.array([JAN], "M8[us]"), Frequency("D"))
    with pytest.raises(ConfigError, match=r"one frequency, got 'MS' and 'D'"):
        overlaid(file, days)
