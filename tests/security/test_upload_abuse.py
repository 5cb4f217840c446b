"""Uploads as somebody would abuse them: foreign ones, forged addresses, other bytes."""

import base64
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from app.clock import shifted
from app.current import integrations
from app.database import db
from app.domain.accounts import users
from app.domain.accounts.models import Role, User
from app.domain.courses.models import Course, Lesson
from app.domain.videos import uploads
from app.domain.videos.upload_models import Upload
from tests import factories
from tests.support.client import CheckedClient
from tests.support.sending import address_of, begin, complete, film, put_parts

PART = 1000
DATA = film(2 * PART + 10)
ClientOf = Callable[[User], CheckedClient]


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "PART_BYTES", PART)


@pytest.fixture
def teacher(client_of: ClientOf, instructor: User) -> CheckedClient:
    return client_of(instructor)


def _arrived(upload_id: str) -> list[int]:
    place = uploads.place_of(db.session.get_one(Upload, upload_id))
    return [part.number for part in uploads.list_parts(place) if part.etag]


@pytest.mark.parametrize("role", [Role.INSTRUCTOR, Role.ADMIN, Role.SUPPORT])
def test_a_foreign_upload_does_not_exist(
    teacher: CheckedClient, client: CheckedClient, client_of: ClientOf, role: Role
) -> None:
    upload = begin(teacher, DATA, fingerprint="same")
    etags = put_parts(client, upload, DATA)
    other = client_of(factories.make_user(role))
    path = f"/api/admin/uploads/{upload['upload_id']}"
    assert other.get(path).status_code == 404
    assert complete(other, upload, etags).status_code == 404
    assert other.delete(path).status_code == 404
    assert other.get("/api/admin/uploads?fingerprint=same").get_json()["items"] == []
    assert complete(teacher, upload, etags).status_code == 202


def test_nobody_sends_to_a_foreign_lesson(
    client_of: ClientOf, video_lesson: Lesson, learner: User
) -> None:
    body = {"filename": "a.mp4", "size_bytes": 9, "content_type": "video/mp4",
            "lesson_id": str(video_lesson.id)}  # fmt: skip
    colleague = client_of(factories.make_user(Role.INSTRUCTOR))
    assert colleague.post("/api/admin/uploads", json=body).status_code == 404
    assert client_of(learner).post("/api/admin/uploads", json=body).status_code == 403
    assert db.session.query(Upload).count() == 0


def test_a_lesson_lost_meanwhile_takes_no_video(
    teacher: CheckedClient, client: CheckedClient, video_lesson: Lesson
) -> None:
    """The course was given to somebody else while the file was on its way."""
    upload = begin(teacher, DATA, lesson_id=str(video_lesson.id))
    etags = put_parts(client, upload, DATA)
    course = db.session.get_one(Course, video_lesson.course_id)
    course.instructor_id = factories.make_user(Role.INSTRUCTOR).id
    db.session.commit()
    assert complete(teacher, upload, etags).status_code == 404


@pytest.mark.parametrize(
    "what", ["number", "upload", "expires", "signature", "nothing", "spelling"]
)
def test_a_changed_address_takes_nothing(
    teacher: CheckedClient, client: CheckedClient, what: str
) -> None:
    upload, other = begin(teacher, DATA), begin(teacher, DATA)
    path, query = address_of(upload["parts"][0]).split("?")
    values = {name: value for name, [value] in parse_qs(query).items()}
    if what == "number":
        path = path.replace("/parts/1", "/parts/2")
    elif what == "upload":
        path = path.replace(upload["upload_id"], other["upload_id"])
    elif what == "expires":
        values["expires"] = str(int(values["expires"]) + 3600)
    elif what == "signature":
        raw = bytearray(base64.urlsafe_b64decode(values["signature"] + "="))
        raw[5] ^= 1
        values["signature"] = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    elif what == "spelling":
        values["signature"] += "="
    else:
        values = {}
    refused = client.put(path, query_string=values, data=DATA[:PART])
    assert refused.status_code == 403
    assert refused.get_json()["code"] == "GRANT_INVALID"
    assert _arrived(upload["upload_id"]) == _arrived(other["upload_id"]) == []


def test_an_expired_address_takes_nothing(teacher: CheckedClient, client: CheckedClient) -> None:
    upload = begin(teacher, DATA)
    with shifted(timedelta(hours=24)):
        refused = client.put(address_of(upload["parts"][0]), data=DATA[:PART])
    assert refused.status_code == 403
    assert _arrived(upload["upload_id"]) == []


@pytest.mark.parametrize("size", [0, PART - 1, PART + 1, 3 * PART])
def test_a_body_of_another_length_is_refused_and_counts_for_nothing(
    teacher: CheckedClient, client: CheckedClient, size: int
) -> None:
    upload = begin(teacher, DATA)
    refused = client.put(address_of(upload["parts"][0]), data=bytes(size))
    assert refused.status_code == (413 if size > PART else 422)
    if size > PART:
        assert refused.get_json()["layer"] == "application"
    assert _arrived(upload["upload_id"]) == []


def test_a_later_part_never_reaches_beyond_its_place(
    teacher: CheckedClient, client: CheckedClient
) -> None:
    """The last part is short: a full one there would make the file longer than it was let in."""
    upload = begin(teacher, DATA)
    refused = client.put(address_of(upload["parts"][2]), data=bytes(PART))
    assert refused.status_code == 413


def test_whoever_is_suspended_sends_no_further_part(
    teacher: CheckedClient, client: CheckedClient, instructor: User
) -> None:
    upload = begin(teacher, DATA)
    users.suspend(instructor)
    db.session.commit()
    assert client.put(address_of(upload["parts"][0]), data=DATA[:PART]).status_code == 403


def test_whoever_makes_courses_no_more_sends_no_further_part(
    teacher: CheckedClient, client: CheckedClient, instructor: User
) -> None:
    upload = begin(teacher, DATA)
    instructor.role = Role.LEARNER
    db.session.commit()
    assert client.put(address_of(upload["parts"][0]), data=DATA[:PART]).status_code == 403


def test_after_the_end_no_part_changes_the_file(
    teacher: CheckedClient, client: CheckedClient
) -> None:
    upload = begin(teacher, DATA)
    etags = put_parts(client, upload, DATA)
    assert complete(teacher, upload, etags).status_code == 202
    late = client.put(address_of(upload["parts"][0]), data=bytes(PART))
    assert late.status_code == 404
    key = db.session.get_one(Upload, upload["upload_id"]).storage_key
    with integrations.storage.open(key) as file:
        assert file.read() == DATA


def test_parts_of_another_file_complete_nothing(
    teacher: CheckedClient, client: CheckedClient
) -> None:
    upload = begin(teacher, DATA)
    etags = put_parts(client, upload, DATA)
    refused = complete(teacher, upload, {**etags, 2: etags[1]})
    assert refused.status_code == 422
    assert refused.get_json()["errors"][0]["field"] == "parts"
    twice = {"parts": [{"number": 1, "etag": etags[1]}] * 3}
    path = f"/api/admin/uploads/{upload['upload_id']}/complete"
    assert teacher.post(path, json=twice).status_code == 422


@pytest.mark.parametrize(
    "name", ["../../etc/passwd.mp4", "..\\..\\film.mp4", "/etc/film.mp4", "a/../../b.mp4"]
)
def test_no_name_of_a_file_reaches_the_storage(teacher: CheckedClient, name: str) -> None:
    upload = begin(teacher, DATA, filename=name)
    key = db.session.get_one(Upload, upload["upload_id"]).storage_key
    assert ".." not in key
    assert key.startswith("sources/")
    assert "/" not in upload["filename"]


def test_nobody_opens_uploads_without_end(
    teacher: CheckedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MAX_OPEN", 2)
    for _ in range(2):
        begin(teacher, DATA)
    body = {"filename": "a.mp4", "size_bytes": 9, "content_type": "video/mp4"}
    assert teacher.post("/api/admin/uploads", json=body).status_code == 422


def test_a_page_elsewhere_cannot_begin_one(teacher: CheckedClient) -> None:
    body = {"filename": "a.mp4", "size_bytes": 9, "content_type": "video/mp4"}
    foreign = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    assert teacher.post("/api/admin/uploads", json=body, headers=foreign).status_code == 403


def test_addresses_of_parts_stay_out_of_the_log(
    app: Flask, teacher: CheckedClient, client: CheckedClient, caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    upload = begin(teacher, DATA)
    address = address_of(upload["parts"][0])
    client.put(address, data=DATA[:PART])
    signature = parse_qs(urlsplit(address).query)["signature"][0]
    assert signature not in caplog.text + "".join(capfd.readouterr())
