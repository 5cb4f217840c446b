"""A real primary with a streaming replica, both thrown away afterwards; tests kill and pause it."""

import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2

from tests.support.postgres import Cluster, Server, temporary_cluster, with_owner
from tests.support.server import wait_until

OPTIONS = {
    "fsync": "off",
    "wal_level": "replica",
    "hot_standby_feedback": "on",
    "wal_retrieve_retry_interval": "200ms",
}
START_SECONDS = 30
Command = list[str | Path]


@dataclass
class Standby:
    """The replica, as often as it is started."""

    cluster: Cluster
    process: "subprocess.Popen[bytes]"

    def url_of(self, primary_url: str) -> str:
        """Return the replica's address of the database that `primary_url` names."""
        parts = urlsplit(primary_url)
        own = urlsplit(self.cluster.admin_url)
        return urlunsplit((parts.scheme, parts.netloc, parts.path, own.query, ""))

    def ask(self, statement: str) -> object:
        """Run one statement as the administrator; return its first value."""
        connection = psycopg2.connect(self.cluster.admin_url)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                row = cursor.fetchone()
                return row[0] if row else None
        finally:
            connection.close()

    def pause(self) -> None:
        """Let it stop following; it answers as of now."""
        self.ask("SELECT pg_wal_replay_pause()")
        paused = "SELECT pg_get_wal_replay_pause_state() = 'paused'"
        wait_until(lambda: self.ask(paused), 10, "the replica has paused")

    def resume(self) -> None:
        """Let it follow again."""
        self.ask("SELECT pg_wal_replay_resume()")

    def kill(self) -> None:
        """End it with all its processes, as the loss of its machine would."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(30)

    def start(self) -> None:
        """Start it after it was killed."""
        self.process = self.cluster.start()
        wait_until(self.cluster.has_started, START_SECONDS, "the replica takes connections")


@dataclass(frozen=True)
class Pair:
    """A primary on which databases may be made, and the replica that follows it."""

    primary: Server
    standby: Standby

    def catch_up(self) -> None:
        """Wait until the replica has everything that was committed so far."""
        connection = psycopg2.connect(self.primary.admin_url)
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_wal_flush_lsn()")
            (position,) = cursor.fetchone() or ("0/0",)
        connection.close()
        reached = f"SELECT pg_last_wal_replay_lsn() >= '{position}'"
        wait_until(lambda: self.standby.ask(reached), START_SECONDS, "the replica has caught up")


@contextmanager
def replicated(max_connections: int = 60) -> Iterator[Pair]:
    """Run a primary and its replica for the block."""
    with temporary_cluster(OPTIONS, max_connections) as cluster:
        process = cluster.start()
        try:
            wait_until(cluster.has_started, START_SECONDS, "the primary takes connections")
            primary = with_owner(cluster.admin_url)
            with following(cluster) as standby:
                yield Pair(primary, standby)
        finally:
            _end(process)


@contextmanager
def following(
    primary: Cluster, source: str = "", serve: Callable[[Command], Command] = list
) -> Iterator[Standby]:
    """Copy a running primary and follow it for the block.

    `source` is where it is followed, if not at its socket; `serve` may change the commands, so
    that they run elsewhere.
    """
    # The folder belongs to the server's own user, like the primary's beside it.
    with tempfile.TemporaryDirectory(prefix="follows-", dir=primary.scratch) as folder:
        scratch = Path(folder)
        scratch.chmod(0o777)
        copy(primary, scratch / "data", source or primary.admin_url, serve)
        command = serve(primary.command)
        command[command.index("-D") + 1] = scratch / "data"
        command[command.index("-k") + 1] = scratch
        cluster = replace(primary, scratch=scratch, command=command)
        standby = Standby(cluster, cluster.start())
        try:
            wait_until(cluster.has_started, START_SECONDS, "the replica takes connections")
            yield standby
        finally:
            _end(standby.process)


def copy(
    primary: Cluster, data: Path, source: str, serve: Callable[[Command], Command] = list
) -> None:
    """Copy a running primary's data to `data`, to be served by something that follows it."""
    command: Command = [Path(primary.command[0]).parent / "pg_basebackup", "-d", source, "-D", data]
    command += ["--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
    done = subprocess.run(
        serve(command), check=False, capture_output=True, text=True, cwd="/", **primary.identity
    )
    assert done.returncode == 0, done.stderr


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.wait(30)
