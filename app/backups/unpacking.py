"""A base backup becomes a data directory again, of the user that PostgreSQL runs as."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from app.backups import places
from app.backups.catalog import Base
from app.backups.sealing import Identities, unseal
from app.backups.trouble import BackupError
from app.integrations.backup_store import BackupStore
from app.integrations.postgres_tools import PostgresFailed, binaries, run_tool

_INCLUDE = re.compile(r"^(\s*)include(\s*=?\s*')", re.MULTILINE)


def reachable_programs(major: int, work: Path, owner: Mapping[str, Any]) -> Path:
    """Return PostgreSQL's programs, copied into `work` when its user cannot run them in place."""
    found = binaries(major)
    try:
        run_tool(found, ["postgres", "--version"], owner)
    except (PostgresFailed, PermissionError):
        package = found.parent.parent
        for folder in (package, package.with_name(f"{package.name}.libs")):
            shutil.copytree(folder, work / folder.name)
        return work / package.name / found.relative_to(package)
    return found


def unpack(
    store: BackupStore,
    base: Base,
    identities: Identities,
    data: Path,
    owner: Mapping[str, Any],
) -> None:
    """Write the files of `base` into the new folder `data`, and compare them with their sums.

    Raises BackupError, PostgresFailed, NotFound, StorageUnavailable.
    """
    if not data.parent.is_dir():
        data.parent.mkdir(parents=True, mode=0o711)
    data.mkdir(mode=0o700)
    if "user" in owner:
        places.give(data, (owner["user"], owner["group"]))
    part = base.part("base.tar.gz.age")
    command = ["tar", "-xz", "-C", str(data), "--no-same-owner"]
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/", **owner
        )
    except PermissionError as error:
        raise BackupError(f"PostgreSQL's user cannot reach {data}.") from error
    with process:
        said = _feed(process, store, part.key, identities, part.sha256)
    if process.returncode:
        raise BackupError(f"The database's files cannot be written: {said[-500:]}")
    run_tool(binaries(int(base.postgres.partition(".")[0])), _compare(data), {})


def _feed(
    process: "subprocess.Popen[bytes]",
    store: BackupStore,
    key: str,
    identities: Identities,
    sha256: str,
) -> str:
    """Give the archive to tar, and return what it complains of."""
    stdin: IO[bytes] = process.stdin  # type: ignore[assignment] # both were asked for
    stderr: IO[bytes] = process.stderr  # type: ignore[assignment]
    try:
        with suppress(BrokenPipeError):  # tar says why it went
            unseal(store, key, stdin, identities, sha256)
            stdin.close()
    except BaseException:
        process.kill()
        raise
    return stderr.read().decode(errors="replace").strip()


def _compare(data: Path) -> list[str]:
    return ["pg_verifybackup", "-n", "-q", str(data)]


def free_of_old_paths(data: Path) -> None:
    """Let the server start where files that its settings include are not, or not yet."""
    path = data / "postgresql.conf"
    text = path.read_text(encoding="utf-8")
    changed = _INCLUDE.sub(r"\1include_if_exists\2", text)
    if changed != text:
        path.write_text(changed, encoding="utf-8")
