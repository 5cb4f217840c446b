"""What the fields of sections and lessons may hold."""

import uuid
from collections.abc import Mapping
from typing import Any, TypedDict

from app.domain.courses.course_fields import many_lines, one_line
from app.domain.courses.models import Lesson, LessonKind, Section
from app.errors import InvalidInput

MAX_TITLE = 120
MAX_BODY = 100_000
MAX_DAYS = 3650
MAX_SECTIONS = 200
MAX_LESSONS = 1000


class SectionChanges(TypedDict, total=False):
    """New values of a section; what is absent stays. `position` counts from 1."""

    title: str
    opens_after_days: int
    position: int


class LessonChanges(TypedDict, total=False):
    """New values of a lesson; what is absent stays. `section_id` and `position` move it."""

    title: str
    kind: LessonKind
    body: str
    is_preview: bool
    video_id: uuid.UUID | None
    section_id: uuid.UUID
    position: int


def section_columns(changes: SectionChanges) -> dict[str, Any]:
    """Return the section's own columns, checked. Raises InvalidInput."""
    columns = _cleaned(changes, {"position"})
    faults = _title_faults(columns)
    if not 0 <= columns.get("opens_after_days", 0) <= MAX_DAYS:
        faults["opens_after_days"] = f"Use 0 to {MAX_DAYS:,} days."
    if faults:
        raise InvalidInput(faults)
    return columns


def lesson_columns(changes: LessonChanges) -> dict[str, Any]:
    """Return the lesson's own columns, checked; not its video and place. Raises InvalidInput."""
    columns = _cleaned(changes, {"video_id", "section_id", "position"})
    faults = _title_faults(columns)
    if len(columns.get("body", "")) > MAX_BODY:
        faults["body"] = f"Use at most {MAX_BODY:,} characters."
    if faults:
        raise InvalidInput(faults)
    return columns


def section_values(section: Section) -> dict[str, Any]:
    """Return a section as somebody needs it who changed an older one."""
    names = ("id", "course_id", "title", "position", "opens_after_days", "version")
    return {name: getattr(section, name) for name in names}


def lesson_values(lesson: Lesson) -> dict[str, Any]:
    """Return a lesson as somebody needs it who changed an older one."""
    names = (
        "id", "course_id", "section_id", "title", "kind", "position", "is_preview", "body",
        "video_id", "incoming_video_id", "document_id", "duration_seconds", "version",
        "updated_at",
    )  # fmt: skip
    return {name: getattr(lesson, name) for name in names}


def _cleaned(changes: Mapping[str, Any], others: set[str]) -> dict[str, Any]:
    columns = {name: value for name, value in changes.items() if name not in others}
    if "title" in columns:
        columns["title"] = one_line(columns["title"])
    if "body" in columns:
        columns["body"] = many_lines(columns["body"])
    return columns


def _title_faults(columns: Mapping[str, Any]) -> dict[str, str]:
    if "title" not in columns:
        return {}
    if not columns["title"]:
        return {"title": "Give it a title."}
    if len(columns["title"]) > MAX_TITLE:
        return {"title": f"Use at most {MAX_TITLE} characters."}
    return {}
