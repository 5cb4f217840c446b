"""Seeding: what it brings in, that it can be run again and again, and where it refuses to run."""

import hashlib
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import func, select, text

from app.config import Environment
from app.current import integrations
from app.database import db
from app.demo.content import FILES, load_courses, load_people
from app.demo.people import PASSWORD
from app.demo.seed import seed
from app.demo.selling import PHOTO
from app.domain.accounts.credentials import authenticate
from app.domain.accounts.models import Role, User
from app.domain.checkout import attention, receipts, standing
from app.domain.checkout.coupon_models import Coupon, CouponRedemption
from app.domain.checkout.models import Order, OrderStatus, Payment, Refund
from app.domain.checkout.transfer_models import PaymentProof, TransferMethod
from app.domain.courses import entitlements
from app.domain.courses.admission_models import EnrollmentRequest
from app.domain.courses.entitlement_models import Entitlement
from app.domain.courses.file_models import CourseFile
from app.domain.courses.models import (
    Category,
    Course,
    Enrollment,
    EnrollmentPolicy,
    EnrollmentSource,
    Lesson,
    LessonKind,
    LessonProgress,
    Section,
)
from app.domain.courses.progress import COMPLETE_PERCENT
from app.domain.site.models import SiteChoices
from app.domain.videos.models import CaptionTrack, Video, VideoStatus
from app.errors import Forbidden, InvalidCredentials, MediaInvalid
from app.integrations.image_script import fingerprint_of

TABLES = (
    User,
    Category,
    Course,
    Section,
    Lesson,
    Enrollment,
    LessonProgress,
    Video,
    CaptionTrack,
    EnrollmentRequest,
    SiteChoices,
    TransferMethod,
    Coupon,
    Order,
    Payment,
    Refund,
    PaymentProof,
    Entitlement,
)


@pytest.fixture
def seeded(db_session) -> list[str]:
    """The lines that seeding an empty database said."""
    said: list[str] = []
    seed(said.append)
    return said


@pytest.fixture
def in_environment(app: Flask) -> Iterator[object]:
    """A function that makes the application believe it is in another environment."""
    before = app.extensions["settings"]

    def pretend(environment: Environment) -> None:
        app.extensions["settings"] = before.model_copy(update={"app_env": environment})

    yield pretend
    app.extensions["settings"] = before


def _everything() -> dict[str, list[tuple[object, ...]]]:
    """Return all rows of all tables that the demo fills, and the queued jobs."""
    content = {
        table.__tablename__: [
            tuple(row)
            for row in db.session.execute(
                select(table.__table__).order_by(*table.__table__.primary_key)
            )
        ]
        for table in TABLES
    }
    jobs = db.session.execute(text("SELECT id, args FROM procrastinate_jobs ORDER BY id"))
    return content | {"jobs": [(row.id, str(row.args)) for row in jobs]}


def _user(email: str) -> User:
    return db.session.scalars(select(User).where(User.email == email)).one()


def test_seeding_twice_is_the_same_and_fast(seeded: list[str]) -> None:
    before = _everything()
    said: list[str] = []
    started = time.process_time()
    seed(said.append)
    assert time.process_time() - started < 1.0
    assert _everything() == before
    assert said == ["The demo content is there already."]
    assert "10 courses" in seeded[0]


def test_what_people_changed_since_is_left_alone(seeded: list[str]) -> None:
    course = db.session.scalars(
        select(Course).where(Course.slug == "python-for-everyday-work")
    ).one()
    course.title, course.price_minor = "Renamed", 500
    db.session.execute(text("DELETE FROM enrollments"))
    db.session.execute(text("DELETE FROM courses WHERE slug = 'teaching-here'"))
    db.session.commit()
    seed(lambda line: None)
    db.session.expire_all()
    assert (course.title, course.price_minor) == ("Renamed", 500)
    slugs = db.session.scalars(
        select(Course.slug).join(Enrollment, Enrollment.course_id == Course.id).distinct()
    ).all()
    assert slugs == ["teaching-here"]


@pytest.mark.parametrize(
    ("email", "role"),
    [
        ("admin@example.com", Role.ADMIN),
        ("instructor@example.com", Role.INSTRUCTOR),
        ("samuel@example.com", Role.INSTRUCTOR),
        ("marta@example.com", Role.INSTRUCTOR),
        ("learner@example.com", Role.LEARNER),
        ("outsider@example.com", Role.LEARNER),
    ],
)
def test_named_accounts_sign_in_with_the_printed_password(
    seeded: list[str], email: str, role: Role
) -> None:
    assert authenticate(email, PASSWORD).role is role


def test_extra_learners_have_no_password(seeded: list[str]) -> None:
    extra = [person.email for person in load_people() if not person.signs_in]
    hashes = db.session.scalars(select(User.password_hash).where(User.email.in_(extra))).all()
    assert set(hashes) == {None}
    with pytest.raises(InvalidCredentials):
        authenticate(extra[0], PASSWORD)


def test_learner_counts_are_the_enrollments_that_exist(seeded: list[str]) -> None:
    rows = db.session.execute(
        select(Enrollment.course_id, func.count())
        .where(Enrollment.revoked_at.is_(None))
        .group_by(Enrollment.course_id)
    ).all()
    counted = dict(map(tuple, rows))
    for course in db.session.scalars(select(Course)):
        assert course.learner_count == counted.get(course.id, 0), course.slug
    assert len(counted) == 9


def test_lesson_counts_and_durations_are_the_sums_of_the_lessons(seeded: list[str]) -> None:
    for course in db.session.scalars(select(Course)):
        count, seconds = db.session.execute(
            select(func.count(), func.sum(Lesson.duration_seconds)).where(
                Lesson.course_id == course.id
            )
        ).one()
        assert (course.lesson_count, course.duration_seconds) == (count, seconds)


def test_learner_is_enrolled_in_two_courses_and_outsider_in_none(seeded: list[str]) -> None:
    def courses(email: str) -> list[Enrollment]:
        user_id = _user(email).id
        return list(db.session.scalars(select(Enrollment).where(Enrollment.user_id == user_id)))

    assert len(courses("learner@example.com")) == 2
    assert courses("outsider@example.com") == []


def test_one_course_lets_people_in_by_approval_and_somebody_waits(seeded: list[str]) -> None:
    guarded = select(Course).where(Course.enrollment_policy != EnrollmentPolicy.OPEN)
    course = db.session.scalars(guarded).one()
    request = db.session.scalars(select(EnrollmentRequest)).one()
    assert (course.slug, course.enrollment_policy) == ("teaching-here", "approval")
    assert (request.course_id, request.status) == (course.id, "pending")
    assert course.instructor_id == _user("instructor@example.com").id


def test_learner_resumes_in_the_middle_of_a_video(seeded: list[str]) -> None:
    learner = _user("learner@example.com")
    newest, lesson = db.session.execute(
        select(LessonProgress, Lesson)
        .join(Lesson, Lesson.id == LessonProgress.lesson_id)
        .where(LessonProgress.user_id == learner.id)
        .order_by(LessonProgress.updated_at.desc())
        .limit(1)
    ).one()
    assert lesson.title == "Small functions, step by step"
    assert newest.completed_at is None
    assert 0 < newest.position_seconds < lesson.duration_seconds
    enrollment = db.session.scalars(
        select(Enrollment).where(
            Enrollment.user_id == learner.id, Enrollment.course_id == lesson.course_id
        )
    ).one()
    assert enrollment.last_lesson_id == lesson.id
    assert enrollment.last_watched_at == newest.updated_at
    assert enrollment.completed_at is None


def test_progress_is_what_the_progress_rules_would_have_recorded(seeded: list[str]) -> None:
    rows = db.session.execute(
        text(
            """
            SELECT l.kind, l.duration_seconds, p.position_seconds, p.completed_at,
                e.created_at <= p.updated_at AS came_after_enrolling,
                (SELECT coalesce(sum(upper(r) - lower(r)), 0) FROM unnest(p.watched) AS r) AS seen
            FROM lesson_progress p JOIN lessons l ON l.id = p.lesson_id
            LEFT JOIN enrollments e ON e.user_id = p.user_id AND e.course_id = p.course_id
            """
        )
    ).all()
    assert len(rows) > 100
    for row in rows:
        assert row.came_after_enrolling
        assert row.position_seconds <= row.duration_seconds
        assert row.seen <= row.duration_seconds
        if row.kind == "video":
            is_seen = 100 * row.seen >= COMPLETE_PERCENT * row.duration_seconds
            assert is_seen == (row.completed_at is not None)


def test_priced_courses_were_bought(seeded: list[str]) -> None:
    sources = db.session.execute(
        select(Course.price_minor > 0, Enrollment.source)
        .join(Course, Course.id == Enrollment.course_id)
        .distinct()
    ).all()
    assert sorted(map(tuple, sources)) == [
        (False, EnrollmentSource.FREE),
        (True, EnrollmentSource.PURCHASE),
    ]


def test_every_way_into_a_course_is_in_the_ledger(seeded: list[str]) -> None:
    pairs = db.session.execute(select(Enrollment.user_id, Enrollment.course_id)).all()
    assert len(pairs) > 50
    assert all(entitlements.is_brought_up(*pair) for pair in pairs)
    for order in db.session.scalars(select(Order).where(Order.status == OrderStatus.PAID)):
        assert entitlements.is_granted_by(order.id)


def test_orders_are_what_their_facts_come_to(seeded: list[str]) -> None:
    orders = db.session.scalars(select(Order)).all()
    statuses = Counter(order.status for order in orders)
    assert statuses[OrderStatus.PAID] > 10
    for status in (OrderStatus.OPEN, OrderStatus.UNDER_REVIEW, OrderStatus.REFUNDED):
        assert statuses[status] == 1
    for order in orders:
        assert standing.status_of(standing.facts_of(order)) is order.status
    assert attention.list_troubled_orders(5) == []
    assert attention.count_waiting_proofs() == 1


def test_the_learner_has_a_receipt_with_a_discount(seeded: list[str]) -> None:
    order = db.session.scalars(
        select(Order).where(Order.user_id == _user("learner@example.com").id)
    ).one()
    assert (order.total_minor, order.coupon_code) == (36_000, "WELCOME20")
    assert receipts.render(order).startswith(b"%PDF")
    used = db.session.scalars(select(Coupon.redeemed).where(Coupon.code == "WELCOME20")).one()
    assert used == db.session.scalar(select(func.count()).select_from(CouponRedemption)) == 1


def test_the_picture_of_the_proof_is_the_one_that_is_described(seeded: list[str]) -> None:
    proof = db.session.scalars(select(PaymentProof)).one()
    assert integrations.storage.size(f"{proof.storage_key}/480.webp") == proof.size_bytes
    assert fingerprint_of(Image.open(FILES / PHOTO).convert("RGB")) == proof.perceptual_hash


def test_what_was_chosen_about_payment_stays(db_session) -> None:
    db.session.add_all((SiteChoices(id=1, takes_transfers=False), _wallet()))
    db.session.commit()
    seed(lambda line: None)
    assert db.session.get_one(SiteChoices, 1).takes_transfers is False
    assert [row.name for row in db.session.scalars(select(TransferMethod))] == ["Own wallet"]


def _wallet() -> TransferMethod:
    return TransferMethod(name="Own wallet", account_name="Own", account_number="1")


def test_videos_are_queued_with_the_first_lesson_of_the_courses_ahead(seeded: list[str]) -> None:
    queued = db.session.execute(
        text(
            "SELECT v.title FROM procrastinate_jobs j "
            "JOIN videos v ON CAST(v.id AS text) = j.args ->> 'video_id' "
            "WHERE j.task_name = 'videos.transcode' ORDER BY j.id"
        )
    ).scalars()
    assert list(queued) == [
        "How to study here",
        "Small functions",
        "One month on one page",
        "Light from one window (upload cut off)",
    ]
    statuses = set(db.session.scalars(select(Video.status)))
    assert statuses == {VideoStatus.QUEUED}


def test_sources_lie_in_storage_and_captions_beside_them(seeded: list[str]) -> None:
    for video in db.session.scalars(select(Video)):
        assert integrations.storage.size(video.source_key) == video.source_bytes
    tracks = db.session.execute(
        select(Video.title, CaptionTrack.language)
        .join(Video, Video.id == CaptionTrack.video_id)
        .order_by(Video.title, CaptionTrack.language)
    ).all()
    assert list(map(tuple, tracks)) == [
        ("How to study here", "am"),
        ("How to study here", "en"),
        ("One month on one page", "am"),
        ("One month on one page", "en"),
        ("Small functions", "en"),
    ]


def test_cut_off_upload_is_a_source_that_no_probe_accepts(
    seeded: list[str], tmp_path: Path
) -> None:
    video = db.session.scalars(select(Video).where(Video.title.contains("cut off"))).one()
    source = tmp_path / "source.mp4"
    integrations.storage.fetch_to(video.source_key, source)
    with pytest.raises(MediaInvalid):
        integrations.transcoder.probe(source)
    lesson = db.session.scalars(select(Lesson).where(Lesson.video_id == video.id)).one()
    course = db.session.get_one(Course, lesson.course_id)
    assert course.status.value == "draft"


def test_lessons_lie_in_the_order_of_the_content(seeded: list[str]) -> None:
    for content in load_courses():
        titles = db.session.scalars(
            select(Lesson.title)
            .join(Section, Section.id == Lesson.section_id)
            .join(Course, Course.id == Section.course_id)
            .where(Course.slug == content.slug)
            .order_by(Section.position, Lesson.position)
        ).all()
        assert titles == [lesson.title for lesson in content.lessons]


@pytest.mark.parametrize("kind", [Environment.PRODUCTION, Environment.STAGING])
def test_seeding_is_refused_where_it_is_serious(in_environment, kind) -> None:
    in_environment(kind)
    with pytest.raises(Forbidden, match="create-admin"):
        seed(lambda line: None)
    assert db.session.scalar(select(func.count()).select_from(User)) == 0


def test_a_course_has_a_cover_a_pdf_lesson_and_a_resource(seeded: list[str]) -> None:
    course = db.session.scalars(
        select(Course).where(Course.slug == "bookkeeping-for-a-small-business")
    ).one()
    assert course.cover_id is not None
    assert len(integrations.storage.list_keys(f"covers/{course.id}/{course.cover_id}")) == 3
    lesson = db.session.scalars(
        select(Lesson).where(Lesson.course_id == course.id, Lesson.kind == LessonKind.PDF)
    ).one()
    files = db.session.scalars(select(CourseFile).where(CourseFile.course_id == course.id)).all()
    assert {file.filename: file.id == lesson.document_id for file in files} == {
        "cash-book.csv": False,
        "month-end.pdf": True,
    }
    for file in files:
        with integrations.storage.open(file.storage_key) as stored:
            assert hashlib.sha256(stored.read()).hexdigest() == file.sha256
