"""Uploads by a program: what is begun, what arrives, what becomes of it, and what is refused."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.clock import shifted
from app.current import integrations
from app.database import db
from app.domain.accounts.api_keys import Scope
from app.domain.accounts.models import User
from app.domain.audit.models import AuditEvent
from app.domain.courses.models import Lesson
from app.domain.site.models import SiteChoices
from app.domain.videos import uploads
from app.domain.videos.models import Video, VideoStatus
from app.domain.videos.upload_models import Upload, UploadStatus
from app.integrations import local_uploads
from tests.support import keys
from tests.support.client import CheckedClient
from tests.support.sending import address_of, begin, complete, film, put_parts

PART = 1000
DATA = film(2 * PART + 345)


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "PART_BYTES", PART)


@pytest.fixture
def script(app: Flask, instructor: User) -> CheckedClient:
    """A program with the instructor's key."""
    return keys.client_with(app, keys.make_key(instructor, (Scope.ADMIN_READ, Scope.ADMIN_WRITE)))


@pytest.fixture
def anybody(app: Flask) -> CheckedClient:
    """A program with no credentials at all."""
    client = app.test_client()
    assert isinstance(client, CheckedClient)
    return client


def _stored(video: Video) -> bytes:
    with integrations.storage.open(video.source_key) as file:
        return file.read()


def test_a_script_uploads_a_video(
    script: CheckedClient, anybody: CheckedClient, video_lesson: Lesson, instructor: User
) -> None:
    digest = hashlib.sha256(DATA).hexdigest()
    upload = begin(script, DATA, lesson_id=str(video_lesson.id), filename="C:\\clips\\Loom.mp4")
    assert [part["number"] for part in upload["parts"]] == [1, 2, 3]
    assert upload["part_size_bytes"] == PART
    etags = put_parts(anybody, upload, DATA)
    answer = complete(script, upload, etags, sha256=digest)
    assert answer.status_code == 202, answer.text
    media = answer.get_json()["media"]
    video = db.session.get_one(Video, media["id"])
    assert (media["title"], media["status"], media["is_playable"]) == ("Loom", "queued", False)
    assert video.status is VideoStatus.QUEUED
    assert video.declared_sha256 == digest
    assert video.uploaded_by_id == instructor.id
    assert _stored(video) == DATA
    lesson = db.session.get_one(Lesson, video_lesson.id, populate_existing=True)
    assert video.id in (lesson.video_id, lesson.incoming_video_id)
    actions = db.session.query(AuditEvent.action).filter_by(subject_id=video.id).all()
    assert [row.action for row in actions] == ["video.added"]


def test_it_says_which_parts_arrived(script: CheckedClient, anybody: CheckedClient) -> None:
    upload = begin(script, DATA)
    etags = put_parts(anybody, upload, DATA, {3, 1})
    path = f"/api/admin/uploads/{upload['upload_id']}"
    told = script.get(path).get_json()
    assert {p["number"]: p["etag"] for p in told["parts"]} == {
        1: etags[1].strip('"'), 2: None, 3: etags[3].strip('"')
    }  # fmt: skip
    assert told["received_bytes"] == PART + 345
    early = complete(script, upload, etags)
    assert early.status_code == 422
    assert "2" in early.get_json()["errors"][0]["message"]
    etags |= put_parts(anybody, told, DATA, {2})
    assert complete(script, upload, etags).status_code == 202


def test_a_part_needs_no_credentials_and_minds_none(
    script: CheckedClient, client_of: Callable[[User], CheckedClient], learner: User
) -> None:
    upload = begin(script, DATA)
    put_parts(client_of(learner), upload, DATA, {1})
    put_parts(script, upload, DATA, {2})
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"}
    answer = script.put(address_of(upload["parts"][2]), data=DATA[2 * PART :], headers=headers)
    assert answer.status_code == 200


def test_completing_twice_answers_the_same(script: CheckedClient, anybody: CheckedClient) -> None:
    """The first answer was lost on the way."""
    upload = begin(script, DATA)
    etags = put_parts(anybody, upload, DATA)
    first, second = (complete(script, upload, etags) for _ in range(2))
    assert second.status_code == 202
    assert second.get_json()["media"]["id"] == first.get_json()["media"]["id"]
    assert db.session.query(Video).count() == 1


def test_a_crash_between_storage_and_database_is_made_good(
    script: CheckedClient, anybody: CheckedClient
) -> None:
    upload = begin(script, DATA)
    etags = put_parts(anybody, upload, DATA)
    row = db.session.get_one(Upload, upload["upload_id"])
    place = uploads.place_of(row)
    uploads.assemble(place, [(n, etag.strip('"')) for n, etag in etags.items()])
    told = script.get(f"/api/admin/uploads/{upload['upload_id']}").get_json()
    assert all(part["etag"] for part in told["parts"])
    named = {part["number"]: part["etag"] for part in told["parts"]}
    assert complete(script, upload, named).status_code == 202


def test_other_bytes_than_a_video_are_refused_and_removed(
    script: CheckedClient, anybody: CheckedClient
) -> None:
    data = b"#EXTM3U\n" + bytes(2000)
    upload = begin(script, data)
    refused = complete(script, upload, put_parts(anybody, upload, data))
    assert refused.status_code == 422
    assert refused.get_json()["code"] == "MEDIA_INVALID"
    row = db.session.get_one(Upload, upload["upload_id"])
    assert row.status is UploadStatus.CANCELLED
    assert integrations.storage.list_keys(str(Path(row.storage_key).parent)) == []
    assert db.session.query(Video).count() == 0


def test_a_cancelled_upload_leaves_nothing(script: CheckedClient, anybody: CheckedClient) -> None:
    upload = begin(script, DATA)
    put_parts(anybody, upload, DATA, {1})
    path = f"/api/admin/uploads/{upload['upload_id']}"
    assert script.delete(path).status_code == 204
    assert script.delete(path).status_code == 404
    assert script.get(path).status_code == 404
    late = anybody.put(address_of(upload["parts"][1]), data=DATA[PART : 2 * PART])
    assert late.status_code == 404
    row = db.session.get_one(Upload, upload["upload_id"])
    assert row.storage_upload not in {
        found.upload for found in integrations.storage.uploads.list_open("sources")
    }


def test_the_same_file_is_found_again(script: CheckedClient, anybody: CheckedClient) -> None:
    upload = begin(script, DATA, fingerprint="v1-abc")
    begin(script, DATA, fingerprint="v1-other")
    put_parts(anybody, upload, DATA, {1})
    [found] = script.get("/api/admin/uploads?fingerprint=v1-abc").get_json()["items"]
    assert found["upload_id"] == upload["upload_id"]
    assert found["received_bytes"] == PART
    assert len(script.get("/api/admin/uploads").get_json()["items"]) == 2


def test_limits_are_known_before_the_first_byte(script: CheckedClient) -> None:
    limits = script.get("/api/admin/uploads/limits").get_json()
    video = limits["purposes"]["video"]
    assert video["max_bytes"] == 5 * 1024**3
    assert "video/mp4" in video["content_types"]
    assert limits["free_bytes"] > 0


def test_a_file_over_the_site_s_limit_is_refused_with_the_remedy(script: CheckedClient) -> None:
    refused = script.post(
        "/api/admin/uploads",
        json={"filename": "a.mp4", "size_bytes": 5 * 1024**3 + 1, "content_type": "video/mp4"},
    )
    problem = refused.get_json()
    assert refused.status_code == 413
    assert (problem["code"], problem["layer"]) == ("TOO_LARGE", "site limit")
    assert problem["limit_bytes"] == 5 * 1024**3
    assert "MAX_VIDEO_UPLOAD_BYTES" in problem["remedy"]


def test_what_does_not_fit_the_quota_is_refused(script: CheckedClient) -> None:
    db.session.merge(SiteChoices(id=1, media_quota_bytes=3 * len(DATA)))
    db.session.commit()
    for _ in range(3):
        begin(script, DATA)
    body = {"filename": "a.mp4", "size_bytes": len(DATA), "content_type": "video/mp4"}
    refused = script.post("/api/admin/uploads", json=body)
    problem = refused.get_json()
    assert refused.status_code == 507
    assert (problem["code"], problem["layer"], problem["free_bytes"]) == (
        "QUOTA_EXCEEDED", "site quota", 0
    )  # fmt: skip


def test_what_does_not_fit_the_disk_is_refused(
    script: CheckedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_uploads, "SPARE_BYTES", 1 << 60)
    body = {"filename": "a.mp4", "size_bytes": len(DATA), "content_type": "video/mp4"}
    refused = script.post("/api/admin/uploads", json=body)
    assert refused.status_code == 507
    assert refused.get_json()["layer"] == "disk"
    assert db.session.query(Upload).count() == 0


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("content_type", {"content_type": "text/html"}),
        ("content_type", {"content_type": "", "filename": "film.exe"}),
        ("size_bytes", {"size_bytes": 0}),
        ("filename", {"filename": "a\nb.mp4"}),
        ("purpose", {"purpose": "everything"}),
        ("sha256", {"sha256": "abc"}),
        ("course_id", {"course_id": "0" * 8 + "-0000" * 3 + "-" + "0" * 12,
                       "lesson_id": "0" * 8 + "-0000" * 3 + "-" + "0" * 12}),
        ("colour", {"colour": "red"}),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(script: CheckedClient, field: str, values: dict[str, Any]) -> None:
    body = {"filename": "a.mp4", "size_bytes": 10, "content_type": "video/mp4", **values}
    refused = script.post("/api/admin/uploads", json=body)
    assert refused.status_code == 422, refused.text
    assert [error["field"] for error in refused.get_json()["errors"]] == [field]


def test_a_type_that_browsers_do_not_know_is_taken_by_its_suffix(script: CheckedClient) -> None:
    assert begin(script, DATA, content_type="", filename="film.MKV")["content_type"] == ""


def test_addresses_are_good_for_a_day(script: CheckedClient, anybody: CheckedClient) -> None:
    upload = begin(script, DATA)
    with shifted(uploads.part_addresses.LASTS):
        late = anybody.put(address_of(upload["parts"][0]), data=DATA[:PART])
        assert late.status_code == 403
        fresh = script.get(f"/api/admin/uploads/{upload['upload_id']}").get_json()
        put_parts(anybody, fresh, DATA, {1})


def test_a_full_disk_is_said(
    script: CheckedClient, anybody: CheckedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begin(script, DATA)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    refused = anybody.put(address_of(upload["parts"][0]), data=DATA[:PART])
    assert refused.status_code == 507
    assert refused.get_json()["code"] == "STORAGE_FULL"
