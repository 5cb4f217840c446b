"""Uploads in parts straight into an S3 bucket, by addresses that are signed for one part each."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from app.errors import InvalidInput, NotFound
from app.integrations.storage import check_key
from app.integrations.uploads import OpenUpload, Part, Plan

_WRONG_PARTS = {"InvalidPart", "InvalidPartOrder", "EntityTooSmall", "MalformedXML"}


class Bucket(Protocol):
    """What is needed of S3Storage: its client, its bucket and its words for errors."""

    name: str

    @property
    def client(self) -> Any: ...

    def translating(self, key: str) -> AbstractContextManager[None]: ...


class S3Uploads:
    """Speaks S3's multipart protocol; the bytes go from the browser to the bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def begin(self, plan: Plan) -> str:
        """Begin a multipart upload. Raises StorageUnavailable."""
        with self._bucket.translating(plan.key):
            answer = self._bucket.client.create_multipart_upload(
                Bucket=self._bucket.name,
                Key=check_key(plan.key),
                ContentType=plan.content_type,
            )
        return str(answer["UploadId"])

    def free_bytes(self) -> int | None:
        """Return None: a bucket does not end."""
        return None

    def part_url(self, key: str, upload: str, number: int, lifetime_seconds: int) -> str | None:
        """Return an address that takes this one part by PUT."""
        with self._bucket.translating(key):
            address = self._bucket.client.generate_presigned_url(
                "upload_part",
                Params={**self._name(key, upload), "PartNumber": number},
                ExpiresIn=lifetime_seconds,
            )
        return str(address)

    def list_parts(self, key: str, upload: str) -> list[Part]:
        """Return the parts that have arrived, by number. Raises NotFound."""
        with self._bucket.translating(key):
            pages = self._bucket.client.get_paginator("list_parts")
            return [
                Part(item["PartNumber"], item["ETag"].strip('"'), item["Size"])
                for page in pages.paginate(**self._name(key, upload))
                for item in page.get("Parts", ())
            ]

    def complete(self, key: str, upload: str, parts: Sequence[Part]) -> None:
        """Make the object of its parts. Raises NotFound, InvalidInput naming `parts`."""
        from botocore.exceptions import ClientError  # noqa: PLC0415

        named = [{"PartNumber": part.number, "ETag": part.etag} for part in parts]
        with self._bucket.translating(key):
            try:
                self._bucket.client.complete_multipart_upload(
                    **self._name(key, upload), MultipartUpload={"Parts": named}
                )
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") not in _WRONG_PARTS:
                    raise
                raise InvalidInput(
                    {"parts": "Some parts are missing or are not the ones that arrived."}
                ) from error

    def abort(self, key: str, upload: str) -> None:
        """Forget the upload; forgetting it twice changes nothing."""
        try:
            with self._bucket.translating(key):
                self._bucket.client.abort_multipart_upload(**self._name(key, upload))
        except NotFound:
            return

    def list_open(self, prefix: str) -> list[OpenUpload]:
        """Return the uploads under way in the folder `prefix`."""
        with self._bucket.translating(prefix):
            pages = self._bucket.client.get_paginator("list_multipart_uploads")
            return [
                OpenUpload(item["Key"], item["UploadId"], item["Initiated"])
                for page in pages.paginate(Bucket=self._bucket.name, Prefix=f"{check_key(prefix)}/")
                for item in page.get("Uploads", ())
            ]

    def _name(self, key: str, upload: str) -> dict[str, str]:
        return {"Bucket": self._bucket.name, "Key": check_key(key), "UploadId": upload}
