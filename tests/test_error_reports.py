"""What Sentry is told: every crash of web, worker and browser, and nothing that is nobody's."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from app import error_reports
from app.current import settings
from app.database import db
from app.domain.outbox import jobs
from app.domain.outbox.mail import MAIL_QUEUE, SEND_TASK
from app.error_reports import Surroundings, scrub_event
from app.observability import working_for
from app.scrubbing import GONE, scrub
from tests.support.client import CheckedClient
from tests.support.http import Visitor
from tests.support.known_secrets import SECRETS
from tests.support.sentry import Sentry, running_sentry
from tests.support.server import LiveServer, gunicorn, running, wait_until

ARRIVES_SECONDS = 60
EMAIL, PASSWORD = "ada.secret@example.com", "kAnArI-password-7"
TOLD = {
    "kind": "error",
    "name": "TypeError",
    "message": f"x is null for {EMAIL}",
    "page": "/courses?q=canary-query",
    "source": "http://localhost/static/abc/js/main.js?canary-query",
    "line": 7,
    "column": 9,
    "stack": "TypeError: x is null\n    at init (http://localhost/static/abc/js/a.js?canary-query:3:5)"
    "\n    at http://localhost/static/abc/js/main.js:7:9",
}


@pytest.fixture
def sentry() -> Iterator[Sentry]:
    with running_sentry() as sentry:
        yield sentry


@pytest.fixture
def crashing(committed_app: Flask, sentry: Sentry, tmp_path: Path) -> Iterator[LiveServer]:
    """A production-like site with views that crash, telling `sentry`."""
    environment = {
        **SECRETS,
        "APP_ENV": "demo",
        "DATABASE_URL": settings.database_url,
        "SENTRY_DSN": sentry.dsn,
        "RELEASE": "release-1",
        "WEB_WORKERS": "1",
        "LOG_LEVEL": "DEBUG",
        "LOG_FORMAT": "json",
    }
    with gunicorn(environment, tmp_path, "tests.support.crashing:app") as server:
        yield server


def test_a_crash_of_the_site_arrives_with_its_surroundings_and_no_secret(
    crashing: LiveServer, sentry: Sentry
) -> None:
    visitor = Visitor(crashing.url, {"session": "canary-cookie-1", "language": "en"})
    form = f"email=eva.secret%40example.com&password={PASSWORD}&code=123456".encode()
    of_form = {"Content-Type": "application/x-www-form-urlencoded", "X-Request-Id": "case-form-1"}
    assert visitor.request("POST", "/crash?next=canary-query", form, of_form).status == 500
    assert visitor.request("POST", "/auth/reset/canary-link/crash", form, of_form).status == 500
    bearer = {"Authorization": "Bearer canary-bearer-token"}
    body = {"email": EMAIL, "password": PASSWORD}
    assert visitor.request("POST", "/api/crash", body, bearer).status == 500
    wait_until(lambda: len(sentry.events) >= 3, ARRIVES_SECONDS, "the crashes are told")

    [event] = [e for e in sentry.events if e["tags"].get("route") == "/crash"]
    assert event["release"] == "release-1"
    assert event["environment"] == "demo"
    assert event["tags"]["request_id"] == "case-form-1"
    assert event["exception"]["values"][0]["type"] == "RuntimeError"
    frames = event["exception"]["values"][0]["stacktrace"]["frames"]
    assert frames[-1]["function"] == "crash_by_form"
    assert all("vars" not in frame for frame in frames)
    everything = "".join(sentry.envelopes) + crashing.log
    for secret in (
        *("canary", "eva.secret", EMAIL, PASSWORD, "123456", "example.com"),
        *SECRETS.values(),
    ):
        assert secret not in everything


def test_a_crash_is_one_line_of_the_log_with_its_traceback(crashing: LiveServer) -> None:
    Visitor(crashing.url).post("/api/crash", {"email": EMAIL, "password": PASSWORD})
    wait_until(
        lambda: '"crash"' in crashing.log and '"status": 500' in crashing.log,
        ARRIVES_SECONDS,
        "the crash and its request are in the log",
    )
    lines = [json.loads(line) for line in crashing.log.splitlines()]
    [line] = [line for line in lines if line["event"] == "crash"]
    assert line["route"] == "/api/crash"
    assert "crashing.py" in line["exception"]
    assert f"not understood: email={GONE}" in line["exception"]
    [request] = [line for line in lines if line["event"] == "request" and line["status"] == 500]
    assert request["request_id"] == line["request_id"]
    assert request["release"] == line["release"] == "release-1"


def test_a_job_that_fails_is_told_with_the_request_it_goes_back_to(
    committed_app: Flask, sentry: Sentry, tmp_path: Path
) -> None:
    with working_for("case-of-a-job"):
        jobs.enqueue(SEND_TASK, queue=MAIL_QUEUE, mail_id=f"for {EMAIL}")
    db.session.commit()
    log = tmp_path / "worker.log"
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "worker"]
    environment = {
        **SECRETS,
        "APP_ENV": "demo",
        "DATABASE_URL": settings.database_url,
        "DATA_DIR": str(tmp_path),
        "SENTRY_DSN": sentry.dsn,
    }
    with running(command, environment, log):
        wait_until(lambda: sentry.telling(SEND_TASK), ARRIVES_SECONDS, "the job's failure is told")
    [event] = sentry.telling(SEND_TASK)
    assert event["tags"]["request_id"] == "case-of-a-job"
    assert event["tags"]["task"] == SEND_TASK
    assert event["tags"]["attempt"] == "1"
    [line] = [
        line for line in map(json.loads, log.read_text().splitlines()) if line["event"] == "job"
    ]
    assert line["request_id"] == "case-of-a-job"
    assert line["outcome"] == "failed"
    assert EMAIL not in log.read_text() + "".join(sentry.envelopes)


ENDED_BY = {
    "main": "raise RuntimeError('token=canary-word of ada.canary@mail.example')",
    "thread": "threading.Thread(target=lambda: int('token=canary-word')).start()",
}


@pytest.mark.no_database
@pytest.mark.parametrize("where", ENDED_BY)
def test_what_ends_a_process_or_a_thread_is_one_line_and_is_told(
    where: str, sentry: Sentry, tmp_path: Path
) -> None:
    """As worker and scheduler begin: with the application made, and nothing caught from then on."""
    log = tmp_path / "process.log"
    environment = {
        **SECRETS,
        "APP_ENV": "demo",
        "DATABASE_URL": "postgresql:///none",
        "DATA_DIR": str(tmp_path),
        "SENTRY_DSN": sentry.dsn,
    }
    program = "import threading; from app import create_app; from app.observability import *"
    program += f"; create_app(); log_uncaught(); {ENDED_BY[where]}"
    with running([sys.executable, "-c", program], environment, log) as process:
        process.wait(120)
    [line] = log.read_text().splitlines()
    crash = json.loads(line)
    assert (crash["event"], crash["where"]) == ("crash", where)
    assert "Error: " in crash["exception"]
    wait_until(lambda: sentry.events, ARRIVES_SECONDS, "the end is told")
    assert "canary" not in log.read_text() + "".join(sentry.envelopes)


def test_an_error_in_a_browser_is_logged_counted_and_told(
    serve: Callable[..., LiveServer], sentry: Sentry
) -> None:
    server = serve(SENTRY_DSN=sentry.dsn, LOG_FORMAT="json", WEB_WORKERS="1")
    assert Visitor(server.url).post("/api/client-errors", TOLD).status == 204
    wait_until(lambda: sentry.events, ARRIVES_SECONDS, "the browser's error is told")
    [event] = sentry.events
    assert event["platform"] == "javascript"
    assert event["transaction"] == event["tags"]["page"] == "courses.index"
    frames = event["exception"]["values"][0]["stacktrace"]["frames"]
    assert [frame["filename"] for frame in frames] == [
        "/static/abc/js/main.js",
        "/static/abc/js/a.js",
    ]
    assert frames[-1]["function"] == "init"
    wait_until(lambda: "client error" in server.log, ARRIVES_SECONDS, "the line is in the log")
    everything = "".join(sentry.envelopes) + server.log
    assert EMAIL not in everything
    assert "canary-query" not in everything


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "anything"},
        {"message": "x" * 501},
        {"stack": "x" * 4001},
        {"user": EMAIL},
        {"line": -1},
    ],
    ids=["kind", "message", "stack", "unknown", "line"],
)
def test_what_a_browser_may_tell_is_bounded(
    client: CheckedClient, change: dict[str, object]
) -> None:
    assert client.post("/api/client-errors", json=TOLD | change).status_code == 422


def test_a_report_larger_than_a_report_is_refused(client: CheckedClient) -> None:
    answer = client.post("/api/client-errors", json=TOLD | {"more": "x" * 9000})
    assert answer.status_code == 413


@pytest.mark.timeout(60)
def test_a_stack_of_nothing_but_space_holds_nobody_up(client: CheckedClient) -> None:
    """Patterns that may begin anywhere in such a text would take minutes, and the worker's lock."""
    for stack in (
        "x" + "\n" * 1333 + " " * 2665 + "x",
        "at " * 1333,
        "https://" * 499,
        "x@" * 1999,
        ("a" * 200 + "(" * 3 + "\n") * 19,
    ):
        assert client.post("/api/client-errors", json=TOLD | {"stack": stack}).status_code == 204


def test_no_place_of_a_report_tells_what_opens_an_account(
    client: CheckedClient, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[dict[str, object]] = []
    monkeypatch.setattr(error_reports, "report_event", sent.append)
    link = "http://localhost/auth/reset/canary-token-of-a-mail"
    for change in (
        {"source": link, "stack": ""},
        {"stack": f"Error\n    at go ({link}:1:2)\ngo@{link}:3:4"},
    ):
        assert client.post("/api/client-errors", json=TOLD | change).status_code == 204
    assert len(sent) == 2
    assert "canary-token" not in json.dumps(sent) + capsys.readouterr().err


def test_one_network_tells_of_thirty_errors_a_minute(client: CheckedClient) -> None:
    answers = [client.post("/api/client-errors", json=TOLD).status_code for _ in range(32)]
    assert answers.count(204) <= 30
    assert answers[-1] == 429


@pytest.mark.no_database
def test_an_event_holds_what_the_list_allows_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    around = Surroundings({"request_id": "case-1"}, "a1b2c3", {PASSWORD})
    monkeypatch.setattr(error_reports._Reporter, "surroundings", staticmethod(lambda: around))
    frame = {"function": "f", "vars": {"password": PASSWORD}, "lineno": 3}
    event = {
        "exception": {
            "values": [{"value": f"{PASSWORD} {EMAIL}", "stacktrace": {"frames": [frame]}}]
        },
        "logentry": {"message": "mail to %s", "params": [EMAIL], "formatted": f"mail to {EMAIL}"},
        "breadcrumbs": {"values": [{"message": f"token={PASSWORD}"}]},
        "user": {"email": EMAIL, "ip_address": "192.0.2.1"},
        "extra": {"sys.argv": [PASSWORD]},
        "modules": {},
        "contexts": {"any": PASSWORD},
        "request": {"url": f"http://x.test/a?token={PASSWORD}", "headers": {"Cookie": PASSWORD}},
    }
    kept = scrub_event(event)
    assert PASSWORD not in json.dumps(kept)
    assert EMAIL not in json.dumps(kept)
    assert kept["user"] == {"id": "a1b2c3"}
    assert kept["tags"] == {"request_id": "case-1"}
    assert not {"extra", "modules", "contexts"} & kept.keys()
    assert kept["request"] == {"url": "http://x.test/a"}


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("mail to lea.secret@example.com failed", "lea.secret"),
        ("mail to lea.secret%40example.com failed", "lea.secret"),
        ("GET https://x.test/media/1?Expires=1&Signature=abc~ failed", "abc~"),
        ("postgresql://triple:p%40word@db/triple refused", "p%40word"),
        ("Authorization: Bearer abc.def-12345", "abc.def"),
        ("{'password': 'with spaces in it', 'a': 1}", "with spaces"),
        ("api_key=abcdefg", "abcdefg"),
        ("took sk_live_abcdefgh for a key", "sk_live"),
        ("cookie eyJhbGciOiJIUzI1NiJ9.eyJzdWIi.c2ln", "eyJzdWIi"),
        ("/auth/reset/short-token", "short-token"),
        ("digest " + "a1" * 20, "a1a1"),
    ],
)
def test_free_text_loses_what_opens_something_or_names_somebody(text: str, without: str) -> None:
    assert without in text
    assert without not in scrub(text)


@pytest.mark.no_database
@pytest.mark.parametrize(
    "text",
    [
        "job 12 of media/3f2b8c1e-1111-4222-8333-abcdefabcdef/1 took 3.2 s, status code: 404",
        '  File "/srv/triple/releases/20261123-a1b2c3d4/app/web/x.py", line 3, in show',
        "a name_that_is_longer_than_thirty_two_letters_2 stays",
        "TypeError: 'NoneType' object is not subscriptable",
    ],
)
def test_free_text_keeps_what_helps(text: str) -> None:
    assert scrub(text) == text
