"""Being let into a course by its staff: somebody asks, staff decides.

Being asked in is in `invitations`, the enrollment itself in `enrollments`.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import Role, User, UserStatus
from app.domain.courses import enrollments
from app.domain.courses.access import IS_ADMIN, USER_ID, is_visible
from app.domain.courses.admission_models import EnrollmentRequest, RequestStatus
from app.domain.courses.charge import Maker, course_in_charge, own_courses
from app.domain.courses.models import Course, Enrollment, EnrollmentSource
from app.domain.outbox import mail
from app.errors import ApprovalRequired, InvalidInput, NotFound

MAX_NOTE_LENGTH = 500
# Who was declined may ask again, but not every day.
ASK_AGAIN_AFTER = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Joined:
    """What came of wanting into a course: an enrollment, or a request that waits."""

    enrollment: Enrollment | None
    request: EnrollmentRequest | None
    is_new: bool


def join(user_id: uuid.UUID, slug: str, role: Role | None = None, note: str = "") -> Joined:
    """Enrol, or ask to be let in where staff decides.

    Raises what `enrollments.enroll` does; ApprovalRequired remains for who was declined lately.
    """
    try:
        enrollment, is_new = enrollments.enroll(user_id, slug, role)
    except ApprovalRequired:
        request, is_new = ask(user_id, slug, role, note)
        return Joined(None, request, is_new)
    if is_new:
        take_back(user_id, slug)  # an invitation came, or the door was opened, meanwhile
    return Joined(enrollment, None, is_new)


def ask(
    user_id: uuid.UUID, slug: str, role: Role | None = None, note: str = ""
) -> tuple[EnrollmentRequest, bool]:
    """Ask to be let into a course; True when that is new.

    Raises NotFound, InvalidInput (the note), and ApprovalRequired when it was declined lately.
    """
    note = note.strip().replace("\0", "")
    if len(note) > MAX_NOTE_LENGTH:
        raise InvalidInput({"note": f"Use at most {MAX_NOTE_LENGTH} characters."})
    course_id = _find_course(user_id, slug, role)
    # Two clicks race here: the unique key lets one row in, the lock puts the rest in a row.
    created = db.session.scalar(
        insert(EnrollmentRequest)
        .values(
            id=uuid.uuid4(),
            user_id=user_id,
            course_id=course_id,
            status=RequestStatus.PENDING,
            note=note,
            created_at=utcnow(),
        )
        .on_conflict_do_nothing(index_elements=["user_id", "course_id"])
        .returning(EnrollmentRequest.id)
    )
    request = db.session.scalars(
        select(EnrollmentRequest)
        .where(EnrollmentRequest.user_id == user_id, EnrollmentRequest.course_id == course_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if created is not None or request.status is RequestStatus.PENDING:
        return request, created is not None
    _ask_again(request, note)
    return request, True


def _ask_again(request: EnrollmentRequest, note: str) -> None:
    decided_at = request.decided_at or request.created_at
    if request.status is RequestStatus.DECLINED and decided_at + ASK_AGAIN_AFTER > utcnow():
        raise ApprovalRequired(
            "Your request was declined. You can ask again a week after that.",
            request={
                "status": request.status.value,
                "decided_at": request.decided_at,
                "ask_again_at": decided_at + ASK_AGAIN_AFTER,
            },
        )
    request.status = RequestStatus.PENDING
    request.note = note
    request.created_at = utcnow()
    request.decided_at = request.decided_by_id = None
    db.session.flush()


def take_back(user_id: uuid.UUID, slug: str) -> bool:
    """Take one's own request back while nobody has decided; False when there is none."""
    course = select(Course.id).where(Course.slug == slug).scalar_subquery()
    gone = db.session.scalar(
        delete(EnrollmentRequest)
        .where(
            EnrollmentRequest.user_id == user_id,
            EnrollmentRequest.course_id == course,
            EnrollmentRequest.status == RequestStatus.PENDING,
        )
        .returning(EnrollmentRequest.id)
        .execution_options(synchronize_session=False)
    )
    return gone is not None


def approve(maker: Maker, request_id: uuid.UUID) -> EnrollmentRequest | None:
    """Let somebody in who asked, and tell them; None when it was decided before.

    Raises NotFound, Forbidden.
    """
    request = _decide(maker, request_id, RequestStatus.APPROVED)
    if request is not None:
        approval = EnrollmentSource.APPROVAL
        enrollments.grant(request.user_id, request.course_id, approval, actor_id=maker.id)
        _tell(request, "request_approved", "learn")
    return request


def decline(maker: Maker, request_id: uuid.UUID) -> EnrollmentRequest | None:
    """Turn somebody down who asked, and tell them; None when it was decided before.

    Raises NotFound, Forbidden.
    """
    request = _decide(maker, request_id, RequestStatus.DECLINED)
    if request is not None:
        _tell(request, "request_declined", "courses")
    return request


def count_pending(owner_id: uuid.UUID | None) -> int:
    """Return how many requests wait for staff: an owner's, or with None all."""
    statement = (
        select(func.count())
        .select_from(EnrollmentRequest)
        .join(Course, Course.id == EnrollmentRequest.course_id)
        .where(EnrollmentRequest.status == RequestStatus.PENDING, own_courses(owner_id))
    )
    return db.session.scalar(statement) or 0


def _find_course(user_id: uuid.UUID, slug: str, role: Role | None) -> uuid.UUID:
    course_id = db.session.scalar(
        select(Course.id).where(Course.slug == slug, is_visible(USER_ID, IS_ADMIN)),
        {"user_id": user_id, "is_admin": role is Role.ADMIN},
    )
    if course_id is None:
        raise NotFound
    return course_id


def _decide(maker: Maker, request_id: uuid.UUID, status: RequestStatus) -> EnrollmentRequest | None:
    """Settle a request. Of two who decide at once the row's lock lets the first."""
    request = db.session.scalar(
        select(EnrollmentRequest)
        .where(EnrollmentRequest.id == request_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if request is None:
        raise NotFound
    course_in_charge(maker, request.course_id)
    if request.status is not RequestStatus.PENDING:
        return None
    request.status = status
    request.decided_at = utcnow()
    request.decided_by_id = maker.id
    db.session.flush()
    return request


def _tell(request: EnrollmentRequest, template: str, place: str) -> None:
    user = db.session.get_one(User, request.user_id)
    course = db.session.get_one(Course, request.course_id)
    if user.status is UserStatus.ACTIVE:
        mail.send(
            user.email,
            template,
            user.locale,
            name=user.name,
            course=course.title,
            link=mail.absolute(f"/{place}/{course.slug}"),
        )
