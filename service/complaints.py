"""What pydantic finds wrong, said so that the caller can mend it.

A complaint names the place and the mend; it never repeats what was sent.
"""

import re
from collections.abc import Iterable

from pydantic import BaseModel, ValidationError

from service.errors import Unacceptable

_TOO_LARGE = "expected a value between -1e30 and 1e30; use another unit"
MENDS = {
    **{
        f"{field} {kind}": _TOO_LARGE
        for field in ("y", "hist_exog", "futr_exog", "stat_exog")
        for kind in ("less_than_equal", "greater_than_equal")
    },
    # Of several kinds that would do pydantic tells what keeps a value from the first.
    "unique_id string_type": "expected text, or a whole number within ±2^53",
    "ds string_type": "expected an ISO-8601 time, or a whole number within ±2^53 for a "
    "model of integer steps",
    "stat_exog float_type": "expected a number, or text of at most 256 characters",
    "string_pattern_mismatch": "expected text without the character NUL",
    "float_type": "expected a number, neither text nor true or false",
    "finite_number": "expected a finite number; a missing value is null",
    "float_parsing": "expected a number",
    "int_parsing": "expected a whole number",
    "int_type": "expected a whole number, neither text nor true or false",
    "string_type": "expected text",
    "bool_type": "expected true or false",
    "list_type": "expected a list",
    "dict_type": "expected an object",
    "model_type": "expected an object",
    "missing": "is needed, but absent",
}
_PLAIN = re.compile("[A-Za-z_]{1,32}")


def complaint(
    error: ValidationError, model: type[BaseModel], within: str = ""
) -> Unacceptable:
    """Return the refusal that tells the first thing found wrong.

    Args:
        error: what pydantic found.
        model: what was expected; its fields are named where one is not known.
        within: the place of the model in the request, such as "series[3]".
    """
    first = error.errors(include_url=False, include_input=False)[0]
    kind, path = first["type"], first["loc"]
    fields = set(model.model_fields)
    if kind == "extra_forbidden":
        unknown = str(path[-1])
        named = f" {unknown!r}" if _PLAIN.fullmatch(unknown) else ""
        detail = f"unknown field{named}; expected one of {', '.join(sorted(fields))}"
        return Unacceptable(detail, _place(path[:-1], fields, within))
    said = first["msg"].removeprefix("Value error, ")
    detail = MENDS.get(f"{path[0] if path else ''} {kind}") or MENDS.get(kind) or said
    return Unacceptable(detail, _place(path, fields, within))


def _place(path: Iterable[int | str], fields: set[str], within: str) -> str | None:
    """Spell a path, without the names pydantic gives to the branches of a union.

    >>> _place(("y", 3, "nullable"), {"y"}, "series[0]")
    'series[0].y[3]'
    """
    place = within
    for part in path:
        if isinstance(part, int):
            place += f"[{part}]"
        elif part in fields:
            place += f".{part}" if place else part
    return place or None
