"""Threat 21 in front: what nginx writes of requests, also of those that fail, opens nothing."""

import http.client
import json
import ssl
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.ops.proxy import HOST, Proxy, serving
from tests.support.server import free_port, wait_until

pytestmark = pytest.mark.no_database
PART = "/api/admin/uploads/0f0e6b9c-2f1e-4f5c-9a55-6c1d2f3a4b5c/parts/1?token=canary-part"
LARGE = bytes(400 * 1024)  # more than nginx keeps in memory


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """nginx whose application is away."""
    folder = tmp_path_factory.mktemp("logs")
    with serving(folder, WEB_UPSTREAM=f"127.0.0.1:{free_port()}") as proxy:
        yield proxy


def _send_part(proxy: Proxy) -> int:
    context = ssl._create_unverified_context()
    connection = http.client.HTTPSConnection(
        "127.0.0.1", proxy.tls_port, context=context, timeout=30
    )
    with closing(connection):
        connection.request("PUT", PART, LARGE, {"Host": HOST})
        return connection.getresponse().status


def test_no_log_of_nginx_holds_what_opens_something(proxy: Proxy) -> None:
    secret = {"Cookie": "__Host-session=canary-cookie", "Authorization": "Bearer canary-key"}
    asked = {"X_Request_Id": "canary-id", "Referer": f"https://{HOST}/?q=canary-word", **secret}
    assert _send_part(proxy) == 502
    for path in (
        "/courses?q=ada.canary@mail.example",
        "/auth/reset/canary-link",
        "/media/a/1/360p/1.m4s?Signature=canary-signature",
        "/no/such?page=canary-page",
        "/%zz?canary-broken",
    ):
        proxy.ask(path, **asked)
    statuses = [
        proxy.ask("/auth/sign-in?canary-limit", "POST", **asked)[0].status for _ in range(9)
    ]
    assert 429 in statuses
    wait_until(lambda: len(_lines(proxy)) >= 15, 30, "nginx has written its log")
    logs = sorted(proxy.folder.glob("*.log"))
    assert {"nginx-access.log", "nginx-error.log"} <= {log.name for log in logs}
    found = [line for log in logs for line in log.read_text().splitlines() if "canary" in line]
    assert found == []


def test_every_request_is_one_line_with_its_own_id(proxy: Proxy) -> None:
    answer, _ = proxy.ask("/courses")
    wait_until(
        lambda: any(answer.headers["X-Request-Id"] == line["request_id"] for line in _lines(proxy)),
        30,
        "the line has the id of the answer",
    )
    for line in _lines(proxy):
        assert {"timestamp", "logger", "event", "request_id", "status"} <= line.keys()


def _lines(proxy: Proxy) -> list[dict[str, str]]:
    path = proxy.folder / "nginx-access.log"
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
