"""The tables that `backtest` prints: measures by model, scores by series or by step."""

from collections.abc import Mapping, Sequence

from forecaster import metrics, scoring
from forecaster.report import Report

# What a line of a single series has room for.
OF_A_SERIES = ("smape", "wql", "coverage-80", "coverage-95")

Table = Mapping[str, Mapping[str, float]]


def text(heading: str, found: Report, by: Sequence[str]) -> str:
    """A heading, a table of measures by model, the tables asked for, who was left out."""
    lines = [heading, "", *overview(found.summary(), found.name)]
    others = " and ".join(
        filter(None, [", ".join(found.baselines[:-1]), found.baselines[-1]])
    )
    lines += [
        "",
        f"* the best of its row; skill: by how much {found.name} is better than",
    ]
    lines += [f"  the best of {others}, in per cent"]
    if "step" in by:
        lines += ["", "mase by step ahead", *_by_step(found)]
    if "series" in by:
        lines += [
            "",
            f"by series: mase, then measures of {found.name}",
            *_by_series(found),
        ]
    if found.left_out:
        count, some = len(found.left_out), ", ".join(found.left_out[:5])
        more = ", …" if count > 5 else ""
        lines += ["", f"left out, too short: {count} series ({some}{more})"]
    return "\n".join(lines)


def overview(table: Table, name: str) -> list[str]:
    """Rows of measures, columns of models, the best of each row marked, and the skill."""
    scores = {model: dict(of_model) for model, of_model in table.items()}
    best = scoring.best(scores)
    skill = scoring.skill(scores, name, [m for m in scores if m != name])
    rows = [["", *scores, "skill"]]
    for measure in metrics.NAMES:
        cells = [
            _marked(scores[model][measure], best.get(measure) == model)
            for model in scores
        ]
        gain = f"{skill[measure]:+.1f} %" if measure in skill else "-"
        rows.append([measure, *cells, gain])
    return aligned(rows)


def _by_step(found: Report) -> list[str]:
    """A row per third of the horizon."""
    rows = [["steps", *found.forecasts]]
    for (first, last), table in scoring.by_steps(found.judged).items():
        best = scoring.best(table).get("mase")
        cells = [_marked(s["mase"], model == best) for model, s in table.items()]
        rows.append([f"{first} to {last}", *cells])
    return aligned(rows)


def _by_series(found: Report) -> list[str]:
    """A row per series, in the order of their names."""
    rows = [["", *found.forecasts, *OF_A_SERIES]]
    for index, series in enumerate(found.panel.ids):
        scores = {m: {"mase": float(s["mase"][index])} for m, s in found.scores.items()}
        best = scoring.best(scores).get("mase")
        own = found.scores[found.name]
        rows.append(
            [
                " ".join(series.split())[:40],
                *(_marked(s["mase"], model == best) for model, s in scores.items()),
                *(number(float(own[measure][index])) for measure in OF_A_SERIES),
            ]
        )
    return aligned(rows)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The first column to the left, the others to the right.

    >>> aligned([["", "m"], ["mae", "1.5"]])
    ['       m', 'mae  1.5']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
        for row in rows
    ]


def number(value: float) -> str:
    """Three decimals, fewer for large numbers; a dash where there is no score.

    >>> [number(value) for value in (0.81234, 28964.2, 1e-5, float("nan"))]
    ['0.812', '28,964', '1e-05', '-']
    """
    if value != value:
        return "-"
    if 0 < abs(value) < 5e-4:
        return f"{value:.2g}"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:,.3f}"


def _marked(value: float, is_best: bool) -> str:
    return ("*" if is_best else "") + number(value)
