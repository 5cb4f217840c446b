"""How often one may try: per account and per network, shared by the pages and their JSON twins.

What guesses is counted before it is checked, so parallel guesses cannot slip past the count; what
turns out to be no guess is given back. Over all networks together the few hashing threads are the
limit (`domain/accounts/passwords.py`).
"""

import hashlib

from flask import g

from app.domain.accounts.emails import normalise_email
from app.web.access import client_info
from app.web.extensions import limiter

SIGN_IN_LIMIT = "10 per 5 minutes"
SIGN_UP_LIMIT = "10 per hour"


def count_sign_in(email: str) -> None:
    """Count a try to sign in as `email`. Raises RateLimitExceeded."""
    address = normalise_email(email).encode("utf-8", "surrogatepass")
    g.tried_account = hashlib.sha256(address).hexdigest()  # no address in a key or a log
    _count_sign_in()


def give_back() -> None:
    """Take back what this request has counted: it was no guess."""
    for counted in limiter.current_limits:
        limiter.limiter.hit(counted.limit, *counted.request_args, cost=-1)


def _network() -> str:
    return client_info().network


def _account() -> str:
    return str(g.tried_account)


@limiter.shared_limit(SIGN_UP_LIMIT, scope="sign-up-network", key_func=_network)
def count_sign_up() -> None:
    """Count a try to sign up. Raises RateLimitExceeded."""


# The network comes first: once it is used up, its guesses no longer lock the account's owner out.
@limiter.shared_limit(SIGN_IN_LIMIT, scope="sign-in-account", key_func=_account)
@limiter.shared_limit(SIGN_IN_LIMIT, scope="sign-in-network", key_func=_network)
def _count_sign_in() -> None:
    """Exist, so that the limiter has something to stand in front of."""
