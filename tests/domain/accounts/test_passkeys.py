"""Passkeys: whose answers are believed, and which are not."""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.clock import shifted, utcnow
from app.database import db
from app.domain.accounts import passkeys
from app.domain.accounts.models import Passkey, User
from app.domain.accounts.passkeys import Fault, PasskeyRefused
from app.errors import InvalidInput, NotFound
from tests import factories
from tests.support.apps import made_app
from tests.support.factors import CHALLENGE, add_key, asked
from tests.support.overlap import overlapping
from tests.support.soft_key import SoftKey, encode

DEEP = encode(b"\x81" * 200_000)  # as CBOR, a list in a list in a list
LONG = encode(b"\x9b" + b"\x7f" * 8)  # a list that says it is endless
JUNK = ["", "!!!", "AAAA", "oA", encode(b"[" * 200_000), DEEP, LONG, 7, None, [], {"a": 1}]
junk = pytest.mark.parametrize("junk", JUNK, ids=[str(index) for index in range(len(JUNK))])


def _refusal(answer: dict[str, Any], user: User | None = None) -> Fault:
    with pytest.raises(PasskeyRefused) as refused:
        passkeys.verify(answer, CHALLENGE, user.id if user else None)
    return refused.value.fault


def _creation(user: User) -> dict[str, Any]:
    return {"user": {"id": encode(user.id.bytes)}, "challenge": encode(CHALLENGE)}


def test_signature_of_an_added_key_is_believed(learner: User) -> None:
    key = add_key(learner)
    with shifted(timedelta(hours=1)):
        found = passkeys.verify(key.get(asked()), CHALLENGE)
        assert found.user_id == learner.id
        db.session.refresh(found)
        assert found.last_used_at is not None
        assert utcnow() - found.last_used_at < timedelta(seconds=5)
        assert found.sign_count == key.sign_count
    assert db.session.get_one(User, learner.id).second_factor_added_at is not None


@pytest.mark.parametrize(
    "spoilt",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:9999"},
        {"rp_id": "evil.example"},
        {"is_verified": False},
    ],
    ids=["other site", "other port", "other party", "no verification"],
)
def test_what_another_place_asked_for_is_refused(learner: User, spoilt: dict[str, Any]) -> None:
    key = add_key(learner)
    assert _refusal(dataclasses.replace(key, **spoilt).get(asked())) is Fault.INVALID
    with pytest.raises(InvalidInput):
        passkeys.add(learner.id, SoftKey(**spoilt).create(_creation(learner)), CHALLENGE, "New")


def test_answer_to_another_challenge_is_refused(learner: User) -> None:
    key = add_key(learner)
    assert _refusal(key.get(asked(b"x" * 32))) is Fault.INVALID


def test_signature_by_another_key_is_refused(learner: User) -> None:
    key = add_key(learner)
    forged = dataclasses.replace(SoftKey(), credential_id=key.credential_id, sign_count=50)
    forged.user_handle = key.user_handle
    assert _refusal(forged.get(asked())) is Fault.INVALID


def test_unknown_key_is_refused(learner: User) -> None:
    stranger = SoftKey(user_handle=learner.id.bytes)
    assert _refusal(stranger.get(asked())) is Fault.UNKNOWN


def test_key_of_somebody_else_is_refused(learner: User, outsider: User) -> None:
    add_key(learner)
    foreign = add_key(outsider)
    assert _refusal(foreign.get(asked()), learner) is Fault.FOREIGN


def test_key_that_names_another_owner_is_refused(learner: User, outsider: User) -> None:
    key = add_key(learner)
    key.user_handle = outsider.id.bytes
    assert _refusal(key.get(asked())) is Fault.FOREIGN
    key.user_handle = b""
    assert _refusal(key.get(asked())) is Fault.FOREIGN


def test_counter_that_does_not_grow_means_a_copy(learner: User) -> None:
    key = add_key(learner)
    copy = dataclasses.replace(key)
    passkeys.verify(key.get(asked()), CHALLENGE)
    assert _refusal(copy.get(asked())) is Fault.COPIED
    passkeys.verify(key.get(asked()), CHALLENGE)


def test_key_that_never_counts_may_sign_again(learner: User) -> None:
    key = add_key(learner, SoftKey(counts=False))
    for _ in range(2):
        passkeys.verify(key.get(asked()), CHALLENGE)


def test_key_that_stops_counting_is_refused(learner: User) -> None:
    key = add_key(learner)
    passkeys.verify(key.get(asked()), CHALLENGE)
    key.counts, key.sign_count = False, 0
    assert _refusal(key.get(asked())) is Fault.COPIED


def test_same_key_is_added_once(learner: User, outsider: User) -> None:
    key = add_key(learner)
    for user in (learner, outsider):
        with pytest.raises(InvalidInput, match="attention"):
            passkeys.add(user.id, key.create(_creation(user)), CHALLENGE, "Again")


def _spoil(answer: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    return {**answer, "response": {**answer["response"], name: value}}


@junk
@pytest.mark.parametrize("part", ["clientDataJSON", "attestationObject"])
def test_new_key_made_of_junk_is_refused(learner: User, part: str, junk: Any) -> None:
    answer = SoftKey().create(_creation(learner))
    with pytest.raises(InvalidInput):
        passkeys.add(learner.id, _spoil(answer, part, junk), CHALLENGE, "New")


@junk
@pytest.mark.parametrize("part", ["clientDataJSON", "authenticatorData", "signature", "userHandle"])
def test_answer_made_of_junk_is_refused(learner: User, part: str, junk: Any) -> None:
    answer = add_key(learner).get(asked())
    assert _refusal(_spoil(answer, part, junk)) in (Fault.UNREADABLE, Fault.INVALID, Fault.FOREIGN)


@pytest.mark.parametrize("answer", [{}, {"id": 1}, {"id": "x", "rawId": "x", "response": []}])
def test_what_is_no_answer_is_refused(learner: User, answer: dict[str, Any]) -> None:
    assert _refusal(answer) is Fault.UNREADABLE


def test_unknown_transports_are_left_out(learner: User) -> None:
    add_key(learner)
    assert db.session.query(Passkey).one().transports == ["internal"]


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\u202eb"])
def test_name_has_to_be_one(learner: User, name: str) -> None:
    add_key(learner)
    key = db.session.query(Passkey).one()
    with pytest.raises(InvalidInput):
        passkeys.rename(learner.id, key.id, name)


def test_somebody_elses_key_cannot_be_renamed(learner: User, outsider: User) -> None:
    add_key(learner)
    key = db.session.query(Passkey).one()
    with pytest.raises(NotFound):
        passkeys.rename(outsider.id, key.id, "Mine")
    assert passkeys.rename(learner.id, key.id, "  My   key ").name == "My key"


@pytest.mark.parametrize(
    ("address", "name", "origin"),
    [
        ("http://127.0.0.1:3000", "localhost", "http://localhost:3000"),
        ("http://[::1]:3000", "localhost", "http://localhost:3000"),
        ("https://courses.example.com", "courses.example.com", "https://courses.example.com"),
        ("https://courses.example.com:443/", "courses.example.com", "https://courses.example.com"),
        (
            "https://courses.example.com:8443",
            "courses.example.com",
            "https://courses.example.com:8443",
        ),
    ],
)
def test_party_is_named_by_the_public_address(
    environment: dict[str, str], database_url: str, address: str, name: str, origin: str
) -> None:
    values = {**environment, "DATABASE_URL": database_url, "PUBLIC_BASE_URL": address}
    with made_app(values) as app, app.app_context():
        party = passkeys.relying_party()
    assert (party.id, party.origin) == (name, origin)


def test_options_ask_for_verification_and_leave_out_known_keys(learner: User) -> None:
    key = add_key(learner)
    options = passkeys.addition_options(learner, CHALLENGE)
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert [known["id"] for known in options["excludeCredentials"]] == [encode(key.credential_id)]
    assert passkeys.proof_options(CHALLENGE)["allowCredentials"] == []
    allowed = passkeys.proof_options(CHALLENGE, learner.id)["allowCredentials"]
    assert [known["id"] for known in allowed] == [encode(key.credential_id)]


def test_one_answer_used_twice_at_once_has_one_winner(committed_app: Flask) -> None:
    user = factories.make_user()
    key = add_key(user, SoftKey(origin=passkeys.relying_party().origin))
    answer = key.get(asked())
    outcomes: list[bool] = []

    def use() -> None:
        try:
            passkeys.verify(answer, CHALLENGE)
        except PasskeyRefused:
            outcomes.append(False)
        else:
            outcomes.append(True)

    overlapping(committed_app, use, use)
    assert sorted(outcomes) == [False, True]
