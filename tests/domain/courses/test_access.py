"""Who may see and watch what: every kind of person against every state of a course."""

import uuid

import pytest

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.courses import access
from app.domain.courses.details import get_course_page
from app.domain.courses.models import Course, CourseStatus, Enrollment, Lesson
from app.errors import EnrollmentRequired, NotFound
from tests import factories
from tests.support.statements import recorded

DRAFT, UNLISTED = CourseStatus.DRAFT, CourseStatus.UNLISTED
PUBLISHED, ARCHIVED = CourseStatus.PUBLISHED, CourseStatus.ARCHIVED
SEES = {
    "visitor": {PUBLISHED, UNLISTED},
    "outsider": {PUBLISHED, UNLISTED},
    "revoked": {PUBLISHED, UNLISTED},
    "enrolled": {PUBLISHED, UNLISTED, ARCHIVED},
    "instructor": {DRAFT, PUBLISHED, UNLISTED, ARCHIVED},
    "colleague": {PUBLISHED, UNLISTED},
    "support": {PUBLISHED, UNLISTED},
    "admin": {DRAFT, PUBLISHED, UNLISTED, ARCHIVED},
}
WATCHES_EVERYTHING = {"enrolled", "instructor", "admin"}


@pytest.fixture
def cast(course: Course, enrolled: User, outsider: User, instructor: User, admin: User):
    """Everybody who might ask, by name; the visitor is nobody."""
    revoked = factories.make_user()
    factories.make_enrollment(revoked, course, revoked_at=utcnow())
    return {
        "visitor": None,
        "outsider": outsider,
        "revoked": revoked,
        "enrolled": enrolled,
        "instructor": instructor,
        "colleague": factories.make_user(Role.INSTRUCTOR),
        "support": factories.make_user(Role.SUPPORT),
        "admin": admin,
    }


def _set_status(course: Course, status: CourseStatus) -> None:
    course.status = status
    db.session.commit()


@pytest.mark.parametrize("status", list(CourseStatus))
@pytest.mark.parametrize("who", list(SEES))
def test_a_course_is_seen_by_whom_its_state_admits(cast, course, who, status) -> None:
    _set_status(course, status)
    person = cast[who]
    asks = (course.slug, person.id, person.role) if person else (course.slug,)
    if status in SEES[who]:
        assert get_course_page(*asks).id == course.id
    else:
        with pytest.raises(NotFound):
            get_course_page(*asks)


@pytest.mark.parametrize("status", list(CourseStatus))
@pytest.mark.parametrize("who", list(SEES))
def test_lessons_open_to_whom_the_course_is_open(
    cast, course, video_lesson, preview_lesson, who, status
) -> None:
    _set_status(course, status)
    person = cast[who]
    user_id, role = (person.id, person.role) if person else (None, None)
    is_seen = status in SEES[who]
    locked = access.lesson_access(user_id, video_lesson.id, role)
    preview = access.lesson_access(user_id, preview_lesson.id, role)
    assert (locked is not None, preview is not None) == (is_seen, is_seen)
    if locked and preview:
        assert locked.may_watch is (who in WATCHES_EVERYTHING)
        assert preview.may_watch is True


def test_unknown_lesson_is_nothing(learner: User) -> None:
    assert access.lesson_access(learner.id, uuid.uuid4()) is None
    with pytest.raises(NotFound):
        access.require_lesson_access(learner.id, uuid.uuid4())


def test_locked_lesson_asks_for_an_enrollment(outsider: User, video_lesson: Lesson) -> None:
    with pytest.raises(EnrollmentRequired):
        access.require_lesson_access(outsider.id, video_lesson.id)


def test_access_tells_what_playback_needs(
    enrolled: User, enrollment: Enrollment, course: Course, video_lesson: Lesson
) -> None:
    found = access.require_lesson_access(enrolled.id, video_lesson.id)
    assert (found.lesson_id, found.course_id) == (video_lesson.id, course.id)
    assert found.video_id == video_lesson.video_id
    assert (found.course_slug, found.course_status) == (course.slug, PUBLISHED)
    assert (found.is_enrolled, found.is_preview, found.duration_seconds) == (True, False, 60)


def test_access_is_one_query(enrolled: User, video_lesson: Lesson) -> None:
    with recorded() as statements:
        access.lesson_access(enrolled.id, video_lesson.id)
    assert len(statements) == 1


@pytest.mark.parametrize(
    ("position", "resumes_at"), [(0.0, 0.0), (12.5, 12.5), (55.0, 55.0), (55.5, 0.0), (60.0, 0.0)]
)
def test_a_lesson_left_at_its_end_starts_over(position: float, resumes_at: float) -> None:
    assert access.resume_position(position, duration_seconds=60) == resumes_at


def test_a_lesson_never_opened_starts_at_its_start() -> None:
    assert access.resume_position(None, duration_seconds=60) == 0.0
