"""Files of lessons: on the page, sent under their names, to who may open the lesson."""

from collections.abc import Callable

import pytest
from bs4 import BeautifulSoup

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import User
from app.domain.courses.models import Course, CourseStatus, Lesson, Section
from tests import factories
from tests.support import html
from tests.support.client import CheckedClient
from tests.support.course_files import PDF, make_document, make_file
from tests.support.statements import recorded

ClientOf = Callable[[User], CheckedClient]


def _lesson_path(course: Course, lesson: Lesson) -> str:
    return f"/learn/{course.slug}/{lesson.id}"


def _page(client: CheckedClient, course: Course, lesson: Lesson) -> BeautifulSoup:
    return html.parse(client.get(_lesson_path(course, lesson)).text)


def test_a_resource_is_listed_and_fetched(
    client_of: ClientOf, enrolled: User, course: Course, video_lesson: Lesson
) -> None:
    make_file(video_lesson, "pattern.zip", b"PK zipped")
    client = client_of(enrolled)
    page = _page(client, course, video_lesson)
    link = page.select_one("#resources a.files__file")
    assert link is not None
    assert "pattern.zip" in link.get_text()
    response = client.get(str(link["href"]))
    assert (response.status_code, response.data) == (200, b"PK zipped")
    assert response.headers["Content-Disposition"] == "attachment; filename=pattern.zip"
    assert response.headers["Content-Type"] == "application/zip"
    assert response.headers["Cache-Control"] == "private, no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("ሸማ ሥራ.pdf", "filename=pdf; filename*=UTF-8''%E1%88%B8"),
        ('a"b; x=y.txt', "filename*=UTF-8''a%22b%3B%20x%3Dy%2Etxt"),
        ("Weekly plan.txt", "filename=Weekly_plan.txt; filename*=UTF-8''Weekly%20plan%2Etxt"),
    ],
    ids=["amharic", "quotes", "space"],
)
def test_names_travel_whole_and_inject_nothing(
    client_of: ClientOf,
    enrolled: User,
    course: Course,
    video_lesson: Lesson,
    filename: str,
    expected: str,
) -> None:
    file = make_file(video_lesson, filename)
    response = client_of(enrolled).get(f"{_lesson_path(course, video_lesson)}/files/{file.id}")
    assert expected in response.headers["Content-Disposition"]


def test_a_pdf_lesson_shows_its_document_and_can_be_ticked(
    client_of: ClientOf, enrolled: User, course: Course, text_lesson: Lesson
) -> None:
    file = make_document(text_lesson)
    client = client_of(enrolled)
    page = _page(client, course, text_lesson)
    reader = page.select_one('[data-module="document"]')
    assert reader is not None
    assert "Mark complete" in page.get_text()
    shown = client.get(str(reader["data-src"]))
    assert (shown.data, shown.mimetype) == (PDF, "application/pdf")
    assert shown.headers["Content-Disposition"] == "inline; filename=reader.pdf"
    assert shown.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in shown.headers["Content-Security-Policy"]
    kept = client.get(f"{_lesson_path(course, text_lesson)}/files/{file.id}")
    assert kept.headers["Content-Disposition"].startswith("attachment")
    frame_policy = client.get(_lesson_path(course, text_lesson)).headers["Content-Security-Policy"]
    assert "frame-src 'self'" in frame_policy
    assert "frame-ancestors 'none'" in frame_policy


def test_only_pdfs_are_shown_in_the_browser(
    client_of: ClientOf, enrolled: User, course: Course, video_lesson: Lesson
) -> None:
    file = make_file(video_lesson, "page.txt", b"<script>alert(1)</script>")
    path = f"{_lesson_path(course, video_lesson)}/files/{file.id}?view=1"
    response = client_of(enrolled).get(path)
    assert response.headers["Content-Disposition"].startswith("attachment")
    assert response.headers["X-Frame-Options"] != "SAMEORIGIN"


def test_a_pdf_lesson_without_its_document_says_so(
    client_of: ClientOf, enrolled: User, course: Course, text_lesson: Lesson
) -> None:
    make_document(text_lesson)
    text_lesson.document_id = None
    db.session.commit()
    page = _page(client_of(enrolled), course, text_lesson)
    assert "not there yet" in page.get_text()


def test_who_may_not_open_the_lesson_gets_neither_list_nor_file(
    client: CheckedClient,
    client_of: ClientOf,
    course: Course,
    video_lesson: Lesson,
    outsider: User,
    instructor: User,
    admin: User,
) -> None:
    file = make_file(video_lesson)
    refunded = factories.make_user()
    factories.make_enrollment(refunded, course, revoked_at=utcnow())
    path = f"{_lesson_path(course, video_lesson)}/files/{file.id}"
    assert client.get(path).status_code == 303
    people = (outsider, refunded, instructor, admin)
    answers = [client_of(person).get(path).status_code for person in people]
    assert answers == [403, 403, 200, 200]
    page = _page(client_of(outsider), course, video_lesson)
    assert file.filename not in page.get_text()


def test_files_of_a_preview_are_open_to_every_account(
    client_of: ClientOf, outsider: User, course: Course, preview_lesson: Lesson
) -> None:
    file = make_file(preview_lesson)
    path = f"{_lesson_path(course, preview_lesson)}/files/{file.id}"
    assert client_of(outsider).get(path).status_code == 200


def test_files_open_when_their_chapter_does(
    client_of: ClientOf, enrolled: User, course: Course, video_lesson: Lesson
) -> None:
    file = make_file(video_lesson)
    db.session.get_one(Section, video_lesson.section_id).opens_after_days = 3
    db.session.commit()
    client = client_of(enrolled)
    assert client.get(f"{_lesson_path(course, video_lesson)}/files/{file.id}").status_code == 403
    assert file.filename not in _page(client, course, video_lesson).get_text()


def test_a_file_is_found_below_its_own_lesson_and_course_only(
    client_of: ClientOf,
    enrolled: User,
    admin: User,
    course: Course,
    video_lesson: Lesson,
    preview_lesson: Lesson,
) -> None:
    file = make_file(video_lesson)
    client = client_of(enrolled)
    assert client.get(f"{_lesson_path(course, preview_lesson)}/files/{file.id}").status_code == 404
    other = factories.make_course()
    answer = client_of(admin).get(f"/learn/{other.slug}/{video_lesson.id}/files/{file.id}")
    assert answer.status_code == 404


def test_files_of_a_hidden_course_do_not_exist(
    client_of: ClientOf, enrolled: User, course: Course, preview_lesson: Lesson
) -> None:
    file = make_file(preview_lesson)
    course.status = CourseStatus.DRAFT
    db.session.commit()
    path = f"{_lesson_path(course, preview_lesson)}/files/{file.id}"
    assert client_of(enrolled).get(path).status_code == 404


def test_many_files_cost_the_page_no_more_statements(
    client_of: ClientOf, enrolled: User, course: Course, video_lesson: Lesson
) -> None:
    client = client_of(enrolled)
    path = _lesson_path(course, video_lesson)
    client.get(path)
    with recorded() as before:
        client.get(path)
    for number in range(5):
        make_file(video_lesson, f"part-{number}.txt", position=number + 1)
    with recorded() as after:
        page = html.parse(client.get(path).text)
    assert len(after) == len(before)
    names = [name.get_text() for name in page.select(".files__name")]
    assert names == [f"part-{number}.txt" for number in range(5)]
