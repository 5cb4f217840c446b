"""The queue's tasks by name. Enqueueing them is `domain/outbox/jobs`, always by name.

When those of the clock fall due, and where they wait, says the `timetable`.
"""

from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

from flask import Flask
from procrastinate import App, JobContext
from procrastinate.exceptions import ConnectorException, JobAborted
from procrastinate.job_context import AbortReason

from app.domain.accounts.export import EXPORT_TASK
from app.domain.accounts.recovery import SEND_LINK_TASK
from app.domain.accounts.verification import ANSWER_SIGN_UP_TASK
from app.domain.checkout.inbox import LOOK_UP_TASK
from app.domain.checkout.refunds import REFUND_TASK
from app.domain.courses.transfers import EXPORT_TASK as COURSE_EXPORT_TASK
from app.domain.courses.transfers import IMPORT_TASK as COURSE_IMPORT_TASK
from app.domain.outbox.mail import SEND_TASK
from app.domain.outbox.pages import REFRESH_TASK
from app.domain.videos.control import DISCARD_TASK
from app.domain.videos.ingest import TRANSCODE_TASK
from app.worker import (
    accounts,
    backups,
    exports,
    links,
    mail,
    noting,
    pages,
    payments,
    reconciling,
    sweeping,
    timetable,
    transfers,
)
from app.worker.retries import Again, Interrupted
from app.worker.timetable import DEFAULT_QUEUE
from app.worker.transcode import transcode
from app.worker.upkeep import discard_media, say_audit_head, sweep_media

HEARTBEAT_SECONDS = 5.0
STALLED_SECONDS = 15.0
KEPT_JOB_HOURS = 30 * 24
WORKER_LOST = "The worker that had it gave no sign of life; the next one takes it over."


def build(flask_app: Flask) -> App:
    """Return the queue with every task, on the application's database."""
    queue = timetable.connected(flask_app.extensions["settings"])
    _add_media_tasks(queue, flask_app)
    _add_mail_tasks(queue, flask_app)
    _add_link_tasks(queue, flask_app)
    _add_page_tasks(queue, flask_app)
    _add_account_tasks(queue, flask_app)
    _add_transfer_tasks(queue, flask_app)
    _add_payment_tasks(queue, flask_app)
    _add_sweeping_tasks(queue, flask_app)
    _add_upkeep_tasks(queue, flask_app)
    _add_backup_tasks(queue, flask_app)
    timetable.apply(queue)
    return queue


def _add_media_tasks(queue: App, flask_app: Flask) -> None:
    @queue.task(name=TRANSCODE_TASK, pass_context=True, retry=Again())
    def transcode_video(context: JobContext, video_id: str) -> None:
        with flask_app.app_context():
            try:
                transcode(UUID(video_id), context.should_abort)
            except Interrupted:
                if context.abort_reason() is AbortReason.SHUTDOWN:
                    raise
                raise JobAborted from None

    @queue.task(name=DISCARD_TASK, queue=DEFAULT_QUEUE, retry=Again())
    def discard_video(video_id: str, source_key: str) -> None:
        with flask_app.app_context():
            discard_media(UUID(video_id), source_key)


def _add_mail_tasks(queue: App, flask_app: Flask) -> None:
    @queue.task(name=SEND_TASK, retry=Again())
    def send_mail(mail_id: str) -> None:
        with flask_app.app_context():
            mail.deliver(UUID(mail_id))

    @queue.task(name="mail.forget_old")
    def forget_old_mail(timestamp: int) -> int:  # noqa: ARG001
        """Forget mails that ended a month ago."""
        with flask_app.app_context():
            return mail.forget_old()


def _add_link_tasks(queue: App, flask_app: Flask) -> None:
    @queue.task(name=ANSWER_SIGN_UP_TASK, retry=Again())
    def answer_sign_up(user_id: str, is_new: bool, locale: str | None) -> None:
        with flask_app.app_context():
            links.answer_sign_up(UUID(user_id), is_new=is_new, locale=locale)

    @queue.task(name=SEND_LINK_TASK, retry=Again())
    def send_reset_link(user_id: str, locale: str | None) -> None:
        with flask_app.app_context():
            links.send_reset_link(UUID(user_id), locale)


def _add_page_tasks(queue: App, flask_app: Flask) -> None:
    @queue.task(name=REFRESH_TASK, queue=DEFAULT_QUEUE, retry=Again())
    def refresh_pages(slug: str | None) -> int:
        with flask_app.app_context():
            return pages.refresh(slug)


def _add_account_tasks(queue: App, flask_app: Flask) -> None:
    @queue.task(name=EXPORT_TASK, queue=DEFAULT_QUEUE, pass_context=True, retry=Again())
    def export(context: JobContext, export_id: str) -> None:
        with flask_app.app_context():
            exports.export(UUID(export_id), context.job.attempts + 1)

    @queue.task(name="accounts.sweep_exports")
    def sweep_exports(timestamp: int) -> int:  # noqa: ARG001
        """Remove exports past their time."""
        with flask_app.app_context():
            return exports.sweep()

    @queue.task(name="accounts.delete_due")
    def delete_due(timestamp: int) -> int:  # noqa: ARG001
        """Erase the accounts whose time has come."""
        with flask_app.app_context():
            return accounts.delete_due()

    @queue.task(name="accounts.forget_old")
    def forget_old_sign_ins(timestamp: int) -> int:  # noqa: ARG001
        """Forget sign-ins, links and ceremonies past their time."""
        with flask_app.app_context():
            return accounts.forget_old()


def _add_transfer_tasks(queue: App, flask_app: Flask) -> None:
    def carry(
        context: JobContext, do: Callable[[UUID, Callable[[], bool]], None], id_: str
    ) -> None:
        with flask_app.app_context():
            try:
                do(UUID(id_), context.should_abort)
            except Interrupted:
                if context.abort_reason() is AbortReason.SHUTDOWN:
                    raise
                raise JobAborted from None

    @queue.task(name=COURSE_EXPORT_TASK, queue=DEFAULT_QUEUE, pass_context=True, retry=Again())
    def export_course(context: JobContext, transfer_id: str) -> None:
        carry(context, transfers.export_course, transfer_id)

    @queue.task(name=COURSE_IMPORT_TASK, queue=DEFAULT_QUEUE, pass_context=True, retry=Again())
    def import_course(context: JobContext, transfer_id: str) -> None:
        carry(context, transfers.import_course, transfer_id)

    @queue.task(name="courses.sweep_transfers")
    def sweep_transfers(timestamp: int) -> int:  # noqa: ARG001
        """Remove archives of courses past their time."""
        with flask_app.app_context():
            return transfers.sweep()


def _add_payment_tasks(queue: App, flask_app: Flask) -> None:
    @queue.task(name=LOOK_UP_TASK, queue=DEFAULT_QUEUE, retry=Again())
    def look_up_payment(method: str, payment_id: str) -> None:
        with flask_app.app_context():
            payments.look_up(method, payment_id)

    @queue.task(name=REFUND_TASK, queue=DEFAULT_QUEUE, retry=Again())
    def make_refund(refund_id: str) -> None:
        with flask_app.app_context():
            payments.make_refund(UUID(refund_id))

    @queue.task(name="payments.check_open")
    def check_open_orders(timestamp: int) -> int:  # noqa: ARG001
        """Ask the gateways about open orders, and end what is over."""
        with flask_app.app_context():
            return payments.check_open()

    @queue.task(name="payments.reconcile")
    def reconcile(timestamp: int) -> int:  # noqa: ARG001
        """Compare with the gateways what was paid of late, and repair what differs."""
        with flask_app.app_context():
            return reconciling.reconcile_lately()


def _add_sweeping_tasks(queue: App, flask_app: Flask) -> None:
    @queue.task(name="uploads.sweep")
    def sweep_uploads(timestamp: int) -> int:  # noqa: ARG001
        """End silent uploads, and remove parts that belong to none."""
        with flask_app.app_context():
            return sweeping.sweep_uploads()

    @queue.task(name="storage.sweep")
    def sweep_storage(timestamp: int) -> int:  # noqa: ARG001
        """Remove the folders of the storage that belong to nothing."""
        with flask_app.app_context():
            return sweeping.sweep_folders()


def _add_upkeep_tasks(queue: App, flask_app: Flask) -> None:
    @queue.task(name="jobs.retry_stalled", pass_context=True)
    async def retry_stalled(context: JobContext, timestamp: int) -> None:  # noqa: ARG001
        """Put jobs of workers without a heartbeat back in the queue."""
        manager = context.app.job_manager
        for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
            if job.id != context.job.id:
                with suppress(ConnectorException):  # it ended this moment
                    await manager.retry_job(job)
                    await noting.note(context.app, job.id, "WorkerLost", WORKER_LOST)
        await manager.prune_stalled_workers(STALLED_SECONDS)

    @queue.task(name="videos.sweep")
    def sweep(timestamp: int) -> int:  # noqa: ARG001
        """Remove media that nothing serves any more."""
        with flask_app.app_context():
            return sweep_media()

    @queue.task(name="audit.say_head")
    def say_head(timestamp: int) -> str:  # noqa: ARG001
        """Write the audit trail's head to the log."""
        with flask_app.app_context():
            return say_audit_head()

    @queue.task(name="jobs.forget_old", pass_context=True)
    async def forget_old(context: JobContext, timestamp: int) -> None:  # noqa: ARG001
        """Forget jobs that ended a month ago."""
        await context.app.job_manager.delete_old_jobs(
            nb_hours=KEPT_JOB_HOURS,
            include_failed=True,
            include_cancelled=True,
            include_aborted=True,
        )


def _add_backup_tasks(queue: App, flask_app: Flask) -> None:
    def run(context: JobContext, do: Callable[[int, Callable[[], bool]], None]) -> None:
        with flask_app.app_context():
            do(context.job.attempts + 1, context.should_abort)

    @queue.task(name="backups.take", pass_context=True, retry=Again())
    def take(context: JobContext, timestamp: int) -> None:  # noqa: ARG001
        """Back the house up, and remove what is too old."""
        run(context, backups.back_up)

    @queue.task(name="backups.media", pass_context=True, retry=Again())
    def take_media(context: JobContext, timestamp: int) -> None:  # noqa: ARG001
        """Back up the media that came since."""
        run(context, backups.back_up_media)
