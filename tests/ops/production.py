"""A real host below a folder of its own, made by `setup.sh production`, and who looks after it."""

import fcntl
import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.ops.supervised import pid_of, states_of
from tests.support.server import ROOT, base_environment, free_port

START_TIMEOUT_SECONDS = 300
SITE_HOST = "courses.example.test"
PYTHON = "/usr/bin/python3"
NEEDED = {"nginx": "nginx-light", "setpriv": "util-linux", "openssl": "openssl", PYTHON: "python3"}


@dataclass(frozen=True)
class Answer:
    """What nginx answered: the status (0: nothing at all), the headers and the body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Host:
    """A host below `prefix`: what an operator does to it, and what visitors get of it."""

    prefix: Path
    http_port: int
    https_port: int
    environment: dict[str, str] = field(default_factory=dict)
    source: Path = ROOT

    name = SITE_HOST

    @property
    def url(self) -> str:
        """Return the public address, which leads nowhere but through `ask`."""
        return f"https://{SITE_HOST}:{self.https_port}"

    @property
    def run(self) -> Path:
        """Return the folder of sockets."""
        return self.prefix / "run/triple"

    @property
    def logs(self) -> Path:
        """Return the folder of logs."""
        return self.prefix / "var/log/triple"

    @property
    def state(self) -> Path:
        """Return the folder of media, PostgreSQL, backups."""
        return self.prefix / "var/lib/triple"

    @property
    def etc(self) -> Path:
        """Return the folder of settings, secrets, certificate and nginx's files."""
        return self.prefix / "etc/triple"

    @property
    def house(self) -> Path:
        """Return the folder of releases and of the link to the current one."""
        return self.prefix / "srv/triple"

    @property
    def current(self) -> Path:
        """Return the link to the current release."""
        return self.house / "current"

    @property
    def release(self) -> str:
        """Return the id of the current release."""
        return self.current.resolve().name

    def setup(
        self, *arguments: str, check: bool = True, source: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run setup.sh of `source` (default: the code under test) on this host."""
        network = {k: v for k, v in os.environ.items() if k.startswith(("SSL_", "PIP_", "UV_"))}
        chosen = {
            "PREFIX": str(self.prefix),
            "HTTP_PORT": str(self.http_port),
            "HTTPS_PORT": str(self.https_port),
            "LISTEN_ADDRESS": "127.0.0.1",
        }
        answer = subprocess.run(
            [(source or self.source) / "setup.sh", *arguments],
            env=base_environment() | network | chosen | self.environment | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_TIMEOUT_SECONDS,
            check=False,
        )
        if check:
            assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer

    def production(self, *arguments: str, **how: Any) -> subprocess.CompletedProcess[str]:
        """Set this host up, or mend it."""
        return self.setup("production", "--site-host", SITE_HOST, *arguments, **how)

    def flask(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a flask verb as the application's user."""
        return self.setup("flask", *arguments, check=check)

    def ctl(self, *arguments: str) -> str:
        """Return what supervisorctl says."""
        return self.setup("supervisorctl", *arguments, check=False).stdout.strip()

    def pid(self, program: str = "") -> int:
        """Return the process of a program (supervisord's own without one), 0 when none runs."""
        return pid_of(self.run / "supervisor.sock", program)

    def states(self) -> dict[str, str]:
        """Return the state of every program by its name."""
        return states_of(self.run / "supervisor.sock")

    def connect(self, timeout: float = 10) -> http.client.HTTPSConnection:
        """Return a connection to nginx, which asks for SITE_HOST when told no other Host."""
        context = ssl._create_unverified_context()
        return http.client.HTTPSConnection(
            "127.0.0.1", self.https_port, timeout=timeout, context=context
        )

    def ask(
        self, path: str, method: str = "GET", body: bytes | str | None = None, **headers: str
    ) -> Answer:
        """Return what nginx answers over TLS."""
        sent = {"Host": SITE_HOST} | {name.replace("_", "-"): v for name, v in headers.items()}
        with closing(self.connect()) as connection:
            try:
                connection.request(method, path, body, sent)
                response = connection.getresponse()
                return Answer(response.status, dict(response.headers), response.read())
            except (OSError, http.client.HTTPException):
                return Answer(0)

    def post_json(self, path: str, body: object, **headers: str) -> Answer:
        """Return what is answered to a JSON body."""
        return self.ask(path, "POST", json.dumps(body), Content_Type="application/json", **headers)

    def is_ready(self) -> bool:
        """Whether the site answers that it is ready."""
        return self.ask("/api/health/ready").status == 200

    @contextmanager
    def database(self, role: str = "postgres") -> Iterator[Any]:
        """Give a cursor of `role`, for whom root may stand; each statement commits."""
        where = {"host": str(self.run / "postgres"), "dbname": "triple", "user": role}
        with closing(psycopg2.connect(**where)) as connection:
            connection.autocommit = True
            yield connection.cursor()

    def row(self, query: str, role: str = "postgres") -> tuple[Any, ...] | None:
        """Return the first row of a query."""
        with self.database(role) as cursor:
            cursor.execute(query)
            return cursor.fetchone() if cursor.description else None

    def log(self, name: str) -> str:
        """Return what a program wrote."""
        path = self.logs / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self) -> None:
        """End everything that runs here."""
        self.setup("stop", check=False)


def require_host() -> None:
    """Skip the test where no host can be set up."""
    if os.geteuid() != 0:
        pytest.skip("a production host is set up by root")
    if not Path("/etc/debian_version").exists():
        pytest.skip("a production host is a Debian machine")
    for program, package in NEEDED.items():
        if not shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin"):
            pytest.skip(f"{program} is not installed (Debian: {package})")


def _packages() -> Path:
    """Return where the packages of the first host are kept for those that follow."""
    lock = zlib.crc32((ROOT / "requirements.txt").read_bytes())
    return Path(tempfile.gettempdir()) / f"triple-packages-{lock:08x}"


def _production(host: Host, **environment: str) -> None:
    """Set `host` up; what the doctor thinks of a busy machine is not what tests are about."""
    answer = host.production(check=False, **environment)
    serves = answer.returncode == 0 or "the site serves, but" in answer.stderr
    assert serves, answer.stdout + answer.stderr


def _set_up(host: Host) -> None:
    """Let the first host install the packages, and those that follow borrow them."""
    kept = _packages()
    if kept.exists():
        _production(host, PACKAGES_FROM=str(kept))
        return
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            _production(host)
            fresh = kept.with_suffix(f".{os.getpid()}")
            fresh.mkdir()
            made = host.current.resolve() / ".venv"
            subprocess.run(["cp", "-al", made, fresh / ".venv"], check=True)
            fresh.rename(kept)
            return
    _production(host, PACKAGES_FROM=str(kept))


@contextmanager
def production_host(
    tmp: Path | None = None, *, source: Path = ROOT, **environment: str
) -> Iterator[Host]:
    """Set up a host for the block, on loopback and free ports, below a short folder of its own.

    `tmp`, when given, is that folder: short, and one that other users may enter. `environment` are
    settings that end in its production.env. `./setup.sh production` ends with `flask doctor`, whose
    warnings are no fault of a host that no name leads to.
    """
    require_host()
    prefix = tmp or Path(tempfile.mkdtemp(prefix="host-"))
    prefix.chmod(0o711)
    host = Host(prefix, free_port(), free_port(), {"WEB_WORKERS": "2"} | environment, source)
    try:
        _set_up(host)
        yield host
    finally:
        host.stop()
        shutil.rmtree(prefix, ignore_errors=True)


def main() -> None:
    """Set up a host and keep it until a line is read: python -m tests.ops.production."""
    with production_host() as host:
        print(f"PREFIX={host.prefix} {host.url} (Enter ends it)")
        sys.stdin.readline()


if __name__ == "__main__":
    main()
