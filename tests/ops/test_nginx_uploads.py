"""Parts of uploads on their way through nginx: slow senders hold no thread of gunicorn."""

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.ops.proxy import HOST, Proxy, serving
from tests.ops.test_nginx_load import Crowd
from tests.support.server import free_port, gunicorn

pytestmark = [pytest.mark.no_database, pytest.mark.alone]
SENDERS = 40  # gunicorn has two workers of eight threads
PART = "/api/admin/uploads/0f0e6b9c-2f1e-4f5c-9a55-6c1d2f3a4b5c/parts/1"
PIECE = bytes(8 * 1024)
PIECES = 40
PAUSE_SECONDS = 0.1
ASKED = 60
MOST_SECONDS = 0.5
_pace = threading.Event()


def application(environ: dict[str, object], start: Callable[..., object]) -> Iterable[bytes]:
    """Answer at once, or say how much came."""
    size = int(str(environ.get("CONTENT_LENGTH") or 0))
    came = len(environ["wsgi.input"].read(size)) if size else 0  # type: ignore[attr-defined]
    body = str(came).encode()
    start("200 OK", [("Content-Length", str(len(body))), ("Content-Type", "text/plain")])
    return [body]


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("parts")
    port = str(free_port())
    with (
        gunicorn({"PORT": port}, folder, "tests.ops.test_nginx_uploads:application"),
        serving(folder, WEB_UPSTREAM=f"127.0.0.1:{port}") as proxy,
    ):
        yield proxy


def _send_slowly(connection: ssl.SSLSocket, answers: list[bytes]) -> None:
    head = f"PUT {PART} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {len(PIECE) * PIECES}\r\n\r\n"
    connection.sendall(head.encode())
    for _ in range(PIECES):
        connection.sendall(PIECE)
        _pace.wait(PAUSE_SECONDS)
    answers.append(connection.recv(4096))


def test_slow_senders_of_parts_keep_nobody_waiting(proxy: Proxy) -> None:
    crowd, answers, taken = Crowd(proxy), [], []
    with ExitStack() as stack:
        senders = [
            threading.Thread(
                target=_send_slowly, args=(stack.enter_context(crowd.connect()), answers)
            )
            for _ in range(SENDERS)
        ]
        for sender in senders:
            sender.start()
        for _ in range(ASKED):
            begun = time.perf_counter()
            assert proxy.ask("/api/webhooks/any")[0].status == 200
            taken.append(time.perf_counter() - begun)
        for sender in senders:
            sender.join()
    taken.sort()
    print(
        f"{SENDERS} slow senders: others p50 {taken[len(taken) // 2] * 1e3:.0f} ms, "
        f"slowest {taken[-1] * 1e3:.0f} ms"
    )
    assert all(b" 200 OK" in answer for answer in answers)
    assert len(answers) == SENDERS
    assert taken[-1] < MOST_SECONDS


def test_a_part_leaves_nothing_behind(proxy: Proxy) -> None:
    assert [
        path for path in Path(proxy.folder / "cache" / "body").rglob("*") if path.is_file()
    ] == []
