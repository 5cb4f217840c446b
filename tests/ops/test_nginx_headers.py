"""Every answer behind nginx carries the security headers, whoever made it."""

import http.client
import re
import socket
import ssl
from contextlib import closing

import pytest

from app.web.templating import STATIC, release_of
from tests.ops.proxied_site import ProxiedSite
from tests.ops.proxy import HOST, Proxy

pytestmark = pytest.mark.no_database
FIXED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
TRANSPORT = "max-age=63072000; includeSubDomains"
SHEET = f"/static/{release_of(STATIC)}/css/tokens.css"
ENDLESS = "/x" * 9_000
# Who answers and what, by the status: redirects, all that is refused, and what nobody can do.
ANSWERS: dict[str, tuple[int, str, str, dict[str, str]]] = {
    "page": (200, "GET", "/", {}),
    "page without a body": (200, "HEAD", "/courses", {}),
    "json": (200, "GET", "/api/courses", {}),
    "options": (200, "OPTIONS", "/courses", {}),
    "static file": (200, "GET", SHEET, {}),
    "compressed static file": (200, "GET", SHEET, {"Accept_Encoding": "gzip"}),
    "static file of before": (200, "GET", "/static/0000000000/css/tokens.css", {}),
    "style of nginx's pages": (200, "GET", "/_pages/page.css", {}),
    "part of a static file": (206, "GET", SHEET, {"Range": "bytes=0-9"}),
    "redirect": (303, "GET", "/dashboard", {}),
    "unauthorised": (401, "GET", "/api/orders", {}),
    "forbidden": (403, "POST", "/auth/sign-in", {"Sec_Fetch_Site": "cross-site"}),
    "page that is not there": (404, "GET", "/nothing", {}),
    "json that is not there": (404, "GET", "/api/nothing", {}),
    "static file that is not there": (404, "GET", "/static/0/nothing.css", {}),
    "inner file": (404, "GET", "/_stored/media/a", {}),
    "inner page": (404, "GET", "/_pages/en/busy.html", {}),
    "static file posted to": (405, "POST", SHEET, {}),
    "page deleted": (405, "DELETE", "/courses", {}),
    "address without an end": (414, "GET", ENDLESS, {}),
    "part beyond the end": (416, "GET", SHEET, {"Range": "bytes=99999999-"}),
    "header without an end": (400, "GET", "/", {"X_Long": "x" * 20_000}),
}


def check(headers: http.client.HTTPMessage, *, is_https: bool = True) -> None:
    """Fail unless every header is there, once."""
    for name, value in FIXED.items():
        assert headers.get_all(name) == [value], name
    assert headers.get_all("Strict-Transport-Security") == ([TRANSPORT] if is_https else None)
    [policy] = headers.get_all("Content-Security-Policy") or [""]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    [devices] = headers.get_all("Permissions-Policy") or [""]
    assert "camera=()" in devices
    [request_id] = headers.get_all("X-Request-Id") or [""]
    assert re.fullmatch("[0-9a-f]{32}", request_id)
    assert "nginx/" not in headers.get("Server", "")
    assert "X-XSS-Protection" not in headers


@pytest.mark.parametrize("name", ANSWERS)
def test_every_kind_of_answer_has_every_header(proxied: ProxiedSite, name: str) -> None:
    status, method, path, sent = ANSWERS[name]
    response, _ = proxied.proxy.ask(path, method=method, **sent)
    assert response.status == status
    check(response.headers)


def test_what_has_not_changed_has_every_header(proxied: ProxiedSite) -> None:
    for path in ("/courses", SHEET):
        etag = proxied.proxy.ask(path)[0].headers["ETag"]
        response, _ = proxied.proxy.ask(path, If_None_Match=etag)
        assert response.status == 304
        check(response.headers)


def test_a_body_that_is_too_large_is_refused_with_every_header(proxied: ProxiedSite) -> None:
    for path in ("/courses", "/api/courses", "/auth/sign-in"):
        with closing(_connection(proxied.proxy)) as connection:
            connection.putrequest("POST", path, skip_host=True)
            connection.putheader("Host", HOST)
            connection.putheader("Content-Length", str(2 * 1024**2))
            connection.endheaders()
            response = connection.getresponse()
            assert response.status == 413
            check(response.headers)


def test_the_way_to_https_has_every_header_but_the_one_for_https(proxied: ProxiedSite) -> None:
    for path in ("/", "/.well-known/acme-challenge/nothing"):
        response, _ = proxied.proxy.ask_plainly(path)
        assert response.status in (308, 404)
        check(response.headers, is_https=False)


def test_plain_http_on_the_tls_port_is_sent_to_https(proxied: ProxiedSite) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", proxied.proxy.tls_port, timeout=10)
    with closing(connection):
        connection.request("GET", "/courses?page=2", headers={"Host": HOST})
        response = connection.getresponse()
        assert response.status == 308
        assert response.headers["Location"] == f"https://{HOST}/courses?page=2"


def test_nonsense_is_refused_without_a_word_of_the_version(proxied: ProxiedSite) -> None:
    context = ssl._create_unverified_context()
    with (
        socket.create_connection(("127.0.0.1", proxied.proxy.tls_port), 10) as plain,
        context.wrap_socket(plain) as connection,
    ):
        connection.sendall(b"NONSENSE\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert b"400 Bad Request" in answer
    assert b"nginx/" not in answer


def _connection(proxy: Proxy) -> http.client.HTTPSConnection:
    context = ssl._create_unverified_context()
    return http.client.HTTPSConnection("127.0.0.1", proxy.tls_port, context=context, timeout=10)
