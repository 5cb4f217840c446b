"""Opening and closing a login session: what the pages and their JSON twins have in common."""

from uuid import UUID

from flask import Response, request, session
from flask_babel import lazy_gettext

from app import metrics
from app.database import db
from app.domain.accounts import (
    credentials,
    known_devices,
    passwords,
    second_factor,
    second_step,
    sessions,
)
from app.domain.accounts.models import User, UserStatus
from app.domain.accounts.second_factor import Proof
from app.domain.accounts.users import find_by_email
from app.domain.audit.actions import Action
from app.domain.playback import devices
from app.errors import InvalidCredentials, TooManyRequests
from app.web import audit
from app.web.access import (
    clear_session_cookie,
    client_info,
    session_cookie_name,
    set_session_cookie,
    signed_in,
)
from app.web.auth import limits, notices

CSRF_FIELD = "csrf_token"
SECOND_STEP = "second_step"
WRONG_CODE = "This code is wrong, has been used, or is too old."
CODE_USED = lazy_gettext("A recovery code was used to sign in.")
STEP_OVER = "This sign-in took too long or was tried too often. Begin again."


def check(email: str, password: str) -> User:
    """Return whose credentials these are.

    Raises InvalidCredentials, RateLimitExceeded and, in a rush, TooManyRequests.
    """
    passwords.require_room()
    limits.count_sign_in(email)
    try:
        user = credentials.authenticate(email, password)
    except TooManyRequests:
        limits.give_back()
        raise
    except InvalidCredentials:
        known = find_by_email(email)
        refuse("password", known.id if known else None)
        raise
    limits.give_back()
    return user


def needs_second_step(user: User) -> bool:
    """Whether the password alone does not let this person in."""
    return user.second_factor_added_at is not None


def begin_second_step(user: User) -> None:
    """Remember in the form cookie that the password was right."""
    session[SECOND_STEP] = second_step.begin(user)
    db.session.commit()


def awaited() -> User | None:
    """Return whose second factor this browser is asked for, or None."""
    return second_step.find(session.get(SECOND_STEP))


def end_second_step(code: str) -> tuple[User, Proof]:
    """Return who has proved their second factor. Raises InvalidCredentials, RateLimitExceeded."""
    token = session.get(SECOND_STEP)
    user = second_step.find(token)
    if user is None:
        raise InvalidCredentials(STEP_OVER)
    limits.SECOND_FACTOR.count(person=user.id)
    if second_step.take_try(token) is None:
        raise InvalidCredentials(STEP_OVER)
    proof = _prove(user, code)
    if not second_step.end(token):
        raise InvalidCredentials(STEP_OVER)
    session.pop(SECOND_STEP, None)
    return user, proof


def check_code(user: User, code: str) -> Proof:
    """Return what the code sent along with a right password is.

    Raises InvalidCredentials, RateLimitExceeded.
    """
    limits.SECOND_FACTOR.count(person=user.id)
    return _prove(user, code)


def let_in(user: User, response: Response, by: Proof = Proof.PASSWORD) -> Response:
    """Start a session, end the one this browser had, and hand out the cookie.

    Raises InvalidCredentials for an account that is suspended or deleted.
    """
    if user.status is not UserStatus.ACTIVE:
        refuse(by.value, user.id)
        raise InvalidCredentials
    client = client_info()
    if known_devices.is_new(user.id, client, devices.name_of):
        notices.tell_of_new_device(user, client)
    with_second_factor = by is not Proof.PASSWORD
    old_token = request.cookies.get(session_cookie_name())
    token = sessions.rotate(user, client, old_token, with_second_factor=with_second_factor)
    second_step.end(session.pop(SECOND_STEP, None))
    audit.note(Action.SIGNED_IN, actor=user.id, by=by.value)
    db.session.commit()
    session.pop(CSRF_FIELD, None)
    set_session_cookie(response, token)
    return response


def refuse(reason: str, subject: UUID | None = None) -> None:
    """Note in the audit trail that somebody was not let in."""
    metrics.sign_in_failures.labels(reason.partition(" ")[0]).inc()
    audit.note(Action.SIGN_IN_REFUSED, subject=subject, reason=reason)
    db.session.commit()


def let_out(response: Response) -> Response:
    """End the session, if there is one, and take the cookie back."""
    person = signed_in()
    if person is not None:
        sessions.end(person.session_id)
        audit.note(Action.SIGNED_OUT, session=str(person.session_id))
        db.session.commit()
    session.clear()
    clear_session_cookie(response)
    return response


def _prove(user: User, code: str) -> Proof:
    """Only a wrong code is a try: a right one is given back to the limit."""
    proof = second_factor.prove(user.id, code)
    if proof is None:
        audit.note(Action.SECOND_FACTOR_REFUSED, subject=user.id, at="sign-in")
        db.session.commit()
        raise InvalidCredentials(WRONG_CODE)
    if proof is Proof.RECOVERY_CODE:
        notices.tell_of_factor_change(user, CODE_USED)
        audit.note(Action.RECOVERY_CODE_USED, actor=user.id)
    limits.give_back()
    return proof
