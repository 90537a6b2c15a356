"""Published scores, to stand beside those that are measured; lower is better.

M4: the official evaluation (Mcompetitions/M4-methods). M3: scored from the submitted
forecasts in robjhyndman/Mcomp; N-BEATS from its authors' notebook. ETTh1 and
exchange_rate: cure-lab/LTSF-Linear. Sets without published scores are held against
their best naive bar.
"""

from dataclasses import dataclass

Scores = dict[str, float]


def _m4(smape: float, mase: float, owa: float) -> Scores:
    return {"sMAPE": smape, "MASE": mase, "OWA": owa}


def _m3(smape: float, mase: float) -> Scores:
    return {"sMAPE": smape, "MASE": mase}


def _long(mse: float, mae: float) -> Scores:
    return {"MSE": mse, "MAE": mae}


PUBLISHED: dict[str, dict[str, Scores]] = {
    "m4_hourly": {
        "Doornik et al. (best entry)": _m4(8.913, 0.801, 0.410),
        "ES-RNN (winner)": _m4(9.328, 0.893, 0.440),
        "FFORMA (second)": _m4(11.506, 0.819, 0.484),
        "RNN (organisers)": _m4(14.698, 3.048, 1.036),
        "Theta": _m4(18.138, 2.455, 1.006),
    },
    "m4_weekly": {
        "Darin & Stellwagen (best entry)": _m4(6.582, 2.107, 0.739),
        "FFORMA (second)": _m4(7.625, 2.108, 0.796),
        "ES-RNN (winner)": _m4(7.817, 2.356, 0.851),
        "RNN (organisers)": _m4(15.220, 5.132, 1.755),
        "Theta": _m4(9.093, 2.637, 0.971),
    },
    "m3_monthly": {
        "N-BEATS (ensemble)": {"sMAPE": 13.24},
        "Theta": _m3(13.892, 0.858),
        "ForecastPro": _m3(13.898, 0.848),
        "Auto-ANN": _m3(15.031, 0.928),
    },
    "m3_quarterly": {
        "N-BEATS (ensemble)": {"sMAPE": 8.80},
        "Theta": _m3(8.956, 1.087),
        "Comb S-H-D": _m3(9.216, 1.105),
        "Auto-ANN": _m3(10.199, 1.241),
    },
    "etth1": {
        "DLinear": _long(0.375, 0.399),
        "Informer": _long(0.865, 0.713),
    },
    "exchange_rate": {
        "NLinear": _long(0.081, 0.203),
        "DLinear": _long(0.089, 0.208),
        "Autoformer": _long(0.197, 0.323),
        "Informer": _long(0.847, 0.752),
    },
}


@dataclass(frozen=True, slots=True)
class Goal:
    """A score to reach, and one to aim for, in the measure of the set."""

    reach: float
    aim: float


GOALS = {
    "m4_hourly": Goal(0.44, 0.40),
    "m4_weekly": Goal(0.74, 0.70),
    "m3_monthly": Goal(13.9, 13.2),
    "m3_quarterly": Goal(9.0, 8.8),
    "etth1": Goal(0.375, 0.351),
}
WALKS = ("exchange_rate",)  # no worse than the bar is all that can be asked of a walk
BELOW_BARS = 0.85  # what is aimed for where the best naive bar is the one to beat


def goal(name: str, best_bar: float) -> Goal:
    """What a set is held against: its own goal, else its best naive bar."""
    aim = best_bar if name in WALKS else BELOW_BARS * best_bar
    return GOALS.get(name, Goal(best_bar, aim))
