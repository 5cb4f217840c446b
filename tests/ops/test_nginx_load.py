"""nginx under many clients: idle and slow ones cost others nothing, a reload fails no request.

IDLE_CONNECTIONS says how many idle ones (default 2,000; 10,000 were tried).
"""

import os
import resource
import signal
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.ops.proxy import HOST, Proxy, serving, telling
from tests.support.server import wait_until

pytestmark = [pytest.mark.no_database, pytest.mark.alone]
IDLE = int(os.environ.get("IDLE_CONNECTIONS") or 2_000)
SLOW = 200
SAMPLES = 300
MOST_SECONDS = 0.2
VISITORS = 8
PAUSE_SECONDS = 0.11  # a visitor of nginx's ten requests a second
REQUEST = f"GET /courses HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
LARGE = f"GET /static/0/large.txt HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
BEGUN = f"POST /auth/sign-in HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 9999\r\n\r\nab".encode()


class Crowd:
    """Clients from many addresses of loopback: a site's visitors are not one."""

    def __init__(self, proxy: Proxy) -> None:
        self._port = proxy.tls_port
        self._tls = ssl._create_unverified_context()
        self._count = 0

    def connect(self) -> ssl.SSLSocket:
        self._count += 1
        source = f"127.0.{1 + self._count // 250 % 250}.{1 + self._count % 250}"
        plain = socket.create_connection(("127.0.0.1", self._port), 20, (source, 0))
        return self._tls.wrap_socket(plain)


def ask(connection: ssl.SSLSocket) -> int:
    """Ask for a page on a kept connection; return the status, 0 where nginx closed it before."""
    connection.sendall(REQUEST)
    answer = b""
    while b"\r\n\r\n" not in answer:
        if not (piece := connection.recv(8192)):
            return 0
        answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(8192)
    return int(head.split(b" ")[1])


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("crowd")
    large = folder / "static-root" / "static" / "0" / "large.txt"
    large.parent.mkdir(parents=True)
    large.write_bytes(b"x" * 8_000_000)
    sizes = {"NGINX_CONNECTIONS": "16384", "NGINX_WORKERS": "2"}
    with telling() as upstream, serving(folder, WEB_UPSTREAM=upstream, **sizes) as proxy:
        yield proxy


@pytest.fixture
def _many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < IDLE + 1000:
        pytest.skip(f"this process may open {hard} files (ulimit -n), not {IDLE + 1000}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _measure(crowd: Crowd, samples: int) -> list[float]:
    """Return the seconds of requests by new visitors, each on a connection of its own, sorted."""
    taken = []
    for _ in range(samples):
        begun = time.perf_counter()
        with crowd.connect() as connection:
            assert ask(connection) == 200
        taken.append(time.perf_counter() - begun)
    return sorted(taken)


def _said(taken: list[float]) -> str:
    p50, p99 = taken[len(taken) // 2], taken[len(taken) * 99 // 100]
    return f"p50 {p50 * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms"


@pytest.mark.usefixtures("_many_files")
def test_idle_and_slow_clients_keep_nobody_waiting(proxy: Proxy) -> None:
    crowd = Crowd(proxy)
    alone = _measure(crowd, SAMPLES // 3)
    with ExitStack() as stack:
        for _ in range(IDLE):  # each asked once, as a browser does, and keeps the connection
            assert ask(stack.enter_context(crowd.connect())) == 200
        for request in (LARGE, BEGUN) * (SLOW // 2):  # taking nothing, or sending no further
            stack.enter_context(crowd.connect()).sendall(request)
        among = _measure(crowd, SAMPLES)
    print(f"{IDLE} idle and {SLOW} slow clients: {_said(among)}; without them {_said(alone)}")
    assert among[len(among) * 99 // 100] < MOST_SECONDS


def test_a_reload_under_load_fails_no_request(proxy: Proxy) -> None:
    crowd, stop = Crowd(proxy), threading.Event()
    answers: list[int] = []
    asked_again: list[int] = []

    def visit() -> None:
        while not stop.is_set():
            with crowd.connect() as connection:
                answers.append(ask(connection))
                # A kept connection may be closed while nothing is asked on it. Who asks at that
                # moment asks again on another, as browsers do.
                try:
                    kept = ask(connection)
                except OSError:
                    kept = 0
                (answers if kept else asked_again).append(kept)
            stop.wait(PAUSE_SECONDS)

    visitors = [threading.Thread(target=visit) for _ in range(VISITORS)]
    for visitor in visitors:
        visitor.start()
    try:
        for _ in range(3):
            before, goal = _workers(proxy), len(answers) + 100
            proxy.process.send_signal(signal.SIGHUP)
            wait_until(lambda b=before: _workers(proxy) - b, 20, "new workers are there")  # type: ignore[misc]
            wait_until(lambda g=goal: len(answers) >= g, 20, "they have answered")  # type: ignore[misc]
    finally:
        stop.set()
        for visitor in visitors:
            visitor.join()
    failed = [status for status in answers if status != 200]
    print(
        f"{len(answers)} requests over three reloads: {len(failed)} failed, "
        f"{len(asked_again)} asked again on another connection"
    )
    assert failed == []
    assert len(answers) >= 300


def _workers(proxy: Proxy) -> set[int]:
    children = Path(f"/proc/{proxy.process.pid}/task/{proxy.process.pid}/children").read_text()
    return {int(pid) for pid in children.split()}


def test_a_broken_configuration_is_not_taken_up(proxy: Proxy) -> None:
    main = proxy.folder / "nginx" / "nginx.conf"
    before = main.read_text()
    main.write_text(before + "\nnonsense;\n")
    try:
        proxy.process.send_signal(signal.SIGHUP)
        log = proxy.folder / "nginx-error.log"
        wait_until(lambda: "nonsense" in log.read_text(), 10, "nginx says what is wrong")
        with closing(Crowd(proxy).connect()) as connection:
            assert ask(connection) == 200
    finally:
        main.write_text(before)
