"""Jobs: /jobs."""

from pathlib import Path
from typing import Any

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.request_body import RequestBody
from flask_openapi3.utils import parse_body
from sqlalchemy import Engine

from service import catalog
from service.documented import JSON, PROBLEM, blueprint, json_body, reply
from service.errors import Conflict, UnknownJob
from service.jobs import reports, store, views
from service.jobs.documents import Job as JobEntry
from service.jobs.documents import JobBody, JobDetail, JobList
from service.jobs.records import CANCELLED, Job, Order
from service.live_model import Models
from service.parameters import JobPath, JobsQuery
from service.schemas import read_body

HTML = "text/html"
ENDED: dict[Any, Any] = {
    409: {"description": "It has ended already", "content": PROBLEM}
}
REPORT: dict[Any, Any] = {
    200: {
        "description": "OK",
        "content": {
            JSON: {"schema": {"type": "object"}},
            HTML: {"schema": {"type": "string"}},
        },
    }
}
# The page brings its pictures along, and runs nothing.
ALONE = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox"


def routes(engine: Engine, models: Models, most_pending: int) -> APIBlueprint:
    """Return the routes of a queue that takes up to so many jobs."""
    api = blueprint("jobs", "What is done beside: retraining")
    content, schemas = parse_body(JobBody)
    api.components_schemas.update(schemas)
    takes = {"requestBody": RequestBody(content=content, required=True)}

    @api.post("/jobs", responses={202: JobEntry}, openapi_extensions=takes)
    def submit_job() -> Response:
        """Ask for a job; a worker takes it up."""
        wanted = read_body(JobBody, json_body())
        name = models.only_name() if wanted.name is None else wanted.name
        name = catalog.entry(models, name).name
        order = Order(wanted.kind, name, wanted.spec(), "http")
        job = store.submit(engine, order, most_pending)
        return _accepted(job)

    @api.get("/jobs", responses={200: JobList})
    def list_jobs(query: JobsQuery) -> Response:
        """List jobs, newest first."""
        page = store.page(engine, query.limit, query.cursor, query.state, query.name)
        return reply(views.listed(page, query.limit))

    @api.get("/jobs/<id>", responses={200: JobDetail})
    def show_job(path: JobPath) -> Response:
        """Show one job with what it said."""
        job = _found(store.get(engine, path.id))
        return reply(views.with_lines(job, store.lines(engine, job.id)))

    @api.post("/jobs/<id>/cancel", responses={202: JobEntry} | ENDED)
    def cancel_job(path: JobPath) -> Response:
        """Give a job up: at once where it waits, within seconds where it runs."""
        return _accepted(_cancelled(_found(store.cancel(engine, path.id))))

    @api.get("/jobs/<id>/report", responses=REPORT)
    def show_report(path: JobPath) -> Response:
        """Show the report of a retraining: as JSON, or as a page to a browser."""
        job = _found(store.get(engine, path.id))
        is_page = request.accept_mimetypes.best_match((JSON, HTML)) == HTML
        data = reports.read(job, Path(models.folder), "html" if is_page else "json")
        answer = Response(
            data, content_type=f"{HTML}; charset=utf-8" if is_page else JSON
        )
        answer.headers["Content-Security-Policy"] = ALONE
        answer.headers["Vary"] = "Accept"
        return answer

    return api


def _found(job: Job | None) -> Job:
    if job is None:
        raise UnknownJob("no job of that id, or no longer; GET /jobs lists them")
    return job


def _cancelled(job: Job) -> Job:
    """Return a job that has not ended in another way."""
    if job.is_finished and job.state != CANCELLED:
        raise Conflict(f"the job has ended already: {job.state}")
    return job


def _accepted(job: Job) -> Response:
    answer = reply(views.shown(job))
    answer.status_code, answer.headers["Location"] = 202, f"/jobs/{job.id}"
    return answer
