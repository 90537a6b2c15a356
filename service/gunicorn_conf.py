"""How gunicorn runs the service: settings from the environment and forecaster.toml."""

import gc
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from importlib.abc import MetaPathFinder
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from forecaster.errors import ConfigError
from forecaster.settings import load
from service.errors import StoreFailure

_settings = load()
_server = _settings.server
_host = _server.host.strip("[]")

bind = f"[{_host}]:{_server.port}" if ":" in _host else f"{_host}:{_server.port}"
workers = _server.workers
threads = _server.threads
worker_class = "service.edge.worker.Worker"
worker_connections = _settings.limits.max_connections
sendfile = False  # the worker writes for all clients at once, from memory
preload_app = False  # TensorFlow does not survive a fork: each worker loads for itself
timeout = 120
graceful_timeout = 30  # accepted requests are answered before a worker ends
keepalive = 5
max_requests = 0
control_socket_disable = True  # it would stand in $HOME, which may be read-only
worker_tmp_dir = (
    "/dev/shm" if Path("/dev/shm").is_dir() else None
)  # a slow disk must not look like a dead worker
accesslog = None  # the service logs each request itself

COUNTED = "PROMETHEUS_MULTIPROC_DIR"
FILES_BESIDE = 500  # of the database, of TensorFlow
AWAIT_STORE_S = 1.0  # between two tries of a worker that is to start

# Read by TensorFlow when a worker loads it. The models are small: one step takes as long
# with one thread as with two (measured), and requests run beside each other anyway. A
# server computes on the CPU.
ENVIRONMENT = {
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "CUDA_VISIBLE_DEVICES": "-1",
}


class WithoutPandas(MetaPathFinder):
    """Says that pandas is not installed, to whoever would import it."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        """Find nothing, and let nobody else look for pandas."""
        if fullname == "pandas":
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


def on_starting(server: Any) -> None:
    """End with one line, before any worker is started, if none of them could work."""
    from service.database import open_database
    from service.exposure import check_exposure

    try:
        open_database(_server.database, connections=1).dispose()
        check_exposure(_server)  # also for those who start gunicorn themselves
        if server is not None and server.cfg.is_ssl:
            raise ConfigError("expected no certificate: put a proxy with TLS in front")
    except (ConfigError, StoreFailure) as error:
        sys.stderr.write(f"Error: {error}\n")
        raise SystemExit(2 if isinstance(error, ConfigError) else 1) from None

    if COUNTED not in os.environ:  # where the workers count together, see `metrics`
        server.counted = mkdtemp(prefix="forecaster-", dir=worker_tmp_dir)
        os.environ[COUNTED] = server.counted


def when_ready(server: Any) -> None:
    """Start a worker of jobs beside, where one is wanted; it is looked after there."""
    if _server.with_worker:
        beside = (sys.executable, "-m", "service.jobs.beside", str(os.getpid()))
        server.beside = subprocess.Popen(beside, stdin=subprocess.DEVNULL)


def on_exit(server: Any) -> None:
    """End the worker of jobs, and take away what was counted."""
    beside = getattr(server, "beside", None)
    if beside is not None:
        beside.terminate()
        with suppress(subprocess.TimeoutExpired):  # then it sees that we are gone
            beside.wait(graceful_timeout)
    shutil.rmtree(getattr(server, "counted", ""), ignore_errors=True)


def post_fork(server: Any, worker: Any) -> None:
    """Prepare for TensorFlow, before anything imports it."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # TensorFlow imports Keras where it finds it, and that pandas and scikit-learn:
    # 160 MB and seconds for nothing, since a SavedModel runs without. None means absent,
    # but not to pyarrow, which would import pandas to convert any array.
    sys.modules["keras"] = None  # type: ignore[assignment]
    sys.meta_path.insert(0, WithoutPandas())
    _allow_files(worker_connections + FILES_BESIDE)
    _await_store(server)


def _allow_files(needed: int) -> None:
    """Let this process open so many files, or as many as it may: a connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        needed = min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def _await_store(server: Any) -> None:
    """Wait until the database answers: a worker that fails to start ends the server."""
    from service.database import open_database

    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # gunicorn sets its own afterwards
    while True:
        try:
            open_database(_server.database, connections=1).dispose()
            return
        except StoreFailure as error:
            server.log.warning("%s", error)
        time.sleep(AWAIT_STORE_S)


def post_worker_init(worker: Any) -> None:
    """Load the models, now that this process is the one that uses them.

    It takes no request before that: those wait, or go to workers that are ready.
    """
    from service.app import service_of  # the master needs none of it

    service = service_of(worker.wsgi)
    worker.count = service.watch.refused  # what it refuses by itself
    service.start()
    gc.collect()
    # What is loaded stays, and need not be looked through again and again, until a version
    # of a model is let go of (`arrivals`).
    gc.freeze()


def child_exit(server: Any, worker: Any) -> None:
    """Count no longer what a process that is gone had loaded."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def worker_exit(server: Any, worker: Any) -> None:
    """Close the store."""
    from service.app import service_of

    app = getattr(worker, "wsgi", None)  # none in a worker that did not get so far
    if app is not None:
        service_of(app).close()
