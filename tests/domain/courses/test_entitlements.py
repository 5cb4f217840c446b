"""The ledger of entitlements: what each word in it comes to, and that none is ever changed."""

import uuid

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from app.database import db
from app.domain.accounts.models import User
from app.domain.courses import enrollments, entitlements
from app.domain.courses.entitlement_models import Entitlement, EntitlementKind
from app.domain.courses.models import Course, Enrollment, EnrollmentSource, RevocationReason
from app.errors import Forbidden, NotFound
from tests import factories

BOUGHT = EnrollmentSource.PURCHASE


def _enrollment(user: User, course: Course) -> Enrollment:
    enrollment = enrollments.find_enrollment(user.id, course.id)
    assert enrollment is not None
    return enrollment


def _learners(course: Course) -> int:
    db.session.refresh(course)
    return course.learner_count


def _words() -> list[tuple[EntitlementKind, RevocationReason | None]]:
    rows = db.session.execute(select(Entitlement.kind, Entitlement.reason).order_by(Entitlement.id))
    return [(row.kind, row.reason) for row in rows]


def test_two_orders_stand_beside_each_other(learner: User, course: Course) -> None:
    first, second = uuid.uuid4(), uuid.uuid4()
    for order_id in (first, second):
        entitlements.grant(learner.id, course.id, BOUGHT, order_id=order_id)
    refund = RevocationReason.REFUND
    assert entitlements.revoke(learner.id, course.id, refund, order_id=first) is False
    assert _enrollment(learner, course).revoked_at is None
    assert entitlements.revoke(learner.id, course.id, refund, order_id=second) is True
    assert _enrollment(learner, course).revocation is refund
    assert _learners(course) == 0


def test_staff_takes_whatever_let_somebody_in(learner: User, course: Course) -> None:
    order_id = uuid.uuid4()
    entitlements.grant(learner.id, course.id, EnrollmentSource.FREE)
    entitlements.grant(learner.id, course.id, BOUGHT, order_id=order_id)
    assert enrollments.revoke(learner.id, course.id, actor_id=course.instructor_id)
    assert _enrollment(learner, course).revocation is RevocationReason.STAFF
    assert not entitlements.is_granted_by(order_id)
    actors = db.session.scalars(
        select(Entitlement.actor_id).where(Entitlement.kind == EntitlementKind.REVOCATION)
    )
    assert set(actors) == {course.instructor_id}


def test_the_reason_of_a_revocation_is_the_last_word_unless_staff_had_it(
    learner: User, course: Course
) -> None:
    order_id = uuid.uuid4()
    entitlements.grant(learner.id, course.id, BOUGHT, order_id=order_id)
    for reason in (RevocationReason.REFUND, RevocationReason.DISPUTE, RevocationReason.DISPUTE):
        entitlements.revoke(learner.id, course.id, reason, order_id=order_id)
    assert [reason for _, reason in _words()] == [
        None,
        RevocationReason.REFUND,
        RevocationReason.DISPUTE,
    ]
    assert _enrollment(learner, course).revocation is RevocationReason.DISPUTE


def test_another_order_gives_back_what_a_refund_took(learner: User, course: Course) -> None:
    first = uuid.uuid4()
    before = entitlements.grant(learner.id, course.id, BOUGHT, order_id=first).id
    entitlements.revoke(learner.id, course.id, RevocationReason.REFUND, order_id=first)
    again = entitlements.grant(learner.id, course.id, BOUGHT, order_id=uuid.uuid4())
    assert (again.id, again.revoked_at, again.revocation) == (before, None, None)
    assert _learners(course) == 1


def test_a_word_once_said_stays(learner: User, course: Course) -> None:
    entitlements.grant(learner.id, course.id, EnrollmentSource.FREE)
    db.session.commit()
    for statement in (
        update(Entitlement).values(source=BOUGHT),
        delete(Entitlement),
    ):
        with pytest.raises(DBAPIError, match="append-only"):
            db.session.execute(statement.execution_options(synchronize_session=False))
        db.session.rollback()
    assert _words() == [(EntitlementKind.GRANT, None)]


def test_nobody_is_let_into_a_course_that_is_gone(learner: User) -> None:
    with pytest.raises(NotFound):
        entitlements.grant(learner.id, uuid.uuid4(), EnrollmentSource.MANUAL)


@pytest.mark.parametrize("reason", sorted(RevocationReason))
def test_who_lost_a_free_course_comes_back_unless_staff_or_a_dispute_took_it(
    learner: User, course: Course, reason: RevocationReason
) -> None:
    order_id = uuid.uuid4()
    entitlements.grant(learner.id, course.id, BOUGHT, order_id=order_id)
    entitlements.revoke(learner.id, course.id, reason, order_id=order_id)
    if reason in (RevocationReason.STAFF, RevocationReason.DISPUTE):
        with pytest.raises(Forbidden):
            enrollments.enroll(learner.id, course.slug)
    else:
        assert enrollments.enroll(learner.id, course.slug)[1] is True
        assert _enrollment(learner, course).source is EnrollmentSource.FREE


def test_an_enrollment_that_strayed_is_brought_up_to_its_ledger(
    learner: User, course: Course
) -> None:
    enrollment = factories.make_enrollment(learner, course)
    assert entitlements.is_brought_up(learner.id, course.id)
    enrollment.revoked_at = enrollment.created_at
    db.session.flush()
    assert not entitlements.is_brought_up(learner.id, course.id)
    entitlements.bring_up(learner.id, course.id)
    assert _enrollment(learner, course).revoked_at is None
