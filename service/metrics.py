"""What is counted and timed, as Prometheus reads it at ``GET /metrics``.

Several workers write into files of one folder, which ``gunicorn_conf`` makes, so that whichever answers tells of all. What is counted of one
request carries its route and never an id.
"""

import math
import os
import time
from collections.abc import Callable, Mapping

from flask import Response, g, request
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # by which prometheus-client finds it
METHODS = {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
NO_ROUTE = str(None)  # as of a path that Flask does not know
SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
SERIES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
PAGE = {
    "description": "In the text format of Prometheus",
    "content": {"text/plain": {"schema": {"type": "string"}}},
}
TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The counters of one app."""

    def __init__(self) -> None:
        self._registry = own = CollectorRegistry()
        self._requests = Counter(
            "forecaster_requests",
            "Requests answered",
            ("method", "route", "status"),
            registry=own,
        )
        self._seconds = Histogram(
            "forecaster_request_seconds",
            "Time from the head of a request to its answer",
            ("route",),
            buckets=SECONDS,
            registry=own,
        )
        self._stages = Histogram(
            "forecaster_stage_seconds",
            "Time of a batch in each stage; of a request in the queue",
            ("stage",),
            buckets=SECONDS,
            registry=own,
        )
        self._batches = Histogram(
            "forecaster_batch_series",
            "Series done together",
            buckets=SERIES,
            registry=own,
        )
        self._points = Counter(
            "forecaster_points", "Points taken in", ("outcome",), registry=own
        )

        self._swaps = Counter(
            "forecaster_swaps",
            "Versions of a model that took over in a process, or could not",
            ("model", "outcome"),
            registry=own,
        )
        self._swapped_at = Gauge(
            "forecaster_swap_timestamp_seconds",
            "When a version of a model took over last, since 1970",
            ("model",),
            registry=own,
            multiprocess_mode="mostrecent",
        )
        self._live = Gauge(
            "forecaster_model_live",
            "Processes in which this version of a model answers",
            ("model", "version"),
            registry=own,
            multiprocess_mode="livesum",
        )

        self._canary = Gauge(
            "forecaster_canary_share",
            "Share of the series that a version answers for beside the champion",
            ("model", "version"),
            registry=own,
            multiprocess_mode="mostrecent",
        )

        self._live_error = Gauge(
            "forecaster_live_score",
            "Of what a version forecast on the newest day that was scored",
            ("model", "version", "measure"),
            registry=own,
            multiprocess_mode="mostrecent",
        )
        self._drifted_at = Gauge(
            "forecaster_drift_timestamp_seconds",
            "When the errors of a model were found to have drifted last, since 1970",
            ("model",),
            registry=own,
            multiprocess_mode="mostrecent",
        )

    def live_scores(
        self, name: str, version: str, scores: Mapping[str, float | None]
    ) -> None:
        """Note how well a version did on the newest day; what nobody can say is NaN."""
        for measure, value in scores.items():
            told = math.nan if value is None else value
            self._live_error.labels(name, version, measure).set(told)

    def drifted(self, name: str, at: int) -> None:
        """Note when errors were found to have drifted, in seconds since 1970."""
        self._drifted_at.labels(name).set(at)

    def swap(self, name: str, version: str, before: str | None) -> None:
        """Note that a version took over from another, or is the first."""
        self._swaps.labels(name, "started" if before is None else "swapped").inc()
        self._swapped_at.labels(name).set(time.time())
        if before is not None:
            self._live.labels(name, before).set(0)
        self._live.labels(name, version).set(1)

    def canary(self, name: str, version: str, share: float) -> None:
        """Note that a version answers for a share of the series; 0 when it ended."""
        self._canary.labels(name, version).set(share)

    def no_swap(self, name: str) -> None:
        """Note that a version could not take over."""
        self._swaps.labels(name, "failed").inc()

    def stage(self, name: str, seconds: float) -> None:
        """Note how long a stage took: queue, plan, compute or commit."""
        self._stages.labels(name).observe(seconds)

    def batch(self, series: int) -> None:
        """Note how many series were done together."""
        self._batches.observe(series)

    def points(self, applied: int, duplicates: int, ignored: int) -> None:
        """Note what became of points, once that is durable."""
        for outcome, count in (
            ("applied", applied),
            ("duplicate", duplicates),
            ("ignored", ignored),
        ):
            if count:
                self._points.labels(outcome).inc(count)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note a request that has been answered."""
        # A client may send any word as its method; each label is kept for ever.
        known = method if method in METHODS else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def refused(self, status: int, seconds: float) -> None:
        """Note a request that was refused before it reached the app: of no route."""
        self.request("", NO_ROUTE, status, seconds)

    def text(self) -> bytes:
        """Return everything, of all workers, in the format of Prometheus."""
        registry = self._registry
        if FOLDER in os.environ:
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)


def register(app: OpenAPI, metrics: Metrics, freshen: Callable[[], None]) -> None:
    """Count the requests of an app, and answer ``GET /metrics``.

    Args:
        app: to be counted.
        metrics: where.
        freshen: brings up to date what is read from elsewhere, before it is told.
    """

    @app.before_request
    def begin() -> None:
        g.counted_from = time.perf_counter()

    @app.after_request
    def end(answer: Response) -> Response:
        metrics.request(
            request.method,
            str(request.url_rule),
            answer.status_code,
            time.perf_counter() - g.counted_from,
        )
        return answer

    @app.get(
        "/metrics",
        operation_id="show_metrics",
        tags=[Tag(name="service", description="The service itself")],
        responses={200: PAGE},
    )
    def show_metrics() -> Response:
        """Tell counts and times of all workers, as Prometheus reads them."""
        freshen()
        return Response(metrics.text(), content_type=TEXT)
