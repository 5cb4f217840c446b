"""A real redis-server on a loopback port that keeps nothing; tests kill and freeze it."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.server import die_with_parent, stop, wait_until


class RedisServer:
    """One server that may be started again at the same address."""

    def __init__(self, port: int, directory: Path) -> None:
        self.port = port
        self._directory = directory
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return its address for REDIS_URL."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--appendonly", "no", "--dir", str(self._directory)]
        with (self._directory / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - one prctl call, safe after fork
            )
        wait_until(self.answers, 10, "redis-server answers")

    def answers(self) -> bool:
        """Whether it says PONG."""
        address = ("127.0.0.1", self.port)
        with suppress(OSError), socket.create_connection(address, 1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        return False

    def kill(self) -> None:
        """End it as a crash would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()


@contextmanager
def redis_server(port: int, directory: Path) -> Iterator[RedisServer]:
    """Run a server for the block; skips where Debian's redis-server is missing."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is missing; on Debian: apt-get install redis-server")
    server = RedisServer(port, directory)
    server.start()
    try:
        yield server
    finally:
        if server.process is not None:
            stop(server.process)
