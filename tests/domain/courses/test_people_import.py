"""Letting many people into courses at once: what the report says, and that it comes true."""

import pytest

from app.clock import utcnow
from app.database import db
from app.domain.accounts import importing
from app.domain.accounts.models import Role, User, UserStatus
from app.domain.courses import people_import
from app.domain.courses.models import Course, CourseStatus, Enrollment
from app.domain.courses.people_import import Outcome
from app.domain.outbox.models import Mail
from app.errors import Forbidden, InvalidInput
from tests import factories

MIXED = """email,name,course
new@example.com,New Person,{slug}
new@example.com,,{other}
{outsider},,
{enrolled},,{slug}
nameless@example.com,,
not an address,Lea,
new@example.com,New Person,{slug}
{outsider},,no-such-course
"""


@pytest.fixture
def other(instructor: User) -> Course:
    """Another course of the same teacher."""
    return factories.make_course(instructor, title="First knots")


@pytest.fixture
def lines(course: Course, other: Course, outsider: User, enrolled: User) -> list[importing.Line]:
    """One line of each kind."""
    names = {"slug": course.slug, "other": other.slug}
    people = {"outsider": outsider.email, "enrolled": enrolled.email}
    return importing.read(MIXED.format(**names, **people))


def _outcomes(report: people_import.Report) -> list[str]:
    return [planned.outcome.value for planned in report.lines]


EXPECTED = [
    "account_and_enrollment",
    "enrollment",
    "enrollment",
    "nothing",
    "fault",
    "fault",
    "fault",
    "fault",
]


def test_a_dry_run_says_all_and_does_nothing(
    admin: User, course: Course, lines: list[importing.Line]
) -> None:
    before = (db.session.query(User).count(), db.session.query(Enrollment).count())
    report = people_import.plan(admin, lines, course.id)
    assert _outcomes(report) == EXPECTED
    assert (report.account_count, report.enrollment_count, report.fault_count) == (1, 3, 4)
    assert all(planned.fault for planned in report.lines[4:])
    db.session.flush()
    assert (db.session.query(User).count(), db.session.query(Enrollment).count()) == before
    assert db.session.query(Mail).count() == 0


def test_what_the_dry_run_said_comes_true_and_only_once(
    admin: User, course: Course, outsider: User, lines: list[importing.Line]
) -> None:
    report = people_import.carry_out(admin, lines, course.id)
    assert _outcomes(report) == EXPECTED
    new = db.session.query(User).filter_by(email="new@example.com").one()
    assert db.session.query(Enrollment).filter_by(user_id=new.id).count() == 2
    assert db.session.query(Enrollment).filter_by(user_id=outsider.id).count() == 1
    db.session.refresh(course)
    assert course.learner_count == 3
    mails = [(mail.to_email, mail.template) for mail in db.session.query(Mail)]
    assert sorted(mails) == sorted(
        [
            ("new@example.com", "account_made"),
            ("new@example.com", "enrollment_granted"),
            (outsider.email, "enrollment_granted"),
        ]
    )
    again = people_import.carry_out(admin, lines, course.id)
    assert (again.account_count, again.enrollment_count) == (0, 0)
    assert db.session.query(Mail).count() == 3


def test_who_was_removed_is_let_in_again(admin: User, course: Course) -> None:
    person = factories.make_user()
    factories.make_enrollment(person, course, revoked_at=utcnow())
    (planned,) = people_import.carry_out(
        admin, importing.read(f"email\n{person.email}\n"), course.id
    ).lines
    assert planned.outcome is Outcome.ENROLLMENT
    enrollment = db.session.query(Enrollment).filter_by(user_id=person.id).one()
    db.session.refresh(enrollment)
    assert enrollment.revoked_at is None


def test_accounts_alone_need_no_course(admin: User) -> None:
    lines = importing.read("email,name\nnew@example.com,New Person\n")
    report = people_import.carry_out(admin, lines, None)
    assert _outcomes(report) == ["account"]
    assert db.session.query(Enrollment).count() == 0


def test_suspended_people_and_drafts_are_faults(admin: User) -> None:
    draft = factories.make_course(status=CourseStatus.DRAFT)
    sid = factories.make_user(status=UserStatus.SUSPENDED)
    text = f"email,name,course\n{sid.email},,\nnew@example.com,New,{draft.slug}\n"
    report = people_import.plan(admin, importing.read(text), None)
    assert [planned.fault for planned in report.lines] == [
        "This account is suspended.",
        "The course is a draft: publish it first, or make it unlisted.",
    ]


def test_instructors_import_into_their_own_courses_only(instructor: User, course: Course) -> None:
    foreign = factories.make_course()
    text = f"email,name,course\nnew@example.com,New,{foreign.slug}\n"
    report = people_import.plan(instructor, importing.read(text), course.id)
    assert _outcomes(report) == ["fault"]
    with pytest.raises(InvalidInput):
        people_import.plan(instructor, importing.read(text), foreign.id)
    with pytest.raises(Forbidden):
        people_import.plan(factories.make_user(Role.SUPPORT), importing.read(text), None)
