"""The system pages: what runs, what went wrong, trying it again and calling it off."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import User
from app.domain.audit.actions import Action
from app.domain.audit.models import AuditEvent
from app.domain.checkout import gateway_standing
from app.domain.checkout.models import EventOutcome, WebhookEvent
from app.domain.courses import storage_use as courses_use
from app.domain.courses.file_models import CourseFile
from app.domain.courses.models import Course, Lesson
from app.domain.outbox import job_errors, jobs, queue
from app.domain.outbox.queue import Outcome
from tests.support import html
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
PAGE = "/admin/system"
JOBS = "/admin/system/jobs"


@pytest.fixture
def owner(client_of: ClientOf, admin: User) -> CheckedClient:
    return client_of(admin)


def make_job(
    status: str = "todo",
    *,
    task: str = "mail.send",
    name: str = "mail",
    lock: str | None = None,
    error: str = "",
    later: bool = False,
) -> int:
    """Queue a job and have it stand as `status` says."""
    delay = 3600 if later else 0
    jobs.enqueue(task, queue=name, queueing_lock=lock, delay_seconds=delay, mail_id="4711")
    number: int = db.session.scalar(text("SELECT max(id) FROM procrastinate_jobs")) or 0
    if status != "todo":
        walked = ["doing", status] if status in ("failed", "aborted") else [status]
        for each in walked:
            db.session.execute(
                text(
                    "UPDATE procrastinate_jobs SET status = CAST(:status AS"
                    " procrastinate_job_status), attempts = 3 WHERE id = :id"
                ),
                {"status": each, "id": number},
            )
    if error:
        note = job_errors.NOTE.replace("%(", ":").replace(")s", "")
        values = {"job_id": number, "kind": "MailFailed", "message": error}
        db.session.execute(text(note), values)
    db.session.commit()
    return number


def make_worker(seconds_ago: float = 0, host: str | None = "host-a") -> int:
    number: int = db.session.scalar(
        text(
            "INSERT INTO procrastinate_workers (last_heartbeat)"
            " VALUES (clock_timestamp() - make_interval(secs => :ago)) RETURNING id"
        ),
        {"ago": seconds_ago},
    )
    if host:
        db.session.execute(
            text(
                "INSERT INTO procrastinate_worker_places (worker_id, host, pid, queue,"
                " concurrency, release) VALUES (:id, :host, 4321, 'mail', 2, '')"
            ),
            {"id": number, "host": host},
        )
    db.session.commit()
    return number


def noted(action: Action) -> list[AuditEvent]:
    return db.session.query(AuditEvent).filter_by(action=action).all()


def test_a_host_without_worker_says_so_and_how_to_start_one(owner: CheckedClient) -> None:
    page = owner.get(PAGE).text
    assert "No worker runs." in page
    assert "supervisorctl start worker" in page


def test_workers_show_where_they_run_and_what_they_do(owner: CheckedClient) -> None:
    worker, job = make_worker(), make_job("doing", task="videos.transcode")
    db.session.execute(
        text("UPDATE procrastinate_jobs SET worker_id = :worker WHERE id = :job"),
        {"worker": worker, "job": job},
    )
    make_worker(seconds_ago=90, host=None)  # of a release that does not say
    page = owner.get(PAGE).text
    assert "host-a" in page
    assert "Process 4321" in page
    assert f"{JOBS}/{job}" in page
    assert "A worker takes jobs." in page
    assert [each.host for each in queue.list_workers()] == ["host-a", None]


def test_queues_are_counted_by_what_their_jobs_wait_for(owner: CheckedClient) -> None:
    for status in ("todo", "doing", "failed", "failed"):
        make_job(status)
    make_job(later=True)
    (mails,) = queue.list_queues()
    assert (mails.waiting, mails.later, mails.doing, mails.failed) == (1, 1, 1, 2)
    assert mails.waiting_since is not None
    assert f"{JOBS}?queue=mail&amp;status=failed" in owner.get(PAGE).text


def test_jobs_are_listed_with_their_error_and_narrowed(owner: CheckedClient) -> None:
    failed = make_job("failed", error="The server <b>refused</b> it.")
    waiting = make_job(task="pages.refresh", name="default")
    everything = owner.get(JOBS).text
    assert "MailFailed: The server &lt;b&gt;refused&lt;/b&gt; it." in everything
    assert f"{JOBS}/{waiting}" in everything
    for query in ("status=failed", "queue=mail", "task=mail.send"):
        narrowed = owner.get(f"{JOBS}?{query}").text
        assert f"{JOBS}/{failed}" in narrowed
        assert f"{JOBS}/{waiting}" not in narrowed


def test_a_long_list_comes_in_pages(owner: CheckedClient) -> None:
    numbers = [make_job() for _ in range(3)]
    first = owner.get(f"{JOBS}?limit=2").text
    assert [f"{JOBS}/{number}" in first for number in numbers] == [False, True, True]
    assert f"cursor={numbers[1]}" in first
    rest = owner.get(f"{JOBS}?limit=2&cursor={numbers[1]}").text
    assert [f"{JOBS}/{number}" in rest for number in numbers] == [True, False, False]


@pytest.mark.parametrize(
    "query", ["status=lost", "queue=a%00b", "task=%27", "cursor=x", "cursor=9999999999999999999"]
)
def test_what_cannot_be_searched_for_is_no_fault_of_ours(owner: CheckedClient, query: str) -> None:
    make_job()
    expected = 200 if query.endswith("99") else 422
    assert owner.get(f"{JOBS}?{query}").status_code == expected


def test_a_job_shows_what_happened_to_it(owner: CheckedClient) -> None:
    page = owner.get(f"{JOBS}/{make_job('failed', error='No route to the server.')}").text
    for words in ("No route to the server.", "4711", "Put into the queue", "Begun", "Failed"):
        assert words in page
    assert owner.get(f"{JOBS}/{2**63}").status_code == 404


def test_a_job_that_is_done_by_now_is_no_error(owner: CheckedClient) -> None:
    """Between a click and the page after it a worker may have done the job, and its row is gone."""
    number = make_job("failed")
    page = owner.get(f"{JOBS}/{number}").text
    token = html.csrf_token(page)
    db.session.execute(text("DELETE FROM procrastinate_jobs WHERE id = :id"), {"id": number})
    db.session.commit()
    for method, path in (("get", ""), ("post", "/retry"), ("post", "/cancel")):
        sent = {"data": {"csrf_token": token}} if method == "post" else {}
        answer = getattr(owner, method)(f"{JOBS}/{number}{path}", **sent)
        assert (answer.status_code, answer.headers["Location"]) == (303, JOBS)
        assert f"Job {number} is done, or was forgotten." in owner.get(JOBS).text
    assert noted(Action.JOB_RETRIED) == []


def test_a_long_story_is_told_from_its_end(owner: CheckedClient) -> None:
    number = make_job("failed")
    db.session.execute(
        text(
            "INSERT INTO procrastinate_events (job_id, type) SELECT :id, 'deferred_for_retry'"
            " FROM generate_series(1, 150)"
        ),
        {"id": number},
    )
    db.session.commit()
    told = queue.list_events(number)
    assert len(told) == 100
    assert {each.type for each in told} == {"deferred_for_retry"}
    assert owner.get(f"{JOBS}/{number}").status_code == 200


@pytest.mark.parametrize("status", ["failed", "cancelled", "aborted"])
def test_a_job_that_ended_is_tried_again_once(owner: CheckedClient, status: str) -> None:
    number = make_job(status)
    path = f"{JOBS}/{number}"
    answer = owner.post_form(f"{path}/retry", page=path)
    assert (answer.status_code, answer.headers["Location"]) == (303, path)
    job = queue.get_job(number)
    assert (job.status, job.attempts, job.due_at) == ("todo", 0, None)
    again = owner.post_form(f"{path}/retry", page=path)
    assert again.status_code == 303
    assert "on its way already" in owner.get(path).text
    (event,) = noted(Action.JOB_RETRIED)
    assert event.detail == {"job": number, "task": "mail.send"}


def test_a_job_that_waits_for_its_time_runs_now(owner: CheckedClient) -> None:
    number = make_job(later=True)
    assert "Run now" in owner.get(JOBS).text
    owner.post_form(f"{JOBS}/{number}/retry", {"from": "list", "queue": "mail"}, page=JOBS)
    assert queue.get_job(number).due_at is None


def test_one_of_a_kind_is_not_queued_beside_another(owner: CheckedClient) -> None:
    failed = make_job("failed", lock="videos.sweep")
    make_job(lock="videos.sweep")
    page = f"{JOBS}/{failed}"
    owner.post_form(f"{page}/retry", page=page)
    assert "Another job that does the same waits already." in owner.get(page).text
    assert queue.get_job(failed).status == "failed"
    assert noted(Action.JOB_RETRIED) == []


def test_a_waiting_job_is_called_off_and_a_running_one_is_not(owner: CheckedClient) -> None:
    waiting, running = make_job(), make_job("doing")
    for number, becomes in ((waiting, "cancelled"), (running, "doing"), (waiting, "cancelled")):
        answer = owner.post_form(f"{JOBS}/{number}/cancel", page=f"{JOBS}/{waiting}")
        assert answer.status_code == 303
        assert queue.get_job(number).status == becomes
    assert [event.detail["job"] for event in noted(Action.JOB_CANCELLED)] == [waiting]


def test_a_running_job_offers_nothing(owner: CheckedClient) -> None:
    page = owner.get(f"{JOBS}/{make_job('doing')}").text
    assert "/retry" not in page
    assert "/cancel" not in page


def test_from_the_list_one_comes_back_to_the_list(owner: CheckedClient) -> None:
    number = make_job("failed")
    listed = f"{JOBS}?status=failed"
    sent = {"from": "list", "status": "failed", "next": "https://elsewhere.example/"}
    answer = owner.post_form(f"{JOBS}/{number}/retry", sent, page=listed)
    assert answer.headers["Location"] == listed


def test_two_who_try_at_once_agree(owner: CheckedClient) -> None:
    number = make_job("failed")
    assert [queue.run_again(number), queue.run_again(number)] == [Outcome.DONE, Outcome.NOT_NEEDED]
    assert queue.cancel(number) is Outcome.DONE
    assert queue.cancel(number) is Outcome.NOT_NEEDED


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("550 no such user: lea.learner@example.com", "550 no such user: [hidden]"),
        (
            "GET https://bucket.s3.example/x/y?X-Amz-Signature=abcdef refused",
            "GET https://bucket.s3.example/x/y?[hidden] refused",
        ),
        ("key sk_live_51HxAbCdEfGhIjKlMnOpQr refused", "key [hidden] refused"),
        (
            'duplicate key value "uq_users_email"\nDETAIL:  Key (email)=(lea@example.com)',
            'duplicate key value "uq_users_email"',
        ),
        ("Key (name)=(Lea Learner) is there", "Key (name)=([hidden]) is there"),
        (
            "video 0b2f8a52-7c43-4a0e-9d57-27d8f4a9e0aa is gone",
            "video 0b2f8a52-7c43-4a0e-9d57-27d8f4a9e0aa is gone",
        ),
        ("postgresql://app:secret@db/x is away", "postgresql://[hidden]@db/x is away"),
        ("a\x1b[31mred\u202etext", "a [31mred text"),
        ("word " * 200, ("word " * 200)[:500]),
        ("", ""),
    ],
    ids=range(10),
)
def test_what_a_job_raised_is_kept_without_secrets(said: str, kept: str) -> None:
    assert job_errors.told(RuntimeError(said)) == kept


def test_the_error_goes_with_its_job(owner: CheckedClient) -> None:
    number = make_job("failed", error="Gone.")
    db.session.execute(text("DELETE FROM procrastinate_jobs WHERE id = :id"), {"id": number})
    assert db.session.scalar(text("SELECT count(*) FROM procrastinate_job_errors")) == 0


def test_what_the_house_leans_on_is_told(owner: CheckedClient, course: Course) -> None:
    received_at = utcnow()
    db.session.add(
        WebhookEvent(
            gateway="transfer",
            event_id="evt_1",
            type="payment.settled",
            payload="{}",
            outcome=EventOutcome.WAITING,
            created_at=received_at - timedelta(seconds=9),
            received_at=received_at,
        )
    )
    db.session.commit()
    standing = gateway_standing.gateway_standing("transfer")
    assert (standing.waiting, standing.refused, standing.last_type) == (1, 0, "payment.settled")
    assert standing.lag_seconds == pytest.approx(9)
    page = html.parse(owner.get(f"{PAGE}/outside").text)
    (part,) = page.select("[data-part=outside]")
    said = part.get_text(" ", strip=True)
    for words in ("Files in total", "Database", "are free.", "BACKUP_URL is not set"):
        assert words in said


def test_the_room_of_files_is_told_by_kind(owner: CheckedClient, video_lesson: Lesson) -> None:
    copies = [
        CourseFile(
            course_id=video_lesson.course_id,
            lesson_id=video_lesson.id,
            filename="a.pdf",
            content_type="application/pdf",
            size_bytes=2_000_000,
            sha256="0" * 64,
            storage_key="documents/one",
        )
        for _ in range(2)
    ]
    db.session.add_all(copies)
    db.session.commit()
    assert courses_use.stored_bytes()["files"] == 2_000_000
    assert "2.0 MB" in owner.get(f"{PAGE}/outside").text


def test_having_no_backups_is_never_told_as_well(client_of: ClientOf, admin: User) -> None:
    page = html.parse(client_of(admin).get("/admin/system/outside").text)
    [tag] = [tag for tag in page.select(".tag") if tag.get_text(strip=True) == "Backup"]
    assert tag["data-tone"] == "warn"
