"""Threat 7, second factors: replayed and parallel codes, swapped ceremonies, foreign passkeys."""

import dataclasses
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from app.clock import utcnow
from app.database import db
from app.domain.accounts import passkeys
from app.domain.accounts.models import Passkey, User, UserStatus
from app.domain.audit.actions import Action
from app.domain.audit.models import AuditEvent
from tests import factories
from tests.factories import PASSWORD
from tests.support import html
from tests.support.client import CheckedClient
from tests.support.factors import add_app, add_codes, add_key, code_of
from tests.support.http import Visitor
from tests.support.server import LiveServer
from tests.support.soft_key import SoftKey

ClientOf = Callable[[User], CheckedClient]
STEP = "/auth/second-factor"
SIGN_IN = "/api/auth/passkeys/sign-in"
ADDITION = "/api/auth/passkeys"
CONFIRMATION = "/api/auth/passkeys/confirmation"


@pytest.fixture
def victim() -> User:
    """Somebody whose password an attacker knows."""
    return factories.make_user(password=PASSWORD, email_verified_at=utcnow())


@pytest.fixture
def attacker() -> User:
    """Somebody with an account and factors of their own."""
    return factories.make_user(password=PASSWORD, email_verified_at=utcnow())


def _new_client(app: Flask) -> CheckedClient:
    client = app.test_client()
    assert isinstance(client, CheckedClient)
    return client


def _begin(client: CheckedClient, user: User) -> str:
    """Enter the right password; return the form token of the second step."""
    client.post_form("/auth/sign-in", {"email": user.email, "password": PASSWORD})
    return html.csrf_token(client.get(STEP).text)


def _who(client: CheckedClient) -> str | None:
    answer = client.get("/api/auth/me")
    return answer.get_json()["user"]["email"] if answer.status_code == 200 else None


def _options(client: CheckedClient, path: str = SIGN_IN, **body: Any) -> dict[str, Any]:
    options: dict[str, Any] = client.post(f"{path}/options", json=body).get_json()["options"]
    return options


def _answer(client: CheckedClient, credential: dict[str, Any], path: str = SIGN_IN) -> Any:
    return client.post(path, json={"credential": credential})


def test_code_seen_over_the_shoulder_is_used_up(app: Flask, victim: User) -> None:
    secret = add_app(victim)
    body = {"email": victim.email, "password": PASSWORD, "code": code_of(secret)}
    assert _new_client(app).post("/api/auth/login", json=body).status_code == 200
    replay = _new_client(app).post("/api/auth/login", json=body)
    assert replay.get_json()["code"] == "INVALID_CREDENTIALS"
    page = _new_client(app)
    token = _begin(page, victim)
    assert page.post(STEP, data={"code": body["code"], "csrf_token": token}).status_code == 422


@pytest.mark.parametrize("kind", ["totp", "recovery code"])
def test_one_code_in_many_hands_opens_once(
    committed_app: Flask, live_server: LiveServer, kind: str
) -> None:
    user = factories.make_user(password=PASSWORD)
    secret, codes = add_app(user), add_codes(user)
    code = code_of(secret, 1) if kind == "totp" else codes[0]
    body = {"email": user.email, "password": PASSWORD, "code": code}
    db.session.commit()  # nothing is left open while the server works

    def sign_in(_: int) -> int:
        return Visitor(live_server.url).post("/api/auth/login", body).status

    with ThreadPoolExecutor(4) as thieves:
        statuses = Counter(thieves.map(sign_in, range(4)))
    assert statuses[200] == 1
    assert set(statuses) <= {200, 401, 429}


def test_own_code_does_not_end_somebody_elses_step(
    client: CheckedClient, victim: User, attacker: User
) -> None:
    add_app(victim)
    own_secret, own_codes = add_app(attacker), add_codes(attacker)
    token = _begin(client, victim)
    for code in (code_of(own_secret), own_codes[0]):
        assert client.post(STEP, data={"code": code, "csrf_token": token}).status_code == 422
    assert _who(client) is None


def test_step_cookie_opens_no_other_account(app: Flask, victim: User, attacker: User) -> None:
    """Whichever way the two cookies are mixed, the step stays whose password began it."""
    add_app(victim)
    secret = add_app(attacker)
    first, second = _new_client(app), _new_client(app)
    _begin(first, victim)
    token = _begin(second, attacker)
    own = second.get_cookie("form")
    assert own is not None
    first.set_cookie("form", own.value)
    answer = first.post(STEP, data={"code": code_of(secret), "csrf_token": token})
    assert answer.status_code == 303
    assert _who(first) == attacker.email


def test_forged_step_cookie_is_nothing(client: CheckedClient, victim: User) -> None:
    add_app(victim)
    _begin(client, victim)
    cookie = client.get_cookie("form")
    assert cookie is not None
    client.set_cookie("form", cookie.value[:-2] + "xx")
    assert client.get(STEP).headers["Location"] == "/auth/sign-in"


def test_passkey_of_somebody_else_is_no_second_step(
    client: CheckedClient, victim: User, attacker: User
) -> None:
    add_key(victim)
    key = add_key(attacker)
    _begin(client, victim)
    options = _options(client, second_step=True)
    assert len(options["allowCredentials"]) == 1
    refused = _answer(client, key.get(options))
    assert (refused.status_code, refused.get_json()["code"]) == (401, "INVALID_CREDENTIALS")
    assert _who(client) is None


def test_answer_counts_once(app: Flask, client: CheckedClient, victim: User) -> None:
    key = add_key(victim, SoftKey(counts=False))
    options = _options(client)
    begun = client.get_cookie("form")
    assert begun is not None
    answer = key.get(options)
    assert _answer(client, answer).status_code == 200
    thief = _new_client(app)
    thief.set_cookie("form", begun.value)
    assert _answer(thief, answer).status_code == 401
    assert _who(thief) is None


def test_wrong_answer_uses_the_challenge_up(client: CheckedClient, victim: User) -> None:
    key = add_key(victim)
    options = _options(client)
    begun = client.get_cookie("form")
    assert begun is not None
    wrong = dataclasses.replace(key, origin="https://evil.example")
    assert _answer(client, wrong.get(options)).status_code == 401
    client.set_cookie("form", begun.value)
    assert _answer(client, key.get(options)).status_code == 401


def test_challenge_of_another_browser_is_none(app: Flask, victim: User) -> None:
    """What a phishing page relays from its own ceremony does not fit the victim's."""
    key = add_key(victim)
    mine, theirs = _new_client(app), _new_client(app)
    _options(theirs)
    assert _answer(theirs, key.get(_options(mine))).status_code == 401
    assert _answer(_new_client(app), key.get(_options(mine))).status_code == 401


@pytest.mark.parametrize(
    "spoilt",
    [{"origin": "https://evil.example"}, {"rp_id": "evil.example"}, {"is_verified": False}],
    ids=["origin", "party", "verification"],
)
def test_answer_given_elsewhere_is_refused(
    client: CheckedClient, victim: User, spoilt: dict[str, Any]
) -> None:
    key = dataclasses.replace(add_key(victim), **spoilt)
    assert _answer(client, key.get(_options(client))).status_code == 401
    assert _who(client) is None


def test_copied_key_is_refused_and_noted(client: CheckedClient, victim: User) -> None:
    key = add_key(victim)
    copy = dataclasses.replace(key)
    assert _answer(client, key.get(_options(client))).status_code == 200
    client.post("/api/auth/logout")
    assert _answer(client, copy.get(_options(client))).status_code == 401
    noted = db.session.query(AuditEvent).filter_by(action=Action.SIGN_IN_REFUSED.value).one()
    assert noted.detail == {"reason": "passkey copied"}
    assert noted.subject_id == victim.id


def test_new_key_goes_to_who_asked_for_it(
    client_of: ClientOf, victim: User, attacker: User
) -> None:
    """A form cookie planted in the victim's browser adds the attacker's key to no account."""
    theirs, mine = client_of(attacker), client_of(victim)
    answer = SoftKey().create(_options(theirs, ADDITION))
    planted = theirs.get_cookie("form")
    assert planted is not None
    mine.set_cookie("form", planted.value)
    assert _answer(mine, answer, ADDITION).status_code == 422
    assert db.session.query(Passkey).count() == 0


def test_confirmation_takes_only_ones_own_key_and_ceremony(
    client_of: ClientOf, victim: User, attacker: User
) -> None:
    add_key(victim)
    key = add_key(attacker)
    mine, theirs = client_of(victim), client_of(attacker)
    assert _answer(mine, key.get(_options(mine, CONFIRMATION)), CONFIRMATION).status_code == 401
    answer = key.get(_options(theirs, CONFIRMATION))
    planted = theirs.get_cookie("form")
    assert planted is not None
    mine.set_cookie("form", planted.value)
    assert _answer(mine, answer, CONFIRMATION).status_code == 401


def test_ceremony_of_one_kind_ends_no_other(client_of: ClientOf, victim: User) -> None:
    client = client_of(victim)
    key = add_key(victim)
    options = _options(client)
    assert _answer(client, key.get(options), CONFIRMATION).status_code == 401


@pytest.mark.parametrize("status", [UserStatus.SUSPENDED, UserStatus.DELETED])
def test_passkey_of_a_closed_account_reads_like_an_unknown_one(
    client: CheckedClient, victim: User, status: UserStatus
) -> None:
    key = add_key(victim)
    victim.status = status
    db.session.commit()
    closed = _answer(client, key.get(_options(client)))
    stranger = SoftKey(user_handle=victim.id.bytes)
    unknown = _answer(client, stranger.get(_options(client)))
    assert closed.status_code == unknown.status_code == 401
    assert len(closed.data) == len(unknown.data)
    assert closed.get_json()["detail"] == unknown.get_json()["detail"]
    assert _who(client) is None


def test_options_tell_nobody_whose_keys_there_are(client: CheckedClient, victim: User) -> None:
    add_key(victim)
    assert _options(client)["allowCredentials"] == []
    assert _options(client, second_step=True)["allowCredentials"] == []


def test_asking_for_challenges_ends_somewhere(client: CheckedClient) -> None:
    statuses = [client.post(f"{SIGN_IN}/options", json={}).status_code for _ in range(61)]
    assert statuses == [200] * 60 + [429]


def test_other_site_cannot_begin_or_end_a_ceremony(client: CheckedClient) -> None:
    for path in (SIGN_IN, f"{SIGN_IN}/options"):
        answer = client.post(path, json={}, headers={"Origin": "https://evil.example"})
        assert answer.status_code == 403


def test_party_does_not_follow_the_host_header(client: CheckedClient) -> None:
    options = client.post(f"{SIGN_IN}/options", json={}, base_url="http://evil.example").get_json()[
        "options"
    ]
    assert options["rpId"] == passkeys.relying_party().id == "localhost"
