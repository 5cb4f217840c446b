"""The export job: what is in the file, what is not, and what becomes of it."""

import io
import json
import zipfile
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from flask_babel import get_locale
from sqlalchemy import select

from app.clock import shifted, utcnow
from app.current import integrations
from app.database import db
from app.domain.accounts import export as exports
from app.domain.accounts import sessions
from app.domain.accounts.clients import ClientInfo
from app.domain.accounts.models import DataExport, ExportStatus, Passkey, User
from app.domain.audit import trail
from app.domain.audit.actions import Action
from app.domain.audit.trail import ActorKind, Event
from app.domain.courses import progress
from app.domain.courses.models import Course, Enrollment, Lesson
from app.domain.outbox import mail
from app.domain.outbox.models import Mail
from app.errors import StorageUnavailable
from app.worker import exports as job
from app.worker.retries import RunAgain
from tests import factories

NAMES = {
    *("profile", "sign-ins", "passkeys", "api-keys", "exports", "enrollments", "progress"),
    *("courses-taught", "playback", "mails", "events"),
    *("enrollment-requests", "course-invitations"),
    *("orders", "payments", "refunds", "payment-proofs"),
}


@pytest.fixture(autouse=True)
def _one_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the job in the test's own session, on an empty storage.

    So the lock is left out, which takes a connection of its own; see tests/worker/test_process.py.
    """
    monkeypatch.setattr(job, "held", lambda _: nullcontext())
    monkeypatch.setattr(db.session, "remove", lambda: None)
    integrations.storage.delete_prefix(exports.FOLDER)


@pytest.fixture
def person(course: Course, video_lesson: Lesson) -> User:
    """Somebody of whom every room knows something."""
    person = factories.make_user(
        name="Zora Quixotic",
        email="zora@example.com",
        password=factories.PASSWORD,
        email_verified_at=utcnow(),
    )
    factories.make_enrollment(person, course)
    sessions.start(person, ClientInfo("192.0.2.7", "Loom/1.0"))
    db.session.add(
        Passkey(user_id=person.id, credential_id=b"id-of-it", public_key=b"key", name="My phone")
    )
    link = mail.absolute("/auth/reset?token=secret-token")
    mail.send(person.email, "reset_password", name=person.name, link=link, minutes=30)
    staff = factories.make_user()
    record = {"subject_id": person.id, "ip_address": "198.51.100.9", "user_agent": "Staff/9"}
    trail.record(Event(Action.SIGNED_IN, ActorKind.PERSON, person.id, detail={"way": "key"}))
    trail.record(Event(Action.ROLE_CHANGED, ActorKind.PERSON, staff.id, **record))
    db.session.commit()
    return person


def _asked(person: User) -> DataExport:
    export, _ = exports.request(person.id)
    db.session.commit()
    return export


def _made(person: User) -> DataExport:
    export = _asked(person)
    job.export(export.id, 1)
    db.session.refresh(export)
    return export


def _opened(export: DataExport) -> dict[str, Any]:
    assert export.storage_key is not None
    with integrations.storage.open(export.storage_key) as stored:
        archive = zipfile.ZipFile(io.BytesIO(stored.read()))
    assert archive.testzip() is None
    return {name: archive.read(name).decode() for name in archive.namelist()}


def _documents(export: DataExport) -> dict[str, Any]:
    files = _opened(export)
    return {name: json.loads(files[f"{name}.json"]) for name in NAMES}


def test_everything_about_the_person_is_in_the_file(person: User, course: Course) -> None:
    export = _made(person)
    files = _opened(export)
    assert set(files) == {f"{name}.json" for name in NAMES} | {"README.txt"}
    documents = _documents(export)
    assert documents["profile"]["email"] == "zora@example.com"
    assert documents["profile"]["role"] == "learner"
    assert [row["user_agent"] for row in documents["sign-ins"]] == ["Loom/1.0"]
    assert [row["ip_address"] for row in documents["sign-ins"]] == ["192.0.2.7"]
    assert [row["name"] for row in documents["passkeys"]] == ["My phone"]
    assert [row["course"] for row in documents["enrollments"]] == [course.title]
    assert [row["about"] for row in documents["mails"]] == ["reset_password"]
    assert [row["action"] for row in documents["events"]] == ["session.started", "role.changed"]
    assert all(name in files["README.txt"] for name in NAMES)


def test_no_secret_and_nothing_of_others_is_in_the_file(person: User, instructor: User) -> None:
    text = "\n".join(_opened(_made(person)).values())
    for secret in ("secret-token", "argon2", "token_hash", "id-of-it", "password_hash"):
        assert secret not in text
    for foreign in ("198.51.100.9", "Staff/9", instructor.email, instructor.name):
        assert foreign not in text


def test_mails_of_an_unproven_address_stay_out(person: User) -> None:
    """The address may be somebody else's, and so may be the mails."""
    person.email_verified_at = None
    db.session.commit()
    assert "mails.json" not in _opened(_made(person))


def test_mails_from_before_the_account_stay_out(person: User) -> None:
    person.created_at = utcnow() + timedelta(minutes=1)
    db.session.commit()
    assert _documents(_made(person))["mails"] == []


def test_readme_speaks_the_persons_language(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "gettext", lambda text, **_: f"{get_locale()}: {text}")
    person.locale = "am"
    db.session.commit()
    assert _opened(_made(person))["README.txt"].startswith("am: What")


def test_link_is_mailed_and_only_its_hash_is_kept(person: User) -> None:
    export = _made(person)
    letter = db.session.scalars(select(Mail).where(Mail.template == "export_ready")).one()
    assert letter.to_email == person.email
    assert letter.context["days"] == 7
    token = letter.context["link"].partition("token=")[2]
    assert export.token_hash == sessions.hash_token(token)
    assert exports.get_by_token(person.id, token).id == export.id
    assert export.expires_at is not None
    assert abs(export.expires_at - utcnow() - timedelta(days=7)) < timedelta(minutes=1)


def test_job_that_runs_twice_mails_once(person: User) -> None:
    export = _made(person)
    job.export(export.id, 1)
    assert len(db.session.scalars(select(Mail).where(Mail.template == "export_ready")).all()) == 1


def test_export_of_somebody_deleted_meanwhile_leaves_no_file(
    person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = _asked(person)
    export_id, folder = export.id, exports.folder_of(export)
    put = integrations.storage.put_bytes

    def put_and_delete(*arguments: Any) -> None:
        put(*arguments)
        exports.forget(export_id)

    monkeypatch.setattr(integrations.storage, "put_bytes", put_and_delete)
    job.export(export_id, 1)
    assert integrations.storage.list_keys(folder) == []
    assert not db.session.scalars(select(Mail).where(Mail.template == "export_ready")).all()


def test_storage_that_is_away_is_tried_again_and_then_given_up(
    person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = _asked(person)

    def away(*_: object) -> None:
        raise StorageUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(integrations.storage, "put_bytes", away)
        for attempt in range(1, job.MAX_ATTEMPTS):
            with pytest.raises(RunAgain) as raised:
                job.export(export.id, attempt)
            assert raised.value.wait >= timedelta(minutes=attempt)
        job.export(export.id, job.MAX_ATTEMPTS)
    db.session.refresh(export)
    assert export.status is ExportStatus.FAILED
    assert _made(person).status is ExportStatus.READY, "a failure does not keep one from asking"


def test_sweep_removes_what_is_past_its_time_with_its_file(person: User) -> None:
    export = _made(person)
    export_id, folder = export.id, exports.folder_of(export)
    assert job.sweep() == 0
    assert len(integrations.storage.list_keys(folder)) == 1
    with shifted(timedelta(days=7, minutes=1)):
        assert job.sweep() == 1
    assert integrations.storage.list_keys(folder) == []
    assert db.session.get(DataExport, export_id) is None


def test_sweep_removes_files_without_a_row(person: User) -> None:
    export = _made(person)
    folder = exports.folder_of(export)
    exports.forget(export.id)
    db.session.commit()
    assert job.sweep() == 1
    assert integrations.storage.list_keys(folder) == []


def test_instructor_gets_the_courses_they_teach(instructor: User, course: Course) -> None:
    taught = _documents_of_unproven(instructor)["courses-taught"]
    assert [row["course"] for row in taught] == [course.title]


def _documents_of_unproven(person: User) -> dict[str, Any]:
    files = _opened(_made(person))
    return {
        name.removesuffix(".json"): json.loads(text)
        for name, text in files.items()
        if name.endswith(".json")
    }


def test_requests_and_proven_invitations_are_in_the_file(person: User, course: Course) -> None:
    factories.make_request(person, course, note="I weave.")
    factories.make_invitation("Zora@example.com", course)
    documents = _documents(_made(person))
    assert [row["note"] for row in documents["enrollment-requests"]] == ["I weave."]
    assert [row["course"] for row in documents["course-invitations"]] == [course.title]


def test_progress_tells_which_seconds_were_watched(
    enrollment: Enrollment, enrolled: User, video_lesson: Lesson
) -> None:
    progress.record(enrolled.id, video_lesson.id, video_lesson.course_id, 12.0, [(0, 12)], 60)
    db.session.commit()
    rows = _documents_of_unproven(enrolled)["progress"]
    assert [(row["lesson"], row["watched_seconds"]) for row in rows] == [("The loom", "{[0,12)}")]
