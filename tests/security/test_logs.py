"""Threat 21: logs hold no token, no query string, no address of a person, and break no line."""

import json
from collections.abc import Callable

import pytest
from flask import Flask

from app.database import db
from app.domain.courses.models import LessonKind
from app.error_reports import scrub_event
from app.scrubbing import GONE
from tests import factories
from tests.support.http import Visitor
from tests.support.server import LiveServer, wait_until

PASSWORD = factories.PASSWORD


@pytest.fixture
def busy_server(
    committed_app: Flask, serve: Callable[..., LiveServer]
) -> tuple[LiveServer, dict[str, str]]:
    """A server that has seen a sign-in, a stream and some mischief; with the secrets it saw."""
    user = factories.make_user(password=PASSWORD, email="secret.person@example.com")
    section = factories.make_section(course := factories.make_course())
    video = factories.make_ready_video()
    lesson = factories.make_lesson(section, kind=LessonKind.VIDEO, video_id=video.id)
    factories.make_enrollment(user, course)
    lesson_id, email = str(lesson.id), user.email
    db.session.commit()
    server = serve(LOG_LEVEL="DEBUG", LOG_FORMAT="json")
    visitor = Visitor(server.url)
    body = {"email": email, "password": PASSWORD}
    assert visitor.post("/api/auth/login", body).status == 200
    started = visitor.post("/api/playback/token", {"lesson_id": lesson_id}).json
    assert visitor.get(started["manifest_url"]).status == 200
    visitor.post("/api/auth/login", {"email": email, "password": "a-wrong-password-1"})
    visitor.get(f"/courses?q={email}&token=query-secret")
    visitor.get("/no%0d%0ainjected-line%20level=error", headers={"X-Request-Id": "a b\tc"})
    visitor.get("/", headers={"User-Agent": 'agent"\\ninjected-line', "Referer": f"/?t={email}"})
    visitor.get("/api/player/manifest", headers={"Authorization": "Bearer bearer-secret"})
    secrets = {
        "playback token": started["token"],
        "its signature": started["token"].split(".")[2],
        "login token": visitor.cookies["session"],
        "password": PASSWORD,
        "wrong password": "a-wrong-password-1",
        "address": email,
        "query": "query-secret",
        "bearer": "bearer-secret",
    }
    wait_until(lambda: "manifest" in server.log, 10, "the requests are in the log")
    return server, secrets


def test_no_secret_reaches_the_log(busy_server: tuple[LiveServer, dict[str, str]]) -> None:
    server, secrets = busy_server
    log = server.log
    assert [what for what, value in secrets.items() if value in log] == []


def test_every_line_is_one_event(busy_server: tuple[LiveServer, dict[str, str]]) -> None:
    """A line break in an address or a header does not begin a line of its own."""
    server, _ = busy_server
    lines = [line for line in server.log.splitlines() if line.strip()]
    broken = [line for line in lines if not _is_json(line)]
    assert broken == []
    assert not [line for line in lines if line.startswith("injected-line")]


def test_requests_are_found_by_their_id(busy_server: tuple[LiveServer, dict[str, str]]) -> None:
    server, _ = busy_server
    answer = Visitor(server.url).get("/courses", headers={"X-Request-Id": "support-case-12345"})
    assert answer.headers["X-Request-Id"] == "support-case-12345"
    wait_until(lambda: "support-case-12345" in server.log, 10, "the id is in the log")
    events = [json.loads(line) for line in server.log.splitlines() if _is_json(line)]
    [event] = [event for event in events if event.get("request_id") == "support-case-12345"]
    assert event["route"] == "/courses"
    assert event["status"] == 200


@pytest.mark.no_database
@pytest.mark.parametrize("end", ["", "/stop", "?from=mail"])
@pytest.mark.parametrize("kind", ["reset", "verify", "verify/old-email", "verify/new-email"])
def test_error_reports_hold_no_token_of_a_mailed_link(kind: str, end: str) -> None:
    address = f"https://example.com/auth/{kind}/secret-in-a-link{end}"
    event = scrub_event({"request": {"url": address, "data": "secret"}})
    tail = end.split("?", maxsplit=1)[0]
    assert event["request"] == {"url": f"https://example.com/auth/{kind}/{GONE}{tail}"}


def _is_json(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
