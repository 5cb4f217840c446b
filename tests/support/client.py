"""The test client: each request in a context of its own, each HTML page checked."""

import contextvars
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.database import db
from app.domain.accounts import sessions
from app.domain.accounts.clients import ClientInfo
from app.domain.accounts.models import User
from tests.support import html


def _is_page(response: TestResponse) -> bool:
    without_body = {204, *range(300, 400)}
    is_question = response.request.method in ("HEAD", "OPTIONS")
    # What is locked up is no page of ours but a mail, shown as it was sent.
    is_locked_up = "sandbox" in response.headers.get("Content-Security-Policy", "")
    return response.status_code not in without_body and not is_question and not is_locked_up


class CheckedClient(FlaskClient):
    """Flask's client that fails the test when any page it fetches breaks the rules of the house."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a request as if no application context existed, as a server would."""
        kwargs.setdefault("buffered", True)
        response = contextvars.Context().run(super().open, *args, **kwargs)
        if response.mimetype == "text/html" and _is_page(response):
            found = html.faults(response.get_data(as_text=True))
            assert not found, f"{response.request.path}: " + "; ".join(found)
        return response

    def post_form(self, path: str, data: dict[str, Any] | None = None, page: str = "") -> Any:
        """POST a form as a browser would: with the CSRF token of `page` (default: `path`)."""
        token = html.csrf_token(self.get(page or path).get_data(as_text=True))
        return self.post(path, data={**(data or {}), "csrf_token": token})


def session_cookie_name(client: FlaskClient) -> str:
    """Return the name of the login cookie under the client's settings."""
    return "__Host-session" if client.application.extensions["settings"].is_https else "session"


def sign_in(client: FlaskClient, user: User, agent: str = "tests") -> str:
    """Give `client` a login session of `user`; return the raw token of its cookie."""
    token = sessions.start(user, ClientInfo(ip="127.0.0.1", user_agent=agent))
    db.session.commit()
    client.set_cookie(session_cookie_name(client), token)
    return token


def sign_out(client: FlaskClient) -> None:
    """Take the login cookie away from `client` (the session row stays)."""
    client.delete_cookie(session_cookie_name(client))
