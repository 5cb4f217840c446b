"""`flask static …`: lays the static files where nginx serves them, a folder a release."""

import gzip
import os
import shutil
import time
from pathlib import Path

import click
from flask.cli import AppGroup

from app.web.templating import STATIC, release_of

static = AppGroup("static", help="The files that nginx serves by itself.")
KEPT_RELEASES = 5
COMPRESSED = frozenset({".css", ".js", ".svg", ".txt", ".json", ".wasm"})
LEAST_BYTES = 256


@static.command("publish")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def publish_verb(folder: Path) -> None:
    """Copy the static files to FOLDER under this release's address, text compressed beside it.

    Addresses change with the content, so pages of the release before go on finding their files;
    the last five releases stay. A second run changes nothing.
    """
    try:
        published = publish(STATIC, folder)
    except OSError as error:
        raise click.ClickException(f"{error.filename or folder}: {error.strerror}") from error
    click.echo(str(published))


def publish(source: Path, folder: Path) -> Path:
    """Make `folder`/static/<release> of `source` in one step; return it. Raises OSError."""
    releases = folder / "static"
    for each in (folder, releases):
        _make_folder(each)
    target = releases / release_of(source)
    if target.is_dir():
        os.utime(target)  # among the latest again
    else:
        fresh = releases / f".{target.name}.{os.getpid()}"
        _copy(source, fresh)
        try:
            fresh.rename(target)
        except OSError:
            shutil.rmtree(fresh)
            if not target.is_dir():  # else another has just published the same
                raise
    _forget_old(releases)
    return target


def _make_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)  # nginx's workers read it, whatever the umask


def _copy(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    _make_folder(target)
    for path in sorted(source.rglob("*")):
        copy = target / path.relative_to(source)
        if path.is_dir():
            _make_folder(copy)
            continue
        data = path.read_bytes()
        _write(copy, data)
        if path.suffix in COMPRESSED and len(data) >= LEAST_BYTES:
            packed = gzip.compress(data, 9, mtime=0)
            if len(packed) < len(data):
                _write(copy.with_name(f"{copy.name}.gz"), packed)


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    path.chmod(0o644)
    os.utime(path, (0, 0))  # a file and its compressed twin are of one age


def _forget_old(releases: Path) -> None:
    """Remove all but the latest releases, and what killed runs left behind an hour ago."""
    found = sorted(releases.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    finished = [path for path in found if not path.name.startswith(".")]
    hour_ago = time.time() - 3600
    unfinished = [path for path in found if path.name.startswith(".")]
    left = [path for path in unfinished if path.stat().st_mtime < hour_ago]
    for path in (*finished[KEPT_RELEASES:], *left):
        shutil.rmtree(path, ignore_errors=True)  # a later run tries again
