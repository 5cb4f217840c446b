"""The administration's first page: counts and what needs attention."""

from collections.abc import Callable
from datetime import timedelta

from app import clock
from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.courses import overview
from app.domain.courses.admission_models import EnrollmentRequest, RequestStatus
from app.domain.courses.file_models import CourseTransfer, TransferKind, TransferStatus
from app.domain.courses.models import Course, Enrollment
from app.domain.courses.overview import CourseCounts
from app.domain.outbox import mail as outbox
from app.domain.videos.models import VideoStatus
from tests import factories
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
LATELY = clock.utcnow() - timedelta(days=30)


def test_failed_transcode_needs_attention(client_of: ClientOf, admin: User) -> None:
    factories.make_video(
        VideoStatus.FAILED, title="Broken loom", error_code="X", error_detail="moov atom not found"
    )
    factories.make_video(title="Fine loom")
    page = client_of(admin).get("/admin").text
    assert "Broken loom" in page
    assert "moov atom not found" in page
    assert "Fine loom" not in page


def test_video_that_waits_suspiciously_long_needs_attention() -> None:
    factories.make_video(VideoStatus.QUEUED, title="Forgotten loom")
    assert overview.list_troubled_media(None, 10) == []
    with clock.shifted(timedelta(minutes=31)):
        assert [row.title for row in overview.list_troubled_media(None, 10)] == ["Forgotten loom"]


def test_courses_and_live_enrollments_are_counted(course: Course, enrollment: Enrollment) -> None:
    before = overview.count_courses(None, LATELY)
    enrollment.revoked_at = clock.utcnow()
    factories.make_course(status=factories.CourseStatus.DRAFT)
    after = overview.count_courses(None, LATELY)
    assert (after.total - before.total, after.published - before.published) == (1, 0)
    assert after.enrollments - before.enrollments == -1


def test_completions_are_counted_in_all_and_lately(
    course: Course, instructor: User, enrollment: Enrollment
) -> None:
    earlier = factories.make_enrollment(factories.make_user(), course)
    enrollment.completed_at = clock.utcnow()
    earlier.completed_at = LATELY - timedelta(days=1)
    db.session.flush()
    counts = overview.count_courses(instructor.id, LATELY)
    assert (counts.enrollments, counts.completed, counts.newly_completed) == (2, 2, 1)


def test_a_learner_is_new_once(course: Course, instructor: User, enrollment: Enrollment) -> None:
    before = overview.count_new_learners(None, LATELY)
    second = factories.make_course(instructor)
    known = factories.make_user()
    factories.make_enrollment(known, course).created_at = LATELY - timedelta(days=1)
    factories.make_enrollment(known, second)
    db.session.flush()
    assert overview.count_new_learners(None, LATELY) == before
    fresh = factories.make_user()
    for each in (course, second):
        factories.make_enrollment(fresh, each)
    assert overview.count_new_learners(None, LATELY) == before + 1
    assert overview.count_new_learners(instructor.id, LATELY) == 2
    assert overview.count_new_learners(factories.make_user(Role.INSTRUCTOR).id, LATELY) == 0


def test_the_first_page_tells_of_the_days_that_are_asked_for(
    client_of: ClientOf, admin: User, course: Course
) -> None:
    factories.make_enrollment(factories.make_user(), course).created_at = LATELY
    db.session.commit()
    desk = client_of(admin)
    assert "1 new learner" in desk.get("/admin?days=90").text
    assert "0 new learners" in desk.get("/admin?days=7").text


def test_instructor_counts_own_courses_and_media_only(
    course: Course, instructor: User, enrollment: Enrollment
) -> None:
    other = factories.make_user(Role.INSTRUCTOR)
    factories.make_video(VideoStatus.FAILED, uploaded_by_id=other.id)
    assert overview.count_courses(instructor.id, LATELY) == CourseCounts(1, 1, 1, 0, 0)
    assert overview.count_courses(other.id, LATELY) == CourseCounts(0, 0, 0, 0, 0)
    assert overview.count_media(instructor.id)[VideoStatus.READY] == 2
    assert overview.count_media(instructor.id)[VideoStatus.FAILED] == 0
    assert overview.count_media(other.id)[VideoStatus.FAILED] == 1
    assert overview.list_troubled_media(instructor.id, 10) == []


def test_instructor_is_not_told_about_all_people(client_of: ClientOf, instructor: User) -> None:
    page = client_of(instructor).get("/admin")
    assert page.status_code == 200
    assert "suspended" not in page.text.lower()


def test_requests_that_wait_are_shown_to_who_decides_on_them(
    client_of: ClientOf, instructor: User, learner: User, outsider: User, course: Course
) -> None:
    for user in (learner, outsider):
        db.session.add(EnrollmentRequest(user_id=user.id, course_id=course.id))
    decided = factories.make_user()
    db.session.add(
        EnrollmentRequest(user_id=decided.id, course_id=course.id, status=RequestStatus.DECLINED)
    )
    db.session.commit()
    page = client_of(instructor).get("/admin").text
    assert f"/admin/enrollments/requests?course_id={course.id}" in page
    assert "2 requests" in page
    colleague = factories.make_user(Role.INSTRUCTOR)
    assert "Nothing waits for you" in client_of(colleague).get("/admin").text


def test_failed_transfer_is_shown_for_a_week(client_of: ClientOf, admin: User) -> None:
    db.session.add(
        CourseTransfer(
            kind=TransferKind.IMPORT,
            status=TransferStatus.FAILED,
            created_by_id=admin.id,
            title="Looms.zip",
            error_detail="The archive names a file twice.",
        )
    )
    db.session.commit()
    client = client_of(admin)
    assert "The archive names a file twice." in client.get("/admin").text
    with clock.shifted(timedelta(days=8)):
        assert "Looms.zip" not in client_of(admin).get("/admin").text


def test_administrator_is_told_of_mail_in_trouble(
    client_of: ClientOf, admin: User, instructor: User
) -> None:
    lost = outbox.write("lea@example.com", "test", None, name="Lea")
    outbox.give_up(lost, "The server refuses us.")
    db.session.commit()
    assert "1 mail given up today" in client_of(admin).get("/admin").text
    assert "refuses us" not in client_of(instructor).get("/admin").text
