"""Simple forecasts read off a frame, for the network to choose among and to correct.

Each is a forecast that a statistician would call naive; none has anything to learn. Which
of them to trust differs from series to series and from time to time: the head weighs them
(a mixture of experts, Jacobs et al., 1991), and adds what they miss. Letters: B batch, T
steps, R ring, H horizon, M cycle, m season length, J candidates.
"""

from typing import Any

import numpy as np
from keras import ops

from forecaster.config import Task
from forecaster.memory import Frames, seasonal_naive, weighted_mean

# Steps over which a slope or a mean is taken, where no season is in the way.
SPANS = (4, 12, 51)


def candidates(frames: Frames, course: Any, task: Task, place: Any) -> Any:
    """The forecasts after each step on its scale [B, T, K, J]; the first is seasonal naive.

    Args:
        frames: the ring after each step.
        course: the average course of the next cycle on the same scale [B, T, M].
        task: horizon and seasons.
        place: K of the steps ahead, counted from 0.
    """
    if task.season_length == 1:
        return ops.stack(_without_season(frames, task, place), axis=-1)
    return ops.stack(_seasonal(frames, course, task, place), axis=-1)


def count(task: Task) -> int:
    """J, how many candidates there are for a task."""
    if task.season_length == 1:
        return 1 + 2 * len(_spans(task))
    longer = (task.cycle > task.season_length) + (task.ring >= 2 * task.season_length)
    return 4 + longer + len(_short_spans(task))


def _seasonal(frames: Frames, course: Any, task: Task, place: Any) -> list[Any]:
    """What holds for series with a season, each [B, T, H]."""
    season = task.season_length
    naive = seasonal_naive(frames, place, season)
    average = ops.take(course, place % task.cycle, axis=2)
    latest = frames.scaled[:, :, -1:]
    found = [
        naive,
        ops.broadcast_to(latest, ops.shape(naive)),
        average,
        latest + average - course[:, :, -1:],
    ]
    if task.cycle > season:
        found.append(seasonal_naive(frames, place, task.cycle))
    if task.ring >= 2 * season:
        found.append(naive + _growth(frames, season) * _ahead(place, season))
    for span in _short_spans(task):
        found.append(ops.broadcast_to(_mean(frames, 0, span), ops.shape(naive)))
    return found


def _without_season(frames: Frames, task: Task, place: Any) -> list[Any]:
    """What holds for series without one: the latest value, slopes and means [B, T, H]."""
    naive = seasonal_naive(frames, place, 1)
    found = [naive]
    for span in _spans(task):
        found.append(naive + _slope(frames, span) * _ahead(place, 1))
        found.append(ops.broadcast_to(_mean(frames, 0, span), ops.shape(naive)))
    return found


def _growth(frames: Frames, season: int) -> Any:
    """Mean of the last season less that of the one before [B, T, 1]; 0 while one is short."""
    whole = ops.min(frames.weight[:, :, -2 * season :], axis=2, keepdims=True) > 0
    change = _mean(frames, 0, season) - _mean(frames, season, 2 * season)
    return ops.where(whole, change, 0.0)


def _slope(frames: Frames, span: int) -> Any:
    """Mean change per step over the last steps [B, T, 1]; 0 while the series is shorter."""
    place = frames.scaled.shape[2] - 1 - span
    began = frames.weight[:, :, place : place + 1] > 0
    change = frames.scaled[:, :, -1:] - frames.scaled[:, :, place : place + 1]
    return ops.where(began, change / span, 0.0)


def _mean(frames: Frames, near: int, far: int) -> Any:
    """Weighted mean of the values from `near` to before `far` steps ago [B, T, 1]."""
    ring = frames.scaled.shape[2]
    span = slice(ring - far, ring - near)
    return weighted_mean(frames.scaled[:, :, span], frames.weight[:, :, span])


def _ahead(place: Any, season: int) -> Any:
    """How many seasons lie between each step ahead and the value its season ago [K]."""
    return np.ceil((place + 1) / season).astype(np.float32)


def _short_spans(task: Task) -> list[int]:
    """The spans that are shorter than a season."""
    return [span for span in SPANS if span < task.season_length]


def _spans(task: Task) -> list[int]:
    """The spans that the ring holds with a value before them."""
    return [span for span in SPANS if span < task.ring]
