"""Deep health against a real bucket and a real HTTP server in the place of the CDN."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.integrations import probes
from app.integrations.probes import State, Told
from app.web.deep_health import deep_health
from tests.support.apps import made_app
from tests.support.s3_server import S3Server, s3_server
from tests.support.server import free_port

Ask = Callable[[Mapping[str, str]], dict[str, Told]]


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A server with a bucket."""
    with s3_server(tmp_path_factory.mktemp("s3"), volumes=8) as server:
        yield server


@pytest.fixture
def ask(environment: dict[str, str], fresh_database: Callable[[], str]) -> Iterator[Ask]:
    """Have a new application, set up as is said, ask everyone."""
    with ExitStack() as stack:

        def told(changes: Mapping[str, str]) -> dict[str, Told]:
            values = {**environment, "DATABASE_URL": fresh_database(), **changes}
            app = stack.enter_context(made_app(values))
            with app.app_context():
                return deep_health()

        yield told


@contextmanager
def edge(status: int, *, answers: bool = True) -> Iterator[tuple[dict[str, str], list[str]]]:
    """Run a CDN that answers so, or not at all; give its settings and the paths it was asked."""
    asked: list[str] = []
    is_over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if not answers:
                is_over.wait(60)
                return
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield edge_settings(server.server_port), asked
    finally:
        is_over.set()
        server.shutdown()
        server.server_close()


def edge_settings(port: int) -> dict[str, str]:
    """Return what makes the application take a port of this machine for its CDN."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {
        "CDN_BASE_URL": f"http://127.0.0.1:{port}",
        "CLOUDFRONT_KEYPAIR_ID": "K2JCJMDEHXQW5F",
        "CLOUDFRONT_PRIVATE_KEY": pem.decode(),
    }


def test_a_bucket_that_answers_is_well(ask: Ask, bucket: S3Server) -> None:
    assert ask(bucket.environment)["storage"].state is State.OK


def test_a_bucket_that_is_not_there_is_told(ask: Ask, bucket: S3Server) -> None:
    found = ask({**bucket.environment, "S3_BUCKET_NAME": "gone"})["storage"]
    assert (found.state, found.detail) == (State.FAILED, "The storage answered 404 NoSuchBucket.")


def test_a_key_that_the_bucket_does_not_know_is_told(ask: Ask, bucket: S3Server) -> None:
    wrong = {"AWS_SECRET_ACCESS_KEY": "canary-secret-of-some-length"}
    found = ask({**bucket.environment, **wrong})["storage"]
    assert found.state is State.FAILED
    assert "403" in found.detail
    assert "canary" not in found.detail


def test_a_server_of_buckets_that_is_gone_is_told(ask: Ask, tmp_path: Path) -> None:
    with s3_server(tmp_path, volumes=8) as server:
        assert ask(server.environment)["storage"].state is State.OK
    found = ask(server.environment)["storage"]
    assert found.state is State.FAILED
    assert found.detail


@pytest.mark.parametrize("status", [200, 403, 404])
def test_a_cdn_that_answers_is_well_also_where_it_refuses(ask: Ask, status: int) -> None:
    """A CDN that asks for signatures refuses what has none: that is an answer."""
    with edge(status) as (settings, asked):
        assert ask(settings)["cdn"].state is State.OK
    assert asked == ["/media/health/probe"]


@pytest.mark.parametrize("status", [500, 503])
def test_a_cdn_that_is_broken_is_told(ask: Ask, status: int) -> None:
    with edge(status) as (settings, _):
        found = ask(settings)["cdn"]
    assert found.state is State.FAILED
    assert found.detail.startswith("HTTPError")


def test_a_cdn_that_never_answers_holds_nobody_up(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "LIMIT_SECONDS", 0.3)
    with edge(200, answers=False) as (settings, asked):
        found = ask(settings)["cdn"]
    assert len(asked) == 1
    assert found.state is State.FAILED
    assert 300 <= found.milliseconds < 3000
    assert found.detail.startswith("TimeoutError")


def test_a_cdn_that_is_gone_is_told(ask: Ask) -> None:
    found = ask(edge_settings(free_port()))["cdn"]
    assert found.state is State.FAILED
    assert "refused" in found.detail
