"""The page of an account: one file that needs nothing else, on a desk and on a phone."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from forecaster import scoring
from forecaster.registry import CHALLENGER, CHAMPION
from forecaster.reporting.account import FAILED, PROMOTE, Account

HEADLINES = {
    PROMOTE: "The challenger takes over",
    FAILED: "The retraining failed",
}
KEPT = "The champion stays"

STYLE = """
:root { color-scheme: light; --ink: #1c2733; --muted: #5a6572; --line: #e2e6ea; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.2rem 1rem 3rem; max-width: 62rem; background: #fff;
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .2rem 0 .6rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p.over { color: var(--muted); margin: 0; }
.verdict { border-left: .35rem solid #8a94a0; background: #f5f7f9; padding: .7rem 1rem; }
.promote { border-color: #1a7f4b; background: #eef8f2; }
.failed { border-color: #b3261e; background: #fdf1f0; }
ul.checks { list-style: none; padding: 0; }
ul.checks li { padding: .35rem 0 .35rem 1.8rem; text-indent: -1.8rem;
  border-top: 1px solid var(--line); }
ul.checks b { display: inline-block; width: 1.8rem; text-indent: 0; }
.yes { color: #1a7f4b; } .no { color: #b3261e; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .3rem .6rem; border-top: 1px solid var(--line);
  white-space: nowrap; overflow-wrap: normal; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
thead th { border-top: 0; color: var(--muted); font-weight: 500; }
td.best { font-weight: 650; }
dl { display: grid; grid-template-columns: minmax(7rem, auto) 1fr; gap: .25rem 1rem; }
dt { color: var(--muted); } dd { margin: 0; }
.pictures { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); }
figure { margin: 0; } figure img { width: 100%; height: auto; display: block; }
@media (max-width: 34rem) { table { font-size: .8rem; }
  th, td { padding: .3rem .35rem; } thead th { white-space: normal; }
  tbody th { white-space: normal; } }
figcaption { color: var(--muted); font-size: .9rem; }
"""


def page_of(account: Account, content: dict[str, Any]) -> str:
    """The page as HTML.

    Args:
        account: what is told.
        content: the same as JSON.
    """
    headline = HEADLINES.get(account.outcome, KEPT)
    title = f"{account.name}: {headline[0].lower()}{headline[1:]}"
    parts = [
        f'<p class="over">Retraining of {escape(account.name)}, begun '
        f"{account.started_at:%d %B %Y, %H:%M} UTC, {content['seconds']:.0f} s</p>",
        f"<h1>{headline}</h1>",
        f'<p class="verdict {account.outcome}">{escape(account.reason)}</p>',
        *_checks(content["checks"]),
        *_scores(content["scores"]),
        *_pictures(account),
        *_segments(content["segments"], account.wishes.metric),
        *_facts(content),
    ]
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _checks(checks: Sequence[dict[str, Any]]) -> Iterable[str]:
    """What was asked of the challenger, each with its answer."""
    if not checks:
        return
    yield '<h2>What was asked</h2>\n<ul class="checks">'
    for check in checks:
        sign, told = ("✓", "yes") if check["passed"] else ("✗", "no")
        yield (
            f'<li><b class="{told}" role="img" aria-label="{told}">{sign}</b>'
            f"{escape(check['sentence'])}</li>"
        )
    yield "</ul>"


def _scores(scores: dict[str, dict[str, float | None]] | None) -> Iterable[str]:
    """All measures of all who forecast; the best of each is bold."""
    if scores is None:
        return
    known = {
        name: {m: float("nan") if v is None else v for m, v in measures.items()}
        for name, measures in scores.items()
    }
    best = scoring.best(known)
    rows = [
        [measure, *(_cell(known[name][measure], best.get(measure) == name) for name in known)]
        for measure in next(iter(known.values()))
    ]  # fmt: skip
    yield "<h2>Scores</h2>\n<p>Means over series; of coverages the nearest to nominal is best, of all others the lowest.</p>"
    yield _table(["", *map(_called, known)], rows)


def _called(name: str) -> str:
    return {"SeasonalNaive": "seasonal naive", "Naive": "naive"}.get(name, name)


def _cell(value: float, best: bool) -> str:
    text = "-" if value != value else f"{value:.4g}"
    return f'<td class="best">{text}</td>' if best else f"<td>{text}</td>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table that scrolls on its own where it is too wide; cells may be ready made."""
    top = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    lines = []
    for first, *others in rows:
        cells = [c if c.startswith("<td") else f"<td>{escape(c)}</td>" for c in others]
        lines.append(f'<tr><th scope="row">{escape(first)}</th>{"".join(cells)}</tr>')
    return (
        f'<div class="wide"><table><thead><tr>{top}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _pictures(account: Account) -> Iterable[str]:
    """What the numbers look like."""
    if account.report is None:
        return
    from forecaster.reporting.pictures import (
        pictures_of,
    )  # matplotlib is slow to import

    yield '<h2>Pictures</h2>\n<div class="pictures">'
    for picture in pictures_of(account.report, account.wishes.metric):
        yield (
            f'<figure><img src="{picture.source}" alt="{escape(picture.alternative)}">'
            f"<figcaption>{escape(picture.caption)}</figcaption></figure>"
        )
    yield "</div>"


def _segments(segments: Sequence[dict[str, Any]], metric: str) -> Iterable[str]:
    """The scores of both in each part."""
    if not segments:
        return
    yield f"<h2>Parts</h2>\n<p>{escape(metric)}, means over series.</p>"
    rows = [
        [
            one["name"],
            str(one["series"]),
            f"{one[CHALLENGER]:.4g}",
            f"{one[CHAMPION]:.4g}",
            "-" if one["worse"] is None else f"{-one['worse']:+.1%}",
        ]
        for one in segments
    ]
    yield _table(["", "series", CHALLENGER, CHAMPION, "better by"], rows)


def _facts(content: dict[str, Any]) -> Iterable[str]:
    """What was learned from, where both met, and how the challenger was trained."""
    yield "<h2>What it was made of</h2>\n<dl>"
    for name, text in _lines(content):
        yield f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>"
    yield "</dl>"


def _lines(content: dict[str, Any]) -> Iterable[tuple[str, str]]:
    yield "data", _told(content["data"])
    yield "champion", _version(content["champion"])
    if content["challenger"] is not None:
        yield "challenger", _version(content["challenger"])
    if content["gate"] is not None:
        gate = content["gate"]
        yield (
            "compared on",
            f"{gate['windows']} windows of {gate['horizon']} steps of {gate['series']} "
            f"series, {gate['first']} to {gate['last']}. {gate['fairness']}",
        )
    asked = {k: v for k, v in content["wishes"].items() if v is not None}
    yield "asked for", ", ".join(f"{name} {value}" for name, value in asked.items())


def _told(data: dict[str, Any]) -> str:
    """A summary of data in a line."""
    return (
        f"{data['series']} series, {data['points']} points ({data['missing']} missing), "
        f"{data['first']} to {data['last']}"
    )


def _version(about: dict[str, Any]) -> str:
    data, training = about["data"], about["training"]
    known = _told(data) if "points" in data else "data unknown"
    steps = f", {training['steps']} steps" if "steps" in training else ""
    seconds = f" in {training['seconds']} s" if "seconds" in training else ""
    begun = f", begun with the weights of {about['parent']}" if about["parent"] else ""
    return f"{about['version']}, of {known}{steps}{seconds}{begun}"
