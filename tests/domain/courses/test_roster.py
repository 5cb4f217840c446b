"""Staff's own hand: enrolling, removing, inviting, and what is listed of it."""

import pytest

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.courses import admission, applicants, invitations, roster, thresholds
from app.domain.courses.admission_models import CourseInvitation
from app.domain.courses.models import Course, CourseStatus, Enrollment, EnrollmentSource
from app.domain.courses.roster import Narrowing
from app.domain.outbox.models import Mail
from app.errors import Forbidden, InvalidInput, NotFound, TooManyRequests
from tests import factories

ALL = Narrowing()


def _mails() -> list[tuple[str, str]]:
    rows = db.session.query(Mail).order_by(Mail.created_at)
    return [(mail.to_email, mail.template) for mail in rows]


def test_staff_enrols_by_address_whatever_it_costs(
    instructor: User, learner: User, course: Course
) -> None:
    course.price_minor = 4900
    db.session.commit()
    enrollment, is_new = roster.enrol(instructor, course.id, None, learner.email.upper())
    assert (enrollment.source, is_new) == (EnrollmentSource.MANUAL, True)
    assert _mails() == [(learner.email, "enrollment_granted")]
    _, is_new = roster.enrol(instructor, course.id, learner.id, None)
    assert (is_new, len(_mails())) == (False, 1)


def test_enrolling_settles_the_request(instructor: User, learner: User, course: Course) -> None:
    request = factories.make_request(learner, course)
    roster.enrol(instructor, course.id, learner.id, None)
    db.session.refresh(request)
    assert (request.status, request.decided_by_id) == ("approved", instructor.id)
    assert admission.count_pending(None) == 0


def test_nobody_enrols_into_anothers_course(learner: User, course: Course) -> None:
    for role, error in ((Role.INSTRUCTOR, NotFound), (Role.SUPPORT, Forbidden)):
        with pytest.raises(error):
            roster.enrol(factories.make_user(role), course.id, learner.id, None)
    assert db.session.query(Enrollment).count() == 0


def test_an_unknown_address_is_to_be_invited(instructor: User, course: Course) -> None:
    with pytest.raises(InvalidInput) as refused:
        roster.enrol(instructor, course.id, None, "nobody@example.com")
    assert "Invite it" in refused.value.fields["email"]


def test_nobody_is_let_into_a_draft(instructor: User, learner: User, course: Course) -> None:
    course.status = CourseStatus.DRAFT
    db.session.commit()
    with pytest.raises(InvalidInput):
        roster.enrol(instructor, course.id, learner.id, None)
    with pytest.raises(InvalidInput):
        invitations.invite(instructor, "Ines", course.id, ["guest@example.com"])


def test_removing_twice_counts_once(instructor: User, enrollment: Enrollment) -> None:
    course = db.session.get_one(Course, enrollment.course_id)
    assert roster.remove(instructor, enrollment.id) is not None
    assert roster.remove(instructor, enrollment.id) is None
    db.session.refresh(course)
    assert course.learner_count == 0


def test_nobody_removes_from_anothers_course(enrollment: Enrollment) -> None:
    for role, error in ((Role.INSTRUCTOR, NotFound), (Role.SUPPORT, Forbidden)):
        with pytest.raises(error):
            roster.remove(factories.make_user(role), enrollment.id)


def test_each_address_is_written_to_once(instructor: User, enrolled: User, course: Course) -> None:
    emails = ["Guest@Example.com", "guest@example.com", enrolled.email, "two@example.com"]
    invited = invitations.invite(instructor, "Ines", course.id, emails)
    assert [row.email for row in invited.invitations] == ["guest@example.com", "two@example.com"]
    assert list(invited.enrolled) == [enrolled.email]
    again = invitations.invite(instructor, "Ines", course.id, emails)
    assert (list(again.invitations), len(again.known)) == ([], 2)
    assert [to for to, _ in _mails()] == ["guest@example.com", "two@example.com"]


def test_an_invitation_after_a_removal_counts_anew(
    instructor: User, learner: User, course: Course
) -> None:
    learner.email_verified_at = utcnow()
    db.session.commit()
    invitations.invite(instructor, "Ines", course.id, [learner.email])
    admission.join(learner.id, course.slug)
    enrollment = db.session.query(Enrollment).filter_by(user_id=learner.id).one()
    roster.remove(instructor, enrollment.id)
    invited = invitations.invite(instructor, "Ines", course.id, [learner.email])
    assert len(invited.invitations) == 1
    assert admission.join(learner.id, course.slug).is_new


@pytest.mark.parametrize(
    "emails", [[], ["  "], ["no address"], ["a\0@example.com"], [f"g{n}@e.com" for n in range(101)]]
)
def test_wrong_addresses_are_named_and_nobody_is_written_to(
    instructor: User, course: Course, emails: list[str]
) -> None:
    with pytest.raises(InvalidInput) as refused:
        invitations.invite(instructor, "Ines", course.id, emails)
    assert set(refused.value.fields) == {"emails"}
    assert _mails() == []


def test_one_account_does_not_write_to_thousands(
    instructor: User, course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations, "A_DAY", 3)
    invitations.invite(instructor, "Ines", course.id, ["a@example.com", "b@example.com"])
    with pytest.raises(TooManyRequests):
        invitations.invite(instructor, "Ines", course.id, ["c@example.com", "d@example.com"])
    assert len(_mails()) == 2


def test_an_invitation_is_taken_back_by_who_is_in_charge(instructor: User, course: Course) -> None:
    row = factories.make_invitation("guest@example.com", course)
    with pytest.raises(NotFound):
        invitations.withdraw(factories.make_user(Role.INSTRUCTOR), row.id)
    invitations.withdraw(instructor, row.id)
    assert db.session.query(CourseInvitation).count() == 0


def test_open_invitations_are_those_one_has_not_used(course: Course) -> None:
    guest = factories.make_user(email_verified_at=utcnow())
    factories.make_invitation(guest.email, course)
    assert [found.slug for found in thresholds.list_thresholds(guest.id)] == [course.slug]
    admission.join(guest.id, course.slug)
    assert thresholds.list_thresholds(guest.id) == []


def test_lists_show_an_instructor_their_own(
    instructor: User, enrolled: User, learner: User, course: Course
) -> None:
    foreign = factories.make_course()
    factories.make_enrollment(learner, foreign)
    for target in (course, foreign):
        factories.make_request(factories.make_user(), target)
        factories.make_invitation("guest@example.com", target)
    for owner, count in ((instructor.id, 1), (None, 2)):
        assert len(roster.list_enrollments(owner, ALL, None, 10)) == count
        assert len(applicants.list_requests(owner, ALL, None, None, 10)) == count
        assert len(applicants.list_invitations(owner, ALL, None, 10)) == count
    assert [row.title for row in roster.list_choices(instructor.id)] == [course.title]


def test_lists_are_narrowed_and_walked(admin: User, course: Course) -> None:
    people = [factories.make_user(name=f"Anna {n}", email=f"a{n}@loom.example") for n in range(3)]
    for person in people:
        factories.make_enrollment(person, course)
    factories.make_enrollment(factories.make_user(name="Bert"), course)
    wanted = Narrowing(course_id=course.id, text="LOOM.exa")
    first = roster.list_enrollments(None, wanted, None, 2)
    rest = roster.list_enrollments(None, wanted, (first[-1].created_at, first[-1].id), 2)
    assert [row.name for row in (*first, *rest)] == ["Anna 2", "Anna 1", "Anna 0"]
    (one,) = roster.list_enrollments(None, Narrowing(user_id=people[0].id), None, 5)
    assert (one.email, one.course_title) == ("a0@loom.example", course.title)
    assert roster.list_enrollments(None, Narrowing(text="%"), None, 5) == []
