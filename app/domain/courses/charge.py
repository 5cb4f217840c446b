"""Who is in charge of a course and what belongs to it: its instructor and every administrator.

The one answer for everything that makes courses. What is somebody else's does not exist; support
may look and is told that it may not touch.
"""

import uuid
from typing import Protocol

from sqlalchemy import ColumnElement, select, true, union
from sqlalchemy.orm import aliased

from app.database import db
from app.domain.accounts.models import Role
from app.domain.courses.models import Course, Lesson, Section
from app.domain.videos.models import Video
from app.errors import Forbidden, NotFound


class Maker(Protocol):
    """Whoever makes courses: a signed-in person, by browser or by key."""

    @property
    def id(self) -> uuid.UUID: ...

    @property
    def role(self) -> Role: ...


def owner_of(maker: Maker) -> uuid.UUID | None:
    """Return whose courses and media `maker` sees: an instructor's own, or None for all."""
    return maker.id if maker.role is Role.INSTRUCTOR else None


def own_courses(owner_id: uuid.UUID | None) -> ColumnElement[bool]:
    """Say whether the statement's Course is the owner's; None owns all."""
    return true() if owner_id is None else Course.instructor_id == owner_id


def own_media(owner_id: uuid.UUID | None) -> ColumnElement[bool]:
    """Say whether the owner uploaded the statement's Video or shows it in a course; None: all."""
    if owner_id is None:
        return true()
    # One list of ids: an OR of the three would read every video there is.
    uploaded = aliased(Video)
    shown, incoming = (
        select(video_id)
        .join(Course, Course.id == Lesson.course_id)
        .where(Course.instructor_id == owner_id, video_id.is_not(None))
        for video_id in (Lesson.video_id, Lesson.incoming_video_id)
    )
    return Video.id.in_(
        union(select(uploaded.id).where(uploaded.uploaded_by_id == owner_id), shown, incoming)
    )


def require_maker(maker: Maker) -> None:
    """Let instructors and administrators pass. Raises Forbidden."""
    if maker.role not in (Role.INSTRUCTOR, Role.ADMIN):
        raise Forbidden


def course_in_charge(maker: Maker, course_id: uuid.UUID, *, lock: bool = False) -> Course:
    """Return a course that `maker` may change, its row locked where asked.

    Raises NotFound, Forbidden.
    """
    statement = select(Course).where(Course.id == course_id, own_courses(owner_of(maker)))
    if lock:
        statement = statement.with_for_update(key_share=True)
    course = db.session.scalars(statement.execution_options(populate_existing=True)).first()
    if course is None:
        raise NotFound
    require_maker(maker)
    return course


def section_in_charge(maker: Maker, section_id: uuid.UUID, *, lock: bool = False) -> Section:
    """Return a section of a course that `maker` may change; where asked, the course is locked.

    Raises NotFound, Forbidden.
    """
    course_id = db.session.scalar(select(Section.course_id).where(Section.id == section_id))
    if course_id is None:
        raise NotFound
    course_in_charge(maker, course_id, lock=lock)
    section = db.session.get(Section, section_id, populate_existing=True)
    if section is None:
        raise NotFound
    return section


def lesson_in_charge(maker: Maker, lesson_id: uuid.UUID, *, lock: bool = False) -> Lesson:
    """Return a lesson of a course that `maker` may change; where asked, the course is locked.

    Raises NotFound, Forbidden.
    """
    course_id = db.session.scalar(select(Lesson.course_id).where(Lesson.id == lesson_id))
    if course_id is None:
        raise NotFound
    course_in_charge(maker, course_id, lock=lock)
    lesson = db.session.get(Lesson, lesson_id, populate_existing=True)
    if lesson is None:
        raise NotFound
    return lesson


def video_in_charge(maker: Maker, video_id: uuid.UUID, *, lock: bool = False) -> Video:
    """Return a video that `maker` uploaded or shows. Raises NotFound, Forbidden."""
    statement = select(Video).where(Video.id == video_id, own_media(owner_of(maker)))
    if lock:
        statement = statement.with_for_update(key_share=True)
    video = db.session.scalars(statement.execution_options(populate_existing=True)).first()
    if video is None:
        raise NotFound
    require_maker(maker)
    return video
