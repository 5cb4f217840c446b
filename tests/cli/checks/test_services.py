"""The doctor and what others do for us: Redis, storage, bucket, CDN, payments, mail, Sentry."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.cli.checks import services
from app.cli.checks.findings import State
from app.clock import utcnow
from app.config import Environment, StorageKind
from tests.cli.checks.conftest import Doctor
from tests.support.cloudfront_edge import Refused, check_url
from tests.support.mail_servers import PASSWORD, USER, sendgrid, smtp_server
from tests.support.server import free_port
from tests.support.stripe_stand_in import StripeStandIn

KEY_ID = "K2JCJMDEHXQW5F"
LIVE = {
    "stripe_secret_key": "sk_live_1234567",
    "stripe_publishable_key": "pk_live_1234567",
    "stripe_webhook_secret": ("whsec_1234567",),
}


class Edge(ThreadingHTTPServer):
    """A CDN before a folder; without a key it serves everybody."""

    key: ec.EllipticCurvePrivateKey | None
    root: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def status_of(self, path: str) -> int:
        try:
            if self.key is not None:
                check_url(f"{self.url}{path}", KEY_ID, self.key.public_key(), utcnow())
        except Refused:
            return 403
        return 200 if (self.root / urlsplit(path).path.lstrip("/")).is_file() else 404


class _Answers(BaseHTTPRequestHandler):
    server: Edge

    def do_GET(self) -> None:
        self.send_response(self.server.status_of(self.path))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def edge(doctor: Doctor) -> Iterator[Edge]:
    """A CDN that trusts the key which the application signs with."""
    server = Edge(("127.0.0.1", 0), _Answers)
    server.key, server.root = (
        ec.generate_private_key(ec.SECP256R1()),
        doctor.settings.media_directory,
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    pem = server.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    doctor.change(cdn_base_url=server.url, cloudfront_keypair_id=KEY_ID, cloudfront_private_key=pem)
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("name", ["redis", "bucket", "cdn", "stripe", "sentry"])
def test_what_is_not_set_is_not_asked(doctor: Doctor, name: str) -> None:
    assert doctor.one(name, State.SKIP).detail


def test_a_storage_that_works_is_well_and_left_as_it_was(doctor: Doctor) -> None:
    doctor.one("storage", State.OK)
    assert list((doctor.settings.media_directory / "doctor").iterdir()) == []


def test_a_storage_that_cannot_be_written_is_told(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "media").write_text("a file where the folder should be")
    doctor.change(media_root=tmp_path / "media")
    found = doctor.one("storage", State.FAIL)
    assert "MEDIA_ROOT" in found.remedy


def test_a_bucket_that_does_not_answer_is_told(doctor: Doctor) -> None:
    doctor.change(
        storage=StorageKind.S3,
        s3_bucket_name="media",
        aws_access_key_id="key",
        aws_secret_access_key="sesame",
        aws_endpoint_url=f"http://127.0.0.1:{free_port()}",
    )
    for name in ("bucket", "storage"):
        found = doctor.one(name, State.FAIL)
        assert "S3_BUCKET_NAME" in found.remedy
        assert "sesame" not in found.detail


def test_a_cdn_that_serves_what_we_sign_is_well(doctor: Doctor, edge: Edge) -> None:
    assert "nothing else" in doctor.one("cdn", State.OK).detail


def test_a_cdn_that_trusts_another_key_is_told(doctor: Doctor, edge: Edge) -> None:
    edge.key = ec.generate_private_key(ec.SECP256R1())
    assert "CLOUDFRONT_KEYPAIR_ID" in doctor.one("cdn", State.FAIL).remedy


def test_a_cdn_that_serves_everybody_is_told(doctor: Doctor, edge: Edge) -> None:
    edge.key = None
    assert "key group" in doctor.one("cdn", State.FAIL).remedy


def test_a_cdn_before_another_bucket_is_told(doctor: Doctor, edge: Edge, tmp_path: Path) -> None:
    edge.root = tmp_path
    assert "S3_BUCKET_NAME" in doctor.one("cdn", State.FAIL).remedy


def test_a_cdn_that_is_away_is_told(doctor: Doctor, edge: Edge) -> None:
    doctor.change(cdn_base_url=f"http://127.0.0.1:{free_port()}")
    assert "CDN_BASE_URL" in doctor.one("cdn", State.FAIL).remedy


def test_keys_of_stripe_in_their_shapes_are_well(doctor: Doctor) -> None:
    doctor.enter_production(**LIVE)
    doctor.one("stripe", State.OK)


@pytest.mark.parametrize(
    ("changes", "state", "said"),
    [
        ({"stripe_secret_key": "pk_live_1234567"}, State.FAIL, "no secret key"),
        ({"stripe_publishable_key": "sk_live_1234567"}, State.FAIL, "STRIPE_PUBLISHABLE_KEY"),
        ({"stripe_publishable_key": "pk_test_1234567"}, State.FAIL, "the other for tests"),
        ({"stripe_webhook_secret": ()}, State.FAIL, "STRIPE_WEBHOOK_SECRET is not set"),
        ({"stripe_webhook_secret": ("we_1234567",)}, State.FAIL, "STRIPE_WEBHOOK_SECRET is none"),
        ({"app_env": Environment.STAGING}, State.WARN, "live keys of Stripe in staging"),
    ],
    ids=["secret", "shown", "mixed", "no hook", "odd hook", "staging"],
)
def test_keys_of_stripe_that_cannot_be_are_told(
    doctor: Doctor, changes: dict[str, object], state: State, said: str
) -> None:
    doctor.enter_production(**LIVE)
    doctor.change(**changes)
    assert said in doctor.one("stripe", state).detail


def test_a_stripe_that_answers_is_well_and_one_that_does_not_is_told(
    doctor: Doctor, stripe_stand_in: StripeStandIn
) -> None:
    environment = stripe_stand_in.environment
    doctor.change(
        stripe_secret_key=environment["STRIPE_SECRET_KEY"],
        stripe_api_base=environment["STRIPE_API_BASE"],
    )
    assert {found.state for found in doctor.look("gateways")} == {State.OK}
    doctor.change(stripe_secret_key="sk_test_of_somebody_else")
    refused = next(found for found in doctor.look("gateways") if found.state is State.FAIL)
    assert "STRIPE_SECRET_KEY" in refused.remedy
    assert "somebody_else" not in refused.detail


def test_no_mail_in_production_is_a_warning(doctor: Doctor) -> None:
    doctor.one("mail", State.OK)
    doctor.enter_production()
    assert "SMTP_URL" in doctor.one("mail", State.WARN).remedy


def test_a_mail_server_greets(doctor: Doctor) -> None:
    with smtp_server() as server:
        doctor.change(
            mail_from="Courses <courses@example.org>",
            smtp_url=f"smtp://127.0.0.1:{server.port}?tls=off",
        )
        assert "smtp: 127.0.0.1" in doctor.one("mail", State.OK).detail
    gone = doctor.one("mail", State.FAIL)
    assert "flask mail test" in gone.remedy


def test_a_mail_server_without_the_tls_we_demand_is_told(doctor: Doctor) -> None:
    with smtp_server() as server:
        address = f"smtp://{USER.replace('@', '%40')}:{PASSWORD.split(':')[0]}@127.0.0.1"
        doctor.change(mail_from=USER, smtp_url=f"{address}:{server.port}")
        assert doctor.one("mail", State.FAIL)


def test_sendgrid_is_asked_what_its_key_may_do(doctor: Doctor) -> None:
    with sendgrid() as sink:
        doctor.change(mail_from=USER, sendgrid_api_key="SG.1", sendgrid_api_base=sink.url)
        sink.answer = (200, {"scopes": ["mail.send"]})
        doctor.one("mail", State.OK)
        sink.answer = (200, {"scopes": ["stats.read"]})
        assert "may not send" in doctor.one("mail", State.FAIL).detail
        sink.answer = (401, {"errors": [{"message": "authorization required"}]})
        assert "401" in doctor.one("mail", State.FAIL).detail


def test_a_redis_that_is_away_is_a_warning(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    doctor.change(redis_url="redis://127.0.0.1:6379/0")
    monkeypatch.setattr(services.limiter.storage, "check", lambda: False)
    assert "REDIS_URL" in doctor.one("redis", State.WARN).remedy
    monkeypatch.setattr(services.limiter.storage, "check", lambda: True)
    doctor.one("redis", State.OK)


def test_a_dsn_is_looked_at_and_its_host_asked(doctor: Doctor, edge: Edge) -> None:
    doctor.change(sentry_dsn="sentry.example.org")
    assert "KEY@HOST" in doctor.one("sentry", State.FAIL).remedy
    doctor.change(sentry_dsn=f"http://key@127.0.0.1:{free_port()}/7")
    assert "firewall" in doctor.one("sentry", State.WARN).remedy
    doctor.change(sentry_dsn=f"http://key@127.0.0.1:{edge.server_port}/7")
    assert "project 7" in doctor.one("sentry", State.OK).detail
