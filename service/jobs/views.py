"""Jobs as JSON, for HTTP and the command line."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from service.jobs.records import Job, Line


def shown(job: Job) -> dict[str, Any]:
    """Return a job as it is listed."""
    return {
        "id": job.id,
        "kind": job.order.kind,
        "name": job.order.name,
        "spec": dict(job.order.spec),
        "origin": job.order.origin,
        "state": job.state,
        "progress": round(job.progress, 4),
        "message": job.message,
        "created_at": time_of(job.created_at),
        "started_at": time_of(job.started_at),
        "finished_at": time_of(job.finished_at),
        "cancel_requested": job.cancel_requested,
        "worker": job.worker,
        "attempt": job.attempt,
        "result": None if job.result is None else dict(job.result),
        "error": job.error,
    }


def with_lines(job: Job, lines: Sequence[Line]) -> dict[str, Any]:
    """Return a job with what it said."""
    told = [
        {"number": line.number, "at": time_of(line.at), "text": line.text}
        for line in lines
    ]
    return {**shown(job), "lines": told}


def listed(jobs: Sequence[Job], limit: int) -> dict[str, Any]:
    """Return a page of the list of jobs."""
    is_full = len(jobs) == limit
    return {
        "jobs": [shown(job) for job in jobs],
        "next_cursor": jobs[-1].id if is_full else None,
    }


def time_of(seconds: float | None) -> str | None:
    """Return a time as ISO 8601.

    >>> time_of(0.25)
    '1970-01-01T00:00:00.250Z'
    """
    if seconds is None:
        return None
    written = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return written.replace("+00:00", "Z")
