"""Storage in an S3 bucket (Amazon's or any server that speaks S3)."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, cast

from app.config import Settings
from app.errors import NotFound, StorageFull, StorageUnavailable
from app.integrations.s3_uploads import S3Uploads
from app.integrations.storage import check_key
from app.integrations.stored import Stored

_MISSING = {"404", "NoSuchKey", "NoSuchUpload", "NotFound"}
_FULL_STATUS = 507
_DELETE_BATCH = 1000
_ATTEMPTS = 4


def _lasting(key: str) -> str:
    """Return how long who fetches an object may keep it: a CDN a generation's encrypted segments.

    A generation is never written again, so its segments last as long as their video.
    """
    is_for_cdn = key.startswith("media/")
    return "public, max-age=86400, immutable" if is_for_cdn else "private, no-store"


class S3Storage:
    """Speaks to one bucket. The SDK is imported when first used: it costs 0.3 s of boot."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.name = settings.s3_bucket_name
        self.uploads = S3Uploads(self)
        self._lock = threading.Lock()

    def put_file(self, key: str, path: Path, content_type: str) -> None:
        """Upload the file at `path`, in parts when it is large."""
        with self.translating(key):
            self.client.upload_file(
                os.fspath(path),
                self.name,
                check_key(key),
                ExtraArgs={"ContentType": content_type, "CacheControl": _lasting(key)},
            )

    def put_bytes(self, key: str, data: bytes, content_type: str) -> None:
        """Upload `data`."""
        with self.translating(key):
            self.client.put_object(
                Bucket=self.name,
                Key=check_key(key),
                Body=data,
                ContentType=content_type,
                CacheControl=_lasting(key),
            )

    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        """Open the object's body as a stream."""
        with self.translating(key):
            body = self.client.get_object(Bucket=self.name, Key=check_key(key))["Body"]
            with body:
                yield cast(BinaryIO, body)

    def fetch_to(self, key: str, path: Path) -> None:
        """Download the object to `path`."""
        with self.translating(key):
            self.client.download_file(self.name, check_key(key), os.fspath(path))

    def size(self, key: str) -> int:
        """Return the object's size in bytes."""
        with self.translating(key):
            head = self.client.head_object(Bucket=self.name, Key=check_key(key))
        return int(head["ContentLength"])

    def delete_prefix(self, prefix: str) -> int:
        """Delete the objects below `prefix`; return how many there were."""
        keys = self.list_keys(prefix)
        with self.translating(prefix):
            for start in range(0, len(keys), _DELETE_BATCH):
                batch = [{"Key": key} for key in keys[start : start + _DELETE_BATCH]]
                answer = self.client.delete_objects(
                    Bucket=self.name, Delete={"Objects": batch, "Quiet": True}
                )
                if answer.get("Errors"):
                    raise StorageUnavailable(f"Could not delete {answer['Errors'][0]['Key']}.")
        return len(keys)

    def list_keys(self, prefix: str) -> list[str]:
        """Return the keys below the folder `prefix`, sorted."""
        with self.translating(prefix):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.name, Prefix=f"{check_key(prefix)}/"
            )
            return sorted(item["Key"] for page in pages for item in page.get("Contents", ()))

    def list_objects(self, prefix: str = "") -> Iterator[Stored]:
        """Yield the objects below the folder `prefix`, sorted, a thousand to a request."""
        with self.translating(prefix):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.name, Prefix=f"{check_key(prefix)}/" if prefix else ""
            )
            for page in pages:
                for item in page.get("Contents", ()):
                    yield Stored(item["Key"], item["Size"], item["LastModified"])

    def list_folders(self, prefix: str) -> Iterator[str]:
        """Yield the names of the folders right below `prefix`."""
        base = f"{check_key(prefix)}/"
        with self.translating(prefix):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.name, Prefix=base, Delimiter="/"
            )
            for page in pages:
                for item in page.get("CommonPrefixes", ()):
                    yield item["Prefix"].removeprefix(base).rstrip("/")

    def changed_at(self, prefix: str) -> datetime | None:
        """Return when something below the folder `prefix` was last written; None for nothing."""
        with self.translating(prefix):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.name, Prefix=f"{check_key(prefix)}/"
            )
            moments = [item["LastModified"] for page in pages for item in page.get("Contents", ())]
        return max(moments, default=None)

    def local_path(self, key: str) -> Path | None:
        """Return None: the objects are elsewhere."""
        check_key(key)
        return None

    @cached_property
    def client(self) -> Any:
        """The SDK's client."""
        import boto3  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        config = Config(
            signature_version="s3v4",
            connect_timeout=5,
            read_timeout=30,
            retries={"mode": "standard", "max_attempts": _ATTEMPTS},
            s3={"addressing_style": "path"} if self._settings.aws_endpoint_url else None,
        )
        with self._lock:  # a boto3 session is not made for two threads at once
            session = boto3.session.Session(
                aws_access_key_id=self._settings.aws_access_key_id or None,
                aws_secret_access_key=self._settings.aws_secret_access_key or None,
                region_name=self._settings.aws_region,
            )
            return session.client(
                "s3", endpoint_url=self._settings.aws_endpoint_url or None, config=config
            )

    @contextmanager
    def translating(self, key: str) -> Iterator[None]:
        """Turn the SDK's errors into ours, so that no vendor name climbs a floor."""
        from boto3.exceptions import Boto3Error  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        try:
            yield
        except ClientError as error:
            raise _translated(error, key) from error
        except (BotoCoreError, Boto3Error) as error:
            raise StorageUnavailable(f"The storage does not answer: {error}.") from error


def _translated(error: Any, key: str) -> NotFound | StorageFull | StorageUnavailable:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if code in _MISSING:
        return NotFound(f"Nothing is stored as {key}.")
    if status == _FULL_STATUS:
        return StorageFull()
    return StorageUnavailable(f"The storage answered {status} {code}.")
