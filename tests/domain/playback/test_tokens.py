"""The playback token says what was signed, until it expires, and nothing else is believed."""

import uuid
from datetime import timedelta

import jwt
import pytest
from flask import Flask

from app.clock import shifted
from app.domain.playback import tokens
from app.domain.playback.tokens import PlaybackClaims
from app.errors import TokenExpired, TokenInvalid

CLAIMS = PlaybackClaims(uuid.uuid4(), "ab" * 32, uuid.uuid4(), uuid.uuid4())


def test_claims_come_back_as_they_were_signed() -> None:
    assert tokens.verify(tokens.issue(CLAIMS)) == CLAIMS


def test_a_token_lives_as_long_as_the_setting_says(app: Flask) -> None:
    token = tokens.issue(CLAIMS)
    life = app.extensions["settings"].playback_token_seconds
    with shifted(timedelta(seconds=life - 2)):
        assert tokens.verify(token) == CLAIMS
    with shifted(timedelta(seconds=life + 1)), pytest.raises(TokenExpired):
        tokens.verify(token)


def test_a_token_from_the_future_is_refused() -> None:
    with shifted(timedelta(minutes=5)):
        token = tokens.issue(CLAIMS)
    with pytest.raises(TokenInvalid):
        tokens.verify(token)


@pytest.mark.parametrize("missing", tokens.REQUIRED)
def test_every_claim_is_required(app: Flask, missing: str) -> None:
    settings = app.extensions["settings"]
    payload = jwt.decode(tokens.issue(CLAIMS), options={"verify_signature": False})
    del payload[missing]
    forged = jwt.encode(
        payload, settings.playback_jwt_secret, "HS256", headers={"typ": tokens.TYPE}
    )
    with pytest.raises(TokenInvalid):
        tokens.verify(forged)


def test_another_purpose_of_the_same_secret_is_refused(app: Flask) -> None:
    settings = app.extensions["settings"]
    payload = jwt.decode(tokens.issue(CLAIMS), options={"verify_signature": False})
    with pytest.raises(TokenInvalid):
        tokens.verify(jwt.encode(payload, settings.playback_jwt_secret, "HS256"))


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é", "eyJhbGciOiJub25lIn0.e30."])
def test_nonsense_is_refused_as_invalid(token: str) -> None:
    with pytest.raises(TokenInvalid):
        tokens.verify(token)
