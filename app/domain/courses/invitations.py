"""Inviting addresses into a course. Whoever verifies such an address may enrol by themselves."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from app.clock import utcnow
from app.database import db
from app.domain.accounts.emails import find_fault, normalise_email
from app.domain.accounts.models import User, UserStatus
from app.domain.courses.admission_models import CourseInvitation
from app.domain.courses.charge import Maker, course_in_charge
from app.domain.courses.models import Course, Enrollment
from app.domain.courses.roster import require_open
from app.domain.outbox import mail
from app.errors import InvalidInput, NotFound, TooManyRequests

MAX_ADDRESSES = 100
A_DAY = 1000
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Invited:
    """What came of a list of addresses."""

    invitations: Sequence[CourseInvitation]
    known: Sequence[str]
    enrolled: Sequence[str]


def invite(maker: Maker, inviter: str, course_id: uuid.UUID, emails: Sequence[str]) -> Invited:
    """Invite addresses into a course and write to them; `inviter` is the name in the mail.

    Who is in the course, or invited and not removed since, is not written to again. Raises
    NotFound, Forbidden, InvalidInput naming `emails`, and TooManyRequests past 1,000 a day.
    """
    course = course_in_charge(maker, course_id, lock=True)
    require_open(course)
    addresses = _addresses(emails)
    _require_allowance(maker, len(addresses))
    people = {
        user.email.lower(): user
        for user in db.session.scalars(select(User).where(User.email.in_(addresses)))
    }
    inside, removed = _enrollments_of(course.id, [user.id for user in people.values()])
    before = {
        row.email.lower(): row
        for row in db.session.scalars(
            select(CourseInvitation).where(
                CourseInvitation.course_id == course.id, CourseInvitation.email.in_(addresses)
            )
        )
    }
    made: list[CourseInvitation] = []
    known: list[str] = []
    enrolled: list[str] = []
    for address in addresses:
        person = people.get(address)
        if person is not None and person.id in inside:
            enrolled.append(address)
            continue
        row = before.get(address)
        removed_at = removed.get(person.id) if person is not None else None
        if row is not None and (removed_at is None or row.created_at > removed_at):
            known.append(address)
            continue
        made.append(_write(maker, inviter, course, address, row, person))
    db.session.flush()
    return Invited(made, known, enrolled)


def withdraw(maker: Maker, invitation_id: uuid.UUID) -> CourseInvitation:
    """Take an invitation back; who has used it stays in. Raises NotFound, Forbidden."""
    invitation = db.session.get(CourseInvitation, invitation_id, with_for_update=True)
    if invitation is None:
        raise NotFound
    course_in_charge(maker, invitation.course_id)
    db.session.delete(invitation)
    db.session.flush()
    return invitation


def _addresses(emails: Sequence[str]) -> list[str]:
    wanted = list(dict.fromkeys(normalise_email(email) for email in emails if email.strip()))
    if not wanted:
        raise InvalidInput({"emails": "Name at least one e-mail address."})
    if len(wanted) > MAX_ADDRESSES:
        raise InvalidInput({"emails": f"Invite at most {MAX_ADDRESSES} addresses at once."})
    wrong = [address for address in wanted if "\0" in address or find_fault(address)]
    if wrong:
        shown = ", ".join(wrong[:5])
        raise InvalidInput({"emails": f"These are no e-mail addresses: {shown}"})
    return wanted


def _require_allowance(maker: Maker, count: int) -> None:
    """Bound what one account makes the site mail to strangers."""
    since = utcnow() - DAY
    sent = db.session.scalar(
        select(func.count())
        .select_from(CourseInvitation)
        .where(CourseInvitation.invited_by_id == maker.id, CourseInvitation.created_at > since)
    )
    if (sent or 0) + count > A_DAY:
        raise TooManyRequests(
            int(DAY.total_seconds()), "You have invited many people today. Go on tomorrow."
        )


def _enrollments_of(
    course_id: uuid.UUID, user_ids: Sequence[uuid.UUID]
) -> tuple[set[uuid.UUID], dict[uuid.UUID, datetime]]:
    """Return who of these is in the course, and when those were removed who are not any more."""
    rows = db.session.execute(
        select(Enrollment.user_id, Enrollment.revoked_at).where(
            Enrollment.course_id == course_id, Enrollment.user_id.in_(user_ids)
        )
    ).all()
    inside = {row.user_id for row in rows if row.revoked_at is None}
    return inside, {row.user_id: row.revoked_at for row in rows if row.revoked_at is not None}


def _write(
    maker: Maker,
    inviter: str,
    course: Course,
    address: str,
    row: CourseInvitation | None,
    person: User | None,
) -> CourseInvitation:
    if row is None:
        row = CourseInvitation(id=uuid.uuid4(), course_id=course.id, email=address)
        db.session.add(row)
    row.created_at, row.accepted_at, row.invited_by_id = utcnow(), None, maker.id
    if person is None or person.status is UserStatus.ACTIVE:
        mail.send(
            address,
            "course_invitation",
            person.locale if person else course.language,
            name=person.name if person else "",
            inviter=inviter,
            course=course.title,
            link=mail.absolute(f"/courses/{course.slug}"),
        )
    return row
