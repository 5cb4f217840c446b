"""A learner's own courses."""

from datetime import timedelta

import pytest

from app.clock import shifted, utcnow
from app.database import db
from app.domain.accounts.models import User
from app.domain.courses import progress, shelf
from app.domain.courses.models import Course, CourseStatus, Lesson
from tests import factories
from tests.support.statements import recorded


def test_courses_watched_last_come_first(learner: User) -> None:
    courses = []
    for age in (3, 2, 1):
        course = factories.make_course()
        created_at = utcnow() - timedelta(days=age)
        factories.make_enrollment(learner, course, created_at=created_at)
        courses.append(course)
    assert [c.id for c in shelf.list_enrolled(learner.id)] == [c.id for c in reversed(courses)]
    lesson = factories.make_lesson(factories.make_section(courses[0]))
    with shifted(timedelta(minutes=1)):
        progress.mark_complete(learner.id, lesson.id)
    assert shelf.list_enrolled(learner.id)[0].id == courses[0].id


def test_a_card_tells_how_far_one_is_and_where_to_go_on(
    enrolled: User, course: Course, video_lesson: Lesson, preview_lesson: Lesson
) -> None:
    progress.mark_complete(enrolled.id, video_lesson.id)
    (card,) = shelf.list_enrolled(enrolled.id)
    assert (card.id, card.title, card.is_enrolled) == (course.id, course.title, True)
    assert (card.progress_percent, card.completed_lessons) == (33, 1)
    assert card.continue_lesson_id == preview_lesson.id
    assert card.last_watched_at is not None


def test_other_peoples_progress_is_not_counted(
    enrolled: User, outsider: User, preview_lesson: Lesson
) -> None:
    progress.mark_complete(outsider.id, preview_lesson.id)
    assert shelf.list_enrolled(enrolled.id)[0].progress_percent == 0


def test_what_was_revoked_or_withdrawn_is_not_on_the_shelf(learner: User) -> None:
    factories.make_enrollment(learner, factories.make_course(), revoked_at=utcnow())
    factories.make_enrollment(learner, factories.make_course(status=CourseStatus.DRAFT))
    kept = factories.make_course(status=CourseStatus.ARCHIVED)
    factories.make_enrollment(learner, kept)
    assert [card.id for card in shelf.list_enrolled(learner.id)] == [kept.id]
    assert shelf.count_enrolled(learner.id) == 1


def test_a_long_shelf_has_pages(learner: User) -> None:
    teacher, category = factories.make_user(), factories.make_category()
    for _ in range(shelf.SHELF_SIZE + 2):
        factories.make_enrollment(learner, factories.make_course(teacher, category))
    first, second = (shelf.list_enrolled(learner.id, page) for page in (1, 2))
    assert (len(first), len(second)) == (shelf.SHELF_SIZE, 2)
    assert not {card.id for card in first} & {card.id for card in second}
    assert shelf.count_enrolled(learner.id) == shelf.SHELF_SIZE + 2


@pytest.mark.parametrize("courses", [1, 20])
def test_a_shelf_is_one_query(learner: User, courses: int) -> None:
    teacher, category = factories.make_user(), factories.make_category()
    for _ in range(courses):
        factories.make_enrollment(learner, factories.make_course(teacher, category))
    learner_id = learner.id
    with recorded() as statements:
        assert len(shelf.list_enrolled(learner_id)) == courses
    assert len(statements) == 1


def test_suggestions_are_popular_and_new_to_the_learner(enrolled: User, course: Course) -> None:
    popular = factories.make_course(learner_count=90)
    rare = factories.make_course(learner_count=1)
    factories.make_course(learner_count=99, status=CourseStatus.UNLISTED)
    course.learner_count = 100
    db.session.commit()
    suggested = [card.id for card in shelf.list_suggestions(enrolled.id, 3)]
    assert suggested == [popular.id, rare.id]


def test_nobody_is_suggested_a_course_of_their_own(instructor: User, course: Course) -> None:
    assert shelf.list_suggestions(instructor.id, 3) == []
