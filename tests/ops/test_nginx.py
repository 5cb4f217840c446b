"""The reverse proxy, run with its real configuration before a server that tells what it got."""

import http.client
import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.ops.proxy import HOST, Proxy, command, render, serving, telling
from tests.ops.test_nginx_headers import check
from tests.support.server import free_port, wait_until

pytestmark = pytest.mark.no_database


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("proxy")
    folder.parent.chmod(0o755)
    media = folder / "media-root"
    (media / "media" / "v").mkdir(parents=True)
    (media / "media" / "v" / "00000.m4s").write_bytes(bytes(range(256)) * 16)
    (media / "files" / "f").mkdir(parents=True)
    (media / "files" / "f" / "source").write_bytes(b"%PDF-1.4")
    with (
        telling() as upstream,
        serving(folder, WEB_UPSTREAM=upstream, MEDIA_ROOT=str(media)) as running_proxy,
    ):
        yield running_proxy


def test_the_configuration_is_valid(tmp_path: Path) -> None:
    configuration = render(tmp_path)
    checked = subprocess.run(
        command(configuration, "-t"), capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert "[warn]" not in checked.stderr.replace('the "user" directive makes sense only', "")


def test_gixy_finds_no_fault(tmp_path: Path) -> None:
    gixy = Path(sys.executable).with_name("gixy")
    # It looks for headers in each server; ours lie in included files, tested by test_nginx_headers.
    arguments = [gixy, "-l", "--skips", "hsts_header", str(render(tmp_path, NGINX_CONNECTIONS=""))]
    checked = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "Failed to parse" not in checked.stderr


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
    response, _ = proxy.ask_plainly("/courses?q=a")
    assert response.status == 308
    assert response.headers["Location"] == f"https://{HOST}/courses?q=a"


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


def test_who_asks_too_often_is_told_in_their_language(tmp_path: Path) -> None:
    with (
        telling() as upstream,
        serving(tmp_path, WEB_UPSTREAM=upstream) as busy,
        ThreadPoolExecutor(8) as visitors,
    ):
        paths = ["/dashboard", "/dashboard", "/api/courses"] * 50
        asked = list(visitors.map(lambda path: busy.ask(path, Accept_Language="am"), paths))
    refused = [answer for answer in asked if answer[0].status == 429]
    by_program, problem = next(a for a in refused if "json" in a[0].headers["Content-Type"])
    refused = [answer for answer in refused if "html" in answer[0].headers["Content-Type"]]
    response, page = refused[0]
    check(response.headers)
    assert response.headers["Retry-After"] == "5"
    assert '<html lang="am">' in page.decode()
    assert response.headers["X-Request-Id"] in page.decode()
    check(by_program.headers)
    assert json.loads(problem)["request_id"] == by_program.headers["X-Request-Id"]


def test_http2_is_spoken_with_who_speaks_it(proxy: Proxy) -> None:
    context = ssl._create_unverified_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", proxy.tls_port), 10) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as connection,
    ):
        assert connection.selected_alpn_protocol() == "h2"


def test_an_authoritys_question_is_answered_without_tls(proxy: Proxy) -> None:
    folder = proxy.folder / "acme" / ".well-known" / "acme-challenge"
    folder.mkdir(parents=True)
    (folder / "token").write_text("the answer")
    response, body = proxy.ask_plainly("/.well-known/acme-challenge/token")
    assert (response.status, body) == (200, b"the answer")
    assert proxy.ask_plainly("/.well-known/acme-challenge/../../tls/privkey.pem")[0].status != 200


def test_webhooks_of_a_gateway_are_not_slowed_like_visitors(proxy: Proxy) -> None:
    told = [proxy.ask("/api/webhooks/stripe", method="POST")[0].status for _ in range(60)]
    assert set(told) == {200}


def test_the_log_holds_no_token_of_a_mailed_link(proxy: Proxy) -> None:
    kinds = ("verify", "reset", "verify/old-email", "verify/new-email")
    for kind in kinds:
        proxy.ask(f"/auth/{kind}/secret-in-a-link")
    proxy.ask("/auth/verify/old-email/secret-in-a-link/stop")
    proxy.ask("/auth/reset")

    def paths_logged() -> set[str]:
        return {line["path"] for line in proxy.log()}

    wait_until(lambda: "/auth/reset" in paths_logged(), 20, "the log is written")
    paths = paths_logged()
    assert {f"/auth/{kind}/-" for kind in kinds} <= paths
    assert not [path for path in paths if "secret" in path]


def test_people_and_clients_are_told_when_the_application_is_away(
    tmp_path: Path,
) -> None:
    with serving(tmp_path, WEB_UPSTREAM=f"127.0.0.1:{free_port()}") as away:
        page, text = away.ask("/courses")
        problem, details = away.ask("/api/courses")
    assert (page.status, problem.status) == (502, 502)
    for answer in (page, problem):
        check(answer.headers)
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
