"""The question behind every sign-in: do this address and this password belong together?"""

from app.domain.accounts.models import User, UserStatus
from app.domain.accounts.passwords import (
    MAX_LENGTH,
    hash_password,
    needs_rehash,
    verify_password,
)
from app.domain.accounts.users import find_by_email
from app.errors import InvalidCredentials, TooManyRequests


def authenticate(email: str, password: str) -> User:
    """Return whose credentials these are, bringing the stored hash up to date.

    Raises InvalidCredentials, in the same time, for an unknown address, a wrong password and a
    suspended account, and TooManyRequests when too many sign-ins are being checked.
    """
    if len(password) > MAX_LENGTH:  # nobody's, and not worth hashing
        raise InvalidCredentials
    user = find_by_email(email)
    password_hash = user.password_hash if user else None
    matches = verify_password(password_hash, password)
    if user is None or password_hash is None or not matches:
        raise InvalidCredentials
    if user.status is not UserStatus.ACTIVE:
        raise InvalidCredentials
    if needs_rehash(password_hash):
        _rehash(user, password)
    return user


def _rehash(user: User, password: str) -> None:
    try:
        user.password_hash = hash_password(password)
    except TooManyRequests:  # the old hash still holds; the next sign-in tries again
        return
