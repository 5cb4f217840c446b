"""API keys: what is stored of one, whom it stands for, when it stops, how many there may be."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text

from app.clock import shifted, utcnow
from app.database import db
from app.domain.accounts import api_keys, key_tokens, sessions
from app.domain.accounts.api_keys import Scope
from app.domain.accounts.models import ApiKey, LoginSession, Role, SessionKind, User, UserStatus
from app.domain.outbox.models import Mail
from app.errors import InvalidInput, NotFound
from tests import factories
from tests.support.keys import LEARNER_SCOPES, make_key, person_of
from tests.support.statements import recorded


def _key_id(token: str) -> uuid.UUID:
    read = key_tokens.read(token)
    assert read is not None
    return read[0]


def test_key_stands_for_its_owner_with_its_scopes(learner: User) -> None:
    token = make_key(learner, (Scope.PLAYBACK, Scope.COURSES_READ))
    person = api_keys.find_signed_in(token)
    assert person is not None
    assert person.user_id == learner.id
    assert person.kind is SessionKind.API_KEY
    assert person.scopes == {Scope.PLAYBACK, Scope.COURSES_READ}


def test_nothing_stored_opens_anything(learner: User) -> None:
    token = make_key(learner)
    secret = token.split("_")[2]
    for table in ("api_keys", "login_sessions", "mails", "audit_events"):
        for row in db.session.execute(text(f"SELECT t::text FROM {table} t")):
            assert secret not in row[0]
    key = db.session.get_one(ApiKey, _key_id(token))
    assert len(key.secret_hash) == 32


def test_each_key_has_256_bits_of_its_own(learner: User) -> None:
    read = [key_tokens.read(make_key(learner)) for _ in range(5)]
    assert len({secret for _, secret in filter(None, read)}) == 5


def test_another_secret_with_a_right_checksum_is_nobody(learner: User) -> None:
    token = make_key(learner)
    assert api_keys.find_signed_in(key_tokens.write(_key_id(token), bytes(32))) is None
    assert api_keys.find_signed_in(key_tokens.write(uuid.uuid4(), bytes(32))) is None


def test_noise_costs_no_query(app: Flask) -> None:
    with recorded() as statements:
        for noise in ("", "tt_", "x" * 77, "tt_" + "a" * 74, "é" * 77):
            assert api_keys.find_signed_in(noise) is None
    assert len(statements) == 0


def test_finding_takes_one_statement(learner: User) -> None:
    token = make_key(learner)
    db.session.commit()
    with recorded() as statements:
        assert api_keys.find_signed_in(token) is not None
    assert len(statements) == 1


def test_key_ends_with_its_last_day(learner: User) -> None:
    token = make_key(learner, days=30)
    with shifted(timedelta(days=29, hours=23)):
        assert api_keys.find_signed_in(token) is not None
    with shifted(timedelta(days=30, seconds=1)):
        assert api_keys.find_signed_in(token) is None
        assert api_keys.list_live(learner.id) == []


def test_key_in_use_lives_no_longer_than_it_was_made_for(learner: User) -> None:
    token = make_key(learner, days=30)
    for day in range(0, 30, 7):
        with shifted(timedelta(days=day)):
            person = api_keys.find_signed_in(token)
            assert person is not None
            api_keys.touch(person)
            db.session.commit()
    with shifted(timedelta(days=31)):
        assert api_keys.find_signed_in(token) is None


def test_key_of_a_year_outlives_a_browsers_session(learner: User) -> None:
    token = make_key(learner, days=365)
    with shifted(timedelta(days=364)):
        assert api_keys.find_signed_in(token) is not None


@pytest.mark.parametrize("status", [UserStatus.SUSPENDED, UserStatus.DELETED])
def test_key_of_who_is_not_active_is_nobody(learner: User, status: UserStatus) -> None:
    token = make_key(learner)
    learner.status = status
    db.session.commit()
    assert api_keys.find_signed_in(token) is None


def test_revoked_key_is_nobody_and_its_session_is_over(learner: User) -> None:
    token = make_key(learner, name="Phone")
    assert api_keys.revoke(learner.id, _key_id(token)) == "Phone"
    db.session.commit()
    assert api_keys.find_signed_in(token) is None
    assert api_keys.list_live(learner.id) == []
    key = db.session.get_one(ApiKey, _key_id(token))
    session = db.session.get_one(LoginSession, key.login_session_id)
    assert session.revoked_at is not None
    with pytest.raises(NotFound):
        api_keys.revoke(learner.id, _key_id(token))


def test_key_of_another_cannot_be_revoked(learner: User, outsider: User) -> None:
    token = make_key(learner)
    with pytest.raises(NotFound):
        api_keys.revoke(outsider.id, _key_id(token))
    assert api_keys.find_signed_in(token) is not None


def test_key_ends_when_its_session_is_ended(learner: User) -> None:
    """Whoever ends all sessions of an account need not know of keys."""
    token = make_key(learner)
    key = db.session.get_one(ApiKey, _key_id(token))
    sessions.end(key.login_session_id)
    db.session.commit()
    assert api_keys.find_signed_in(token) is None
    assert api_keys.list_live(learner.id) == []


def test_a_key_is_no_cookie(learner: User) -> None:
    assert sessions.find_signed_in(make_key(learner)) is None


def test_a_key_is_no_device(learner: User) -> None:
    make_key(learner)
    live = sessions.list_live(learner.id)
    assert [session.user_agent for session in live] == ["tests"]


def test_use_is_written_at_most_once_a_minute(learner: User) -> None:
    token = make_key(learner)

    def touched() -> bool:
        person = api_keys.find_signed_in(token)
        assert person is not None
        return api_keys.touch(person)

    assert [touched(), touched()] == [True, False]
    with shifted(timedelta(seconds=61)):
        assert [touched(), touched()] == [True, False]
        [view] = api_keys.list_live(learner.id)
        assert view.last_used_at is not None
        assert utcnow() - view.last_used_at < timedelta(seconds=5)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", {"name": ""}),
        ("name", {"name": "   "}),
        ("name", {"name": "x" * 61}),
        ("name", {"name": "two\nlines"}),
        ("scopes", {"scopes": ()}),
        ("scopes", {"scopes": ("playback", "everything")}),
        ("scopes", {"scopes": ("admin:read",)}),
        ("expires_in_days", {"lifetime_days": 0}),
        ("expires_in_days", {"lifetime_days": 366}),
        ("expires_in_days", {"lifetime_days": -1}),
    ],
)
def test_what_may_not_be_is_refused(learner: User, field: str, values: dict[str, object]) -> None:
    wanted = {"name": "Phone", "scopes": LEARNER_SCOPES, "lifetime_days": 30, **values}
    with pytest.raises(InvalidInput) as refused:
        api_keys.create(person_of(learner), **wanted)  # type: ignore[arg-type]
    assert list(refused.value.fields) == [field]
    assert api_keys.list_live(learner.id) == []


def test_staff_may_have_keys_for_the_administration(admin: User) -> None:
    person = api_keys.find_signed_in(make_key(admin, (Scope.ADMIN_READ,)))
    assert person is not None
    assert (person.role, person.scopes) == (Role.ADMIN, {Scope.ADMIN_READ})


def test_owner_is_told_by_mail(learner: User) -> None:
    make_key(learner, name="Phone")
    [mail] = db.session.scalars(select(Mail).where(Mail.template == "api_key_created"))
    assert mail.to_email == learner.email
    assert mail.context["key_name"] == "Phone"
    assert mail.context["keys_link"] == "http://localhost/account/api-keys"


def test_twenty_are_enough_and_revoking_makes_room(learner: User) -> None:
    tokens = [make_key(learner) for _ in range(api_keys.MAX_LIVE_KEYS)]
    with pytest.raises(InvalidInput, match="attention"):
        make_key(learner)
    db.session.rollback()
    api_keys.revoke(learner.id, _key_id(tokens[0]))
    make_key(learner)


def test_parallel_requests_do_not_pass_the_twenty_together(committed_app: Flask) -> None:
    user = factories.make_user()
    for _ in range(api_keys.MAX_LIVE_KEYS - 2):
        make_key(user)
    user_id = user.id

    def make(_: int) -> bool:
        with committed_app.app_context():
            try:
                make_key(db.session.get_one(User, user_id))
            except InvalidInput:
                return False
            finally:
                db.session.remove()
            return True

    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(make, range(8)))
    assert made.count(True) == 2
