"""The ledger of entitlements: who was let into a course, who lost it, and what that comes to.

Every grant and revocation is appended here and projected into `enrollments`, which everybody else
reads. Whether somebody may be let in is decided by the callers.
"""

import uuid
from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import InstrumentedAttribute

from app.clock import utcnow
from app.database import db
from app.domain.courses.entitlement_models import Entitlement, EntitlementKind
from app.domain.courses.models import Course, Enrollment, EnrollmentSource, RevocationReason
from app.errors import NotFound

# What staff gives back, and nobody takes for themselves.
FINAL_REASONS = (RevocationReason.STAFF, RevocationReason.DISPUTE)


def grant(
    user_id: uuid.UUID,
    course_id: uuid.UUID,
    source: EnrollmentSource,
    *,
    order_id: uuid.UUID | None = None,
    actor_id: uuid.UUID | None = None,
) -> Enrollment:
    """Let a person into a course; a second grant of the same order, or of none, is nothing.

    Raises NotFound when the course is gone.
    """
    return grant_once(user_id, course_id, source, order_id=order_id, actor_id=actor_id)[0]


def grant_once(
    user_id: uuid.UUID,
    course_id: uuid.UUID,
    source: EnrollmentSource,
    *,
    order_id: uuid.UUID | None = None,
    actor_id: uuid.UUID | None = None,
) -> tuple[Enrollment, bool]:
    """Do what `grant` does; True when the person was not in the course before."""
    enrollment, was_live = _locked_or_new(user_id, course_id, source)
    last = _last_of(user_id, course_id, order_id)
    if last is None or last.kind is EntitlementKind.REVOCATION:
        _append(enrollment, EntitlementKind.GRANT, source, order_id=order_id, actor_id=actor_id)
        _project(enrollment, was_live=was_live)
    return enrollment, not was_live


def revoke(
    user_id: uuid.UUID,
    course_id: uuid.UUID,
    reason: RevocationReason,
    *,
    order_id: uuid.UUID | None = None,
    actor_id: uuid.UUID | None = None,
) -> bool:
    """End what an order granted, or without an order every live grant; True when access ended.

    What was revoked already gets the new reason, unless staff took it. What plays ends within a
    heartbeat.
    """
    enrollment = _locked(user_id, course_id)
    if enrollment is None:
        return False
    was_live = enrollment.revoked_at is None
    for last in _standing(user_id, course_id):
        is_meant = order_id is None or last.order_id == order_id
        if is_meant and _is_ended_by(last, reason, is_removal=order_id is None):
            _append(
                enrollment,
                EntitlementKind.REVOCATION,
                last.source,
                reason=reason,
                order_id=last.order_id,
                actor_id=actor_id,
            )
    _project(enrollment, was_live=was_live)
    return was_live and enrollment.revoked_at is not None


def is_granted_by(order_id: uuid.UUID) -> bool:
    """Whether the last word about an order is a grant."""
    last = last_word(order_id)
    return last is not None and last.kind is EntitlementKind.GRANT


def has_granted(order_id: InstrumentedAttribute[uuid.UUID]) -> ColumnElement[bool]:
    """Say, inside a statement, whether the last word about its order is a grant."""
    last = (
        select(Entitlement.kind)
        .where(Entitlement.order_id == order_id)
        .order_by(Entitlement.id.desc())
        .limit(1)
        .correlate_except(Entitlement)
        .scalar_subquery()
    )
    return last == EntitlementKind.GRANT


def last_word(order_id: uuid.UUID) -> Entitlement | None:
    """Find what the ledger said last about an order."""
    return db.session.scalars(
        select(Entitlement)
        .where(Entitlement.order_id == order_id)
        .order_by(Entitlement.id.desc())
        .limit(1)
    ).first()


def is_brought_up(user_id: uuid.UUID, course_id: uuid.UUID) -> bool:
    """Whether the enrollment is what the ledger comes to."""
    is_granted = any(word.kind is EntitlementKind.GRANT for word in _standing(user_id, course_id))
    is_live = db.session.scalar(
        select(Enrollment.revoked_at.is_(None)).where(
            Enrollment.user_id == user_id, Enrollment.course_id == course_id
        )
    )
    return bool(is_live) == is_granted


def bring_up(user_id: uuid.UUID, course_id: uuid.UUID) -> None:
    """Make the enrollment what the ledger comes to."""
    words = _standing(user_id, course_id)
    if words:
        enrollment, was_live = _locked_or_new(user_id, course_id, words[0].source)
        _project(enrollment, was_live=was_live)


def _is_ended_by(last: Entitlement, reason: RevocationReason, *, is_removal: bool) -> bool:
    if last.kind is EntitlementKind.GRANT:
        return True
    return not is_removal and last.reason not in (reason, RevocationReason.STAFF)


def _locked_or_new(
    user_id: uuid.UUID, course_id: uuid.UUID, source: EnrollmentSource
) -> tuple[Enrollment, bool]:
    """Return the enrollment under its lock, and whether it was live before."""
    _lock_course(course_id)
    # Two grants race here: the unique constraint lets one row in, and only the statement that
    # put it there finds that nobody was in before.
    created = db.session.execute(
        insert(Enrollment)
        .values(
            id=uuid.uuid4(),
            user_id=user_id,
            course_id=course_id,
            source=source,
            created_at=utcnow(),
        )
        .on_conflict_do_nothing(index_elements=["user_id", "course_id"])
        .returning(Enrollment.id)
    ).first()
    enrollment = _get_locked(user_id, course_id)
    if enrollment is None:
        raise NotFound
    return enrollment, created is None and enrollment.revoked_at is None


def _locked(user_id: uuid.UUID, course_id: uuid.UUID) -> Enrollment | None:
    _lock_course(course_id)
    return _get_locked(user_id, course_id)


def _lock_course(course_id: uuid.UUID) -> None:
    # The course counts its learners, and whoever takes a seat locks it before the enrollment:
    # taking them in this order everywhere is what keeps two who enrol at once from a deadlock.
    found = db.session.scalar(
        select(Course.id).where(Course.id == course_id).with_for_update(key_share=True)
    )
    if found is None:
        raise NotFound


def _get_locked(user_id: uuid.UUID, course_id: uuid.UUID) -> Enrollment | None:
    return db.session.scalars(
        select(Enrollment)
        .where(Enrollment.user_id == user_id, Enrollment.course_id == course_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).first()


def _append(
    enrollment: Enrollment,
    kind: EntitlementKind,
    source: EnrollmentSource,
    *,
    reason: RevocationReason | None = None,
    order_id: uuid.UUID | None,
    actor_id: uuid.UUID | None,
) -> None:
    db.session.add(
        Entitlement(
            user_id=enrollment.user_id,
            course_id=enrollment.course_id,
            kind=kind,
            source=source,
            reason=reason,
            order_id=order_id,
            actor_id=actor_id,
        )
    )
    db.session.flush()


def _last_of(
    user_id: uuid.UUID, course_id: uuid.UUID, order_id: uuid.UUID | None
) -> Entitlement | None:
    return next((last for last in _standing(user_id, course_id) if last.order_id == order_id), None)


def _standing(user_id: uuid.UUID, course_id: uuid.UUID) -> Sequence[Entitlement]:
    """Return the last word about each order, and about all that is not of an order."""
    return db.session.scalars(
        select(Entitlement)
        .ext(distinct_on(Entitlement.order_id))
        .where(Entitlement.user_id == user_id, Entitlement.course_id == course_id)
        .order_by(Entitlement.order_id, Entitlement.id.desc())
    ).all()


def _project(enrollment: Enrollment, *, was_live: bool) -> None:
    """Write into the enrollment what its ledger comes to."""
    words = _standing(enrollment.user_id, enrollment.course_id)
    grants = [word for word in words if word.kind is EntitlementKind.GRANT]
    if grants:
        enrollment.source = min(grants, key=lambda word: word.id).source
        enrollment.revoked_at = enrollment.revocation = None
    elif words:
        enrollment.revocation = max(words, key=lambda word: word.id).reason
        enrollment.revoked_at = enrollment.revoked_at or utcnow()
    db.session.flush()
    change = (enrollment.revoked_at is None) - was_live
    if change:
        _add_learners(enrollment.course_id, change)


def _add_learners(course_id: uuid.UUID, change: int) -> None:
    db.session.execute(
        update(Course)
        .where(Course.id == course_id)
        .values(
            learner_count=func.greatest(Course.learner_count + change, 0),
            updated_at=Course.updated_at,
        )
        .execution_options(synchronize_session=False)
    )
