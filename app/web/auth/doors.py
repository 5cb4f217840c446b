"""Opening and closing a login session: what the pages and their JSON twins have in common."""

from flask import Response, request, session

from app.database import db
from app.domain.accounts import credentials, registration, sessions
from app.domain.accounts.models import User
from app.errors import InvalidInput, TooManyRequests
from app.web.access import (
    clear_session_cookie,
    client_info,
    session_cookie_name,
    set_session_cookie,
    signed_in,
)
from app.web.auth import limits

CSRF_FIELD = "csrf_token"


def check(email: str, password: str) -> User:
    """Return whose credentials these are.

    Raises InvalidCredentials, RateLimitExceeded and, in a rush, TooManyRequests.
    """
    limits.count_sign_in(email)
    try:
        user = credentials.authenticate(email, password)
    except TooManyRequests:
        limits.give_back()
        raise
    limits.give_back()
    return user


def let_in(user: User, response: Response) -> Response:
    """Start a session, end the one this browser had, and hand out the cookie."""
    token = sessions.rotate(user, client_info(), request.cookies.get(session_cookie_name()))
    db.session.commit()
    session.pop(CSRF_FIELD, None)
    set_session_cookie(response, token)
    return response


def let_out(response: Response) -> Response:
    """End the session, if there is one, and take the cookie back."""
    person = signed_in()
    if person is not None:
        sessions.end(person.session_id)
        db.session.commit()
    session.clear()
    clear_session_cookie(response)
    return response


def welcome(email: str, password: str, name: str) -> None:
    """Add an account, or do as if. Raises InvalidInput, RateLimitExceeded, TooManyRequests."""
    limits.count_sign_up()
    try:
        registration.register(email, password, name)
    except (InvalidInput, TooManyRequests):
        limits.give_back()
        raise
    db.session.commit()
