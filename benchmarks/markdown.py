"""Tables of text in Markdown."""

from collections.abc import Iterable, Sequence


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the first column is text, the others are set to the right.

    >>> print(table(["set", "score"], [["a", "1.0"]]))
    | set | score |
    | --- | ---: |
    | a | 1.0 |
    """
    rule = ["---", *["---:"] * (len(columns) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [columns, rule, *rows])


def number(value: float, decimals: int = 3) -> str:
    """A number with few decimals, fewer where it is large; a dash for none.

    >>> [number(value) for value in (0.4567, 28963.7, float("nan"))]
    ['0.457', '28,964', '-']
    """
    if value != value:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{decimals}f}"
