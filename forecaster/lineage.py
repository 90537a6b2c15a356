"""Where a version comes from: what was asked for, so that it can be asked for again."""

from typing import Any

from forecaster.config import tables
from forecaster.exog import Columns
from forecaster.planning import Wishes

ASKED = ("horizon", "season_length", "cell", "seed", "max_time_s")


def configuration(wishes: Wishes, columns: Columns) -> dict[str, Any]:
    """What a training was asked for, as JSON has it; what the data chose is absent.

    A configuration file is written out, with the names of its tables and entries.

    >>> configuration(Wishes(horizon=12, seed=1), Columns(futr=("promo",)))
    {'horizon': 12, 'seed': 1, 'futr_exog': ['promo']}
    """
    file = tables(wishes.config)
    entries = {
        **{name: getattr(wishes, name) for name in ASKED},
        "futr_exog": list(columns.futr),
        "hist_exog": list(columns.hist),
        "stat_exog": list(columns.stat),
        "holidays": list(wishes.holidays),
        "network": file.get("network"),
        "training": file.get("training"),
    }
    return {name: value for name, value in entries.items() if value not in (None, [])}
