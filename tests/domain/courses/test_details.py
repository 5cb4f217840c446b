"""The course page: what each person is told, and what it costs to say it."""

import pytest

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import User
from app.domain.courses import progress
from app.domain.courses.details import get_course_page
from app.domain.courses.models import Category, Course, EnrollmentSource, Lesson
from app.domain.courses.ways_in import PrimaryAction
from app.errors import NotFound
from tests import factories
from tests.support.statements import recorded


def test_visitor_is_asked_to_sign_in(course: Course) -> None:
    page = get_course_page(course.slug)
    assert page.primary_action is PrimaryAction.SIGN_IN
    assert (page.enrollment, page.continue_lesson_id, page.progress_percent) == (None, None, 0)


def test_outline_locks_all_but_the_preview(course: Course) -> None:
    (section,) = get_course_page(course.slug).sections
    states = [(lesson.title, lesson.is_locked, lesson.is_preview) for lesson in section.lessons]
    assert states == [
        ("The loom", True, False),
        ("A first look", False, True),
        ("Reading list", True, False),
    ]
    assert get_course_page(course.slug).preview == section.lessons[1]
    assert section.duration_seconds == 120


def test_learner_may_enrol_in_a_free_course(learner: User, course: Course) -> None:
    assert get_course_page(course.slug, learner.id).primary_action is PrimaryAction.ENROLL


def test_learner_is_offered_a_priced_course(learner: User) -> None:
    course = factories.make_course(price_minor=4900)
    assert get_course_page(course.slug, learner.id).primary_action is PrimaryAction.BUY


def test_owner_of_a_priced_course_is_never_offered_it(learner: User) -> None:
    course = factories.make_course(price_minor=4900)
    factories.make_enrollment(learner, course)
    assert get_course_page(course.slug, learner.id).primary_action is PrimaryAction.START


def test_its_instructor_starts_without_enrolling(instructor: User, course: Course) -> None:
    page = get_course_page(course.slug, instructor.id, instructor.role)
    assert (page.primary_action, page.enrollment) == (PrimaryAction.START, None)
    assert not any(lesson.is_locked for section in page.sections for lesson in section.lessons)


def test_button_follows_the_learner_through_the_course(
    enrolled: User,
    course: Course,
    video_lesson: Lesson,
    preview_lesson: Lesson,
    text_lesson: Lesson,
) -> None:
    page = get_course_page(course.slug, enrolled.id)
    assert page.primary_action is PrimaryAction.START
    assert page.continue_lesson_id == video_lesson.id
    progress.record(enrolled.id, video_lesson.id, course.id, 5.0, [(0, 5)], 60)
    page = get_course_page(course.slug, enrolled.id)
    assert page.primary_action is PrimaryAction.CONTINUE
    assert page.continue_lesson_id == video_lesson.id
    for lesson in (video_lesson, preview_lesson, text_lesson):
        progress.mark_complete(enrolled.id, lesson.id)
    page = get_course_page(course.slug, enrolled.id)
    assert (page.primary_action, page.progress_percent) == (PrimaryAction.COMPLETED, 100)
    assert page.enrollment is not None
    assert page.enrollment.completed_at is not None
    assert page.continue_lesson_id == text_lesson.id


def test_one_goes_on_behind_the_lesson_that_was_finished(
    enrolled: User,
    course: Course,
    video_lesson: Lesson,
    preview_lesson: Lesson,
    text_lesson: Lesson,
) -> None:
    progress.mark_complete(enrolled.id, preview_lesson.id)
    assert get_course_page(course.slug, enrolled.id).continue_lesson_id == text_lesson.id
    progress.mark_complete(enrolled.id, text_lesson.id)
    assert get_course_page(course.slug, enrolled.id).continue_lesson_id == video_lesson.id


def test_revoked_learner_is_back_outside(learner: User, course: Course) -> None:
    factories.make_enrollment(learner, course, revoked_at=utcnow())
    page = get_course_page(course.slug, learner.id)
    assert (page.is_enrolled, page.sections[0].lessons[0].is_locked) == (False, True)


def test_description_is_shown_as_clean_html(course: Course) -> None:
    course.description = "# About\n\n<script>alert(1)</script> *soft*"
    db.session.commit()
    shown = get_course_page(course.slug).description_html
    assert "<h3>About</h3>" in shown
    assert "<em>soft</em>" in shown
    assert "<script>" not in shown


def test_related_courses_share_the_category_and_leave_this_one_out(course: Course) -> None:
    category = db.session.get_one(Category, course.category_id)
    near = [factories.make_course(category=category, learner_count=n) for n in range(4)]
    factories.make_course(learner_count=99)
    related = get_course_page(course.slug).related
    assert [card.id for card in related] == [near[3].id, near[2].id, near[1].id]


def test_unknown_course_is_nothing() -> None:
    with pytest.raises(NotFound):
        get_course_page("no-such-course")


def test_course_without_lessons_has_nothing_to_continue(learner: User) -> None:
    course = factories.make_course()
    factories.make_enrollment(learner, course)
    page = get_course_page(course.slug, learner.id)
    assert (page.sections, page.continue_lesson_id, page.progress_percent) == ((), None, 0)


@pytest.mark.parametrize("lessons", [1, 60])
def test_a_course_page_is_four_queries(learner: User, lessons: int) -> None:
    course = factories.make_course()
    factories.make_enrollment(learner, course)
    factories.make_course(category=db.session.get_one(Category, course.category_id))
    section = factories.make_section(course)
    for position in range(lessons):
        factories.make_lesson(section, position)
    slug, learner_id = course.slug, learner.id
    with recorded() as statements:
        get_course_page(slug, learner_id)
    assert len(statements) == 4


def test_enrollment_is_shown_with_its_source(enrolled: User, course: Course, enrollment) -> None:
    shown = get_course_page(course.slug, enrolled.id).enrollment
    assert shown is not None
    assert (shown.id, shown.source) == (enrollment.id, EnrollmentSource.FREE)
    assert shown.created_at == enrollment.created_at
