"""How often one may try: per account and per network, shared by the pages and their JSON twins.

A guess is counted before it is checked, so parallel guesses cannot slip past the count. What turns
out to be none is given back: a right password, and a try that was refused unchecked (else a school
signing in at once would lock itself out). Over all networks together the few hashing threads are
the limit (`domain/accounts/passwords.py`).

Every door of an account says which limit it has (a house rule reads the url map): `limited_by`
counts before the view runs, `counts` promises that the view counts, as only it knows the account.
"""

import functools
import hmac
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from flask import g, request
from flask_limiter import RateLimitExceeded

from app.current import settings
from app.domain.accounts.emails import normalise_email
from app.web.access import SAFE_METHODS, client_info, signed_in
from app.web.extensions import limiter

VIEW = TypeVar("VIEW", bound=Callable[..., Any])


class Limit:
    """One count for all doors that guard the same thing; rates are written `10 per 5 minutes`."""

    def __init__(self, scope: str, *, network: str, account: str | None = None) -> None:
        self.scope = scope
        self.network, self.account = network, account
        self._network = _gate(f"{scope}-network", network, _network)
        self._account = _gate(f"{scope}-account", account, _account) if account else None

    def __repr__(self) -> str:
        return f"Limit({self.scope!r}, network={self.network!r}, account={self.account!r})"

    def count(self, *, email: str | None = None, person: UUID | None = None) -> None:
        """Count a try from this network and, when one is named, at this account.

        Raises RateLimitExceeded. The network comes first: once it is used up, its guesses no
        longer lock the account's owner out. A refused try counts nowhere.
        """
        _pass(self._network)
        if self._account is not None and (email is not None or person is not None):
            g.tried_account = _key_of(email) if email is not None else str(person)
            _pass(self._account)


def limited_by(limit: Limit, *, methods: frozenset[str] | None = None) -> Callable[[VIEW], VIEW]:
    """Count each request that changes something (or has one of `methods`) before the view runs.

    Who is signed in is counted as an account, too. A view may `give_back` what was no guess.
    """

    def mark(view: VIEW) -> VIEW:
        @functools.wraps(view)
        def counted(*args: Any, **values: Any) -> Any:
            is_counted = request.method in methods if methods else not _is_safe()
            if is_counted:
                person = signed_in()
                limit.count(person=person.user_id if person else None)
            return view(*args, **values)

        counted.__limit__ = limit  # type: ignore[attr-defined]
        return counted  # type: ignore[return-value]

    return mark


def counts(limit: Limit) -> Callable[[VIEW], VIEW]:
    """Say that a view calls `limit.count` itself; a house rule knocks until it closes."""

    def mark(view: VIEW) -> VIEW:
        view.__limit__ = limit  # type: ignore[attr-defined]
        view.__counts_itself__ = True  # type: ignore[attr-defined]
        return view

    return mark


def limit_of(view: Callable[..., Any]) -> Limit | None:
    """Return the limit that a view declares."""
    return getattr(view, "__limit__", None)


def count_sign_in(email: str) -> None:
    """Count a try to sign in as `email`. Raises RateLimitExceeded."""
    SIGN_IN.count(email=email)


def give_back() -> None:
    """Take back what this request has counted: it was no guess."""
    for counted in g.pop("counted", ()):
        limiter.limiter.hit(counted.limit, *counted.request_args, cost=-1)


def _is_safe() -> bool:
    return request.method in SAFE_METHODS


def _network() -> str:
    return client_info().network


def _account() -> str:
    return str(g.tried_account)


def _key_of(email: str) -> str:
    """Name an account without its address, which neither a counter nor a log may hold."""
    address = normalise_email(email).encode("utf-8", "surrogatepass")
    secret = f"sign-in limit {settings.secret_key}".encode()
    return hmac.digest(secret, address, "sha256").hex()


def _gate(scope: str, rate: str, key: Callable[[], str]) -> Callable[[], None]:
    """Return a function for the limiter to stand in front of."""

    def gate() -> None:
        """Pass unless there were too many tries."""

    gate.__qualname__ = f"gate {scope}"  # the limiter tells functions apart by name
    passing: Callable[[], None] = limiter.shared_limit(rate, scope=scope, key_func=key)(gate)
    return passing


def _pass(gate: Callable[[], None]) -> None:
    try:
        gate()
    except RateLimitExceeded:
        _remember()
        give_back()
        raise
    _remember()


def _remember() -> None:
    g.setdefault("counted", []).extend(limiter.current_limits)


SIGN_IN = Limit("sign-in", network="10 per 5 minutes", account="10 per 5 minutes")
# Who has the address gets a mail for each.
SIGN_UP = Limit("sign-up", network="10 per hour", account="5 per day")
SECOND_FACTOR = Limit("second-factor", network="20 per 5 minutes", account="5 per 5 minutes")
# Nobody guesses a signature; what is limited is the work of checking it.
PASSKEY = Limit("passkey", network="60 per 5 minutes")
CONFIRM = Limit("confirm", network="20 per 5 minutes", account="10 per 5 minutes")
# A mail to an address that was typed: per day and address, whether it is known or not.
RESET = Limit("reset", network="20 per hour", account="5 per day")
# One-time links have 256 bits; what is limited is the noise.
LINK = Limit("link", network="30 per hour")
# What the signed-in change of their own: credentials, sessions, keys, profile, export, deletion.
CHANGE = Limit("change", network="300 per hour", account="60 per hour")
# Asking for something that is mailed or prepared in the background.
REQUEST = Limit("request", network="60 per hour", account="10 per hour")
