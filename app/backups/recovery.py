"""Has PostgreSQL replay the archived changes upon a base backup, handing them to it one by one."""

import os
import re
import select
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg2

from app.backups.sealing import Identities, Unpacking, Writing, unseal
from app.backups.trouble import BackupError
from app.backups.wal import prefix_of
from app.errors import NotFound, StorageFull, StorageUnavailable
from app.integrations.backup_store import BackupStore
from app.integrations.postgres_tools import RecoveryServer

_NAME = re.compile(r"[0-9A-F]{24}(?:\.[0-9A-F]{8}\.backup)?|[0-9A-F]{8}\.history")
_PATH = re.compile(r"pg_wal/[A-Z]+")
_FETCHED, _ABSENT, _BROKEN = 0, 1, 255
_POLL_SECONDS = 0.1
_TOO_EARLY = "recovery ended before configured recovery target was reached"


@dataclass
class Changes:
    """Answers PostgreSQL's requests for archived files, by two pipes.

    So neither the identity nor the store has to be within reach of PostgreSQL's user.
    """

    store: BackupStore
    identities: Identities
    data: Path
    folder: Path
    owner: Mapping[str, Any]
    fetched: int = 0
    error: BaseException | None = None
    _stop: threading.Event = field(default_factory=threading.Event)

    @property
    def command(self) -> str:
        """Return the restore_command that asks here."""
        ask, answer = self.folder / "ask", self.folder / "answer"
        return f'echo "%f %p" >"{ask}" && read -r code <"{answer}" && exit "$code"; exit {_BROKEN}'

    def open(self) -> None:
        """Make the pipes and begin to answer."""
        for name in ("ask", "answer"):
            os.mkfifo(self.folder / name)
            (self.folder / name).chmod(0o600)
            self.give_away(self.folder / name)
        self._thread = threading.Thread(target=self._answer_all, name="changes", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer no more."""
        self._stop.set()
        self._thread.join()

    def _answer_all(self) -> None:
        # both ends held open, so that neither opening nor writing ever waits for PostgreSQL
        ask = os.open(self.folder / "ask", os.O_RDWR | os.O_CLOEXEC)
        answer = os.open(self.folder / "answer", os.O_RDWR | os.O_CLOEXEC)
        pending = b""
        while not self._stop.is_set():
            if select.select([ask], [], [], _POLL_SECONDS)[0]:
                pending += os.read(ask, 4096)
            while b"\n" in pending:
                line, _, pending = pending.partition(b"\n")
                os.write(answer, f"{self._fetch(line.decode())}\n".encode())
        os.close(ask)
        os.close(answer)

    def _fetch(self, request: str) -> int:
        name, _, path = request.partition(" ")
        if not _NAME.fullmatch(name) or not _PATH.fullmatch(path):
            return _ABSENT
        try:
            return self._write(name, self.data / path)
        except (BackupError, NotFound, StorageFull, StorageUnavailable, OSError) as error:
            self.error = error
            return _BROKEN

    def _write(self, name: str, path: Path) -> int:
        found = [
            stored.key
            for stored in self.store.list_objects(prefix_of(name))
            if stored.key.rpartition("/")[2].startswith(f"{name}-")
        ]
        if not found:
            return _ABSENT
        if len(found) > 1:
            raise BackupError(f"There are several {name}; two databases wrote to this store.")
        with path.open("wb") as file:
            self.give_away(path)
            writing = Writing(file)
            unpacking = Unpacking(writing)
            unseal(self.store, found[0], unpacking, self.identities)
            unpacking.finish()
        if not found[0].endswith(f"-{writing.sha256[:16]}.age"):
            raise BackupError(f"{found[0]} does not hold what its name says.")
        self.fetched += 1
        return _FETCHED

    def give_away(self, path: Path) -> None:
        """Make `path` that of PostgreSQL's user."""
        if "user" in self.owner:
            os.chown(path, self.owner["user"], self.owner["group"])


def recover(
    server: RecoveryServer, changes: Changes, until: datetime | None, *, base_only: bool
) -> None:
    """Replay what there is, or what there was at `until`, and leave the server running.

    Raises BackupError saying what is missing.
    """
    options = {"restore_command": changes.command, "recovery_target_action": "promote"}
    if base_only:
        options["recovery_target"] = "immediate"
    elif until is not None:
        options["recovery_target_time"] = until.isoformat()
    signal_file = server.data / "recovery.signal"
    signal_file.touch()
    changes.give_away(signal_file)
    changes.open()
    try:
        server.start(options)
        _wait(server, changes, until)
    finally:
        changes.close()


def _wait(server: RecoveryServer, changes: Changes, until: datetime | None) -> None:
    while not server.has_ended():
        try:
            psycopg2.connect(server.address("postgres")).close()
        except psycopg2.OperationalError:
            time.sleep(_POLL_SECONDS)
        else:
            return
    if changes.error is not None:
        raise BackupError(f"The archived changes cannot be read: {changes.error}")
    said = server.said()
    if _TOO_EARLY in said:
        raise BackupError(
            f"The archived changes end before {until:%Y-%m-%d %H:%M:%S%z}. Choose an earlier"
            " moment, or leave --until away to have all there is."
        )
    raise BackupError(f"PostgreSQL gave up its recovery: {said}")
