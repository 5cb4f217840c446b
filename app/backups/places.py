"""Where a restore puts things: beside their names until all of it is whole, and who owns them."""

import fcntl
import os
import pwd
import shlex
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.backups.trouble import BackupError

RESTORING = ".restoring"
DATA, HOST = "data", "host"
_SERVERS_USER = {DATA: ("postgres", "nobody"), HOST: ("triple-db",)}
_HOUSE_USER = "triple"


@dataclass(frozen=True, slots=True)
class Places:
    """The three places of a house: its database, its media, its secrets."""

    root: Path
    layout: str
    postgres: Path
    media: Path
    secrets: Path

    @property
    def all(self) -> tuple[Path, Path, Path]:
        """Return the places in the order in which they are put into being: the database last."""
        return self.secrets, self.media, self.postgres

    @property
    def work(self) -> Path:
        """Return the folder for what is needed on the way."""
        return self.media.with_name(f"work{RESTORING}")


def places_of(root: Path, layout: str, major: int) -> Places:
    """Return the places below `root`: a demo's DATA_DIR, or the PREFIX of a host."""
    root = root.resolve()
    if layout == HOST:
        state = root / "var/lib/triple"
        secrets = root / "etc/triple/secrets"
        return Places(root, layout, state / "postgres" / str(major), state / "media", secrets)
    return Places(root, layout, root / "postgres" / str(major), root / "media", root / "secrets")


def draft(place: Path) -> Path:
    """Return where `place` is built."""
    return place.with_name(place.name + RESTORING)


@contextmanager
def claimed(places: Places) -> Iterator[None]:
    """Have the target for the block alone, empty and free of what a killed restore left.

    Whatever was not put in place is removed at the end. Raises BackupError.
    """
    try:
        places.root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(places.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise BackupError(f"{places.root} cannot be used: {error.strerror}.") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BackupError(f"Another restore into {places.root} is under way.") from error
        _require_empty(places)
        _clear(places)
        if os.geteuid() == 0 and places.layout == DATA:
            places.root.chmod(0o711)  # PostgreSQL's user goes through it
        try:
            yield
        finally:
            _clear(places)
    finally:
        os.close(descriptor)


def _require_empty(places: Places) -> None:
    """Raise BackupError unless nothing is in the way; the house that is there is never touched."""
    looked_at = (places.root,) if places.layout == DATA else places.all
    for place in looked_at:
        there = sorted(p.name for p in place.iterdir()) if place.is_dir() else []
        in_the_way = [name for name in there if not name.endswith(RESTORING)]
        if places.layout == DATA and in_the_way == ["postgres"]:  # a killed restore's, if empty
            left = [p.name for p in (place / "postgres").iterdir()]
            in_the_way = [name for name in left if not name.endswith(RESTORING)]
        if in_the_way:
            raise BackupError(
                f"{place} is not empty ({', '.join(in_the_way[:3])}). A restore never overwrites:"
                " choose an empty folder, or move away what is there."
            )


def _clear(places: Places) -> None:
    for folder in (*map(draft, places.all), places.work):
        shutil.rmtree(folder, ignore_errors=True)


def put_in_place(places: Places, owner: Mapping[str, Any]) -> None:
    """Give everything its owner and its name; the database last: nothing starts on half a house."""
    give(draft(places.media), house_user(places.layout))
    if house_user(places.layout):
        for path in (draft(places.secrets), *draft(places.secrets).iterdir()):
            shutil.chown(path, "root", _HOUSE_USER)  # the group of that name
            path.chmod(0o750 if path.is_dir() else 0o640)
    os.sync()
    for place in places.all:
        if place.is_dir():
            place.rmdir()
        draft(place).rename(place)
    if places.layout == DATA:
        _name_demo_places(places, owner)


def _name_demo_places(places: Places, owner: Mapping[str, Any]) -> None:
    """Say that a demo lives here, as `setup.sh demo` does; it looks for a port of its own."""
    user = pwd.getpwuid(owner.get("user", os.geteuid())).pw_name
    named = {"PG_USER": user, "PG_HOME": places.postgres.parent, "RUN_DIR": places.root / "run"}
    text = " ".join(f"{name}={shlex.quote(str(value))}" for name, value in named.items())
    (places.root / "places").write_text(f"{text} PORT=3000\n", encoding="utf-8")


def servers_user(layout: str, name: str | None) -> dict[str, Any]:
    """Return whom PostgreSQL runs as, for subprocess: it refuses to be root. Raises BackupError."""
    if os.geteuid() != 0:
        return {}
    for candidate in (name,) if name else _SERVERS_USER[layout]:
        found = find_user(candidate)
        if found:
            return {"user": found[0], "group": found[1], "extra_groups": []}
    wanted = name or " or ".join(_SERVERS_USER[layout])
    raise BackupError(f"There is no user {wanted} to run PostgreSQL as; name one with --db-user.")


def find_user(name: str) -> tuple[int, int] | None:
    """Return a user's number and group, None for nobody of that name."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return entry.pw_uid, entry.pw_gid


def house_user(layout: str) -> tuple[int, int] | None:
    """Return who owns media on a host, when we are root and there is such a one."""
    if layout != HOST or os.geteuid() != 0:
        return None
    return find_user(_HOUSE_USER)


def give(folder: Path, owner: tuple[int, int] | None) -> None:
    """Make everything in `folder` belong to `owner`."""
    if owner is None:
        return
    os.chown(folder, *owner)
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(parent) / name, *owner, follow_symlinks=False)
