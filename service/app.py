"""The only assembly: settings in, a Flask app out.

``create_app`` opens the store and wires everything, and loads no model: a server calls
``service_of(app).start()`` in each worker, once it has forked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI

import forecaster
from forecaster import proving
from forecaster.settings import Settings, is_exposed, is_loopback, load
from forecaster.streaming import StepModel
from service import access, compression, live_scores, metrics, problems, telemetry
from service.answers import Problem
from service.database import open_database
from service.documented import refusals, refuse_url
from service.engine import Engine
from service.keyring import Keyring
from service.live_model import CANARY, Models, Swap
from service.priming import Primer
from service.pruning import Pruner
from service.rates import Rates
from service.raw_paths import RawPaths, SeriesId
from service.routes import docs, health, jobs, models, predict, schedules, series
from service.store import Store

EXTENSION = "forecaster"


@dataclass(frozen=True, slots=True)
class Service:
    """What an app works with, and what has to be started and closed."""

    models: Models
    store: Store
    engine: Engine
    pruner: Pruner
    watch: metrics.Metrics

    def start(self) -> None:
        """Load the models, and keep them up to date from then on; prune the log."""
        self.models.start()
        self.pruner.start()

    def close(self) -> None:
        """Stop what was started and close the store."""
        self.pruner.stop()
        self.models.stop()
        self.store.close()


def create_app(
    settings: Settings | None = None,
    log: telemetry.Log = None,
    load_model: Callable[[Path], StepModel] = proving.loaded,
) -> OpenAPI:
    """Return an app of its own; two of them share nothing.

    Args:
        settings: what to work on; None reads environment and forecaster.toml.
        log: where to log; None is stderr.
        load_model: makes a model of the folder of a version.

    Raises:
        ConfigError: a setting, the SQLite library or the database cannot be used.
        StoreFailure: the database cannot be opened.
    """
    settings = load() if settings is None else settings
    log = telemetry.new_log() if log is None else log
    database = open_database(
        settings.server.database,
        settings.server.threads + 2,  # those of small requests and of watchers
    )
    store = Store(database)
    models_dir = Path(settings.server.models_dir)
    watch = metrics.Metrics()
    live = Models(models_dir, load_model, Primer(database), _teller(log, watch))
    pruner = Pruner(database, settings.retention, models_dir, log)
    engine = Engine(live, store, settings.limits, watch)
    # Then a key is asked for, come what may: also where there is none.
    closed = is_exposed(settings.server) or settings.server.require_key
    app = OpenAPI(
        "service",
        info=Info(title="Forecaster", version=forecaster.__version__),
        security_schemes=access.SCHEMES,
        responses=refusals(),  # of routes that are in no blueprint
        doc_ui=False,
        validation_error_model=Problem,
        validation_error_callback=refuse_url,
        static_folder=None,
    )
    app.config["MAX_CONTENT_LENGTH"] = settings.limits.max_body_bytes
    app.url_map.converters["series"] = SeriesId
    app.extensions[EXTENSION] = Service(live, store, engine, pruner, watch)
    app.wsgi_app = RawPaths(app.wsgi_app)  # type: ignore[method-assign]
    compression.register(app)
    telemetry.register(app, log)
    metrics.register(app, watch, lambda: live_scores.tell(database, watch))
    problems.register(app, log)
    asks = settings.server.require_key or not is_loopback(settings.server.host)
    rates = Rates(settings.limits.rate_limit)
    access.register(app, Keyring(database, closed), rates, asks)
    for api in (
        predict.routes(engine, live, settings.limits.max_points),
        series.routes(engine),
        models.routes(live, database),
        jobs.routes(database, live, settings.jobs.max_pending_jobs),
        schedules.routes(database, live),
        health.routes(live, store),
    ):
        app.register_api(api)
    app.register_blueprint(docs.routes(app, keys_required=closed))
    return app


def _teller(log: telemetry.Log, watch: metrics.Metrics) -> Callable[[Swap], None]:
    """Return what is done of each version that takes over or cannot: told and counted."""

    def tell(swap: Swap) -> None:
        if swap.reason == CANARY:
            _tell_of_canary(swap, log, watch)
            return
        about = {
            "model": swap.name,
            "version": swap.version,
            "before": swap.before,
            "reason": swap.reason,
        }
        if swap.problem is not None:
            log.warning("no swap", **about, problem=swap.problem)
            watch.no_swap(swap.name)
            return
        primed = swap.primed
        log.info(
            "swap",
            **about,
            seconds=round(swap.seconds, 3),
            primed=primed.series,
            left=primed.left,
            **({"unprimed_for": primed.problem} if primed.problem else {}),
        )
        watch.swap(swap.name, swap.version, swap.before)

    return tell


def _tell_of_canary(swap: Swap, log: telemetry.Log, watch: metrics.Metrics) -> None:
    about = {"model": swap.name, "version": swap.version, "beside": swap.before}
    if swap.problem is not None:
        log.warning("no canary", **about, problem=swap.problem)
    else:
        log.info("canary", **about, share=swap.share, primed=swap.primed.series)
    watch.canary(swap.name, swap.version, swap.share)


def service_of(app: Flask) -> Service:
    """Return what an app works with."""
    service: Service = app.extensions[EXTENSION]
    return service
