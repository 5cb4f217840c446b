"""Erasing accounts that are due, and forgetting what has served its turn."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, text

from app.clock import shifted, utcnow
from app.current import integrations
from app.database import db
from app.domain.accounts import credentials, one_time, registration, sessions
from app.domain.accounts.clients import ClientInfo
from app.domain.accounts.models import (
    ApiKey,
    Ceremony,
    CeremonyKind,
    DataExport,
    LoginSession,
    OneTimeToken,
    Passkey,
    RecoveryCode,
    Role,
    SessionKind,
    TokenPurpose,
    User,
    UserStatus,
)
from app.domain.audit.models import AuditEvent
from app.domain.courses.admission_models import CourseInvitation, EnrollmentRequest
from app.domain.courses.models import Course, Enrollment, Lesson, LessonProgress
from app.domain.outbox import mail
from app.domain.outbox import personal as outbox
from app.domain.outbox.models import Mail
from app.domain.playback.models import PlaybackSession
from app.errors import InvalidCredentials, StorageUnavailable
from app.worker import accounts
from tests import factories
from tests.factories import PASSWORD

FORTNIGHT = timedelta(days=14)


def _sign_in(user: User, **values: object) -> LoginSession:
    sessions.start(user, ClientInfo("192.0.2.7", "Loom/1.0"))
    query = select(LoginSession).where(LoginSession.user_id == user.id)
    row = db.session.scalars(query.order_by(LoginSession.created_at.desc())).first()
    assert row is not None
    for name, value in values.items():
        setattr(row, name, value)
    db.session.commit()
    return row


def _played(user: User, lesson: Lesson, sign_in: LoginSession, at: datetime) -> uuid.UUID:
    played = PlaybackSession(
        id=uuid.uuid4(),
        code=uuid.uuid4().hex[:8],
        user_id=user.id,
        login_session_id=sign_in.id,
        lesson_id=lesson.id,
        video_id=lesson.video_id,
        generation=1,
        device="Firefox on Zora's laptop",
        created_at=at,
        heartbeat_at=at,
        lease_expires_at=at,
    )
    db.session.add(played)
    db.session.commit()
    return played.id


@pytest.fixture
def leaving(course: Course, video_lesson: Lesson) -> User:
    """Somebody with something in every room, who asked to be deleted a fortnight ago."""
    user = factories.make_user(
        email="zora@example.com",
        name="Zora Quixotic",
        password=PASSWORD,
        headline="Weaver",
        locale="am",
        timezone="Asia/Tokyo",
        email_verified_at=utcnow(),
        totp_sealed=b"sealed",
        totp_confirmed_at=utcnow(),
        totp_counter=1,
        second_factor_added_at=utcnow(),
        deletion_due_at=utcnow() - timedelta(minutes=1),
    )
    factories.make_enrollment(user, course)
    sign_in, key_session = _sign_in(user), _sign_in(user, kind=SessionKind.API_KEY)
    _played(user, video_lesson, sign_in, utcnow())
    soon = utcnow() + timedelta(hours=1)
    ids = {"user_id": user.id}
    db.session.add_all(
        (
            LessonProgress(lesson_id=video_lesson.id, course_id=course.id, **ids),
            ApiKey(
                login_session_id=key_session.id,
                name="Zora's key",
                secret_hash=b"x",
                scopes=[],
                expires_at=soon,
                **ids,
            ),
            Passkey(credential_id=b"c", public_key=b"p", name="Zora's phone", **ids),
            RecoveryCode(code_hash=b"x", **ids),
            Ceremony(
                token_hash=b"c",
                kind=CeremonyKind.SECOND_STEP,
                challenge=b"",
                expires_at=soon,
                **ids,
            ),
            DataExport(**ids),
        )
    )
    one_time.issue(user.id, TokenPurpose.RESET_PASSWORD, timedelta(hours=1))
    mail.send("ZORA@example.com", "account_suspended", name="Zora Quixotic")
    integrations.storage.put_bytes(f"exports/{user.id}/1/data.zip", b"zip", "application/zip")
    db.session.commit()
    return user


def _everything() -> str:
    """Return all rows of all tables but the trail, as text."""
    names = db.session.scalars(
        text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    ).all()
    rows = [
        db.session.scalars(text(f'SELECT t::text FROM "{name}" t')).all()
        for name in names
        if name != "audit_events" and not name.startswith("procrastinate")
    ]
    return "\n".join(row for table in rows for row in table if row)


def test_nothing_personal_is_left(leaving: User) -> None:
    assert "Zora" in _everything()
    assert accounts.delete_due() == 1
    letter = db.session.scalars(select(Mail)).one()
    assert (letter.template, letter.to_email) == ("account_deleted", "zora@example.com")
    assert letter.locale == "am"
    db.session.delete(letter)
    db.session.flush()
    left = _everything()
    for word in ("zora", "quixotic", "weaver", "asia/tokyo", "192.0.2.7", "loom/1.0", "firefox"):
        assert word not in left.lower(), word
    assert integrations.storage.list_keys(f"exports/{leaving.id}") == []


def test_row_stays_for_what_refers_to_it(leaving: User, course: Course) -> None:
    accounts.delete_due()
    db.session.refresh(leaving)
    assert leaving.name == "Deleted account"
    assert leaving.email.endswith("@deleted.invalid")
    assert (leaving.status, leaving.role) == (UserStatus.DELETED, Role.LEARNER)
    assert leaving.password_hash is leaving.totp_sealed is leaving.deletion_due_at is None
    for table in (Enrollment, LessonProgress, PlaybackSession):
        assert db.session.query(table).filter_by(user_id=leaving.id).count() == 1
    for gone in (ApiKey, Passkey, RecoveryCode, OneTimeToken, Ceremony, DataExport):
        assert db.session.query(gone).filter_by(user_id=leaving.id).count() == 0


def test_nobody_signs_in_any_more_and_the_address_is_free(leaving: User) -> None:
    token = sessions.start(leaving, ClientInfo(None))
    db.session.commit()
    assert sessions.find_signed_in(token) is not None
    accounts.delete_due()
    assert sessions.find_signed_in(token) is None
    with pytest.raises(InvalidCredentials):
        credentials.authenticate("zora@example.com", PASSWORD)
    registration.create_account("zora@example.com", PASSWORD, "Zora again", Role.LEARNER)


def test_deletion_is_in_the_trail(leaving: User) -> None:
    accounts.delete_due()
    event = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
    assert event is not None
    assert (event.action, event.actor_kind) == ("account.deleted", "system")
    assert event.subject_id == leaving.id
    assert "zora" not in str(event.detail).lower()


def test_erasing_twice_mails_once(leaving: User) -> None:
    assert [accounts.delete_due(), accounts.delete_due()] == [1, 0]
    assert db.session.query(Mail).count() == 1


def test_nobody_goes_before_their_time(leaving: User) -> None:
    leaving.deletion_due_at = utcnow() + timedelta(minutes=1)
    db.session.commit()
    assert accounts.delete_due() == 0
    leaving.deletion_due_at = None
    db.session.commit()
    assert accounts.delete_due() == 0
    db.session.refresh(leaving)
    assert leaving.name == "Zora Quixotic"


def test_suspended_people_go_as_well(leaving: User) -> None:
    leaving.status = UserStatus.SUSPENDED
    db.session.commit()
    assert accounts.delete_due() == 1


def test_who_came_to_teach_meanwhile_waits(leaving: User, course: Course) -> None:
    course.instructor_id = leaving.id
    other = factories.make_user(deletion_due_at=utcnow() - timedelta(seconds=1))
    db.session.commit()
    assert accounts.delete_due() == 1, "one who waits does not hold the others up"
    db.session.refresh(leaving)
    db.session.refresh(other)
    assert (leaving.status, other.status) == (UserStatus.ACTIVE, UserStatus.DELETED)
    course.instructor_id = factories.make_user(Role.INSTRUCTOR).id
    db.session.commit()
    assert accounts.delete_due() == 1


def test_of_two_last_administrators_one_stays() -> None:
    overdue = utcnow() - timedelta(minutes=1)
    for _ in range(2):
        factories.make_user(Role.ADMIN, deletion_due_at=overdue)
    assert accounts.delete_due() == 1
    active = select(User).where(User.role == Role.ADMIN, User.status == UserStatus.ACTIVE)
    assert len(db.session.scalars(active).all()) == 1


def test_storage_that_is_away_holds_no_deletion_up(
    leaving: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: str) -> int:
        raise StorageUnavailable

    monkeypatch.setattr(integrations.storage, "delete_prefix", away)
    assert accounts.delete_due() == 1
    db.session.refresh(leaving)
    assert leaving.status is UserStatus.DELETED


def test_one_that_fails_does_not_hold_the_others_up(
    leaving: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = factories.make_user(deletion_due_at=utcnow() - timedelta(seconds=1))
    erase = outbox.erase

    def fail(email: str) -> None:
        if email == "zora@example.com":
            raise RuntimeError
        erase(email)

    with monkeypatch.context() as patched:
        patched.setattr(outbox, "erase", fail)
        assert accounts.delete_due() == 1
    db.session.refresh(other)
    db.session.refresh(leaving)
    assert (other.status, leaving.name) == (UserStatus.DELETED, "Zora Quixotic")
    assert accounts.delete_due() == 1


@pytest.fixture
def ended(learner: User) -> Callable[[timedelta], LoginSession]:
    """A function that adds a sign-in which ended so long ago."""

    def add(ago: timedelta) -> LoginSession:
        return _sign_in(learner, revoked_at=utcnow() - ago)

    return add


def _ids() -> set[uuid.UUID]:
    return set(db.session.scalars(select(LoginSession.id)))


def test_ended_sign_ins_are_forgotten_after_three_months(
    learner: User, ended: Callable[[timedelta], LoginSession]
) -> None:
    old = ended(timedelta(days=91)).id
    expired = _sign_in(learner, expires_at=utcnow() - timedelta(days=91)).id
    kept = {ended(timedelta(days=89)).id, _sign_in(learner).id}
    assert accounts.forget_old() == 2
    assert _ids() == kept
    assert not {old, expired} & _ids()


def test_sign_in_that_a_recent_stream_refers_to_stays(
    learner: User, video_lesson: Lesson, ended: Callable[[timedelta], LoginSession]
) -> None:
    traced, old = ended(timedelta(days=91)), ended(timedelta(days=200))
    _played(learner, video_lesson, traced, utcnow() - timedelta(days=80))
    forgotten = _played(learner, video_lesson, old, utcnow() - timedelta(days=190))
    accounts.forget_old()
    assert _ids() == {traced.id}
    assert db.session.get(PlaybackSession, forgotten, populate_existing=True) is None


def test_key_goes_with_the_session_it_stood_on(learner: User) -> None:
    session = _sign_in(learner, kind=SessionKind.API_KEY, revoked_at=utcnow() - timedelta(days=91))
    values = {"name": "k", "secret_hash": b"", "scopes": [], "expires_at": utcnow()}
    db.session.add(ApiKey(user_id=learner.id, login_session_id=session.id, **values))
    db.session.commit()
    accounts.forget_old()
    assert db.session.query(ApiKey).count() == 0


def test_links_and_ceremonies_are_forgotten_after_a_month(learner: User) -> None:
    one_time.issue(learner.id, TokenPurpose.VERIFY_EMAIL, timedelta(days=1))
    used = one_time.issue(learner.id, TokenPurpose.RESET_PASSWORD, timedelta(days=60))
    one_time.redeem(used, TokenPurpose.RESET_PASSWORD)
    one_time.issue(learner.id, TokenPurpose.CHANGE_EMAIL_NEW, timedelta(days=60))
    db.session.add(
        Ceremony(
            token_hash=b"x",
            kind=CeremonyKind.SECOND_STEP,
            challenge=b"",
            expires_at=utcnow() + timedelta(minutes=5),
        )
    )
    db.session.commit()
    with shifted(timedelta(days=29)):
        assert accounts.forget_old() == 0
    with shifted(timedelta(days=32)):
        assert accounts.forget_old() == 3
    assert [row.purpose for row in db.session.scalars(select(OneTimeToken))] == [
        TokenPurpose.CHANGE_EMAIL_NEW
    ]


def test_nothing_is_left_of_what_somebody_asked_for(leaving: User, course: Course) -> None:
    factories.make_request(leaving, course, note="I live by the river.")
    factories.make_invitation("Zora@example.com", course)
    stays = factories.make_invitation("guest@example.com", course)
    accounts.delete_due()
    assert db.session.query(EnrollmentRequest).count() == 0
    assert [row.id for row in db.session.query(CourseInvitation)] == [stays.id]
