"""Threat 14: only our own playback tokens count, whatever a token says about itself."""

import base64
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from flask import Flask

from app.domain.accounts.models import User
from app.domain.courses.models import Lesson
from tests.support import player
from tests.support.client import CheckedClient
from tests.support.player import Stream

ClientOf = Callable[[User], CheckedClient]
CLAIMS = ("iss", "aud", "sub", "jti", "sid", "psid", "ast", "iat", "nbf", "exp")


@pytest.fixture
def stream(client_of: ClientOf, enrolled: User, video_lesson: Lesson) -> Stream:
    """A stream whose token nobody has used."""
    return player.start(client_of(enrolled), video_lesson)


def _claims(stream: Stream) -> dict[str, Any]:
    return jwt.decode(stream.token, options={"verify_signature": False})


def _secret(stream: Stream) -> str:
    return str(stream.client.application.extensions["settings"].playback_jwt_secret)


def _refused(stream: Stream, token: str) -> bool:
    headers = {"Authorization": f"Bearer {token}"}
    response = stream.client.get("/api/player/manifest", headers=headers)
    return response.status_code == 401 and response.get_json()["code"] == "TOKEN_INVALID"


def _signed(
    stream: Stream,
    claims: dict[str, Any],
    key: str | None = None,
    algorithm: str = "HS256",
    typ: str = "playback+jwt",
) -> str:
    return jwt.encode(claims, key or _secret(stream), algorithm=algorithm, headers={"typ": typ})


def test_bearer_and_query_open_the_same_manifest(stream: Stream) -> None:
    headers = {"Authorization": f"Bearer {stream.token}"}
    by_header = stream.client.get("/api/player/manifest", headers=headers)
    by_query = stream.client.get(stream.answer["manifest_url"])
    assert by_header.text == by_query.text
    assert by_header.mimetype == "application/vnd.apple.mpegurl"


def test_token_carries_every_claim_and_no_address(stream: Stream) -> None:
    claims = _claims(stream)
    assert set(claims) == set(CLAIMS)
    assert claims["exp"] - claims["iat"] == 90
    assert "@" not in json.dumps(claims)
    assert jwt.get_unverified_header(stream.token)["typ"] == "playback+jwt"


def test_unsigned_token_is_refused(stream: Stream) -> None:
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"playback+jwt"}').rstrip(b"=").decode()
    body = stream.token.split(".")[1]
    assert _refused(stream, f"{head}.{body}.")
    assert _refused(stream, f"{head}.{body}")


def test_token_of_another_key_is_refused(stream: Stream, app: Flask) -> None:
    settings = app.extensions["settings"]
    assert _refused(stream, _signed(stream, _claims(stream), key="k" * 40))
    assert _refused(stream, _signed(stream, _claims(stream), key=settings.secret_key))


def test_token_of_another_algorithm_is_refused(stream: Stream) -> None:
    key = _secret(stream) * 2
    assert _refused(stream, _signed(stream, _claims(stream), key=key, algorithm="HS512"))
    same = _signed(stream, _claims(stream), algorithm="HS384", key=_secret(stream) + " " * 16)
    assert _refused(stream, same)


@pytest.mark.parametrize("typ", ["JWT", "access+jwt", ""])
def test_token_of_another_type_is_refused(stream: Stream, typ: str) -> None:
    assert _refused(stream, _signed(stream, _claims(stream), typ=typ))


@pytest.mark.parametrize("name", CLAIMS)
def test_token_without_a_claim_is_refused(stream: Stream, name: str) -> None:
    claims = _claims(stream)
    del claims[name]
    assert _refused(stream, _signed(stream, claims))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("iss", "https://elsewhere.example"),
        ("aud", "admin"),
        ("sub", "11111111-1111-4111-8111-111111111111"),
        ("sid", "0" * 64),
        ("psid", "22222222-2222-4222-8222-222222222222"),
        ("ast", "33333333-3333-4333-8333-333333333333"),
        ("psid", "not-a-uuid"),
        ("exp", "tomorrow"),
        ("nbf", 32503680000),
    ],
)
def test_token_with_a_foreign_claim_is_refused(stream: Stream, name: str, value: object) -> None:
    """Were the key ever used elsewhere, such a token would still open nothing here."""
    token = _signed(stream, {**_claims(stream), name: value})
    headers = {"Authorization": f"Bearer {token}"}
    response = stream.client.get("/api/player/manifest", headers=headers)
    assert response.status_code in (401, 404)
    assert response.mimetype == "application/problem+json"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "." * 3000, "é", "%00"])
def test_noise_is_refused(stream: Stream, token: str) -> None:
    response = stream.client.get("/api/player/manifest", query_string={"token": token})
    assert response.status_code == 401
    assert response.get_json()["code"] == "TOKEN_INVALID"
