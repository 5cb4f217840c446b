"""The system page: how the installation runs, and the queue's jobs with what became of them."""

import platform
from datetime import timedelta
from typing import Annotated, Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from pydantic import ConfigDict, Field

from app.clock import utcnow
from app.current import settings
from app.database import db
from app.domain.accounts.models import Role
from app.domain.audit.actions import Action
from app.domain.outbox import mail, queue
from app.domain.outbox.queue import Job, JobStatus, Outcome
from app.domain.playback.overview import count_live_streams
from app.errors import InvalidInput, NotFound
from app.web import audit
from app.web.access import require_role
from app.web.admin import blueprint, system_figures
from app.web.admin.paging import NumberedPage, read_numbered_page
from app.web.admin.queries import given, read_query
from app.web.admin.schemas import PageQuery

Name = Annotated[str, Field(max_length=200, pattern=r"^[\w.-]*$")]
ALIVE_SECONDS = 30.0
CLOCK_SECONDS = 60.0
WAITS_LONG = timedelta(minutes=5)
MAIL_WAITS_LONG = timedelta(minutes=20)


class JobsQuery(PageQuery):
    """Which jobs are shown."""

    model_config = ConfigDict(frozen=True)

    status: JobStatus | None = None
    queue: Name = ""
    task: Name = ""


@blueprint.get("/admin/system")
def system() -> str:
    """Show how the installation runs now."""
    require_role(Role.ADMIN)
    now = utcnow()
    workers, queues, clock, mails = (
        queue.list_workers(),
        queue.list_queues(),
        queue.scheduler(),
        mail.standing(),
    )
    return render_template(
        "admin/system.html",
        now=now,
        installation=settings,
        host=platform.node(),
        python=platform.python_version(),
        workers=workers,
        alive_seconds=ALIVE_SECONDS,
        is_worked=any(each.seen_seconds_ago <= ALIVE_SECONDS for each in workers),
        queues=queues,
        late_before=now - WAITS_LONG,
        clock=clock,
        is_scheduled=clock.seconds is not None and clock.seconds <= CLOCK_SECONDS,
        mails=mails,
        mail_is_late=mails.waiting_since is not None
        and mails.waiting_since < now - MAIL_WAITS_LONG,
        live_streams=count_live_streams(None),
        figures=system_figures.read("day" if request.args.get("span") == "day" else "hour"),
    )


@blueprint.get("/admin/system/jobs")
def system_jobs() -> ResponseReturnValue:
    """List the queue's jobs, newest first, narrowed by what is asked for."""
    require_role(Role.ADMIN)
    faults: dict[str, str] = {}
    page: NumberedPage[Job] = NumberedPage([], None)
    try:
        asked = read_query(JobsQuery)
        page = read_numbered_page(
            lambda before, limit: queue.list_jobs(
                before, limit, asked.status, asked.queue or None, asked.task or None
            )
        )
    except InvalidInput as error:
        faults = error.fields
    shown = render_template(
        "admin/system_jobs.html",
        page=page,
        asked=given(JobsQuery),
        faults=faults,
        statuses=list(JobStatus),
        queues=[each.queue for each in queue.list_queues()],
        tasks=queue.list_tasks(),
    )
    return shown, 422 if faults else 200


@blueprint.get("/admin/system/jobs/<int(max=9223372036854775807):job_id>")
def system_job(job_id: int) -> ResponseReturnValue:
    """Show a job, what happened to it and what it raised last."""
    require_role(Role.ADMIN)
    try:
        job = queue.get_job(job_id)
    except NotFound:
        return _gone(job_id)
    return render_template("admin/system_job.html", job=job, events=queue.list_events(job_id))


@blueprint.post("/admin/system/jobs/<int(max=9223372036854775807):job_id>/retry")
def retry_job(job_id: int) -> ResponseReturnValue:
    """Have a job run now that failed, was called off or waits for its time."""
    require_role(Role.ADMIN)
    try:
        outcome = queue.run_again(job_id)
    except NotFound:
        return _gone(job_id)
    _settle(outcome, Action.JOB_RETRIED, job_id)
    said = {
        Outcome.DONE: gettext("The job runs as soon as a worker is free."),
        Outcome.NOT_NEEDED: gettext("The job is on its way already."),
        Outcome.ANOTHER_WAITS: gettext("Another job that does the same waits already."),
    }
    flash(said[outcome], "ok" if outcome is Outcome.DONE else "info")
    return _back(job_id)


@blueprint.post("/admin/system/jobs/<int(max=9223372036854775807):job_id>/cancel")
def cancel_job(job_id: int) -> ResponseReturnValue:
    """Call a waiting job off."""
    require_role(Role.ADMIN)
    try:
        outcome = queue.cancel(job_id)
    except NotFound:
        return _gone(job_id)
    _settle(outcome, Action.JOB_CANCELLED, job_id)
    if outcome is Outcome.DONE:
        flash(gettext("The job was called off."), "ok")
    else:
        flash(gettext("The job does not wait any more, so it was left alone."), "info")
    return _back(job_id)


def _settle(outcome: Outcome, action: Action, job_id: int) -> None:
    if outcome is Outcome.DONE:
        audit.note(action, subject_kind="job", job=job_id, task=queue.get_job(job_id).task)
    db.session.commit()


def _back(job_id: int) -> ResponseReturnValue:
    """Go back to the list where the button stood, with its filters, or to the job."""
    if request.form.get("from") == "list":
        narrowed: dict[str, Any] = {
            name: value
            for name in ("status", "queue", "task")
            if (value := request.form.get(name, "")) and len(value) <= 200
        }
        return redirect(url_for("admin.system_jobs", **narrowed), 303)
    return redirect(url_for("admin.system_job", job_id=job_id), 303)


def _gone(job_id: int) -> ResponseReturnValue:
    """Say that there is no such job: one that is done goes at once, also under a button."""
    flash(gettext("Job %(number)s is done, or was forgotten.", number=job_id), "info")
    return redirect(url_for("admin.system_jobs"), 303)
