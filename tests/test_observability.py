"""The log serves the house, never the other way round."""

import io
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from flask import Flask, Response, g
from sqlalchemy import text

from app import access_log, observability
from app.config import load_settings
from app.database import db
from app.domain.accounts.models import User
from app.domain.outbox import jobs
from app.integrations.mailer import Message, Sender, compose
from app.observability import configure_logging, note_cache, request_id, working_for
from app.scrubbing import GONE
from app.sql_use import sql_use
from tests.support.client import CheckedClient
from tests.test_access_log import ANSWER


class Gone:
    """A pipe whose reader has died."""

    def write(self, text: str) -> int:
        """Refuse."""
        raise BrokenPipeError(32, f"nobody takes {len(text)} characters")

    def flush(self) -> None:
        """Refuse."""
        raise BrokenPipeError(32, "nobody is there")


@pytest.mark.no_database
def test_a_log_that_nobody_reads_costs_no_answer() -> None:
    """The workers of a killed master serve on, and their stderr is a pipe without an end."""
    with logging_to(Gone()):
        structlog.get_logger().error("crash", status=500)
        access_log.put_down(ANSWER)


@pytest.fixture
def lines_of_requests() -> Iterator[None]:
    """The process of the tests, which logs errors only, logs its requests for the test."""
    access_log.configure(load_settings({"DATABASE_URL": "x", "LOG_FORMAT": "json"}))
    yield
    access_log.configure(load_settings({"DATABASE_URL": "x", "LOG_LEVEL": "ERROR"}))


def _requests(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the lines of requests that were written."""
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    return [line for line in lines if line["event"] == "request"]


@pytest.mark.usefixtures("lines_of_requests")
def test_a_request_says_how_many_statements_it_took_and_how_long(
    client: CheckedClient, capsys: pytest.CaptureFixture[str]
) -> None:
    client.get("/courses")
    (line,) = _requests(capsys)
    assert line["sql_count"] > 0
    assert 0 < line["sql_ms"] < line["duration_ms"]


def test_a_request_counts_its_own_statements_only(client: CheckedClient) -> None:
    counts = []
    for _ in range(2):
        client.get("/api/auth/me")
        counts.append(sql_use().count)
    assert counts[0] == counts[1]


def test_a_statement_for_many_rows_counts_as_one(app: Flask) -> None:
    with db.session.connection().connection.cursor() as cursor:
        use = sql_use()
        use.reset()
        cursor.executemany("SELECT %s", [(1,), (2,)])
    assert use.count == 1
    assert use.seconds > 0


def test_staff_alone_is_told_where_the_time_goes(
    client: CheckedClient, client_of: Callable[[User], CheckedClient], admin: User, learner: User
) -> None:
    told = client_of(admin).get("/admin").headers["Server-Timing"]
    assert re.fullmatch(r'total;dur=[\d.]+, db;dur=[\d.]+;desc="[1-9]\d* statements"', told)
    assert "Server-Timing" not in client_of(learner).get("/dashboard").headers
    assert "Server-Timing" not in client.get("/").headers


@pytest.fixture
def line_of(
    client: CheckedClient, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], dict[str, Any]]:
    """A function that asks for a path and returns the fields of the request's line."""

    def ask(path: str) -> dict[str, Any]:
        client.get(path)
        return _requests(capsys)[-1]

    return ask


@pytest.mark.parametrize(
    ("lookups", "told"),
    [([], None), ([True, True], "hit"), ([True, False, True], "miss")],
    ids=["none", "hits", "one miss"],
)
def test_a_line_says_whether_the_cache_had_it(
    app: Flask, lookups: list[bool], told: str | None
) -> None:
    with app.test_request_context("/"):
        for hit in lookups:
            note_cache(hit)
        assert g.get("cache") == told


@pytest.mark.usefixtures("lines_of_requests")
def test_a_request_without_an_answer_of_the_cache_says_nothing_of_it(
    line_of: Callable[[str], dict[str, Any]],
) -> None:
    assert "cache" not in line_of("/api/health/no-such")


@pytest.mark.usefixtures("lines_of_requests")
def test_a_line_names_the_person_by_a_pseudonym(
    client_of: Callable[[User], CheckedClient], learner: User, capsys: pytest.CaptureFixture[str]
) -> None:
    client_of(learner).get("/api/auth/me")
    line = _requests(capsys)[-1]
    assert line["user"] == observability.person_hash(learner.id)
    assert str(learner.id) not in str(line)


def test_the_line_of_a_request_has_all_its_members(client: CheckedClient) -> None:
    """It is written by hand; what a visitor chooses must not break out of it."""
    stream = io.StringIO()
    environ = {"RELEASE": 'r"1', "LOG_FORMAT": "json"}
    asked = client.application.test_request_context("/", method='GET",\n')
    with logging_to(stream, **environ), asked:
        observability._begin()
        observability._finish(Response(status=405))
    line = json.loads(stream.getvalue())
    moment = datetime.fromisoformat(line.pop("timestamp"))
    assert abs(datetime.now(UTC) - moment) < timedelta(minutes=1)
    assert re.fullmatch("[0-9a-f]{8}-[0-9]+", line.pop("request_id"))
    assert line.pop("duration_ms") >= 0
    assert line == {
        "event": "request",
        "level": "info",
        "logger": "web",
        "release": 'r"1',
        "method": 'GET",\n',
        "route": "unmatched",
        "status": 405,
        "user": None,
        "sql_count": 0,
        "sql_ms": 0,
    }


@pytest.mark.parametrize(("level", "lines"), [("INFO", 1), ("WARNING", 0)])
def test_a_higher_level_asks_for_no_line_of_requests(
    client: CheckedClient, level: str, lines: int
) -> None:
    stream = io.StringIO()
    environ = {"LOG_LEVEL": level, "LOG_FORMAT": "text"}
    with logging_to(stream, **environ), client.application.test_request_context("/"):
        observability._begin()
        name = request_id()
        observability._finish(Response())
    assert len(stream.getvalue().splitlines()) == lines
    assert stream.getvalue().count(name) == lines


def test_a_line_for_a_terminal_names_its_own_request() -> None:
    """Whoever comes first tells of what others put down, too."""
    stream = io.StringIO()
    with logging_to(stream, LOG_FORMAT="text"):
        access_log._telling.by([ANSWER, ANSWER._replace(request_id="id-2")])
    assert ["id-1" in line for line in stream.getvalue().splitlines()] == [True, False]
    assert "id-2" in stream.getvalue()


class Terminal(io.StringIO):
    """A stderr that a person reads."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@contextmanager
def logging_to(stream: Any, **environ: str) -> Iterator[None]:
    """Log to `stream` under other settings for the block."""
    root, before, stderr = logging.getLogger(), structlog.get_config(), sys.stderr
    handlers, level = root.handlers, root.level
    sys.stderr = stream
    try:
        configure_logging(load_settings({"DATABASE_URL": "postgresql://unused", **environ}))
        yield
    finally:
        sys.stderr = stderr
        structlog.configure(**before)
        access_log.configure(load_settings({"DATABASE_URL": "x", "LOG_LEVEL": "ERROR"}))
        root.handlers = handlers
        root.setLevel(level)


@pytest.mark.no_database
def test_development_is_logged_for_people_and_in_colour_on_a_terminal_alone() -> None:
    for stream, is_coloured in ((Terminal(), True), (io.StringIO(), False)):
        with logging_to(stream):
            structlog.get_logger().warning("something", answer=42)
        assert "something" in stream.getvalue()
        assert not stream.getvalue().startswith("{")
        assert ("\x1b[" in stream.getvalue()) is is_coloured


@pytest.mark.no_database
def test_elsewhere_every_record_is_json_with_the_release() -> None:
    stream = io.StringIO()
    with logging_to(stream, APP_ENV="demo", RELEASE="20261123-abc"):
        structlog.get_logger().info("ours", logger="web")
        logging.getLogger("theirs").info("of a library: %s", "ada@mail.example")
        try:
            int("not a number")
        except ValueError:
            logging.getLogger("theirs").exception("failed")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["ours", f"of a library: {GONE}", "failed"]
    assert {line["release"] for line in lines} == {"20261123-abc"}
    assert "ValueError" in lines[2]["exception"]


@pytest.mark.no_database
def test_a_mail_says_which_request_it_goes_back_to() -> None:
    message = Message("key", "ada@mail.example", "Hello", "text", "<p>text</p>", "en")
    assert "X-Request-Id" not in compose(message, Sender("Us", "us@mail.example"))
    asked = replace(message, request_id="case-of-a-mail")
    assert compose(asked, Sender("Us", "us@mail.example"))["X-Request-Id"] == "case-of-a-mail"


def test_a_job_knows_which_request_it_goes_back_to(app: Flask) -> None:
    query = text("SELECT request_id FROM procrastinate_job_requests ORDER BY job_id DESC LIMIT 1")
    with working_for("case-of-a-job"):
        jobs.enqueue("mail.send", queue="mail", mail_id="1")
        assert request_id() == "case-of-a-job"
    assert request_id() == ""
    assert db.session.scalar(query) == "case-of-a-job"
    db.session.execute(text("DELETE FROM procrastinate_jobs"))
    assert db.session.scalar(query) is None
