"""A PDF lesson in a real browser: read in the page, kept as a file; on a phone by its buttons."""

import uuid

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from app.clock import utcnow
from app.demo.content import FILES
from app.domain.courses.file_models import CourseFile
from app.domain.courses.models import (
    Course,
    CourseStatus,
    Enrollment,
    EnrollmentSource,
    Lesson,
    LessonKind,
    Section,
)
from tests.browser.conftest import Open
from tests.support.house import House, Person

DOCUMENT = FILES / "month-end.pdf"
MOST_LOOKS = 150


def _document(ids: dict[str, uuid.UUID]) -> CourseFile:
    return CourseFile(
        id=ids["file"],
        course_id=ids["course"],
        lesson_id=ids["lesson"],
        filename="የወር መዝጊያ.pdf",
        content_type="application/pdf",
        size_bytes=DOCUMENT.stat().st_size,
        sha256="0" * 64,
        storage_key=f"files/{ids['file']}/source",
    )


@pytest.fixture
def pdf_lesson(house: House, learner: Person) -> str:
    """The address of a PDF lesson, in an unlisted course that `learner` is enrolled in."""
    ids = {name: uuid.uuid4() for name in ("course", "section", "lesson", "file")}
    stored = house.data_directory / "media" / "files" / str(ids["file"]) / "source"
    stored.parent.mkdir(parents=True)
    stored.write_bytes(DOCUMENT.read_bytes())
    slug = f"papers-{ids['course'].hex[:8]}"
    with house.session() as session:
        like = session.scalars(select(Course).where(Course.slug == house.course_slug)).one()
        course = Course(
            id=ids["course"],
            slug=slug,
            title="Papers",
            pitch="Read.",
            description="Read.",
            category_id=like.category_id,
            instructor_id=like.instructor_id,
            status=CourseStatus.UNLISTED,
            published_at=utcnow(),
            lesson_count=1,
        )
        session.add(course)
        session.flush()
        common = {"course_id": ids["course"], "position": 1}
        session.add(Section(id=ids["section"], title="One", **common))
        session.flush()
        lesson = Lesson(
            id=ids["lesson"],
            section_id=ids["section"],
            title="Month end",
            kind=LessonKind.PDF,
            **common,
        )
        session.add(lesson)
        session.flush()
        session.add(_document(ids))
        session.flush()
        lesson.document_id = ids["file"]
        source = EnrollmentSource.FREE
        session.add(Enrollment(user_id=learner.user_id, course_id=ids["course"], source=source))
        session.commit()
    return f"/learn/{slug}/{ids['lesson']}"


def test_a_pdf_is_read_in_the_page_and_kept(
    open_page: Open, learner: Person, pdf_lesson: str
) -> None:
    page = open_page(pdf_lesson, learner)
    frame = page.locator(".document__frame")
    expect(frame).to_be_visible()
    # The browser's own viewer runs inside: our policies let it.
    for _ in range(MOST_LOOKS):
        if any(inner.url.startswith("chrome-extension://") for inner in page.frames):
            break
        page.wait_for_timeout(100)
    else:
        pytest.fail("no viewer runs in the frame")
    with page.expect_download() as started:
        page.get_by_role("link", name="Download").click()
    assert started.value.suggested_filename == "የወር መዝጊያ.pdf"
    assert started.value.path().read_bytes() == DOCUMENT.read_bytes()
    page.get_by_role("button", name="Mark complete").click()
    expect(page.get_by_text("100 % done")).to_be_visible()


def test_on_a_phone_the_buttons_do_it(open_page: Open, learner: Person, pdf_lesson: str) -> None:
    page = open_page(pdf_lesson, learner, width=360, height=740)
    expect(page.get_by_role("link", name="Open")).to_be_visible()
    expect(page.locator(".document__frame")).to_have_count(0)
    is_wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not is_wide
