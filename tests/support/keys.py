"""API keys for tests: made as a person makes one, shown as a program shows one."""

from collections.abc import Iterable
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from app.database import db
from app.domain.accounts import api_keys, sessions
from app.domain.accounts.api_keys import Scope
from app.domain.accounts.clients import ClientInfo
from app.domain.accounts.models import User, UserStatus
from app.domain.accounts.sessions import SignedIn
from tests.support.client import CheckedClient

LEARNER_SCOPES = tuple(scope for scope in Scope if scope not in api_keys.STAFF_SCOPES)
READING_SCOPES = (Scope.PROFILE_READ, Scope.COURSES_READ)


class KeyClient(CheckedClient):
    """A program: no browser headers, its key with every request; it keeps cookies it is given."""

    key = ""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a request with the key."""
        headers = {"Authorization": f"Bearer {self.key}", **(kwargs.pop("headers", None) or {})}
        return super().open(*args, headers=headers, **kwargs)


def person_of(user: User) -> SignedIn:
    """Return `user` as if they had just signed in at a browser."""
    token = sessions.start(user, ClientInfo(ip="127.0.0.1", user_agent="tests"))
    person = sessions.find_signed_in(token)
    assert person is not None
    return person


def make_key(
    user: User, scopes: Iterable[str] = LEARNER_SCOPES, name: str = "Test", days: int = 30
) -> str:
    """Make a key of `user` and return its token."""
    _, token = api_keys.create(person_of(user), name, scopes, days)
    db.session.commit()
    return token


def make_suspended_key(user: User) -> str:
    """Make a key of somebody who was suspended after they made it."""
    status = user.status
    user.status = UserStatus.ACTIVE
    db.session.flush()
    token = make_key(user)
    user.status = status
    db.session.commit()
    return token


def client_with(app: Flask, token: str) -> KeyClient:
    """Return a program that shows `token`."""
    client = KeyClient(app, app.response_class)
    client.key = token
    return client
