"""The doctor at the front door: name, certificate, and answers with our headers."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.cli.checks import front
from app.cli.checks.findings import State
from app.clock import shifted
from tests.cli.checks.conftest import Doctor
from tests.support.mail_servers import make_certificate
from tests.support.server import free_port

NAME = "localhost"
READY = {"status": "ok", "checks": {"database": "ok"}}
HEADERS = dict.fromkeys((*front.HEADERS, "Strict-Transport-Security"), "x")


class Door(ThreadingHTTPServer):
    """Stands where nginx would; `status` 0 hangs up."""

    status = 200
    said: object = READY
    headers: dict[str, str]
    asked_for: str = ""


class _Answers(BaseHTTPRequestHandler):
    server: Door

    def do_GET(self) -> None:
        self.server.asked_for = self.headers["Host"]
        if not self.server.status:
            return
        body = json.dumps(self.server.said).encode()
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def _open(tls: ssl.SSLContext | None = None) -> Iterator[Door]:
    door = Door(("127.0.0.1", 0), _Answers)
    door.headers = dict(HEADERS)
    if tls:
        door.socket = tls.wrap_socket(door.socket, server_side=True)
    thread = threading.Thread(target=door.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield door
    door.shutdown()
    thread.join()
    door.server_close()


@pytest.fixture
def door(doctor: Doctor) -> Iterator[Door]:
    """An open door without TLS, where PUBLIC_BASE_URL leads."""
    with _open() as door:
        doctor.change(public_base_url=f"http://{NAME}:{door.server_port}")
        yield door


@pytest.fixture
def behind(
    doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Door]]:
    """A function that opens a door with a certificate for `name`, which this machine may trust."""
    with ExitStack() as stack:

        def opened(name: str = NAME, *, is_trusted: bool = True) -> Door:
            tls, trust = make_certificate(tmp_path, name)
            if is_trusted:
                monkeypatch.setenv("SSL_CERT_FILE", str(trust))
            door = stack.enter_context(_open(tls))
            doctor.change(
                public_base_url=f"https://{NAME}:{door.server_port}",
                page_cache_url=f"https://127.0.0.1:{door.server_port}",
                page_cache_key="a key",
            )
            return door

        yield opened


def test_a_site_that_answers_with_our_headers_is_well(doctor: Doctor, door: Door) -> None:
    assert "all our headers" in doctor.one("site", State.OK).detail
    assert door.asked_for == f"{NAME}:{door.server_port}"
    doctor.one("name", State.OK)
    doctor.one("certificate", State.SKIP)


def test_nginx_is_asked_where_it_stands_for_the_public_name(
    doctor: Doctor, behind: Callable[..., Door]
) -> None:
    door = behind("courses.invalid")
    doctor.change(public_base_url=f"https://courses.invalid:{door.server_port}")
    doctor.one("site", State.OK)
    assert door.asked_for == f"courses.invalid:{door.server_port}"
    doctor.change(page_cache_url="http://127.0.0.1:1")
    doctor.one("site", State.OK)


@pytest.mark.parametrize(
    ("status", "said", "detail", "remedy"),
    [
        (503, {"status": "failed", "checks": {"migrations": "failed", "clock": "ok"}},
         "not ready: migrations", "checks of these names"),
        (502, "a page", "the application does not", "supervisorctl start web"),
        (400, {"code": "BAD_REQUEST"}, "answers 400", "TRUSTED_HOSTS"),
        (0, "", "hangs up", "SITE_HOST must be localhost"),
    ],
    ids=["not ready", "no gunicorn", "refused", "another host"],
)  # fmt: skip
def test_a_site_that_does_not_serve_is_told(
    doctor: Doctor, door: Door, status: int, said: object, detail: str, remedy: str
) -> None:
    door.status, door.said = status, said
    found = doctor.one("site", State.FAIL)
    assert detail in found.detail
    assert remedy in found.remedy


def test_a_site_that_is_away_is_told(doctor: Doctor) -> None:
    doctor.change(public_base_url=f"http://127.0.0.1:{free_port()}")
    assert "supervisorctl start nginx web" in doctor.one("site", State.FAIL).remedy


def test_a_header_lost_on_the_way_is_named(doctor: Doctor, door: Door) -> None:
    del door.headers["Content-Security-Policy"]
    assert "Content-Security-Policy" in doctor.one("site", State.FAIL).detail


def test_a_degraded_site_is_a_warning(doctor: Doctor, door: Door) -> None:
    door.said = {"status": "degraded", "checks": {"database": "ok", "redis": "failed"}}
    assert "but for: redis" in doctor.one("site", State.WARN).detail


def test_a_name_that_leads_nowhere_is_told(doctor: Doctor) -> None:
    doctor.change(public_base_url="https://courses.invalid")
    assert "courses.invalid" in doctor.one("name", State.WARN).remedy


def test_a_trusted_certificate_is_well(
    doctor: Doctor, behind: Callable[..., Door], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front, "WARN_LEFT", timedelta(0))
    behind()
    assert "good until" in doctor.one("certificate", State.OK).detail


def test_a_certificate_signed_by_itself_is_a_warning(
    doctor: Doctor, behind: Callable[..., Door], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front, "WARN_LEFT", timedelta(0))
    behind(is_trusted=False)
    assert "ACME_EMAIL" in doctor.one("certificate", State.WARN).remedy


def test_a_certificate_about_to_end_or_past_its_end_is_told(
    doctor: Doctor, behind: Callable[..., Door], monkeypatch: pytest.MonkeyPatch
) -> None:
    behind()
    with shifted(timedelta(days=400)):
        expired = doctor.one("certificate", State.FAIL)
    assert "expired on" in expired.detail
    assert "Renew" in expired.remedy
    with shifted(timedelta(hours=-6)):
        assert "expires in 1 days" in doctor.one("certificate", State.FAIL).detail
    monkeypatch.setattr(front, "FAIL_LEFT", timedelta(0))
    assert "expires in 0 days" in doctor.one("certificate", State.WARN).detail


def test_a_site_behind_a_closed_door_has_no_certificate_to_look_at(doctor: Doctor) -> None:
    doctor.change(public_base_url=f"https://127.0.0.1:{free_port()}")
    doctor.one("certificate", State.SKIP)


def test_a_page_cache_that_empties_nothing_is_told(
    doctor: Doctor, behind: Callable[..., Door]
) -> None:
    doctor.one("page cache", State.SKIP)
    door = behind()
    assert "PAGE_CACHE_KEY" in doctor.one("page cache", State.WARN).remedy
    door.headers["X-Page-Cache"] = "emptied"
    doctor.one("page cache", State.OK)
