"""Uploads of the application into a real bucket: addresses, the policy of pages, the end."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from app.config import load_settings
from app.database import db
from app.domain.accounts.api_keys import Scope
from app.domain.accounts.models import User
from app.domain.videos.models import Video
from app.integrations import Integrations
from app.integrations.uploads import MIN_PART_BYTES
from app.web.headers import content_security_policy
from tests.integrations.test_storage import s3_storage
from tests.support import keys
from tests.support.client import CheckedClient
from tests.support.s3_server import S3Server, s3_server
from tests.support.sending import begin, complete, film


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def script(app: Flask, server: S3Server, instructor: User) -> Iterator[CheckedClient]:
    before = app.extensions["integrations"]
    values: dict[str, Any] = {name: getattr(before, name) for name in before.__dataclass_fields__}
    app.extensions["integrations"] = Integrations(**{**values, "storage": s3_storage(server)})
    yield keys.client_with(app, keys.make_key(instructor, (Scope.ADMIN_READ, Scope.ADMIN_WRITE)))
    app.extensions["integrations"] = before


def _put(url: str, data: bytes) -> str:
    request = urllib.request.Request(url, data=data, method="PUT")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(answer.headers["ETag"])


def test_parts_go_to_the_bucket_and_become_a_video(
    app: Flask, script: CheckedClient, server: S3Server
) -> None:
    data = film(8 * 1024**2 + 1000)
    upload = begin(script, data)
    size = upload["part_size_bytes"]
    assert size >= MIN_PART_BYTES
    etags = {}
    for part in upload["parts"]:
        assert part["url"].startswith(server.endpoint_url)
        start = (part["number"] - 1) * size
        etags[part["number"]] = _put(part["url"], data[start : start + size])
    told = script.get(f"/api/admin/uploads/{upload['upload_id']}").get_json()
    assert told["received_bytes"] == len(data)
    first, second = (complete(script, upload, etags) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202), first.text
    video = db.session.get_one(Video, first.get_json()["media"]["id"])
    storage = app.extensions["integrations"].storage
    with storage.open(video.source_key) as stored:
        assert stored.read() == data


def test_a_part_longer_than_it_may_be_completes_nothing(script: CheckedClient) -> None:
    """The bucket takes any length; the application looks before it joins the parts."""
    data = film(1000)
    upload = begin(script, data)
    etag = _put(upload["parts"][0]["url"], data + b"more")
    refused = complete(script, upload, {1: etag})
    assert refused.status_code == 422
    assert refused.get_json()["errors"][0]["field"] == "parts"


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("extra", "origin"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9000/x"}, "http://127.0.0.1:9000"),
        ({"AWS_REGION": "eu-west-1"}, "https://media.s3.eu-west-1.amazonaws.com"),
    ],
)
def test_pages_may_send_to_the_bucket(extra: dict[str, str], origin: str) -> None:
    settings = load_settings(
        {"DATABASE_URL": "postgresql://x", "STORAGE": "s3", "S3_BUCKET_NAME": "media", **extra}
    )
    [policy] = [p for p in content_security_policy(settings).split("; ") if "connect-src" in p]
    assert origin in policy.split()
