"""Coming into a course and losing it again, each counted exactly once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import User
from app.domain.courses import enrollments
from app.domain.courses.models import Course, CourseStatus, Enrollment, EnrollmentSource
from app.errors import Forbidden, NotFound, PaymentRequired
from tests import factories

PARALLEL = 20


def _learners(course: Course) -> int:
    db.session.refresh(course)
    return course.learner_count


def test_first_click_enrols_and_counts(learner: User, course: Course) -> None:
    enrollment, is_new = enrollments.enroll(learner.id, course.slug)
    assert is_new
    assert (enrollment.source, enrollment.revoked_at) == (EnrollmentSource.FREE, None)
    assert _learners(course) == 1


def test_second_click_changes_nothing(learner: User, course: Course) -> None:
    first, _ = enrollments.enroll(learner.id, course.slug)
    second, is_new = enrollments.enroll(learner.id, course.slug)
    assert (second.id, is_new, _learners(course)) == (first.id, False, 1)


def test_enrolling_does_not_pass_for_a_change_of_the_course(learner: User, course: Course) -> None:
    changed_at = course.updated_at
    enrollments.enroll(learner.id, course.slug)
    db.session.refresh(course)
    assert course.updated_at == changed_at


def test_priced_course_has_to_be_paid(learner: User) -> None:
    course = factories.make_course(price_minor=4900, currency="ETB")
    with pytest.raises(PaymentRequired) as refused:
        enrollments.enroll(learner.id, course.slug)
    assert refused.value.extra == {"price": {"amount_minor": 4900, "currency": "ETB"}}
    assert enrollments.find_enrollment(learner.id, course.id) is None


def test_owner_of_a_priced_course_is_not_asked_again(learner: User) -> None:
    course = factories.make_course(price_minor=4900)
    enrollments.grant(learner.id, course.id, EnrollmentSource.PURCHASE)
    _, is_new = enrollments.enroll(learner.id, course.slug)
    assert is_new is False


def test_revoked_learner_does_not_let_himself_in_again(learner: User, course: Course) -> None:
    enrollments.enroll(learner.id, course.slug)
    assert enrollments.revoke(learner.id, course.id) is True
    with pytest.raises(Forbidden):
        enrollments.enroll(learner.id, course.slug)
    assert _learners(course) == 0


def test_revoking_twice_counts_once(learner: User, course: Course) -> None:
    enrollments.enroll(learner.id, course.slug)
    assert enrollments.revoke(learner.id, course.id) is True
    assert enrollments.revoke(learner.id, course.id) is False
    assert _learners(course) == 0


def test_a_grant_gives_a_revoked_enrollment_back(learner: User, course: Course) -> None:
    first, _ = enrollments.enroll(learner.id, course.slug)
    enrollments.revoke(learner.id, course.id)
    again = enrollments.grant(learner.id, course.id, EnrollmentSource.MANUAL)
    assert (again.id, again.revoked_at, again.source) == (first.id, None, EnrollmentSource.MANUAL)
    assert _learners(course) == 1


def test_granting_twice_counts_once(learner: User, course: Course) -> None:
    for _ in range(2):
        enrollments.grant(learner.id, course.id, EnrollmentSource.PURCHASE)
    assert _learners(course) == 1


@pytest.mark.parametrize("status", [CourseStatus.DRAFT, CourseStatus.ARCHIVED])
def test_hidden_course_takes_nobody(learner: User, course: Course, status: CourseStatus) -> None:
    course.status = status
    db.session.commit()
    with pytest.raises(NotFound):
        enrollments.enroll(learner.id, course.slug)


def test_unlisted_course_takes_who_has_the_link(learner: User, course: Course) -> None:
    course.status = CourseStatus.UNLISTED
    db.session.commit()
    assert enrollments.enroll(learner.id, course.slug)[1] is True


def test_unknown_course_is_nothing(learner: User) -> None:
    with pytest.raises(NotFound):
        enrollments.enroll(learner.id, "no-such-course")


def _together(app: Flask, work: Callable[[], object]) -> list[object]:
    """Run `work` in twenty threads that start at once, each in a session that commits."""
    barrier = Barrier(PARALLEL)

    def run(_: int) -> object:
        with app.app_context():
            barrier.wait(timeout=30)
            result = work()
            db.session.commit()
            return result

    with ThreadPoolExecutor(PARALLEL) as pool:
        return list(pool.map(run, range(PARALLEL)))


def test_twenty_clicks_at_once_make_one_enrollment(committed_app: Flask) -> None:
    course, user = factories.make_course(), factories.make_user()
    slug, user_id = course.slug, user.id
    made = _together(committed_app, lambda: enrollments.enroll(user_id, slug)[1])
    assert made.count(True) == 1
    assert db.session.query(Enrollment).filter_by(user_id=user_id).count() == 1
    assert _learners(course) == 1


def test_twenty_revocations_at_once_count_one(committed_app: Flask) -> None:
    course, user = factories.make_course(), factories.make_user()
    factories.make_enrollment(user, course)
    course_id, user_id = course.id, user.id
    done = _together(committed_app, lambda: enrollments.revoke(user_id, course_id))
    assert done.count(True) == 1
    assert _learners(course) == 0


def test_twenty_grants_at_once_revive_one_enrollment(committed_app: Flask) -> None:
    course, user = factories.make_course(), factories.make_user()
    factories.make_enrollment(user, course, revoked_at=utcnow())
    course_id, user_id = course.id, user.id
    source = EnrollmentSource.MANUAL
    _together(committed_app, lambda: enrollments.grant(user_id, course_id, source).id)
    assert db.session.query(Enrollment).filter_by(user_id=user_id).one().revoked_at is None
    assert _learners(course) == 1
