"""Tables of the catalog, enrollments and learners' progress."""

import enum
import uuid
from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    TextClause,
    UniqueConstraint,
    false,
    func,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, INT4MULTIRANGE, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.clock import utcnow
from app.database import Base
from app.domain.accounts.models import User


class CourseStatus(enum.StrEnum):
    DRAFT = "draft"
    UNLISTED = "unlisted"
    PUBLISHED = "published"
    ARCHIVED = "archived"


class Level(enum.StrEnum):
    BEGINNER = "beginner"
    INTERMEDIATE = "intermediate"
    ADVANCED = "advanced"


class LessonKind(enum.StrEnum):
    VIDEO = "video"
    TEXT = "text"
    PDF = "pdf"


class EnrollmentSource(enum.StrEnum):
    FREE = "free"
    PURCHASE = "purchase"
    MANUAL = "manual"
    APPROVAL = "approval"
    INVITATION = "invitation"


class EnrollmentPolicy(enum.StrEnum):
    """How people come into a course: by themselves, once staff agrees, or when staff asks them."""

    OPEN = "open"
    APPROVAL = "approval"
    INVITATION = "invitation"


class RevocationReason(enum.StrEnum):
    """Why access ended. After `staff` and `dispute` only staff gives it back; else one may buy."""

    STAFF = "staff"
    REFUND = "refund"
    DISPUTE = "dispute"
    PROOF_REJECTED = "proof_rejected"
    PROVISIONAL_ENDED = "provisional_ended"


class Category(Base):
    """A shelf of the catalog; `hue` (0-359) colours its generated covers."""

    __tablename__ = "categories"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str]
    hue: Mapped[int]
    position: Mapped[int] = mapped_column(default=0)


SEARCH_VECTOR = (
    "setweight(to_tsvector('english', title), 'A') || "
    "setweight(to_tsvector('english', pitch), 'B') || "
    "setweight(to_tsvector('english', description), 'C')"
)


PUBLISHED = text("status = 'published'")


def _catalog_index(name: str, key: str | TextClause, *included: str) -> Index:
    """Return the index of one sort order; it carries every filter, so no page visits the table."""
    return Index(
        f"ix_courses_catalog_{name}",
        key,
        "id",
        postgresql_include=["category_id", "level", "language", *included],
        postgresql_where=PUBLISHED,
    )


class Course(Base):
    """A course. Prices are integer minor units of `currency` (ISO 4217); 0 is free.

    `lesson_count`, `duration_seconds` and `learner_count` are kept by the writers of lessons and
    enrollments so that a catalog page counts nothing. `version` counts the changes to the course's
    own fields and `outline_version` those to the order and the set of its sections and lessons;
    whoever changes either says which one they saw. `cover_id` names the stored cover, whose sizes
    lie at `covers/<course>/<cover>/`; without one it is drawn from the slug. `seat_limit` bounds
    those who come in by themselves, null does not.
    """

    __tablename__ = "courses"
    __table_args__ = (
        Index("ix_courses_search", "search_vector", postgresql_using="gin"),
        Index(
            "ix_courses_title_trgm",
            "title",
            postgresql_using="gin",
            postgresql_ops={"title": "gin_trgm_ops"},
        ),
        _catalog_index("popular", "learner_count", "price_minor"),
        _catalog_index("newest", "published_at", "price_minor"),
        _catalog_index("title", text("lower(title)"), "price_minor", "title"),
        _catalog_index("price", "price_minor"),
        Index("ix_courses_catalog_category", "category_id", postgresql_where=PUBLISHED),
        Index(None, "created_at", "id"),
        Index("ix_courses_title_id", text("lower(title)"), "id"),
        Index(None, "category_id"),
        CheckConstraint("price_minor >= 0", name="price_not_negative"),
        CheckConstraint("learner_count >= 0", name="learner_count_not_negative"),
        CheckConstraint("seat_limit > 0", name="seat_limit_positive"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    slug: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    pitch: Mapped[str]
    description: Mapped[str]
    category_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("categories.id"))
    category: Mapped[Category] = relationship(lazy="raise")
    instructor_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), index=True)
    instructor: Mapped[User] = relationship(lazy="raise")
    level: Mapped[Level] = mapped_column(default=Level.BEGINNER)
    language: Mapped[str] = mapped_column(default="en")
    status: Mapped[CourseStatus] = mapped_column(default=CourseStatus.DRAFT)
    price_minor: Mapped[int] = mapped_column(default=0)
    currency: Mapped[str] = mapped_column(default="USD")
    outcomes: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default=text("'{}'"))
    requirements: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default=text("'{}'"))
    enrollment_policy: Mapped[EnrollmentPolicy] = mapped_column(
        default=EnrollmentPolicy.OPEN, server_default=text("'open'")
    )
    has_certificate: Mapped[bool] = mapped_column(default=False, server_default=false())
    has_discussion: Mapped[bool] = mapped_column(default=True, server_default=true())
    cover_id: Mapped[uuid.UUID | None]
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    outline_version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    lesson_count: Mapped[int] = mapped_column(default=0)
    duration_seconds: Mapped[int] = mapped_column(default=0)
    learner_count: Mapped[int] = mapped_column(default=0)
    seat_limit: Mapped[int | None]
    published_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(default=utcnow, onupdate=utcnow)
    search_vector: Mapped[str] = mapped_column(
        TSVECTOR(), Computed(SEARCH_VECTOR, persisted=True), deferred=True
    )
    sections: Mapped[list["Section"]] = relationship(
        back_populates="course", order_by="Section.position", lazy="raise"
    )


class Section(Base):
    """A chapter of a course, ordered by `position`; its lessons open to a learner
    `opens_after_days` after the enrollment.
    """

    __tablename__ = "sections"
    __table_args__ = (
        UniqueConstraint("course_id", "position", deferrable=True, initially="DEFERRED"),
        UniqueConstraint("id", "course_id"),
        CheckConstraint("opens_after_days >= 0", name="opens_after_days_not_negative"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    course_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"))
    course: Mapped[Course] = relationship(back_populates="sections", lazy="raise")
    title: Mapped[str]
    position: Mapped[int]
    opens_after_days: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    lessons: Mapped[list["Lesson"]] = relationship(
        back_populates="section", order_by="Lesson.position", lazy="raise", overlaps="course"
    )


class Lesson(Base):
    """A lesson of a section; `course_id` is repeated so that access is one lookup.

    A composite key keeps it equal to the section's. `incoming_video_id` is what replaces a video
    that plays as soon as it does, too. `version` counts the changes to the lesson's own fields.
    """

    __tablename__ = "lessons"
    __table_args__ = (
        ForeignKeyConstraint(
            ["section_id", "course_id"], ["sections.id", "sections.course_id"], ondelete="CASCADE"
        ),
        UniqueConstraint("section_id", "position", deferrable=True, initially="DEFERRED"),
        Index(None, "course_id"),
        Index(None, "video_id"),
        Index(None, "incoming_video_id"),
        Index(None, "document_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    section_id: Mapped[uuid.UUID]
    section: Mapped[Section] = relationship(back_populates="lessons", lazy="raise")
    course_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"))
    title: Mapped[str]
    kind: Mapped[LessonKind] = mapped_column(default=LessonKind.VIDEO)
    position: Mapped[int]
    duration_seconds: Mapped[int] = mapped_column(default=0)
    is_preview: Mapped[bool] = mapped_column(default=False)
    body: Mapped[str] = mapped_column(default="")
    video_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("videos.id"))
    incoming_video_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("videos.id", ondelete="SET NULL")
    )
    document_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("course_files.id", ondelete="SET NULL", use_alter=True)
    )
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    updated_at: Mapped[datetime] = mapped_column(default=utcnow, server_default=func.now())


class Enrollment(Base):
    """What the ledger of entitlements comes to for one person and course, for every reader.

    Live while `revoked_at` is null; `revocation` is why it ended.
    """

    __tablename__ = "enrollments"
    __table_args__ = (
        UniqueConstraint("user_id", "course_id"),
        Index(None, "course_id"),
        Index(None, "created_at", "id"),
        Index(None, "last_lesson_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    course_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"))
    course: Mapped[Course] = relationship(lazy="raise")
    source: Mapped[EnrollmentSource]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    revoked_at: Mapped[datetime | None]
    revocation: Mapped[RevocationReason | None]
    last_lesson_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("lessons.id", ondelete="SET NULL")
    )
    last_watched_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]


class LessonProgress(Base):
    """What one learner has really watched of one lesson.

    `watched` is the union of watched second ranges [from, to); completion is decided from it, so
    seeking to the end completes nothing and re-watching never exceeds 100 %.
    """

    __tablename__ = "lesson_progress"
    __table_args__ = (
        Index(None, "user_id", "course_id"),
        Index(None, "lesson_id"),
        Index(None, "course_id"),
    )

    user_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    lesson_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("lessons.id", ondelete="CASCADE"), primary_key=True
    )
    course_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"))
    position_seconds: Mapped[float] = mapped_column(default=0.0)
    watched: Mapped[str] = mapped_column(INT4MULTIRANGE(), server_default=text("'{}'"))
    updated_at: Mapped[datetime] = mapped_column(default=utcnow)
    completed_at: Mapped[datetime | None]
