"""Run by PostgreSQL, never imported: keeps its WAL sealed in the backups' store, and fetches it."""

# postgresql.conf wants `archive_mode` on, `archive_timeout` of 60, and as `archive_command`
#     "PYTHON" -I "SCRIPT" push "SETTINGS" "%p" "%f"
# and for a recovery, as `restore_command`
#     "PYTHON" -I "SCRIPT" pull "SETTINGS" "%f" "%p"
# PYTHON and SCRIPT go by the link to the current release, to outlive a release. SETTINGS is a file
# of KEY=VALUE lines that PostgreSQL's user can read: BACKUP_URL, BACKUP_RECIPIENT and for s3://
# AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL; `pull` needs
# BACKUP_IDENTITY besides. With an empty BACKUP_URL nothing is kept and PostgreSQL goes on.
#
# PostgreSQL's user writes into the folder wal/ of a file:// store, the application reads and prunes
# it: make it setgid, of the application's group, writable for both (2770).
#
# `push` answers 0 only when the segment has reached the disk or the bucket; PostgreSQL keeps it
# otherwise and tries again. `pull` answers 1 for what is not there, and 255, upon which PostgreSQL
# gives up its recovery, for what is there and cannot be read.

import hashlib
import io
import os
import re
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pyrage

NAME = re.compile(r"[0-9A-F]{24}(\.[0-9A-F]{8}\.backup|\.partial)?|[0-9A-F]{8}\.history")
DIGEST_LENGTH = 16
GZIP = 31  # zlib's window bits for a gzip header, so that `age -d | gunzip` reads it, too
BROKEN = 255


class Trouble(Exception):
    """The message says what is wrong and what to do."""


class Folder:
    """A store in a folder."""

    def __init__(self, root: str) -> None:
        self._root = Path(root)

    def find(self, prefix: str) -> list[str]:
        """Return the keys that begin with `prefix`."""
        folder, _, start = prefix.rpartition("/")
        try:
            names = [entry.name for entry in os.scandir(self._root / folder)]
        except FileNotFoundError:
            if not self._root.is_dir():
                raise Trouble(f"{self._root} is not there; is its disk mounted?") from None
            return []
        return [f"{folder}/{name}" for name in names if name.startswith(start)]

    def read(self, key: str) -> bytes:
        """Return what is stored as `key`."""
        return (self._root / key).read_bytes()

    def write(self, key: str, data: bytes) -> None:
        """Store `data` as `key`, whole and on the disk, or not at all."""
        path = self._root / key
        os.umask(0o007)  # a new folder takes wal/'s group, who may then prune in it
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            sync(path.parent.parent)
        temporary = path.with_name(f".part-{path.name}")
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        sync(path.parent)


class Bucket:
    """A store in a bucket. The SDK is imported for it alone: it costs 0.3 s."""

    def __init__(self, bucket: str, prefix: str, settings: Mapping[str, str]) -> None:
        import boto3  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        endpoint = settings.get("AWS_ENDPOINT_URL") or None
        self._prefix = f"{prefix}/" if prefix else ""
        self._bucket = bucket
        self._client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name=settings.get("AWS_REGION") or "us-east-1",
            aws_access_key_id=settings.get("AWS_ACCESS_KEY_ID") or None,
            aws_secret_access_key=settings.get("AWS_SECRET_ACCESS_KEY") or None,
            config=Config(
                signature_version="s3v4",
                connect_timeout=5,
                read_timeout=30,
                s3={"addressing_style": "path"} if endpoint else None,
            ),
        )

    def find(self, prefix: str) -> list[str]:
        """Return the keys that begin with `prefix`."""
        found = self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix + prefix)
        return [item["Key"].removeprefix(self._prefix) for item in found.get("Contents", ())]

    def read(self, key: str) -> bytes:
        """Return what is stored as `key`."""
        answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
        data: bytes = answer["Body"].read()
        return data

    def write(self, key: str, data: bytes) -> None:
        """Store `data` as `key`."""
        self._client.put_object(Bucket=self._bucket, Key=self._prefix + key, Body=data)


def sync(folder: Path) -> None:
    """Have the names in `folder` reach the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_settings(path: str) -> dict[str, str]:
    """Read KEY=VALUE lines."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}


def open_store(settings: Mapping[str, str]) -> Any:
    """Return the store at BACKUP_URL."""
    url = urlsplit(settings.get("BACKUP_URL", ""))
    if url.scheme == "file" and url.path:
        return Folder(unquote(url.path))
    if url.scheme == "s3" and url.netloc:
        return Bucket(url.netloc, url.path.strip("/"), settings)
    raise Trouble("BACKUP_URL must be file:///folder or s3://bucket/prefix")


def prefix_of(name: str) -> str:
    """Return what the key of `name` begins with: its folder holds at most 4 GB of WAL."""
    if not NAME.fullmatch(name):
        raise Trouble(f"{name!r} is no name of a WAL file")
    return f"wal/{name[:16] if len(name) >= 24 else 'history'}/{name}-"


def push(settings: Mapping[str, str], path: str, name: str) -> int:
    """Keep the file at `path` as `name`; the same content twice is fine, another one is not."""
    if not settings.get("BACKUP_URL"):
        return 0
    recipients = [part.strip() for part in settings.get("BACKUP_RECIPIENT", "").split(",")]
    keys = [pyrage.x25519.Recipient.from_str(part) for part in recipients if part]
    if not keys:
        raise Trouble("BACKUP_RECIPIENT is empty; give it a public age recipient (age1…)")
    data = Path(path).read_bytes()
    store, prefix = open_store(settings), prefix_of(name)
    key = f"{prefix}{hashlib.sha256(data).hexdigest()[:DIGEST_LENGTH]}.age"
    there = store.find(prefix)
    if key in there:
        return 0
    if there:
        raise Trouble(f"{there[0]} holds another {name}; two databases must not share a BACKUP_URL")
    packer = zlib.compressobj(1, zlib.DEFLATED, GZIP)
    packed = packer.compress(data) + packer.flush()
    store.write(key, pyrage.encrypt(packed, keys))
    return 0


def pull(settings: Mapping[str, str], name: str, path: str) -> int:
    """Write what is kept as `name` to `path`; 1 when there is no such thing."""
    store, prefix = open_store(settings), prefix_of(name)
    there = store.find(prefix)
    if not there:
        return 1
    if len(there) > 1:
        raise Trouble(f"there are several {name}: {', '.join(there)}; two databases wrote them")
    written = settings.get("BACKUP_IDENTITY", "").split()
    identities = [pyrage.x25519.Identity.from_str(line) for line in written]
    data = zlib.decompress(pyrage.decrypt(store.read(there[0]), identities), GZIP)
    digest = there[0].removeprefix(prefix).removesuffix(".age")
    if not hashlib.sha256(data).hexdigest().startswith(digest):
        raise Trouble(f"{there[0]} does not hold what its name says")
    with io.FileIO(path, "w") as file:
        file.write(data)
        os.fsync(file.fileno())
    return 0


def complain(kind: type[BaseException], error: BaseException, _trace: Any) -> None:
    """Say what is wrong in one line of PostgreSQL's log, and end so that it cannot be overheard."""
    sys.stderr.write(f"WAL {' '.join(sys.argv[1:2] + sys.argv[3:])}: {kind.__name__}: {error}\n")
    sys.stderr.flush()
    os._exit(1 if "push" in sys.argv[1:2] else BROKEN)


def main() -> int:
    """Do what the arguments say."""
    sys.excepthook = complain
    if len(sys.argv) != 5 or sys.argv[1] not in ("push", "pull"):
        raise Trouble("usage: wal_archive_script.py push|pull SETTINGS FROM TO")
    act = push if sys.argv[1] == "push" else pull
    return act(read_settings(sys.argv[2]), *sys.argv[3:])


if __name__ == "__main__":
    sys.exit(main())
