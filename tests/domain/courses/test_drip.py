"""Chapters that open some days after the enrollment: for whom, when, and what is shown until."""

from datetime import timedelta

import pytest

from app.clock import shifted, utcnow
from app.database import db
from app.domain.accounts.models import User
from app.domain.courses import access, enrollments, progress
from app.domain.courses.details import get_course_page
from app.domain.courses.lessons import find_lesson_to_continue, get_lesson_page
from app.domain.courses.models import Course, Enrollment, Lesson
from app.domain.courses.shelf import list_enrolled
from app.errors import EnrollmentRequired, LessonNotOpen
from tests import factories

SIX_DAYS, A_WEEK = timedelta(days=6, hours=23), timedelta(days=7, seconds=1)


@pytest.fixture
def later(course: Course) -> Lesson:
    """A lesson whose chapter opens a week after the enrollment."""
    section = factories.make_section(course, 2, title="The second week", opens_after_days=7)
    factories.make_lesson(section, 2, title="A taste of it", is_preview=True)
    return factories.make_lesson(section, 1, title="Patterns")


def test_a_lesson_opens_its_days_after_the_enrollment(
    enrolled: User, enrollment: Enrollment, later: Lesson
) -> None:
    with pytest.raises(LessonNotOpen) as refused:
        access.require_lesson_access(enrolled.id, later.id)
    assert refused.value.extra["opens_at"] == enrollment.created_at + timedelta(days=7)
    with shifted(SIX_DAYS), pytest.raises(LessonNotOpen):
        access.require_lesson_access(enrolled.id, later.id)
    with shifted(A_WEEK):
        assert access.require_lesson_access(enrolled.id, later.id).may_watch


def test_teachers_administrators_and_previews_wait_for_nothing(
    instructor: User, admin: User, course: Course, enrolled: User, later: Lesson
) -> None:
    factories.make_enrollment(instructor, course)  # whoever tries the course as learners see it
    for person in (instructor, admin):
        assert access.require_lesson_access(person.id, later.id, person.role).may_watch
        page = get_course_page(course.slug, person.id, person.role)
        assert not any(lesson.is_locked for part in page.sections for lesson in part.lessons)
    preview = db.session.query(Lesson).filter_by(title="A taste of it").one()
    assert access.require_lesson_access(enrolled.id, preview.id).may_watch


def test_somebody_outside_is_told_to_enrol_not_to_wait(outsider: User, later: Lesson) -> None:
    with pytest.raises(EnrollmentRequired):
        access.require_lesson_access(outsider.id, later.id)


def test_a_revoked_enrollment_opens_nothing_when_its_day_comes(
    enrolled: User, course: Course, later: Lesson
) -> None:
    enrollments.revoke(enrolled.id, course.id)
    with shifted(A_WEEK), pytest.raises(EnrollmentRequired):
        access.require_lesson_access(enrolled.id, later.id)


def test_a_lesson_that_is_closed_is_not_ticked_off(enrolled: User, later: Lesson) -> None:
    with pytest.raises(LessonNotOpen):
        progress.mark_complete(enrolled.id, later.id)
    with shifted(A_WEEK):
        assert progress.mark_complete(enrolled.id, later.id).newly_completed


def test_outline_says_when_a_chapter_opens(
    enrolled: User, enrollment: Enrollment, course: Course, later: Lesson
) -> None:
    opens_at = enrollment.created_at + timedelta(days=7)
    first, second = get_course_page(course.slug, enrolled.id).sections
    assert (first.opens_at, second.opens_at) == (None, opens_at)
    closed, preview = second.lessons
    assert (closed.is_locked, closed.opens_at) == (True, opens_at)
    assert (preview.is_locked, preview.opens_at) == (False, None)
    with shifted(A_WEEK):
        second = get_course_page(course.slug, enrolled.id).sections[1]
    assert (second.opens_at, second.lessons[0].is_locked) == (None, False)


def test_visitors_are_told_how_many_days_it_takes(course: Course, later: Lesson) -> None:
    second = get_course_page(course.slug).sections[1]
    assert (second.opens_after_days, second.opens_at) == (7, None)
    assert second.lessons[0].is_locked


def test_page_of_a_closed_lesson_gives_nothing_of_it_away(
    enrolled: User, course: Course, later: Lesson
) -> None:
    page = get_lesson_page(course.slug, later.id, enrolled.id)
    assert (page.can_watch, page.body_html) == (False, "")
    assert page.lesson.opens_at is not None
    with shifted(A_WEEK):
        page = get_lesson_page(course.slug, later.id, enrolled.id)
    assert page.can_watch
    assert "Read" in page.body_html


def test_last_open_lesson_says_when_the_next_one_opens(
    enrolled: User, course: Course, text_lesson: Lesson, later: Lesson
) -> None:
    page = get_lesson_page(course.slug, text_lesson.id, enrolled.id)
    assert page.next is not None
    assert page.next.title == "A taste of it"
    assert page.next_opens_at is not None
    assert page.next_opens_at > utcnow()


def test_one_goes_on_with_what_is_open_before_what_is_not(
    enrolled: User, enrollment: Enrollment, course: Course, later: Lesson
) -> None:
    section = factories.make_section(course, 3, title="Open from the start")
    after = factories.make_lesson(section, title="Extras")
    preview = db.session.query(Lesson).filter_by(title="A taste of it").one()
    for lesson in db.session.query(Lesson).filter_by(course_id=course.id):
        if lesson.id not in (later.id, after.id, preview.id):
            progress.mark_complete(enrolled.id, lesson.id)
    db.session.commit()
    asks = (course.slug, enrolled.id)
    assert find_lesson_to_continue(*asks) == preview.id
    progress.mark_complete(enrolled.id, preview.id)
    assert find_lesson_to_continue(*asks) == after.id
    assert list_enrolled(enrolled.id)[0].continue_lesson_id == after.id
    progress.mark_complete(enrolled.id, after.id)
    assert find_lesson_to_continue(*asks) == later.id  # whose page says when it opens
