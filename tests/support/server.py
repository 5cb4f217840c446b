"""The application as a real server: gunicorn with its real configuration on a loopback port."""

import ctypes
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_SECONDS = 30.0
DEATH_SIGNAL_OPTION = 1  # PR_SET_PDEATHSIG
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "FFMPEG_BIN")
# What supervisord runs, doing the scheduler's work as well.
WORKER = [sys.executable, "-m", "flask", "--app", "app:create_worker"]
WORKER += ["worker", "--with-scheduler"]
Answer = TypeVar("Answer")
_libc = ctypes.CDLL(None)


@dataclass(frozen=True)
class LiveServer:
    """A running gunicorn: where it listens, its master process, and where its log goes."""

    url: str
    process: "subprocess.Popen[bytes]"
    log_path: Path

    @property
    def log(self) -> str:
        """Return everything the server has written so far."""
        return self.log_path.read_text(encoding="utf-8", errors="replace")


def free_port() -> int:
    """Return a loopback port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def die_with_parent() -> None:
    """Have the kernel end this child when the test run is killed outright."""
    _libc.prctl(DEATH_SIGNAL_OPTION, signal.SIGTERM)


def base_environment() -> dict[str, str]:
    """Return the few variables a child process needs; no setting of the tests' own shell."""
    return {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}


def responds(url: str, path: str = "/api/health/live") -> bool:
    """Whether the server at `url` answers `path` with 200."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def wait_until(
    condition: Callable[[], Answer],
    timeout_seconds: float,
    what: str,
    interval_seconds: float = 0.05,
) -> Answer:
    """Poll `condition` until it returns something true and return that; fail after the timeout."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(interval_seconds)
    raise AssertionError(f"waited {timeout_seconds} s in vain: {what}")


def stop(process: "subprocess.Popen[bytes]", timeout_seconds: float = 15.0) -> None:
    """End `process` politely, then by force."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(timeout_seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def running(
    command: list[str], environment: Mapping[str, str], log_path: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `command` from the project's root for the block, its output appended to `log_path`."""
    with log_path.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**base_environment(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one prctl call, safe after fork
        )
    try:
        yield process
    finally:
        stop(process)


@contextmanager
def gunicorn(
    environment: Mapping[str, str], run_directory: Path, application: str = "wsgi:app"
) -> Iterator[LiveServer]:
    """Serve `application` for the block with the project's gunicorn.conf.py.

    `environment` holds the settings; DATA_DIR, PORT and PUBLIC_BASE_URL default to `run_directory`
    and a free port.
    """
    port = environment.get("PORT") or str(free_port())
    url = f"http://127.0.0.1:{port}"
    defaults = {
        "PORT": port,
        "PUBLIC_BASE_URL": url,
        "DATA_DIR": str(run_directory),
        "RUN_DIR": str(run_directory / f"run-{port}"),
        "WEB_WORKERS": "2",
        "LOG_LEVEL": "INFO",
    }
    log_path = run_directory / f"gunicorn-{port}.log"
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py"]
    command += ["--bind", f"127.0.0.1:{port}", application]
    with running(command, {**defaults, **environment}, log_path) as process:
        server = LiveServer(url, process, log_path)
        path = "/api/health/live" if application == "wsgi:app" else "/"

        def is_up() -> bool:
            assert process.poll() is None, f"gunicorn ended at start:\n{server.log[-4000:]}"
            return responds(url, path)

        wait_until(is_up, START_TIMEOUT_SECONDS, f"{url}{path} answers 200")
        yield server
