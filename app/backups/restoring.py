"""A backup becomes a house again: in an empty place, checked, and named only when it is whole."""

import io
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.backups import catalog, places, wal
from app.backups.catalog import Base
from app.backups.checking import Checked, check
from app.backups.media import Recall, lists_of
from app.backups.places import Places
from app.backups.recovery import Changes, recover
from app.backups.sealing import Identities, unseal
from app.backups.settings_back import write_settings
from app.backups.trouble import BackupError
from app.backups.unpacking import free_of_old_paths, reachable_programs, unpack
from app.integrations.backup_store import BackupStore
from app.integrations.postgres_tools import RecoveryServer

Say = Callable[[str], None]
HOST_ENVIRONMENTS = ("production", "staging")


@dataclass(frozen=True)
class Wish:
    """What is wanted: into where, of which backup, until when, and how closely it is looked at."""

    target: Path
    layout: str | None = None
    base_id: str | None = None
    until: datetime | None = None
    base_only: bool = False
    with_media: bool = True
    verify: bool = False
    db_user: str | None = None


@dataclass(frozen=True)
class Restored:
    """What came of it."""

    places: Places
    base: Base
    media: int
    checked: Checked


@dataclass(frozen=True)
class Restore:
    """One restore from `store`, opened by `identities`."""

    store: BackupStore
    identities: Identities
    wish: Wish
    say: Say

    def run(self) -> Restored:
        """Bring the house back and return what it came to.

        Raises BackupError, PostgresFailed, NotFound, StorageFull, StorageUnavailable: then nothing
        was put in place.
        """
        base = self._choose()
        contents = self._contents(base)
        is_host = contents["settings"].get("APP_ENV") in HOST_ENVIRONMENTS
        layout = self.wish.layout or (places.HOST if is_host else places.DATA)
        target = places.places_of(self.wish.target, layout, contents["major"])
        owner = places.servers_user(layout, self.wish.db_user)
        self._refuse_gap(base)
        with places.claimed(target):
            target.work.mkdir(parents=True, mode=0o711)
            target.work.chmod(0o711)
            count = self._bring_media(base, target)
            write_settings(contents["settings"], places.draft(target.secrets))
            programs = reachable_programs(contents["major"], target.work, owner)
            unpack(self.store, base, self.identities, places.draft(target.postgres), owner)
            self.say(f"database: the files of {base.id} are whole")
            checked = self._recover(contents, target, programs, owner)
            places.put_in_place(target, owner)
        return Restored(target, base, count, checked)

    def _choose(self) -> Base:
        bases = catalog.list_bases(self.store)
        wish = self.wish
        if wish.base_id:
            bases = [base for base in bases if base.id == wish.base_id]
        if wish.until:
            bases = [base for base in bases if base.finished_at <= wish.until]
        if not bases:
            moment = f" that was finished before {wish.until:%F %T%z}" if wish.until else ""
            raise BackupError(f"There is no such backup{moment}; look with `flask backup list`.")
        return bases[-1]

    def _contents(self, base: Base) -> dict[str, Any]:
        part = base.part("contents.json.age")
        target = io.BytesIO()
        unseal(self.store, part.key, target, self.identities, part.sha256)
        contents: dict[str, Any] = json.loads(target.getvalue())
        return contents

    def _refuse_gap(self, base: Base) -> None:
        """Raise BackupError when changes are missing in between: recovery would just end there."""
        if self.wish.base_only or self.wish.until:
            return  # the first needs none; the second fails by itself when its moment lies beyond
        last = wal.segment_of(base.end_lsn, base.timeline, base.segment_bytes)
        gap = wal.find_gap(self.store, last, base.segment_bytes)
        if gap:
            raise BackupError(
                f"The archived changes have a hole: {gap} is missing. Choose a moment before it"
                " with --until, or the backup alone with --base-only."
            )

    def _bring_media(self, base: Base, target: Places) -> int:
        draft = places.draft(target.media)
        draft.mkdir(parents=True, mode=0o750)
        if not self.wish.with_media:
            return 0
        moment = base.finished_at if self.wish.base_only else self.wish.until
        lists = lists_of(catalog.list_media(self.store), base.started_at, moment)
        if not lists:
            raise BackupError("There is no list of media; to go without media say --no-media.")
        needed = base.size + max(one.size for one in lists)
        free = shutil.disk_usage(target.work).free
        if free < needed:
            raise BackupError(
                f"{target.root} has room for {free} bytes, and at least {needed} are needed."
            )
        count, size = Recall(self.store, self.identities).run(lists, draft, target.work)
        self.say(f"media: {count} objects, {size} bytes, every hash as it was")
        return count

    def _recover(
        self, contents: Mapping[str, Any], target: Places, programs: Path, owner: Mapping[str, Any]
    ) -> Checked:
        wish, data = self.wish, places.draft(target.postgres)
        # the path of a socket must be short, which the target's need not be
        with TemporaryDirectory(prefix="restore-") as folder:
            if "user" in owner:
                os.chown(folder, owner["user"], owner["group"])
            server = RecoveryServer(programs, data, Path(folder), owner, contents["superuser"])
            changes = Changes(self.store, self.identities, data, server.folder, owner)
            try:
                recover(server, changes, wish.until, base_only=wish.base_only)
                self.say(f"database: recovered, {changes.fetched} archived files replayed")
                is_exact = wish.base_only or not changes.fetched
                checked = check(server, contents, is_exact=is_exact, is_thorough=wish.verify)
            finally:
                server.stop()
        if wish.verify and checked.faults:
            raise BackupError(
                "Nothing was put in place, because of what --verify found: "
                + "; ".join(checked.faults)
            )
        free_of_old_paths(data)
        return checked
