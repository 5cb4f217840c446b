"""The JSON of people in courses: enrollments, requests, invitations."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from app.domain.courses.admission_models import RequestStatus
from app.domain.courses.invitations import MAX_ADDRESSES
from app.domain.courses.models import EnrollmentSource
from app.web.admin.queries import Text
from app.web.admin.schemas import PageQuery
from app.web.json import Body

Address = Annotated[str, StringConstraints(max_length=254)]
Id = Annotated[UUID, Field(strict=False)]


class AdmissionQuery(PageQuery):
    """Whom a list shows; `q` is a part of a name or an address."""

    model_config = ConfigDict(frozen=True)

    q: Text = ""
    course_id: UUID | None = None
    user_id: UUID | None = None


class RequestsQuery(AdmissionQuery):
    """Which requests a list shows: those that wait, unless another status is named."""

    status: RequestStatus = RequestStatus.PENDING


class StaffPerson(BaseModel):
    """Somebody in a list."""

    id: UUID
    name: str
    email: str


class StaffCourseName(BaseModel):
    """A course in a list of people."""

    id: UUID
    slug: str
    title: str


class StaffEnrollment(BaseModel):
    """A live enrollment."""

    id: UUID
    user: StaffPerson
    course: StaffCourseName
    source: EnrollmentSource
    progress_percent: int
    created_at: AwareDatetime
    last_watched_at: AwareDatetime | None
    completed_at: AwareDatetime | None


class StaffEnrollmentsDocument(BaseModel):
    """Live enrollments, newest first."""

    items: list[StaffEnrollment]
    next_cursor: str | None


class StaffEnrollmentDocument(BaseModel):
    """One live enrollment."""

    enrollment: StaffEnrollment


class StaffRequest(BaseModel):
    """Somebody asks to be let into a course."""

    id: UUID
    user: StaffPerson
    course: StaffCourseName
    status: RequestStatus
    note: str
    created_at: AwareDatetime
    decided_at: AwareDatetime | None


class StaffRequestsDocument(BaseModel):
    """Requests, newest first."""

    items: list[StaffRequest]
    next_cursor: str | None


class Decided(BaseModel):
    """`changed` is false when it was decided before."""

    changed: bool


class StaffInvitation(BaseModel):
    """An address that may enrol in a course."""

    id: UUID
    email: str
    course: StaffCourseName
    created_at: AwareDatetime
    accepted_at: AwareDatetime | None


class StaffInvitationsDocument(BaseModel):
    """Invitations, newest first."""

    items: list[StaffInvitation]
    next_cursor: str | None


class InvitedDocument(BaseModel):
    """Who was written to; who had an invitation already; who is in the course already."""

    invited: list[str]
    already_invited: list[str]
    already_enrolled: list[str]


class NewEnrollment(Body):
    """Whom to enrol: by id or by address, one of the two."""

    course_id: Id
    user_id: Id | None = None
    email: Address | None = None


class NewInvitations(Body):
    """The addresses to invite, at most 100 at once."""

    course_id: Id
    emails: Annotated[list[Address], Field(min_length=1, max_length=MAX_ADDRESSES)]
