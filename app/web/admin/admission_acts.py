"""What staff does about people in courses: the acts that pages and JSON have in common.

Each is noted in the trail and committed. Doing it a second time changes nothing and notes nothing.
"""

from collections.abc import Sequence
from uuid import UUID

from app.database import db
from app.domain.audit.actions import Action
from app.domain.courses import admission, invitations, roster
from app.domain.courses.admission_models import EnrollmentRequest
from app.domain.courses.invitations import Invited
from app.web import audit
from app.web.access import require_signed_in


def enrol(course_id: UUID, user_id: UUID | None, email: str | None) -> tuple[UUID, bool]:
    """Let somebody into a course; return the enrollment's id, and True when it is new.

    Raises NotFound, Forbidden, InvalidInput.
    """
    enrollment, is_new = roster.enrol(require_signed_in(), course_id, user_id, email)
    enrollment_id = enrollment.id
    if is_new:
        audit.note(Action.ENROLLMENT_GRANTED, subject=enrollment.user_id, course_id=str(course_id))
    db.session.commit()
    return enrollment_id, is_new


def remove(enrollment_ids: Sequence[UUID]) -> int:
    """Take people out of their courses; return how many were in. Raises NotFound, Forbidden."""
    person = require_signed_in()
    removed = [found for one in sorted(enrollment_ids) if (found := roster.remove(person, one))]
    for enrollment in removed:
        audit.note(
            Action.ENROLLMENT_REVOKED,
            subject=enrollment.user_id,
            course_id=str(enrollment.course_id),
        )
    db.session.commit()
    return len(removed)


def decide(request_ids: Sequence[UUID], *, approves: bool) -> int:
    """Approve or decline requests; return how many waited. Raises NotFound, Forbidden."""
    person = require_signed_in()
    act = admission.approve if approves else admission.decline
    action = Action.REQUEST_APPROVED if approves else Action.REQUEST_DECLINED
    # In the order of the ids, so that two who decide about the same ones never wait in a circle.
    decided: list[EnrollmentRequest] = [
        found for one in sorted(request_ids) if (found := act(person, one))
    ]
    for request in decided:
        audit.note(action, subject=request.user_id, course_id=str(request.course_id))
    db.session.commit()
    return len(decided)


def invite(course_id: UUID, emails: Sequence[str]) -> Invited:
    """Invite addresses into a course.

    Raises NotFound, Forbidden, InvalidInput, TooManyRequests.
    """
    person = require_signed_in()
    invited = invitations.invite(person, person.name, course_id, emails)
    if invited.invitations:
        audit.note(
            Action.INVITATIONS_SENT,
            subject=course_id,
            subject_kind="course",
            count=len(invited.invitations),
        )
    db.session.commit()
    return invited


def withdraw(invitation_id: UUID) -> None:
    """Take an invitation back. Raises NotFound, Forbidden."""
    invitation = invitations.withdraw(require_signed_in(), invitation_id)
    course_id = invitation.course_id
    audit.note(Action.INVITATION_WITHDRAWN, subject=course_id, subject_kind="course")
    db.session.commit()
