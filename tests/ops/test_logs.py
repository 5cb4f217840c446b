"""Logs in production: files that are set aside before they fill a disk, shipped line by line.

A real supervisord with the project's file (sizes made small) runs web and worker; Debian's rsyslog
with the project's file (addresses replaced) follows their logs and sends to an aggregator.
"""

import json
import re
import shutil
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from flask import Flask

from app.config import Settings
from app.database import db
from tests import factories
from tests.support.http import Visitor
from tests.support.known_secrets import SECRETS
from tests.support.server import ROOT, free_port, gunicorn, responds, running, wait_until

pytestmark = pytest.mark.timeout(300)
LAID_OUT = ROOT / "var" / "test-tools" / "rsyslog"
MOST_BYTES = 20_000
ASKED = 120  # lines of some 250 bytes: more than a file holds
ARRIVES_SECONDS = 90
FRAME = re.compile(rb"(\d+) ")


@dataclass
class Aggregator:
    """What takes syslog over TCP, and the records it was sent."""

    records: list[str] = field(default_factory=list)

    def has(self, *words: str) -> bool:
        """Whether one record has all the words."""
        return any(all(word in record for word in words) for record in list(self.records))

    @contextmanager
    def listening(self, port: int) -> Iterator[None]:
        """Take records for the block; each is sent with its length in front (RFC 6587)."""
        records, connections = self.records, []

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                connections.append(self.connection)
                while length := self._length():
                    records.append(self.rfile.read(length).decode())

            def _length(self) -> int:
                digits = b""
                while (byte := self.rfile.read(1)).isdigit():
                    digits += byte
                return int(digits or 0)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        with Server(("127.0.0.1", port), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            try:
                yield
            finally:
                server.shutdown()
                for connection in connections:
                    with_end(connection)
                thread.join()


def with_end(connection: object) -> None:
    """Close a connection as a host does that goes down."""
    try:
        connection.shutdown(2)  # type: ignore[attr-defined]
    except OSError:
        return


@pytest.fixture
def rsyslog() -> tuple[list[str], dict[str, str]]:
    """The command that starts rsyslog and its environment: installed, or laid out by setup.sh."""
    installed = shutil.which("rsyslogd", path="/usr/sbin:/usr/bin")
    if installed:
        return [installed], {}
    found = sorted(LAID_OUT.glob("usr/lib/*/rsyslog"))
    if not found:
        pytest.skip("rsyslog is missing; `./setup.sh test` lays Debian's out in var/test-tools")
    command = [str(LAID_OUT / "usr/sbin/rsyslogd"), "-M", str(found[0])]
    return command, {"LD_LIBRARY_PATH": str(found[0].parent)}


def _configured(folder: Path, logs: Path, port: int) -> Path:
    """Write the project's rsyslog.conf with the addresses of this machine."""
    text = (ROOT / "logging" / "rsyslog.conf").read_text()
    for here, there in {
        "/var/log/triple/": f"{logs}/",
        "logs.example.com": "127.0.0.1",
        'port="6514"': f'port="{port}"',
        'resumeInterval="5"': 'resumeInterval="1"',
    }.items():
        assert here in text
        text = text.replace(here, there)
    folder.mkdir()
    path = folder / "rsyslog.conf"
    path.write_text(f'global(workDirectory="{folder}")\n{text}')
    return path


def _house(folder: Path) -> Path:
    """Return supervisord.conf in a folder that looks like a release, with small log files."""
    folder.mkdir()
    for name in ("app", "migrations", "gunicorn.conf.py", "wsgi.py"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(sys.prefix)
    text = (ROOT / "supervisord.conf").read_text()
    path = folder / "supervisord.conf"
    path.write_text(text.replace("_maxbytes=20MB", f"_maxbytes={MOST_BYTES}"))
    return path


@dataclass(frozen=True)
class Shipped:
    """A site whose logs are shipped to `port`."""

    visitor: Visitor
    logs: Path
    port: int

    def ask(self, number: int, series: str = "shipped") -> None:
        """Send a request whose id says which it is."""
        asked_by = {"X-Request-Id": f"{series}-{number:04d}"}
        assert self.visitor.get("/api/courses", headers=asked_by).status == 200


@pytest.fixture
def shipped(
    committed_app: Flask, rsyslog: tuple[list[str], dict[str, str]], tmp_path: Path
) -> Iterator[Shipped]:
    """Web and worker by supervisord, rsyslog beside them."""
    settings: Settings = committed_app.extensions["settings"]
    web_port, port = str(free_port()), free_port()
    run, logs = tmp_path / "run", tmp_path / "log"
    for each in (run / "supervisor.d", logs):
        each.mkdir(parents=True)
    environment = {
        **SECRETS,
        "APP_ENV": "demo",
        "DATABASE_URL": settings.database_url,
        "DATA_DIR": str(tmp_path / "data"),
        "PORT": web_port,
        "WEB_WORKERS": "1",
        "RUN_DIR": str(run),
        "LOG_DIR": str(logs),
        "RUN_WEB": "true",
        "RUN_WORKER": "true",
        "RUN_SCHEDULER": "false",
    }
    command, libraries = rsyslog
    shipping = _configured(tmp_path / "rsyslog", logs, port)
    command += ["-n", "-f", str(shipping), "-i", str(tmp_path / "rsyslog" / "pid")]
    house = _house(tmp_path / "house")
    supervisord = [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(house)]
    with ExitStack() as stack:
        stack.enter_context(running(command, libraries, tmp_path / "rsyslog.log"))
        stack.enter_context(running(supervisord, environment, tmp_path / "supervisord.out"))
        url = f"http://127.0.0.1:{web_port}"
        wait_until(lambda: responds(url), ARRIVES_SECONDS, "the site serves")
        yield Shipped(Visitor(url), logs, port)


def test_logs_are_set_aside_and_every_line_reaches_the_aggregator(shipped: Shipped) -> None:
    email = factories.make_user(email="shipped.canary@mail.example").email
    db.session.commit()
    aggregator = Aggregator()
    with aggregator.listening(shipped.port):
        for number in range(ASKED):
            shipped.ask(number)
        body, asked_by = {"email": email}, {"X-Request-Id": "shipped-reset"}
        answer = shipped.visitor.request("POST", "/api/auth/reset", body, asked_by)
        assert answer.status < 300
        wait_until(
            lambda: all(aggregator.has(f"shipped-{n:04d}") for n in range(ASKED)),
            ARRIVES_SECONDS,
            "every request's line has arrived",
        )
        wait_until(
            lambda: aggregator.has("shipped-reset", " worker ", '"task": "mail.send"'),
            ARRIVES_SECONDS,
            "the line of the mail that goes back to a request has arrived",
        )
    assert (shipped.logs / "web.log.1").exists()
    assert (shipped.logs / "web.log").stat().st_size <= MOST_BYTES
    assert aggregator.has("shipped-0000", " web ", '"event": "request"', '"status": 200')
    assert not aggregator.has(email)
    # While nobody listens the site serves on, and what it says arrives later.
    for number in range(20):
        shipped.ask(number, "later")
    with aggregator.listening(shipped.port):
        wait_until(
            lambda: aggregator.has("later-0019"),
            ARRIVES_SECONDS,
            "what was said meanwhile arrives when the aggregator is back",
        )


@pytest.mark.no_database
def test_the_file_for_vector_reads_what_the_house_writes() -> None:
    """Vector is in no index of packages that this project installs from: its file is only read."""
    file = yaml.safe_load((ROOT / "logging" / "vector.yaml").read_text())
    assert file["sources"]["triple"]["include"] == ["/var/log/triple/*.log"]
    assert file["sinks"]["aggregator"]["inputs"] == ["lines"]
    assert file["transforms"]["lines"]["inputs"] == ["triple"]


def test_a_server_that_stops_has_told_of_every_answer(
    committed_database: str, tmp_path: Path
) -> None:
    """Lines of requests wait for a moment; a reload or a release must not lose them."""
    environment = {**SECRETS, "DATABASE_URL": committed_database, "LOG_FORMAT": "json"}
    with gunicorn(environment, tmp_path) as server:
        for number in range(40):
            Visitor(server.url).get(f"/no-such-page-{number}")
    told = [line for line in server.log.splitlines() if '"status": 404' in line]
    assert len(told) == 40
    assert len({json.loads(line)["request_id"] for line in told}) == 40
