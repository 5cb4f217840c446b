"""How one person may come into a course: what the course page offers, read from its statement."""

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, and_, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from app.clock import utcnow
from app.domain.courses.access import USER_ID
from app.domain.courses.admission import ASK_AGAIN_AFTER
from app.domain.courses.admission_models import EnrollmentRequest, RequestStatus
from app.domain.courses.enrollments import invited_at, is_final
from app.domain.courses.models import Course, Enrollment, EnrollmentPolicy


class PrimaryAction(enum.StrEnum):
    """What the one button of a course page does."""

    SIGN_IN = "sign_in"
    ENROLL = "enroll"
    BUY = "buy"
    FINISH_PAYING = "finish_paying"
    UNDER_REVIEW = "under_review"
    SOLD_OUT = "sold_out"
    ASK = "ask"
    WAIT = "wait"
    DECLINED = "declined"
    INVITATION = "invitation"
    WITHDRAWN = "withdrawn"
    START = "start"
    CONTINUE = "continue"
    COMPLETED = "completed"


@dataclass(frozen=True, slots=True)
class RequestView:
    """The person's request to be let in; once declined it may be made again at `ask_again_at`."""

    status: RequestStatus
    created_at: datetime
    decided_at: datetime | None
    ask_again_at: datetime | None


_ended = aliased(Enrollment)


def _ended_as(column: InstrumentedAttribute[Any]) -> ScalarSelect[Any]:
    """Return a column of the person's enrollment in the statement's Course."""
    return (
        select(column)
        .where(_ended.user_id == USER_ID, _ended.course_id == Course.id)
        .correlate(Course)
        .scalar_subquery()
    )


# For a statement with Course and, outer joined by OWN_REQUEST, EnrollmentRequest.
COLUMNS = (
    Course.enrollment_policy,
    EnrollmentRequest.status.label("request_status"),
    EnrollmentRequest.created_at.label("asked_at"),
    EnrollmentRequest.decided_at,
    invited_at(USER_ID).label("invited_at"),
    _ended_as(_ended.revoked_at).label("revoked_at"),
    _ended_as(_ended.revocation).label("revocation"),
)
OWN_REQUEST: ColumnElement[bool] = and_(
    EnrollmentRequest.user_id == USER_ID, EnrollmentRequest.course_id == Course.id
)


def request_of(row: Any) -> RequestView | None:
    """Return the person's request, if they made one."""
    if row.request_status is None:
        return None
    is_declined = row.request_status is RequestStatus.DECLINED and row.decided_at is not None
    ask_again_at = row.decided_at + ASK_AGAIN_AFTER if is_declined else None
    return RequestView(row.request_status, row.asked_at, row.decided_at, ask_again_at)


def is_invited(row: Any) -> bool:
    """Whether an invitation opens the door; one from before a removal does not."""
    if row.invited_at is None or row.unlocks_all:
        return False
    return row.revoked_at is None or bool(row.invited_at > row.revoked_at)


def way_in(row: Any) -> PrimaryAction:
    """Return what somebody who is signed in and not in the course can do about it."""
    if is_invited(row):
        return PrimaryAction.ENROLL
    if row.revoked_at is not None and is_final(row.revocation):
        return PrimaryAction.WITHDRAWN
    if row.enrollment_policy is EnrollmentPolicy.APPROVAL:
        return _way_of_asking(request_of(row))
    if row.enrollment_policy is EnrollmentPolicy.INVITATION:
        return PrimaryAction.INVITATION
    return PrimaryAction.BUY if row.price_minor else PrimaryAction.ENROLL


def _way_of_asking(request: RequestView | None) -> PrimaryAction:
    if request is None:
        return PrimaryAction.ASK
    if request.status is RequestStatus.PENDING:
        return PrimaryAction.WAIT
    is_early = request.ask_again_at is not None and request.ask_again_at > utcnow()
    return PrimaryAction.DECLINED if is_early else PrimaryAction.ASK
