"""How often one may try: per account and per network, shared by the pages and their JSON twins.

A guess is counted before it is checked, so parallel guesses cannot slip past the count. What turns
out to be none is given back: a right password, and a try that was refused unchecked (else a school
signing in at once would lock itself out). Over all networks together the few hashing threads are
the limit (`domain/accounts/passwords.py`).
"""

import hmac
from collections.abc import Callable

from flask import g
from flask_limiter import RateLimitExceeded

from app.current import settings
from app.domain.accounts.emails import normalise_email
from app.web.access import client_info
from app.web.extensions import limiter

SIGN_IN_LIMIT = "10 per 5 minutes"
SIGN_UP_LIMIT = "10 per hour"


def count_sign_in(email: str) -> None:
    """Count a try to sign in as `email`. Raises RateLimitExceeded."""
    address = normalise_email(email).encode("utf-8", "surrogatepass")
    secret = f"sign-in limit {settings.secret_key}".encode()
    g.tried_account = hmac.digest(secret, address, "sha256").hex()  # no address in a key or a log
    _count(_sign_in)


def count_sign_up() -> None:
    """Count a try to sign up. Raises RateLimitExceeded."""
    _count(_sign_up)


def give_back() -> None:
    """Take back what this request has counted: it was no guess."""
    for counted in limiter.current_limits:
        limiter.limiter.hit(counted.limit, *counted.request_args, cost=-1)


def _network() -> str:
    return client_info().network


def _account() -> str:
    return str(g.tried_account)


def _count(limited: Callable[[], None]) -> None:
    try:
        limited()
    except RateLimitExceeded:
        give_back()
        raise


# The limiter stands in front of functions; these two exist for it to stand there.
@limiter.shared_limit(SIGN_UP_LIMIT, scope="sign-up-network", key_func=_network)
def _sign_up() -> None:
    """Pass unless the network has signed up too often."""


# The network comes first: once it is used up, its guesses no longer lock the account's owner out.
@limiter.shared_limit(SIGN_IN_LIMIT, scope="sign-in-account", key_func=_account)
@limiter.shared_limit(SIGN_IN_LIMIT, scope="sign-in-network", key_func=_network)
def _sign_in() -> None:
    """Pass unless the network or the account has been tried too often."""
