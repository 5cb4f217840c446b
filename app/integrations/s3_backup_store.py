"""Backups in an S3 bucket: streams of unknown length go as parts, and count when all are there."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any, BinaryIO, cast

from app.config import Settings
from app.errors import NotFound
from app.integrations.s3_storage import S3Storage
from app.integrations.stored import Stored

PART_BYTES = 16 * 1024**2
GROWTH_PARTS = 1000  # parts of one size; 10,000 are allowed, so the last ones hold up to 2.5 GB


class S3BackupStore:
    """Keeps each object below `prefix` of a bucket."""

    def __init__(self, settings: Settings, bucket: str, prefix: str) -> None:
        self._s3 = S3Storage(settings.model_copy(update={"s3_bucket_name": bucket}))
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""

    @contextmanager
    def writing(self, key: str) -> Iterator[BinaryIO]:
        """Send what is written in parts; S3 shows the object once they are put together."""
        name = self._prefix + key
        with self._s3.translating(name):
            parts = _Parts(self._s3.client, self._bucket, name)
            try:
                yield cast(BinaryIO, parts)
                parts.finish()
            except BaseException:
                parts.abandon()
                raise

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        """Open the object's body."""
        return self._s3.open(self._prefix + key)

    def size(self, key: str) -> int | None:
        """Return the object's size."""
        try:
            return self._s3.size(self._prefix + key)
        except NotFound:
            return None

    def list_objects(self, prefix: str) -> Iterator[Stored]:
        """Yield the objects, a thousand to a request."""
        for stored in self._s3.list_objects(self._prefix + prefix):
            yield Stored(stored.key.removeprefix(self._prefix), stored.size, stored.changed_at)

    def list_folders(self, prefix: str) -> list[str]:
        """Return the folders' names."""
        return sorted(self._s3.list_folders(self._prefix + prefix))

    def delete(self, key: str) -> None:
        """Remove the object."""
        with self._s3.translating(key):
            self._s3.client.delete_object(Bucket=self._bucket, Key=self._prefix + key)

    def forget_unfinished(self, before: datetime) -> int:
        """End the uploads that nobody goes on with."""
        removed = 0
        with self._s3.translating(self._prefix):
            pages = self._s3.client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self._bucket, Prefix=self._prefix
            )
            for page in pages:
                for upload in page.get("Uploads", ()):
                    if upload["Initiated"] < before:
                        self._s3.client.abort_multipart_upload(
                            Bucket=self._bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                        )
                        removed += 1
        return removed


class _Parts:
    """A writer that holds one part in memory."""

    def __init__(self, client: Any, bucket: str, key: str) -> None:
        self._client = client
        self._where = {"Bucket": bucket, "Key": key}
        self._buffer = bytearray()
        self._upload: dict[str, str] = {}
        self._sent: list[dict[str, Any]] = []

    def write(self, data: bytes) -> int:
        """Take `data`, and send a part when one is full."""
        self._buffer += data
        if len(self._buffer) >= PART_BYTES << (len(self._sent) // GROWTH_PARTS):
            self._send()
        return len(data)

    def flush(self) -> None:
        """Do nothing: parts go when they are full."""

    def finish(self) -> None:
        """Make the object: of its parts, or at once when it is small."""
        if not self._upload:
            self._client.put_object(**self._where, Body=bytes(self._buffer))
            return
        if self._buffer:
            self._send()
        self._client.complete_multipart_upload(
            **self._where, **self._upload, MultipartUpload={"Parts": self._sent}
        )

    def abandon(self) -> None:
        """Have S3 forget the parts; a killed process leaves its own to the bucket's life cycle."""
        if self._upload:
            self._client.abort_multipart_upload(**self._where, **self._upload)

    def _send(self) -> None:
        if not self._upload:
            begun = self._client.create_multipart_upload(**self._where)
            self._upload = {"UploadId": begun["UploadId"]}
        number = len(self._sent) + 1
        sent = self._client.upload_part(
            **self._where, **self._upload, PartNumber=number, Body=bytes(self._buffer)
        )
        self._sent.append({"PartNumber": number, "ETag": sent["ETag"]})
        self._buffer.clear()
