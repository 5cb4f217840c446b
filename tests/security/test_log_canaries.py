"""Threat 21, the whole way: everything that opens something is used once, and no log has it.

Web server and worker write all they can (DEBUG) and tell a Sentry; what is looked for are the very
values that went over the wire.
"""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlencode, urljoin, urlsplit

import pytest
from flask import Flask

from app.current import settings
from app.database import db
from app.domain.accounts import sessions
from app.domain.accounts.clients import ClientInfo
from app.domain.accounts.models import Role
from app.domain.courses.models import LessonKind
from tests import factories
from tests.support import html, keys
from tests.support.http import Visitor
from tests.support.known_secrets import SECRETS
from tests.support.mail_servers import SmtpServer, smtp_server
from tests.support.player import KEY_URI, lines_of
from tests.support.sentry import Sentry, running_sentry
from tests.support.server import gunicorn, running, wait_until
from tests.support.stripe_stand_in import StripeStandIn

pytestmark = [pytest.mark.waits, pytest.mark.timeout(300)]
ARRIVES_SECONDS = 60
FORM = "application/x-www-form-urlencoded"
PASSWORDS = ("kAnArI-first-password", "kAnArI-wrong-password", "kAnArI-next-password")
BUYER, NEWCOMER, INVITED = (
    f"{name}.canary@mail.example" for name in ("buyer", "newcomer", "invited")
)


@dataclass
class Watched:
    """A site under watch, who visits it, and what was seen that nobody else may see."""

    url: str
    server: SmtpServer
    sentry: Sentry
    logs: list[Path]
    ids: dict[str, str]
    secrets: dict[str, str] = field(default_factory=dict)

    @property
    def written(self) -> str:
        """Everything that the logs and Sentry have."""
        logs = [path.read_text(errors="replace") for path in self.logs]
        return "".join([*logs, *self.sentry.envelopes])

    def mailed_link(self, to: str, kind: str) -> str:
        """Return the path of the link below /auth/`kind`/ that somebody is sent."""
        link = re.compile(rf"https?://\S*?(/auth/{kind}/[\w.-]+)")

        def found() -> str:
            texts = [
                part.get_content()
                for mail in self.server.mails
                if mail["To"] == to and (part := mail.get_body(("plain",)))
            ]
            return next((match[1] for match in map(link.search, texts) if match), "")

        return wait_until(found, ARRIVES_SECONDS, f"a mail to {kind} reaches {to}")


@pytest.fixture
def watched(
    committed_app: Flask, stripe_stand_in: StripeStandIn, tmp_path: Path
) -> Iterator[Watched]:
    buyer = factories.make_user(email=BUYER, password=PASSWORDS[0])
    admin = factories.make_user(Role.ADMIN, email="admin.canary@mail.example")
    course = factories.make_course(title="Weaving", price_minor=4900, currency="USD")
    free = factories.make_course(title="Spinning")
    video = factories.make_ready_video()
    lesson = factories.make_lesson(
        factories.make_section(free), kind=LessonKind.VIDEO, video_id=video.id, duration_seconds=60
    )
    factories.make_lesson(factories.make_section(course))
    factories.make_enrollment(buyer, free)
    ids = {"slug": course.slug, "lesson": str(lesson.id), "buyer": str(buyer.id)}
    ids["key"] = keys.make_key(buyer)
    ids["admin"] = sessions.start(admin, ClientInfo(ip="127.0.0.1", user_agent="tests"))
    db.session.commit()
    with ExitStack() as stack:
        sentry = stack.enter_context(running_sentry())
        server = stack.enter_context(smtp_server())
        environment = {
            **SECRETS,
            **stripe_stand_in.environment,
            "APP_ENV": "development",
            "DATABASE_URL": settings.database_url,
            "DATA_DIR": str(tmp_path),
            "SENTRY_DSN": sentry.dsn,
            "SMTP_URL": f"smtp://127.0.0.1:{server.port}?tls=off",
            "MAIL_FROM": "courses@example.com",
            "METRICS_TOKEN": "canary-metrics-token",
            "WEB_WORKERS": "1",
            "LOG_LEVEL": "DEBUG",
            "LOG_FORMAT": "json",
        }
        web = stack.enter_context(gunicorn(environment, tmp_path, "tests.support.crashing:app"))
        stripe_stand_in.deliver_to(web.url)
        log = tmp_path / "worker.log"
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "worker"]
        worker = environment | {"PUBLIC_BASE_URL": web.url}
        stack.enter_context(running(command, worker, log))
        yield Watched(web.url, server, sentry, [web.log_path, log], ids)


def test_nothing_that_opens_something_is_in_a_log_or_report(
    watched: Watched, stripe_stand_in: StripeStandIn
) -> None:
    buyer = _sign_in(watched)
    _buy(watched, buyer, stripe_stand_in)
    _play(watched, buyer)
    _use_keys(watched)
    _reset_password(watched)
    _sign_up(watched)
    _upload_and_look_around(watched)
    _crash(watched, buyer)
    wait_until(
        lambda: watched.sentry.telling("crash_by_json"), ARRIVES_SECONDS, "the crash is told"
    )
    written = watched.written
    assert '"route": "/api/crash"' in written  # what is searched is there
    assert '"task": "mail.send"' in written
    found = [name for name, value in watched.secrets.items() if value in written]
    assert found == []
    for pattern in (r"canary@", r"kAnArI", r"canary-", r"Signature=", r"\beyJ[\w-]+\.eyJ"):
        assert re.findall(rf".{{0,80}}{pattern}.{{0,40}}", written) == []
    for line in "".join(path.read_text() for path in watched.logs).splitlines():
        assert {"event", "level", "timestamp"} <= json.loads(line).keys(), line


def _sign_in(watched: Watched) -> Visitor:
    visitor = Visitor(watched.url)
    body = {"email": BUYER, "password": PASSWORDS[0]}
    assert visitor.post("/api/auth/login", body).status == 200
    wrong = body | {"password": PASSWORDS[1]}
    assert Visitor(watched.url).post("/api/auth/login", wrong).status == 401
    watched.secrets["login cookie"] = visitor.cookies["session"]
    return visitor


def _buy(watched: Watched, buyer: Visitor, stripe: StripeStandIn) -> None:
    """Check out, pay, and let the signed webhook come."""
    key = "canary-idempotency-key-1"
    answer = buyer.request(
        "POST",
        f"/api/checkout/{watched.ids['slug']}?coupon=canary-coupon",
        {"method": "card"},
        {"Idempotency-Key": key},
    )
    assert answer.status in (200, 201), answer.text
    stripe.pay(order_id=answer.json["order"]["id"])
    stripe.wait_delivered()
    order = f"/api/orders/{answer.json['order']['id']}"
    wait_until(lambda: '"paid"' in buyer.get(order).text, ARRIVES_SECONDS, "it is paid")
    watched.secrets["pay page"] = answer.json["redirect_url"]
    watched.secrets |= {
        name: value for name, value in stripe.environment.items() if "API" not in name
    }


def _play(watched: Watched, buyer: Visitor) -> None:
    started = buyer.post("/api/playback/token", {"lesson_id": watched.ids["lesson"]}).json
    variant = urljoin(started["manifest_url"], lines_of(buyer.get(started["manifest_url"]).text)[0])
    playlist = buyer.get(variant).text
    key = KEY_URI.search(playlist)
    assert key
    segment = urljoin(variant, lines_of(playlist)[0])
    assert buyer.get(urljoin(variant, key[1])).status == 200
    buyer.get(segment)  # it is not stored, which is told without its signature
    watched.secrets["playback token"] = started["token"]
    for name, address in {"variant": variant, "key": key[1], "segment": segment}.items():
        for part, values in parse_qs(urlsplit(address).query).items():
            watched.secrets |= {f"{part} of {name}": value for value in values if len(value) >= 16}


def _use_keys(watched: Watched) -> None:
    key = watched.ids["key"]
    headers = {"Authorization": f"Bearer {key}"}
    assert Visitor(watched.url).get("/api/auth/me", headers=headers).status == 200
    false = {"Authorization": f"Bearer {key[:-1]}x"}
    assert Visitor(watched.url).get("/api/auth/me", headers=false).status == 401
    token = {"Authorization": "Bearer canary-metrics-token"}
    assert Visitor(watched.url).get("/metrics", headers=token).status == 200
    watched.secrets["API key"] = key[:-1]


def _reset_password(watched: Watched) -> None:
    assert Visitor(watched.url).post("/api/auth/reset", {"email": BUYER}).status < 300
    path = watched.mailed_link(BUYER, "reset")
    visitor = Visitor(watched.url)
    page = visitor.get(path)
    assert page.status == 200
    form = {"csrf_token": html.csrf_token(page.text), "password": PASSWORDS[2]}
    visitor.request("POST", path, urlencode(form).encode(), {"Content-Type": FORM})
    watched.secrets |= {"reset link": path.rpartition("/")[2], "form token": form["csrf_token"]}


def _sign_up(watched: Watched) -> None:
    visitor = Visitor(watched.url)
    body = {"email": NEWCOMER, "password": PASSWORDS[0], "name": "Nora Canary-Newcomer"}
    assert visitor.post("/api/auth/register", body).status == 202
    path = watched.mailed_link(NEWCOMER, "verify")
    assert visitor.get(path).status == 200
    watched.secrets["verify link"] = path.rpartition("/")[2]


def _upload_and_look_around(watched: Watched) -> None:
    """As an administrator: begin an upload, send a part, look as the buyer, look for somebody."""
    admin = Visitor(watched.url, {"session": watched.ids["admin"]})
    body = {
        "purpose": "video",
        "filename": "canary-film.mp4",
        "content_type": "video/mp4",
        "size_bytes": 64,
    }
    answer = admin.post("/api/admin/uploads", body)
    assert answer.status == 201, answer.text
    address = answer.json["parts"][0]["url"]
    Visitor(watched.url).request(
        "PUT", urlsplit(address)._replace(scheme="", netloc="").geturl(), bytes(64)
    )
    page = f"/admin/users/{watched.ids['buyer']}/view-as"
    form = {"csrf_token": html.csrf_token(admin.get(page).text), "reason": f"Asked by {INVITED}"}
    assert (
        admin.request("POST", page, urlencode(form).encode(), {"Content-Type": FORM}).status == 303
    )
    assert admin.get(f"/admin/users?q={INVITED}").status in (200, 403)
    watched.secrets["admin's cookie"] = watched.ids["admin"]
    watched.secrets["view cookie"] = admin.cookies["view"]
    for part, values in parse_qs(urlsplit(unquote(address)).query).items():
        watched.secrets |= {f"{part} of the upload": v for v in values if len(v) >= 16}


def _crash(watched: Watched, buyer: Visitor) -> None:
    body = {"email": BUYER, "password": PASSWORDS[0]}
    assert buyer.request("POST", "/api/crash?token=canary-query", body).status == 500
    form = urlencode({**body, "code": "938271"}).encode()
    assert buyer.request("POST", "/crash", form, {"Content-Type": FORM}).status == 500
    watched.secrets["one-time code"] = "938271"
