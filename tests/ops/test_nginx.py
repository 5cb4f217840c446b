"""The reverse proxy, run with its real configuration before a server that tells what it got."""

import http.client
import http.server
import json
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.clock import utcnow
from tests.support.server import ROOT, free_port, running, wait_until

pytestmark = pytest.mark.no_database
HOST = "courses.example.test"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")


class Upstream(http.server.BaseHTTPRequestHandler):
    """Answers with the headers it was sent; sends files and pages as the application does."""

    protocol_version = "HTTP/1.1"
    answered = 0

    def do_GET(self) -> None:
        type(self).answered += 1
        body = json.dumps(dict(self.headers) | {"count": str(self.answered)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        if self.path.startswith("/media/"):
            self.send_header("X-Accel-Redirect", f"/_stored{self.path}")
            self.send_header("Cache-Control", "private, no-store")
        elif self.path.startswith("/learn/"):
            self.send_header("X-Accel-Redirect", "/_stored/files/f/source")
            self.send_header("Content-Disposition", "inline; filename=a.pdf")
            self.send_header("Cache-Control", "private, no-store")
        elif self.path.startswith(("/static/", "/courses")):
            self.send_header("Cache-Control", "public, max-age=60")
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@dataclass(frozen=True)
class Proxy:
    """A running nginx: its ports and what stands behind it."""

    port: int
    tls_port: int
    media: Path
    upstream: http.server.ThreadingHTTPServer

    def ask(
        self, path: str, method: str = "GET", host: str = HOST, **headers: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.tls_port, context=context, timeout=10
        )
        sent = {"Host": host} | {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(connection):
            connection.request(method, path, headers=sent)
            response = connection.getresponse()
            return response, response.read()

    def received(self, path: str, **headers: str) -> dict[str, str]:
        return dict(json.loads(self.ask(path, **headers)[1]))


def _certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    certificate = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(utcnow() - timedelta(days=1))
        .not_valid_after(utcnow() + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    folder.mkdir()
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "privkey.pem").write_bytes(pem)


def _render(folder: Path, upstream: str, media: Path, port: int, tls_port: int) -> Path:
    """Copy nginx/ to `folder` with its three names filled in and its places moved there."""
    shutil.copytree(ROOT / "nginx", folder, dirs_exist_ok=True)
    _certificate(folder / "tls")
    replaced = {
        "${SITE_HOST}": HOST,
        "${WEB_UPSTREAM}": upstream,
        "${MEDIA_ROOT}": str(media),
        "listen 80": f"listen 127.0.0.1:{port}",
        "listen 443": f"listen 127.0.0.1:{tls_port}",
        "/etc/nginx/pages": str(folder / "pages"),
        "/var/cache/nginx": str(folder),
        "/var/log/nginx": str(folder),
        "/run/nginx.pid": str(folder / "nginx.pid"),
        "user www-data;": "",
        "worker_processes auto;": "worker_processes 1;",
    }
    for file in (folder / "nginx.conf", folder / "conf.d" / "default.conf"):
        text = file.read_text()
        for old, new in replaced.items():
            text = text.replace(old, new)
        file.write_text(text)
    return folder / "nginx.conf"


def _command(configuration: Path, *arguments: str) -> list[str]:
    if NGINX is None:
        pytest.skip("nginx is not installed (Debian: nginx-light)")
    temporary = "".join(
        f"{kind}_temp_path {configuration.parent}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = configuration.read_text()
    if temporary not in text:
        configuration.write_text(text.replace("http {", "http {\n" + temporary, 1))
    return [NGINX, "-p", str(configuration.parent), "-c", str(configuration), *arguments]


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("proxy")
    folder.parent.chmod(0o755)
    media = folder / "media-root"
    (media / "media" / "v").mkdir(parents=True)
    (media / "media" / "v" / "00000.m4s").write_bytes(bytes(range(256)) * 16)
    (media / "files" / "f").mkdir(parents=True)
    (media / "files" / "f" / "source").write_bytes(b"%PDF-1.4")
    upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    port, tls_port = free_port(), free_port()
    configuration = _render(
        folder / "nginx", f"127.0.0.1:{upstream.server_port}", media, port, tls_port
    )
    command = _command(
        configuration, "-g", "daemon off; user root;" if _is_root() else "daemon off;"
    )

    def listens() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", tls_port)) == 0

    with running(command, {}, folder / "nginx.log"):
        wait_until(listens, 10, "nginx listens")
        yield Proxy(port, tls_port, media, upstream)
    upstream.shutdown()
    upstream.server_close()


def _is_root() -> bool:
    return Path("/proc/self").stat().st_uid == 0


def test_the_configuration_is_valid(tmp_path: Path) -> None:
    configuration = _render(tmp_path / "nginx", "unix:/run/web.sock", tmp_path, 8080, 8443)
    checked = subprocess.run(
        _command(configuration, "-t"), capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert "[warn]" not in checked.stderr.replace('the "user" directive makes sense only', "")


def test_gixy_finds_no_fault(tmp_path: Path) -> None:
    configuration = _render(tmp_path / "nginx", "unix:/run/web.sock", tmp_path, 8080, 8443)
    gixy = Path(sys.executable).with_name("gixy")
    # The application sends HSTS itself, on everything it answers.
    command = [gixy, "-l", "--skips", "hsts_header", str(configuration)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_forged_address_is_overwritten(proxy: Proxy) -> None:
    received = proxy.received(
        "/api/thing", X_Forwarded_For="6.6.6.6", X_Forwarded_Proto="http", Forwarded="for=6.6.6.6"
    )
    assert received["X-Forwarded-For"] == "127.0.0.1"
    assert received["X-Forwarded-Proto"] == "https"
    assert "Forwarded" not in received
    assert len(received["X-Request-Id"]) == 32


def test_an_unknown_host_gets_no_answer(proxy: Proxy) -> None:
    with pytest.raises(http.client.RemoteDisconnected):
        proxy.ask("/", host="evil.example")


def test_plain_http_is_sent_to_the_sites_own_name(proxy: Proxy) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
    connection.request("GET", "/courses?q=a", headers={"Host": HOST})
    response = connection.getresponse()
    assert response.status == 308
    assert response.headers["Location"] == f"https://{HOST}/courses?q=a"
    connection.close()


def test_static_files_and_anonymous_pages_are_answered_from_the_cache(proxy: Proxy) -> None:
    for path in ("/static/0123456789/css/site.css", "/courses"):
        assert proxy.received(path) == proxy.received(path)


def test_what_a_session_or_a_key_sees_is_neither_stored_nor_answered_from_the_cache(
    proxy: Proxy,
) -> None:
    proxy.received("/courses/one")
    for headers in (
        {"Cookie": "theme=dark; __Host-session=abc"},
        {"Cookie": "session=abc"},
        {"Authorization": "Bearer key"},
    ):
        first = proxy.received("/courses/one", **headers)
        assert proxy.received("/courses/one", **headers) != first
    private = proxy.received("/dashboard", Cookie="session=abc")
    assert proxy.received("/dashboard") != private


def test_nginx_sends_a_segment_with_ranges_and_its_own_security_headers(proxy: Proxy) -> None:
    response, body = proxy.ask("/media/v/00000.m4s", Range="bytes=0-9")
    assert response.status == 206
    assert body == bytes(range(10))
    assert response.headers["Cache-Control"] == "private, no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_segments_cannot_be_asked_for_past_the_application(proxy: Proxy) -> None:
    response, _ = proxy.ask("/_stored/media/v/00000.m4s")
    assert response.status == 404


def test_a_lessons_file_keeps_its_name_and_may_be_framed_by_our_pages(proxy: Proxy) -> None:
    response, body = proxy.ask("/learn/weaving/1/files/2?view=1")
    assert body == b"%PDF-1.4"
    assert response.headers["Content-Disposition"] == "inline; filename=a.pdf"
    assert response.headers["Cache-Control"] == "private, no-store"
    assert "frame-ancestors 'self'" in response.headers["Content-Security-Policy"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    response, _ = proxy.ask("/_stored/files/f/source")
    assert response.status == 404


def test_trying_passwords_is_slowed_and_looking_at_the_page_is_not(proxy: Proxy) -> None:
    looked = [proxy.ask("/auth/sign-in")[0].status for _ in range(8)]
    tried = [proxy.ask("/api/auth/login", method="POST") for _ in range(12)]
    refused = [json.loads(body) for response, body in tried if response.status == 429]
    assert set(looked) == {200}
    assert len(refused) >= 4
    assert {each["code"] for each in refused} == {"RATE_LIMITED"}


def test_webhooks_of_a_gateway_are_not_slowed_like_visitors(proxy: Proxy) -> None:
    told = [proxy.ask("/api/webhooks/stripe", method="POST")[0].status for _ in range(60)]
    assert set(told) == {200}


def test_the_log_holds_no_token_of_a_mailed_link(proxy: Proxy) -> None:
    kinds = ("verify", "reset", "verify/old-email", "verify/new-email")
    for kind in kinds:
        proxy.ask(f"/auth/{kind}/secret-in-a-link")
    proxy.ask("/auth/verify/old-email/secret-in-a-link/stop")
    proxy.ask("/auth/reset")
    log = proxy.media.parent / "nginx" / "access.log"
    wait_until(lambda: '"path":"/auth/reset"' in log.read_text(), 20, "the log is written")
    paths = {json.loads(line)["path"] for line in log.read_text().splitlines()}
    assert {f"/auth/{kind}/-" for kind in kinds} <= paths
    assert not [path for path in paths if "secret" in path]


def test_people_and_clients_are_told_when_the_application_is_away(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tls_port = free_port()
    nowhere = f"127.0.0.1:{free_port()}"
    configuration = _render(tmp_path / "nginx", nowhere, tmp_path, free_port(), tls_port)
    command = _command(
        configuration, "-g", "daemon off; user root;" if _is_root() else "daemon off;"
    )
    with running(command, {}, tmp_path / "nginx.log"):
        away = Proxy(0, tls_port, tmp_path, None)  # type: ignore[arg-type]

        def answer() -> tuple[http.client.HTTPResponse, bytes] | None:
            try:
                return away.ask("/courses")
            except OSError:
                return None

        page, text = wait_until(answer, 10, "nginx answers")
        problem, details = away.ask("/api/courses")
    assert (page.status, problem.status) == (502, 502)
    assert b"One moment, please" in text
    assert page.headers["Retry-After"] == "5"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert problem.headers["Content-Type"].startswith("application/problem+json")
    assert json.loads(details)["code"] == "UNAVAILABLE"


def _put(proxy: Proxy, path: str, size: int) -> tuple[int, bytes]:
    context = ssl._create_unverified_context()
    connection = http.client.HTTPSConnection(
        "127.0.0.1", proxy.tls_port, context=context, timeout=20
    )
    with closing(connection):
        connection.request("PUT", path, body=bytes(size), headers={"Host": HOST})
        response = connection.getresponse()
        return response.status, response.read()


PART = "/api/admin/uploads/0f0e6b9c-2f1e-4f5c-9a55-6c1d2f3a4b5c/parts/12"


def test_parts_of_uploads_pass_and_nothing_else_as_large(proxy: Proxy) -> None:
    size = 8 * 1024**2
    status, answer = _put(proxy, PART, size)
    assert status == 200
    assert json.loads(answer)["Content-Length"] == str(size)
    for path in ("/api/admin/uploads", f"{PART}/more", "/courses"):
        status, _ = _put(proxy, path, size)
        assert status == 413, path


@pytest.mark.parametrize("folder", ["/orders", "/api/orders"])
def test_a_photo_of_a_proof_passes_in_one_piece(proxy: Proxy, folder: str) -> None:
    path, size = f"{folder}/0f0e6b9c-2f1e-4f5c-9a55-6c1d2f3a4b5c/proof", 14 * 1024**2
    status, answer = _put(proxy, path, size)
    assert status == 200
    assert json.loads(answer)["Content-Length"] == str(size)
    assert _put(proxy, f"{path}/more", size)[0] == 413


def test_a_part_that_nginx_refuses_names_nginx(proxy: Proxy) -> None:
    connection = http.client.HTTPSConnection(
        "127.0.0.1", proxy.tls_port, context=ssl._create_unverified_context(), timeout=20
    )
    with closing(connection):
        connection.putrequest("PUT", PART, skip_host=True)
        for name, value in {"Host": HOST, "Content-Length": str(65 * 1024**2)}.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        problem = json.loads(answer.read())
    assert answer.status == 413
    assert answer.getheader("Content-Type", "").startswith("application/problem+json")
    assert problem["layer"] == "proxy"
    assert "client_max_body_size" in problem["remedy"]
