"""Who is let in by whom: courses by approval and by invitation, asking, deciding."""

from datetime import timedelta

import pytest

from app.clock import shifted, utcnow
from app.database import db
from app.domain.accounts.models import Role, User, UserStatus
from app.domain.courses import admission, enrollments
from app.domain.courses.admission_models import EnrollmentRequest, RequestStatus
from app.domain.courses.details import get_course_page
from app.domain.courses.models import (
    Course,
    CourseStatus,
    Enrollment,
    EnrollmentPolicy,
    EnrollmentSource,
)
from app.domain.courses.ways_in import PrimaryAction
from app.domain.outbox.models import Mail
from app.errors import (
    ApprovalRequired,
    Forbidden,
    InvalidInput,
    InvitationRequired,
    NotFound,
)
from tests import factories


@pytest.fixture
def guarded(course: Course) -> Course:
    """A course whose staff decides who gets in."""
    course.enrollment_policy = EnrollmentPolicy.APPROVAL
    db.session.commit()
    return course


@pytest.fixture
def closed(course: Course) -> Course:
    """A course that one is invited to."""
    course.enrollment_policy = EnrollmentPolicy.INVITATION
    db.session.commit()
    return course


@pytest.fixture
def invited(closed: Course) -> User:
    """Somebody whose verified address was invited into `closed`."""
    person = factories.make_user(email="Guest@example.com", email_verified_at=utcnow())
    factories.make_invitation("guest@example.com", closed)
    return person


def _action(course: Course, person: User | None) -> PrimaryAction:
    asks = (person.id, person.role) if person else ()
    return get_course_page(course.slug, *asks).primary_action


def _mails(person: User) -> list[str]:
    return [mail.template for mail in db.session.query(Mail).filter_by(to_email=person.email)]


def _live(person: User, course: Course) -> Enrollment | None:
    found = enrollments.find_enrollment(person.id, course.id)
    return found if found is not None and found.revoked_at is None else None


def test_who_wants_into_a_guarded_course_asks(learner: User, guarded: Course) -> None:
    assert _action(guarded, learner) is PrimaryAction.ASK
    joined = admission.join(learner.id, guarded.slug, note="  I weave at home. ")
    assert joined.enrollment is None
    assert joined.request is not None
    assert (joined.request.status, joined.request.note) == ("pending", "I weave at home.")
    assert _live(learner, guarded) is None
    assert _action(guarded, learner) is PrimaryAction.WAIT


def test_asking_twice_is_one_request(learner: User, guarded: Course) -> None:
    first = admission.join(learner.id, guarded.slug, note="Please.")
    second = admission.join(learner.id, guarded.slug, note="Now!")
    assert (first.is_new, second.is_new) == (True, False)
    assert [row.note for row in db.session.query(EnrollmentRequest)] == ["Please."]


def test_a_note_has_an_end(learner: User, guarded: Course) -> None:
    with pytest.raises(InvalidInput) as refused:
        admission.join(learner.id, guarded.slug, note="a" * 501)
    assert set(refused.value.fields) == {"note"}


def test_approval_enrols_and_tells(learner: User, instructor: User, guarded: Course) -> None:
    request = factories.make_request(learner, guarded)
    decided = admission.approve(instructor, request.id)
    enrollment = _live(learner, guarded)
    assert enrollment is not None
    assert enrollment.source is EnrollmentSource.APPROVAL
    assert decided is not None
    assert (decided.status, decided.decided_by_id) == (RequestStatus.APPROVED, instructor.id)
    assert _mails(learner) == ["request_approved"]
    assert _action(guarded, learner) is PrimaryAction.START


def test_a_second_decision_changes_nothing(
    learner: User, instructor: User, admin: User, guarded: Course
) -> None:
    request = factories.make_request(learner, guarded)
    admission.decline(instructor, request.id)
    assert admission.approve(admin, request.id) is None
    assert _live(learner, guarded) is None
    assert _mails(learner) == ["request_declined"]


def test_who_was_declined_asks_again_a_week_later(
    learner: User, instructor: User, guarded: Course
) -> None:
    admission.decline(instructor, factories.make_request(learner, guarded).id)
    assert _action(guarded, learner) is PrimaryAction.DECLINED
    with pytest.raises(ApprovalRequired) as refused:
        admission.join(learner.id, guarded.slug)
    assert refused.value.extra["request"]["status"] == "declined"
    with shifted(timedelta(days=7, seconds=1)):
        assert _action(guarded, learner) is PrimaryAction.ASK
        assert admission.join(learner.id, guarded.slug).is_new
        assert _action(guarded, learner) is PrimaryAction.WAIT


def test_strangers_decide_nothing(learner: User, outsider: User, guarded: Course) -> None:
    request = factories.make_request(learner, guarded)
    for role, error in ((Role.INSTRUCTOR, NotFound), (Role.SUPPORT, Forbidden)):
        with pytest.raises(error):
            admission.approve(factories.make_user(role), request.id)
    assert admission.count_pending(None) == 1


def test_a_request_is_taken_back_while_it_waits(
    learner: User, instructor: User, guarded: Course
) -> None:
    admission.join(learner.id, guarded.slug)
    assert admission.take_back(learner.id, guarded.slug)
    assert _action(guarded, learner) is PrimaryAction.ASK
    request = factories.make_request(learner, guarded)
    admission.decline(instructor, request.id)
    assert not admission.take_back(learner.id, guarded.slug)


def test_pending_requests_are_counted_for_whose_courses_they_are(
    learner: User, instructor: User, guarded: Course
) -> None:
    factories.make_request(learner, guarded)
    factories.make_request(learner, factories.make_course())
    assert (admission.count_pending(instructor.id), admission.count_pending(None)) == (1, 2)


def test_nobody_is_written_to_who_was_suspended_meanwhile(
    learner: User, instructor: User, guarded: Course
) -> None:
    request = factories.make_request(learner, guarded)
    learner.status = UserStatus.SUSPENDED
    db.session.commit()
    admission.approve(instructor, request.id)
    assert _mails(learner) == []


def test_an_uninvited_person_stays_outside(learner: User, closed: Course) -> None:
    assert _action(closed, learner) is PrimaryAction.INVITATION
    with pytest.raises(InvitationRequired):
        admission.join(learner.id, closed.slug)


def test_an_invitation_lets_in_however_the_address_is_spelled(
    invited: User, closed: Course
) -> None:
    assert _action(closed, invited) is PrimaryAction.ENROLL
    joined = admission.join(invited.id, closed.slug)
    assert joined.enrollment is not None
    assert joined.enrollment.source is EnrollmentSource.INVITATION


def test_an_address_nobody_verified_opens_nothing(closed: Course) -> None:
    impostor = factories.make_user(email="guest@example.com")
    factories.make_invitation("guest@example.com", closed)
    assert _action(closed, impostor) is PrimaryAction.INVITATION
    with pytest.raises(InvitationRequired):
        admission.join(impostor.id, closed.slug)


@pytest.mark.parametrize("policy", list(EnrollmentPolicy))
def test_an_invitation_opens_every_door_whatever_it_costs(
    invited: User, closed: Course, policy: EnrollmentPolicy
) -> None:
    closed.enrollment_policy, closed.price_minor = policy, 4900
    db.session.commit()
    assert _action(closed, invited) is PrimaryAction.ENROLL
    assert admission.join(invited.id, closed.slug).is_new


def test_an_invitation_from_before_a_removal_is_used_up(invited: User, closed: Course) -> None:
    admission.join(invited.id, closed.slug)
    enrollments.revoke(invited.id, closed.id)
    assert _action(closed, invited) is PrimaryAction.WITHDRAWN
    with pytest.raises(Forbidden):
        admission.join(invited.id, closed.slug)
    factories.make_invitation(invited.email, factories.make_course())  # of another course
    assert _action(closed, invited) is PrimaryAction.WITHDRAWN


def test_who_is_in_stays_in_when_the_door_is_closed(enrolled: User, closed: Course) -> None:
    joined = admission.join(enrolled.id, closed.slug)
    assert (joined.is_new, joined.request) == (False, None)


@pytest.mark.parametrize("policy", list(EnrollmentPolicy))
def test_a_draft_takes_neither_people_nor_requests(
    learner: User, course: Course, policy: EnrollmentPolicy
) -> None:
    course.enrollment_policy, course.status = policy, CourseStatus.DRAFT
    db.session.commit()
    with pytest.raises(NotFound):
        admission.join(learner.id, course.slug)
    assert db.session.query(EnrollmentRequest).count() == 0


def test_visitors_are_asked_to_sign_in_whatever_the_policy(closed: Course) -> None:
    assert _action(closed, None) is PrimaryAction.SIGN_IN
