"""This machine: room on its disks, ffmpeg, the sandbox that hostile files are opened in, fonts."""

import json
import os
import shutil
import socket
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from app.cli.checks.findings import Check, Finding, fail, ok, warn
from app.config import ConfigurationError, StorageKind
from app.current import integrations, settings
from app.domain.checkout.receipt_pages import FONTS
from app.errors import TranscodeFailed
from app.integrations import sandbox
from app.integrations.sandbox import Limits, ProgramFailed

FAIL_BYTES, WARN_BYTES, WARN_SHARE = 256 * 1024**2, 2 * 1024**3, 0.05
GIGABYTE = 1024**3
PROGRAM_SECONDS = 15.0  # a busy machine starts programs slowly
RECEIPT_FONTS = ("text.ttf", "strong.ttf")

# Told by the sandboxed process: what it can reach that it must not.
_PROBE = """
import json, os, socket, sys
given = json.loads(sys.argv[1])
leaks = [f"the file {path}" for path in given["hidden"] if os.path.exists(path)]
try:
    socket.create_connection(("127.0.0.1", given["port"]), 1).close()
    leaks.append("the network")
except OSError:
    pass
try:
    socket.socket(socket.AF_INET, socket.SOCK_RAW).close()
    leaks.append("raw sockets")
except OSError:
    pass
try:
    os.close(os.open("/usr/.doctor", os.O_CREAT | os.O_WRONLY))
    leaks.append("writing to the system")
    os.unlink("/usr/.doctor")
except OSError:
    pass
if os.path.isdir(f"/proc/{given['pid']}"):
    leaks.append("other processes")
print(json.dumps(leaks))
"""


def _disks() -> list[Finding]:
    folders = {"data": settings.data_dir.resolve(), "temporary files": Path(tempfile.gettempdir())}
    if settings.storage is StorageKind.LOCAL:
        folders["media"] = settings.media_directory
    seen: dict[int, str] = {}
    for what, folder in folders.items():
        place = next(each for each in (folder, *folder.parents) if each.exists())
        device = place.stat().st_dev
        seen[device] = f"{seen[device]}, {what}" if device in seen else f"{place} ({what}"
    return [_room(Path(said.split(" (")[0]), f"{said})") for said in seen.values()]


def _room(place: Path, said: str) -> Finding:
    usage, inodes = shutil.disk_usage(place), os.statvfs(place)
    left = f"{said}: {usage.free / GIGABYTE:.1f} GB free"
    remedy = (
        "Free space: du -xh / | sort -h | tail; delete media in the admin, old releases, old logs; "
        "or enlarge the disk. Until then uploads answer 507, while reading and playback go on."
    )
    if usage.free < FAIL_BYTES:
        return fail(left, remedy)
    if inodes.f_files and inodes.f_favail / inodes.f_files < WARN_SHARE:
        return warn(f"{said}: hardly any inodes left", "Remove small files, or enlarge the disk.")
    if usage.free < WARN_BYTES or usage.free / usage.total < WARN_SHARE:
        return warn(left, remedy)
    return ok(left)


def _ffmpeg() -> Finding:
    remedy = (
        "Empty FFMPEG_BIN to use the one of the locked packages, or name an ffmpeg with libx264 "
        "and aac there; no video can be prepared until then."
    )
    try:
        used = integrations.transcoder.check()
    except ConfigurationError as error:
        return fail(str(error), remedy)
    except TranscodeFailed as error:
        return fail(f"ffmpeg cannot encode: {' '.join(error.detail.split())[:200]}", remedy)
    return ok(f"{Path(used).name} encodes H.264 and AAC")


def _sandbox() -> Finding:
    if sandbox.bubblewrap() is None:
        why = "it does not work here" if shutil.which("bwrap") else "it is not installed"
        return warn(
            f"bubblewrap: {why}; hostile files meet limits of time and memory, but no walls",
            "apt-get install bubblewrap; where it is there, let users make namespaces: "
            "sysctl kernel.unprivileged_userns_clone=1 (and "
            "kernel.apparmor_restrict_unprivileged_userns=0).",
        )
    hidden = [str(path) for path in (settings.data_dir.resolve(), Path("/etc/passwd"))]
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        given = {"hidden": hidden, "port": listener.getsockname()[1], "pid": os.getpid()}
        command = [sys.executable, "-I", "-c", _PROBE, json.dumps(given)]
        try:
            leaks = json.loads(sandbox.run(command, Limits(wall_seconds=12))[-1])
        except (ProgramFailed, ValueError, IndexError) as error:
            return fail(
                f"nothing runs in the sandbox: {' '.join(str(error).split())[:200]}",
                "bwrap --unshare-all --ro-bind / / true must succeed as this user.",
            )
    if leaks:
        return fail(
            f"who is in the sandbox reaches {', '.join(leaks)}",
            "Update bubblewrap; take no uploads until this is mended.",
        )
    return ok("bubblewrap: no network, no files of ours, no privileges")


def _fonts() -> Finding:
    missing = [name for name in RECEIPT_FONTS if not (FONTS / name).is_file()]
    if missing:
        return fail(
            f"receipts lack their fonts: {', '.join(missing)}",
            "Unpack the release again: the fonts are part of it.",
        )
    return ok("receipts have theirs")


CHECKS = (
    Check("disk", _disks, "a disk"),
    Check("ffmpeg", _ffmpeg, "ffmpeg", is_slow=True, limit_seconds=PROGRAM_SECONDS),
    Check("sandbox", _sandbox, "bubblewrap", is_slow=True, limit_seconds=PROGRAM_SECONDS),
    Check("fonts", _fonts),
)
