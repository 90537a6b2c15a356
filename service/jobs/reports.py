"""The report that a job wrote into the folder of its model."""

from pathlib import Path, PurePath

from service.errors import UnknownJob
from service.jobs.records import Job

FOLDER = "reports"


def read(job: Job, models_dir: Path, kind: str) -> bytes:
    """Return the report of a job.

    Args:
        job: what wrote it.
        models_dir: the models folder, which need not be called the same where it ran.
        kind: `json` or `html`.

    Raises:
        UnknownJob: it wrote none, or that is gone.
    """
    told = (job.result or {}).get("report")
    if not isinstance(told, str):
        raise UnknownJob(f"the job wrote no report; it is {job.state}")
    file = models_dir / job.order.name / FOLDER / PurePath(told).name
    try:
        return file.with_suffix(f".{kind}").read_bytes()
    except OSError:
        raise UnknownJob("the report of the job is gone") from None
