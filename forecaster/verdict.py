"""What a retraining is asked for, and how it ended: values that any process can hold.

Nothing of TensorFlow in here: a service reads what is asked for, a worker the outcome.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args

from forecaster.config import MOST_SEED
from forecaster.errors import ConfigError

# Of these lower is better; nearer to nominal is another order, so coverages are none.
METRICS = ("wql", "mase", "smape", "mae", "rmse", "msis-95")
MOST_WINDOWS = 1_000


@dataclass(frozen=True, slots=True)
class Retraining:
    """What is asked of a retraining.

    Attributes:
        fine_tune: begin with the weights of the champion instead of anew.
        metric: the measure that decides, one of `METRICS`.
        margin: by what share the challenger must be better, 0.01 is 1 %.
        windows: newest cutoffs at which both forecast; None leaves it to the data.
        seed: of all chance in training; None means that of the champion.
        max_time_s: seconds to train at most; None means that of the champion.

    >>> Retraining.read({"metric": "mase", "windows": 4}).windows
    4
    >>> Retraining(margin=1.5)
    Traceback (most recent call last):
    forecaster.errors.ConfigError: margin: expected a share from 0 to below 1, got 1.5 ...
    """

    fine_tune: bool = False
    metric: str = "wql"
    margin: float = 0.01
    windows: int | None = None
    seed: int | None = None
    max_time_s: float | None = None

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise ConfigError(
                f"metric: expected one of {', '.join(METRICS)}, got {self.metric!r}"
            )
        if not 0 <= self.margin < 1:
            raise ConfigError(
                f"margin: expected a share from 0 to below 1, got {self.margin} (1 % is 0.01)"
            )
        _within("windows", self.windows, 1, MOST_WINDOWS)
        _within("seed", self.seed, 0, MOST_SEED)
        if self.max_time_s is not None and not 0 < self.max_time_s < float("inf"):
            raise ConfigError(
                f"max_time_s: expected seconds above 0, got {self.max_time_s}"
            )

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> "Retraining":
        """What a JSON object asks for; what is absent is as by default.

        Raises:
            ConfigError: names the entry that is unknown or of another kind.
        """
        kinds = {field.name: field.type for field in fields(cls)}
        for name, value in content.items():
            if name not in kinds:
                raise ConfigError(
                    f"{str(name)[:40]!r}: not an entry of a retraining, which are "
                    f"{', '.join(kinds)}. Leave it out"
                )
            if not _fits(value, kinds[name]):
                kind = getattr(kinds[name], "__name__", str(kinds[name]))
                raise ConfigError(
                    f"{name}: expected {kind}, got {str(value)[:40]!r}. Mend the entry"
                )
        return cls(**content)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a retraining ended.

    Attributes:
        name: the model.
        version: the challenger; None where none was trained.
        champion: what it was compared with.
        promote: whether it should become the champion.
        reason: why, in sentences with numbers.
        scores: the average over series of each measure, by who forecast.
        report: all of it as JSON; a page of the same name, `.html`, lies beside.
    """

    name: str
    version: str | None
    champion: str | None
    promote: bool
    reason: str
    scores: dict[str, dict[str, float]]
    report: Path


def _within(name: str, value: int | None, least: int, most: int) -> None:
    if value is not None and not least <= value <= most:
        raise ConfigError(f"{name}: expected {least} to {most}, got {value}")


def _fits(value: object, kind: Any) -> bool:
    """Whether a JSON value is of the type of a field; a whole number is a float too."""
    kinds = get_args(kind) or (kind,)
    return type(value) in kinds or (type(value) is int and float in kinds)
