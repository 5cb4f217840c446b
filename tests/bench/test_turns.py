"""The bench's own tools: what is switched off is really off, and on again afterwards."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from flask import Flask

from app import access_log, metrics, observability, sql_use, timed_cursor
from tests.bench import observed, turns
from tests.bench.load import Request
from tests.bench.watching import Watching

REQUEST = Request("GET", "/courses?level=beginner")
# Others ask these two for what they are to say; they are no hooks.
ASKED_BY_OTHERS = {"note_cache", "person_hash", "request_id"}


@pytest.fixture
def watching(app: Flask) -> Iterator[Watching]:
    """What observes the application, on again afterwards."""
    found = Watching(app)
    yield found
    found.switch(on=True)


@contextmanager
def called() -> Iterator[set[str]]:
    """Collect the functions of whatever observes that are called in the block."""
    modules = (observability, access_log, sql_use, timed_cursor)
    files = {*(each.__file__ for each in modules)}
    files |= {*map(str, Path(metrics.__file__).parent.glob("*.py"))}
    found: set[str] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename in files:
            found.add(frame.f_code.co_name)

    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(None)


def test_nothing_observes_what_is_not_to_be_observed(app: Flask, watching: Watching) -> None:
    turns.answer(app, turns.environ_of(REQUEST, sys.stderr))
    with called() as on:
        turns.answer(app, turns.environ_of(REQUEST, sys.stderr))
    watching.switch(on=False)
    with called() as off:
        turns.answer(app, turns.environ_of(REQUEST, sys.stderr))
    assert {"_begin", "_finish", "put_down", "execute"} <= on
    assert off - ASKED_BY_OTHERS == set()


def test_what_was_switched_off_is_the_same_when_it_is_on_again(
    app: Flask, watching: Watching
) -> None:
    before = [list(hooks) for hooks in (*app.before_request_funcs.values(),)]
    with called() as first:
        turns.answer(app, turns.environ_of(REQUEST, sys.stderr))
    for on in (False, False, True, True):
        watching.switch(on=on)
    with called() as again:
        turns.answer(app, turns.environ_of(REQUEST, sys.stderr))
    assert [list(hooks) for hooks in app.before_request_funcs.values()] == before
    assert again == first


@pytest.mark.no_database
def test_an_answer_that_failed_is_no_figure() -> None:
    def missing(_: Any, start: Callable[..., Any]) -> list[bytes]:
        start("404 NOT FOUND", [])
        return [b"gone"]

    with pytest.raises(RuntimeError, match=r"/courses.* answered 404"):
        turns.answer(missing, turns.environ_of(REQUEST, sys.stderr))


@pytest.mark.no_database
def test_the_application_is_asked_as_gunicorn_asks_it() -> None:
    request = Request(
        "POST", "/a%20b?c=d", "session=x", '{"e": 1}', (("X-Forwarded-For", "10.1.1.1"),)
    )
    environ = turns.environ_of(request, sys.stderr)
    assert environ["PATH_INFO"] == "/a b"
    assert environ["QUERY_STRING"] == "c=d"
    assert environ["HTTP_COOKIE"] == "session=x"
    assert environ["HTTP_X_FORWARDED_FOR"] == "10.1.1.1"
    assert environ["wsgi.input"].read() == b'{"e": 1}'
    assert environ["CONTENT_LENGTH"] == "8"


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("share", "part", "expected"), [(0.0, 0.7, 1.0), (0.04, 0.75, 1 / 0.97), (0.5, 1.0, 2.0)]
)
def test_what_observing_takes_is_taken_from_the_throughput(
    share: float, part: float, expected: float
) -> None:
    assert observed.ratio(share, part) == pytest.approx(expected)
