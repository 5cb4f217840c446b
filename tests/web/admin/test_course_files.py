"""Covers, PDFs, resources and archives sent as uploads, and what staff does with them then."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from flask import Flask

from app.current import integrations
from app.database import db
from app.domain.accounts.api_keys import Scope
from app.domain.accounts.models import Role, User
from app.domain.courses import transfers
from app.domain.courses.file_models import CourseFile, CourseTransfer
from app.domain.courses.models import Course, Lesson, LessonKind
from app.worker import transfers as job
from tests import factories
from tests.support import html, keys
from tests.support.client import CheckedClient
from tests.support.course_files import PDF, make_cover, make_document, make_file, picture
from tests.support.sending import begin, complete, put_parts

ClientOf = Callable[[User], CheckedClient]


@pytest.fixture
def script(app: Flask, instructor: User) -> CheckedClient:
    """A program with the instructor's key."""
    return keys.client_with(app, keys.make_key(instructor, (Scope.ADMIN_READ, Scope.ADMIN_WRITE)))


def _carry(do: Callable[..., None], transfer_id: Any) -> None:
    """Run a job in the test's own session; see tests/worker/test_exports.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "held", lambda _: nullcontext())
        patch.setattr(db.session, "remove", lambda: None)
        do(transfer_id, lambda: False)


def _send(client: CheckedClient, data: bytes, **wish: Any) -> Any:
    upload = begin(client, data, **wish)
    return complete(client, upload, put_parts(client, upload, data))


def test_a_cover_is_drawn_from_what_was_sent(script: CheckedClient, course: Course) -> None:
    first = _send(
        script, picture(), course_id=str(course.id), purpose="cover", filename="loom.jpg",
        content_type="image/jpeg",
    )  # fmt: skip
    assert first.status_code == 202
    shown = first.json["course"]["cover"]
    assert script.get(shown["url"]).mimetype == "image/webp"
    again = _send(
        script, picture(kind="PNG"), course_id=str(course.id), purpose="cover",
        filename="loom.png", content_type="image/png",
    )  # fmt: skip
    assert again.json["course"]["cover"]["id"] != shown["id"]
    # The one before and what was sent are gone.
    assert len(integrations.storage.list_keys(f"covers/{course.id}")) == 3
    assert not integrations.storage.list_keys("arrivals")


@pytest.mark.parametrize("purpose", ["cover", "document"])
def test_a_file_that_is_something_else_is_refused_and_removed(
    script: CheckedClient, course: Course, text_lesson: Lesson, purpose: str
) -> None:
    target = (
        {"course_id": str(course.id)} if purpose == "cover" else {"lesson_id": str(text_lesson.id)}
    )
    kind = "image/png" if purpose == "cover" else "application/pdf"
    before = integrations.storage.list_keys("files")
    answer = _send(
        script, b"<svg onload='alert(1)'/>" * 9, purpose=purpose, filename="a.x",
        content_type=kind, **target,
    )  # fmt: skip
    assert (answer.status_code, answer.json["code"]) == (422, "FILE_REFUSED")
    assert not integrations.storage.list_keys("arrivals")
    assert integrations.storage.list_keys("files") == before
    assert course.cover_id is None


def test_a_pdf_becomes_the_lesson_and_replaces_the_one_before(
    script: CheckedClient, text_lesson: Lesson
) -> None:
    old = make_document(text_lesson)
    old_key = old.storage_key
    answer = _send(
        script, PDF + b"%%", lesson_id=str(text_lesson.id), purpose="document",
        filename="../../Reader", content_type="application/pdf",
    )  # fmt: skip
    assert answer.status_code == 202
    file = answer.json["file"]
    assert (file["filename"], file["content_type"]) == ("Reader.pdf", "application/pdf")
    lesson = db.session.get_one(Lesson, text_lesson.id, populate_existing=True)
    assert (str(lesson.document_id), lesson.kind) == (file["id"], LessonKind.PDF)
    assert not integrations.storage.list_keys(old_key.rsplit("/", 1)[0])


def test_a_lesson_with_a_video_takes_no_pdf(script: CheckedClient, video_lesson: Lesson) -> None:
    answer = _send(
        script, PDF, lesson_id=str(video_lesson.id), purpose="document", filename="a.pdf",
        content_type="application/pdf",
    )  # fmt: skip
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "lesson_id"


def test_resources_are_added_renamed_and_removed(
    script: CheckedClient, video_lesson: Lesson
) -> None:
    for name in ("pattern.zip", "yarn.csv"):
        answer = _send(
            script, b"one,two", lesson_id=str(video_lesson.id), purpose="resource", filename=name,
            content_type="application/octet-stream",
        )  # fmt: skip
        assert answer.status_code == 202, answer.json
    path = f"/api/admin/lessons/{video_lesson.id}/files"
    listed = script.get(path).json["items"]
    assert [file["filename"] for file in listed] == ["pattern.zip", "yarn.csv"]
    file_path = f"/api/admin/files/{listed[0]['id']}"
    renamed = script.patch(file_path, json={"filename": "a/b/Pattern 2.zip"})
    assert renamed.json["file"]["filename"] == "Pattern 2.zip"
    refused = script.patch(file_path, json={"filename": "run.exe"})
    assert refused.json["code"] == "FILE_REFUSED"
    assert script.patch(file_path, json={"name": "x"}).status_code == 422
    key = db.session.get_one(CourseFile, listed[0]["id"]).storage_key
    assert script.delete(file_path).status_code == 204
    assert not integrations.storage.list_keys(key.rsplit("/", 1)[0])
    assert len(script.get(path).json["items"]) == 1


def test_a_file_that_a_copy_still_names_stays_in_storage(
    script: CheckedClient, video_lesson: Lesson, course: Course
) -> None:
    file = make_file(video_lesson)
    assert script.post(f"/api/admin/courses/{course.id}/duplicate", json={}).status_code == 201
    assert script.delete(f"/api/admin/files/{file.id}").status_code == 204
    assert integrations.storage.list_keys(file.storage_key.rsplit("/", 1)[0])


def test_what_runs_by_itself_is_not_handed_out(script: CheckedClient, video_lesson: Lesson) -> None:
    answer = _send(
        script, b"MZ", lesson_id=str(video_lesson.id), purpose="resource", filename="setup.exe",
        content_type="application/zip",
    )  # fmt: skip
    assert answer.json["code"] == "FILE_REFUSED"
    assert "zip" in answer.json["detail"]


def test_a_lie_about_the_hash_is_found_out(script: CheckedClient, video_lesson: Lesson) -> None:
    answer = _send(
        script, b"text", lesson_id=str(video_lesson.id), purpose="resource", filename="a.txt",
        content_type="text/plain", sha256="0" * 64,
    )  # fmt: skip
    assert answer.json["code"] == "FILE_REFUSED"


def test_a_lost_answer_is_given_again(script: CheckedClient, video_lesson: Lesson) -> None:
    upload = begin(
        script, b"text", lesson_id=str(video_lesson.id), purpose="resource", filename="a.txt",
        content_type="text/plain",
    )  # fmt: skip
    parts = put_parts(script, upload, b"text")
    first, again = (complete(script, upload, parts) for _ in range(2))
    assert first.json["file"] == again.json["file"]


def test_others_send_nothing_for_a_course_that_is_not_theirs(
    app: Flask, course: Course, video_lesson: Lesson
) -> None:
    stranger = factories.make_user(Role.INSTRUCTOR)
    client = keys.client_with(app, keys.make_key(stranger, (Scope.ADMIN_WRITE,)))
    for purpose, target in (
        ("cover", {"course_id": str(course.id)}),
        ("document", {"lesson_id": str(video_lesson.id)}),
        ("resource", {"lesson_id": str(video_lesson.id)}),
    ):
        wish = {"filename": "a.pdf", "content_type": "application/pdf", "size_bytes": 9}
        if purpose == "cover":
            wish |= {"filename": "a.png", "content_type": "image/png"}
        body = {**wish, "purpose": purpose, **target}
        assert client.post("/api/admin/uploads", json=body).status_code == 404


def test_a_cover_is_taken_down(script: CheckedClient, course: Course) -> None:
    make_cover(course)
    assert script.delete(f"/api/admin/courses/{course.id}/cover").status_code == 204
    db.session.refresh(course)
    assert course.cover_id is None
    assert not integrations.storage.list_keys(f"covers/{course.id}")


def test_a_script_exports_a_course_and_imports_it(
    script: CheckedClient,
    text_lesson: Lesson,
    instructor: User,
) -> None:
    made = factories.make_course(instructor, title="Ünïque / course")
    factories.make_lesson(factories.make_section(made), title="One")
    begun = script.post(f"/api/admin/courses/{made.id}/export", json={})
    assert (begun.status_code, begun.json["transfer"]["status"]) == (202, "queued")
    path = f"/api/admin/transfers/{begun.json['transfer']['id']}"
    assert script.get(f"{path}/archive").status_code == 404
    _carry(job.export_course, db.session.scalars(db.select(CourseTransfer.id)).one())
    assert script.get(path).json["transfer"]["progress_percent"] == 100
    fetched = script.get(f"{path}/archive")
    assert fetched.mimetype == "application/zip"
    assert "course" in fetched.headers["Content-Disposition"]
    sent = _send(
        script, fetched.data, purpose="archive", filename="a.zip", content_type="application/zip"
    )
    assert sent.status_code == 202, sent.json
    import_id = sent.json["transfer"]["id"]
    row = db.session.get_one(CourseTransfer, import_id)
    _carry(job.import_course, row.id)
    done = script.get(f"/api/admin/transfers/{import_id}").json["transfer"]
    assert (done["status"], done["title"]) == ("ready", "Ünïque / course")
    course = script.get(f"/api/admin/courses/{done['course_id']}").json["course"]
    assert (course["status"], course["lesson_count"]) == ("draft", 1)


def test_the_page_exports_and_fetches(
    client_of: ClientOf,
    course: Course,
    text_lesson: Lesson,
    instructor: User,
) -> None:
    for lesson in course_lessons(course):
        lesson.video_id = None
    db.session.commit()
    client = client_of(instructor)
    empty = html.parse(client.get("/admin/transfers").text)
    assert empty.select_one('[data-purpose="archive"]')
    done = client.post_form(f"/admin/courses/{course.id}/export", page="/dashboard")
    assert done.headers["Location"] == "/admin/transfers"
    page = html.parse(client.get("/admin/transfers").text)
    assert page.select_one("[data-under-way]")
    transfer = db.session.scalars(db.select(CourseTransfer)).one()
    _carry(job.export_course, transfer.id)
    page = html.parse(client.get("/admin/transfers").text)
    link = page.select_one("tbody a.button")
    assert link is not None
    assert client.get(str(link["href"])).mimetype == "application/zip"


def course_lessons(course: Course) -> list[Lesson]:
    """Return all lessons of a course."""
    return list(db.session.scalars(db.select(Lesson).where(Lesson.course_id == course.id)))


def test_a_course_handed_over_takes_its_archives_along(
    client_of: ClientOf, course: Course, instructor: User, admin: User
) -> None:
    transfer, _ = transfers.begin_export(instructor, course.id)
    transfers.finish_export(transfer.id, "transfers/x/course.zip", 2)
    integrations.storage.put_bytes("transfers/x/course.zip", b"PK", "application/zip")
    db.session.commit()
    path = f"/admin/transfers/{transfer.id}/archive"
    assert client_of(instructor).get(path).status_code == 200
    course.instructor_id = factories.make_user(Role.INSTRUCTOR).id
    db.session.commit()
    assert client_of(instructor).get(path).status_code == 404
    assert client_of(admin).get(path).status_code == 200
