"""Requests of any kind: points repeated, late, in conflict, in any order, with gaps."""

from dataclasses import dataclass

from hypothesis import strategies as st

from forecaster.settings import Retention
from service.carrying import Wanted
from tests.service.reference import How, Sent

IDS = ("a", "b", "ü/1")
KEYS = ("k1", "k2")
MAX_GAP = 6

number = st.sampled_from([0.0, -0.0, 1.0, 2.5, -3.0]) | st.floats(-1e6, 1e6, width=32)
value = st.none() | number | st.sampled_from([1.0, 2.5] * 6 + [1e-310, 1e39])
known = st.none() | st.sampled_from([0.5, 1.0, -2.0])


@st.composite
def sent(draw: st.DrawFn, unique_id: str) -> Sent:
    """Points of one series; steps count from an end of what is carried of it, or kept."""
    values = draw(st.lists(value, max_size=6))
    steps = None
    if draw(st.integers(0, 3)):
        begin = draw(st.sampled_from([0, 0, 0, -1, -2, -4, 1, 3, MAX_GAP, MAX_GAP + 1]))
        run = [begin + place for place in range(len(values))]
        scattered = st.lists(
            st.integers(-9, 9), min_size=len(values), max_size=len(values)
        )
        steps = tuple(draw(st.just(run) | st.permutations(run) | scattered))
    return Sent(
        unique_id,
        steps,
        tuple(values),
        draw(covariate(len(values), len(values) + 3)),
        draw(covariate(len(values), len(values))),
        draw(st.sampled_from([None, None, 1.5, 4.0])),
        draw(st.sampled_from(["end", "end", "first", "kept"])),
        draw(st.sampled_from([False] * 14 + [True])),
    )


@st.composite
def covariate(draw: st.DrawFn, *lengths: int) -> tuple[float | None, ...]:
    """None, or so many values, some of them missing; now and then too few or too many."""
    size = draw(st.sampled_from([0] * 8 + [*lengths] * 6 + [max(lengths) + 9]))
    return tuple(draw(st.lists(known, min_size=size, max_size=size)))


keeps = st.sampled_from(
    [Retention(keep_points=1), Retention(keep_points=7), Retention(keep_days=2)]
)


@st.composite
def several(draw: st.DrawFn) -> tuple[Sent, ...]:
    """Points of one, two or three series."""
    ids = draw(st.permutations(IDS))
    return tuple(draw(sent(i)) for i in ids[: draw(st.sampled_from([1, 1, 2, 3]))])


@st.composite
def straight(draw: st.DrawFn, unique_id: str) -> Sent:
    """A series goes on, as most do, with all that is to be said of it."""
    size = draw(st.integers(4, 16))
    values, promo, stock = (
        tuple(draw(st.lists(one, min_size=size, max_size=size)))
        for one in (number, known, known)
    )
    constant = draw(st.sampled_from([None, 1.5, 4.0]))
    return Sent(unique_id, tuple(range(size)), values, promo, stock, constant)


hows = st.builds(
    How,
    st.sampled_from(["error", "error", "ignore", "revise", "revise"]),
    st.sampled_from([None, None, *KEYS]),
)
wishes = st.none() | st.builds(Wanted, st.sampled_from([None, 1, 3, 9]))


@dataclass(frozen=True)
class Request:
    """A request as it was made, to be made again."""

    sent: tuple[Sent, ...]  # with the steps they have
    how: How
    wanted: Wanted | None
    stateless: bool = False
