"""Values that came without times, sent again: they go where they went, by their key."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from service.errors import Conflict
from service.pieces import Piece
from service.placing import Points
from service.records import Append, Carried
from service.store import Snapshot


def untimed(points: Points) -> bool:
    """Whether values came that are simply the next ones."""
    return points.times is None and len(points.values) > 0


def sent_before(
    pieces: Sequence[Piece], carried: Mapping[str, Carried], log: Snapshot
) -> dict[str, Carried]:
    """Return the series that got values without times with their key before."""
    asked: dict[str, list[Carried]] = {}
    for piece in pieces:
        key, known = piece.terms.rules.key, carried.get(piece.points.unique_id)
        if key is not None and known is not None and untimed(piece.points):
            asked.setdefault(key, []).append(known)
    found: dict[str, Carried] = {}
    for key, series in asked.items():
        appends = log.appends(key, [one.pk for one in series])
        found |= {
            one.unique_id: replace(one, append=appends[one.pk])
            for one in series
            if one.pk in appends
        }
    return found


def retried(earlier: Append, points: Points) -> int:
    """Return where a retry's values go: where they went before."""
    if len(points.values) != earlier.count:
        raise Conflict(
            f"this key came with {earlier.count} values before, now with "
            f"{len(points.values)}; send a retry as it was, or a key of its own",
            "y",
        )
    return earlier.step
