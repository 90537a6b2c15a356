"""The worker: takes up one job after the other, and has a trainer do each.

It ends when it is told to, at once: the job it has goes back to the queue, where another
finds it. Killed, its lease runs out, which comes to the same. Whoever ends a job writes
what came of it before anything is done about it, and goes on with that.
"""

import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from forecaster import registry
from forecaster.errors import ForecasterError
from forecaster.settings import Settings
from forecaster.succession import appoint
from service.errors import StoreFailure
from service.jobs import leases, pinned, records, watched
from service.jobs.keeping import Keeper
from service.jobs.records import Job
from service.jobs.task import CUT_OFF, DONE, FAILED, Ending, Task
from service.jobs.ticking import Stop
from service.jobs.trainer import Trainer

Log = Any  # structlog's loggers gain their methods at run time

POLL_S = 1.0  # a new job waits no longer, where a worker is free
WATCH_S = 0.2
RETRY_S = 1.0  # until a database that did not answer is asked again
PATIENCE_S = 5.0  # of one that is to end, with a database that does not answer
MIB = 2**20
CANCELLED, STOPPED, LOST = "cancelled", "stopped", "lost"  # endings beside a trainer's


class Worker:
    """Does jobs until it is stopped."""

    def __init__(
        self, engine: Engine, settings: Settings, stop: Stop, log: Log
    ) -> None:
        self._engine, self._settings, self._stop, self._log = (
            engine,
            settings,
            stop,
            log,
        )
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"

    def run(self) -> None:
        """Take up jobs until told to end."""
        self._log.info("worker", worker=self.name, state="started")
        while not self._stop.asked:
            if not self.turn():
                self._stop.wait(POLL_S)
        self._log.info("worker", worker=self.name, state="stopped")

    def turn(self) -> bool:
        """Do one job, if there is one."""
        asked, lease_s = time.monotonic(), self._settings.jobs.job_lease_s
        try:
            job = leases.claim(self._engine, self.name, lease_s)
        except StoreFailure as failure:
            self._log.warning("worker", problem=str(failure))
            return False
        if job is None:
            return False
        self._note(job, "begun", attempt=job.attempt)
        if job.verdict is None:
            keeper = Keeper(self._engine, job.lease, lease_s, asked, self._log)
            self._settle(job, self._train(job, keeper))
        else:  # whoever had it got that far
            self._conclude(job, job.verdict)
        return True

    def _train(self, job: Job, keeper: Keeper) -> Ending:
        server = self._settings.server
        task = Task(
            job.id,
            job.order.kind,
            job.order.name,
            job.order.spec,
            str(server.models_dir),
            server.database,
            self._settings.jobs.job_niceness,
            keeper.until,
        )
        trainer = Trainer(task)
        keeper.start(trainer)
        try:
            forced = self._watch(trainer, keeper)
        finally:
            ending = trainer.end()
            keeper.stop(trainer)
        # What it came to itself goes before what it was ended for a moment later.
        return ending if forced is None or ending.how != CUT_OFF else forced

    def _watch(self, trainer: Trainer, keeper: Keeper) -> Ending | None:
        """Return why the trainer has to end; None when it has ended."""
        limits = self._settings.jobs
        began = time.monotonic()
        while trainer.is_running():
            if self._stop.asked:
                return Ending(STOPPED)
            if not keeper.is_ours:
                return Ending(LOST)
            if keeper.is_cancelled:
                return Ending(CANCELLED)
            if limits.job_time_s and time.monotonic() - began > limits.job_time_s:
                return Ending(FAILED, why=_too_long(limits.job_time_s))
            if 0 < limits.job_memory_mb * MIB < trainer.memory_bytes():
                return Ending(FAILED, why=_too_large(limits.job_memory_mb))
            self._stop.wait(WATCH_S)
        return None

    def _settle(self, job: Job, ending: Ending) -> None:
        """Write down how a job ended, or that it has not."""
        engine, lease = self._engine, job.lease
        self._note(job, ending.how, why=ending.why)
        if ending.how == DONE:
            verdict = dict(ending.verdict or {})
            if self._insist(lambda: leases.note_verdict(engine, lease, verdict)):
                self._conclude(job, verdict)
        elif ending.how == FAILED:
            self._finish(job, records.FAILED, None, ending.why)
        elif ending.how == CANCELLED:
            self._finish(job, records.CANCELLED)
        else:  # also where it was ours for too long to be sure: perhaps it still is
            why = ending.why if ending.how == CUT_OFF else None
            self._insist(lambda: leases.give_back(engine, lease, why))

    def _conclude(self, job: Job, verdict: Mapping[str, Any]) -> None:
        """Do what a verdict says, and end the job with it."""
        if job.order.kind == records.WATCH:
            self._keep(job, verdict)
            return
        succession: dict[str, Any] = {"promoted": False}
        if verdict.get("promote"):
            lease_s = self._settings.jobs.job_lease_s  # much longer than what follows
            if not self._insist(lambda: leases.renew(self._engine, job.lease, lease_s)):
                return
            try:
                models_dir = Path(self._settings.server.models_dir)
                succession = _succession(models_dir, job.order.name, verdict)
            except (ForecasterError, OSError) as error:
                why = f"could not make {verdict['version']} the champion: {error}"
                self._finish(job, records.FAILED, dict(verdict), why)
                return
        self._finish(job, records.SUCCEEDED, {**verdict, **succession})

    def _keep(self, job: Job, verdict: Mapping[str, Any]) -> None:
        result: dict[str, Any] = {}

        def keep() -> bool:
            result.update(watched.keep(self._engine, job, verdict))
            return True

        if self._insist(keep):
            self._finish(job, records.SUCCEEDED, result)

    def _finish(
        self,
        job: Job,
        state: str,
        result: Mapping[str, Any] | None = None,
        error: str | None = None,
    ) -> None:
        engine, lease = self._engine, job.lease
        if self._insist(lambda: leases.finish(engine, lease, state, result, error)):
            models_dir = Path(self._settings.server.models_dir)
            with suppress(OSError):  # what is left goes with old checkpoints
                pinned.place_of(models_dir, job.order.name, job.id).remove()
            self._note(job, state)

    def _insist(self, write: Callable[[], bool]) -> bool:
        """Write, once the database answers; False when the job is not ours any more.

        It may be ours after its lease is over, where nobody else took it.
        """
        stopped = None
        while True:
            try:
                return write()
            except StoreFailure as failure:
                self._log.warning("worker", problem=str(failure))
            if self._stop.asked:
                stopped = stopped or time.monotonic()
                if time.monotonic() - stopped > PATIENCE_S:
                    return False
            time.sleep(RETRY_S)

    def _note(self, job: Job, state: str, **about: Any) -> None:
        self._log.info(
            "job",
            job=job.id,
            kind=job.order.kind,
            name=job.order.name,
            state=state,
            **about,
        )


def _succession(
    models_dir: Path, name: str, verdict: Mapping[str, Any]
) -> dict[str, Any]:
    """Make the challenger champion, unless somebody else has chosen one meanwhile."""
    version = str(verdict["version"])
    champion = registry.aliases(models_dir, name).get(registry.CHAMPION)
    if champion not in (verdict["champion"], version):
        kept = f"meanwhile {champion} was made champion, which it was not compared with"
        return {"promoted": False, "kept": kept}
    done = appoint(models_dir, name, version)
    return {"promoted": True, "previous": done.previous}


def _too_long(limit_s: int) -> str:
    return (
        f"it took longer than {limit_s} seconds (job_time_s); allow more, or let the "
        "training itself end sooner with max_time_s"
    )


def _too_large(limit_mb: int) -> str:
    return f"the trainer took more than {limit_mb} MiB of memory (job_memory_mb); allow more"
