"""What is the same for many people: kept by us, shared by caches, and 304 where unchanged."""

from collections.abc import Callable
from typing import TypeVar, cast

from flask import Response, current_app, make_response, request, session

from app.cache import EXTENSION, Cache, Codec, content_version, read_version
from app.domain.accounts.models import Role
from app.web.access import signed_in
from app.web.reading import from_replica

T = TypeVar("T")

VISITORS_SECONDS = 60
# For caches that answer at once and ask for a newer page behind that answer, or cannot get one.
STALE_SECONDS = 30
STALE_IF_ERROR_SECONDS = 3600


def cache() -> Cache:
    """Return the application's cache."""
    return cast(Cache, current_app.extensions[EXTENSION])


def kept(kind: str, key: str, make: Callable[[], T], codec: Codec[T]) -> T:
    """Return what is kept under `key`, or what `make` makes, which must hold nothing personal.

    Staff sees its changes at once, and so do visitors, whose pages nginx keeps: it must not be
    given one of before when it has just been emptied. Learners see them a second later at most.
    """
    if not cache().is_on:
        return make()
    person = signed_in()
    is_learner = person is not None and person.role is Role.LEARNER
    version = content_version(lambda: from_replica(read_version), at_once=not is_learner)

    def made() -> tuple[int, T]:
        """Read both from one database: a replica's content under its own version."""
        return from_replica(lambda: (read_version(), make()))

    return cache().get(kind, key, version, made, codec)


def share_with_visitors(body: str | Response, seconds: int = VISITORS_SECONDS) -> Response:
    """Return `body`, public for `seconds` unless it belongs to somebody.

    A visitor with anything in the form cookie (a token, a message) is somebody, too.
    """
    response = make_response(body)
    if signed_in() is not None or session:
        response.headers.pop("ETag", None)
        return response
    response.cache_control.public = True
    response.cache_control.max_age = seconds
    response.cache_control.stale_while_revalidate = STALE_SECONDS
    response.cache_control.stale_if_error = STALE_IF_ERROR_SECONDS
    response.add_etag()
    response.make_conditional(request)
    return response


def revalidated(response: Response) -> Response:
    """Have whoever keeps this answer ask each time whether it still holds: 304 if it does.

    What belongs to somebody is kept by no cache; a program that remembers its ETag may still ask.
    """
    if signed_in() is None and not session:
        response.headers["Cache-Control"] = "public, no-cache"
        response.vary.add("Authorization")
    response.add_etag(weak=True)
    response.make_conditional(request)
    return response
