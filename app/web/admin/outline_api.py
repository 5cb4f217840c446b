"""The JSON of making courses: sections, lessons and their order."""

from typing import cast
from uuid import UUID

from flask import Response, jsonify
from flask.typing import ResponseReturnValue

from app.database import db
from app.domain.courses import builder, outline_edits
from app.domain.courses.charge import lesson_in_charge, section_in_charge
from app.domain.courses.lesson_fields import LessonChanges, SectionChanges
from app.domain.courses.outline_order import SectionOrder
from app.web.access import require_signed_in
from app.web.admin import blueprint, course_acts
from app.web.admin.making_bodies import (
    LessonChange,
    NewLesson,
    NewSection,
    Outline,
    OutlineQuery,
    SectionChange,
    changes_of,
    read_course_id,
)
from app.web.admin.making_schemas import (
    MadeCourseDocument,
    MadeLessonDocument,
    MadeLessonsDocument,
    MadeSectionDocument,
    MadeSectionsDocument,
)
from app.web.admin.making_views import course_view, lesson_view, section_view
from app.web.json import read_body
from app.web.openapi import describe


@blueprint.put("/api/admin/courses/<uuid:course_id>/outline")
@describe({200: MadeCourseDocument}, body=Outline)
def put_outline(course_id: UUID) -> Response:
    """Put the sections and lessons of a course in order; lessons may move between sections.

    VERSION_CONFLICT holds the outline as it is in `current`: look at it before sending again.
    """
    body = read_body(Outline)
    order: list[SectionOrder] = [
        {"id": section.id, "lessons": section.lessons} for section in body.sections
    ]
    outline_edits.reorder(require_signed_in(), course_id, order, body.outline_version)
    db.session.commit()
    return jsonify(course=course_view(builder.get_builder(require_signed_in(), course_id)))


@blueprint.get("/api/admin/sections")
@describe({200: MadeSectionsDocument}, query=OutlineQuery)
def list_sections() -> Response:
    """List the sections of a course, in order."""
    course = builder.get_builder(require_signed_in(), read_course_id())
    items = [section_view(course, section) for section in course.sections]
    return jsonify(items=items, outline_version=course.outline_version)


@blueprint.post("/api/admin/sections")
@describe({201: MadeSectionDocument}, body=NewSection)
def create_section() -> ResponseReturnValue:
    """Add a section to a course."""
    body = read_body(NewSection)
    person = require_signed_in()
    section = outline_edits.add_section(person, body.course_id, body.title, body.position)
    section_id = section.id
    db.session.commit()
    return _section(section_id), 201


@blueprint.get("/api/admin/sections/<uuid:section_id>")
@describe({200: MadeSectionDocument})
def get_section(section_id: UUID) -> Response:
    """Return a section with its lessons."""
    return _section(section_id)


@blueprint.patch("/api/admin/sections/<uuid:section_id>")
@describe({200: MadeSectionDocument}, body=SectionChange)
def change_section(section_id: UUID) -> Response:
    """Change or move a section; VERSION_CONFLICT holds it as it is in `current`."""
    body = read_body(SectionChange)
    changes = cast(SectionChanges, changes_of(body))
    outline_edits.change_section(require_signed_in(), section_id, changes, body.version)
    db.session.commit()
    return _section(section_id)


@blueprint.delete("/api/admin/sections/<uuid:section_id>")
@describe({204: None})
def delete_section(section_id: UUID) -> ResponseReturnValue:
    """Delete a section with its lessons and what people did in them; videos stay."""
    course_acts.delete_section(require_signed_in(), section_id)
    return "", 204


@blueprint.get("/api/admin/lessons")
@describe({200: MadeLessonsDocument}, query=OutlineQuery)
def list_lessons() -> Response:
    """List the lessons of a course, in order."""
    course = builder.get_builder(require_signed_in(), read_course_id())
    items = [lesson_view(course, lesson) for lesson in course.lessons]
    return jsonify(items=items, outline_version=course.outline_version)


@blueprint.post("/api/admin/lessons")
@describe({201: MadeLessonDocument}, body=NewLesson)
def create_lesson() -> ResponseReturnValue:
    """Add a lesson to a section."""
    body = read_body(NewLesson)
    lesson = outline_edits.add_lesson(
        require_signed_in(),
        body.section_id,
        body.title,
        body.kind,
        body=body.body,
        is_preview=body.is_preview,
        position=body.position,
    )
    lesson_id = lesson.id
    db.session.commit()
    return _lesson(lesson_id), 201


@blueprint.get("/api/admin/lessons/<uuid:lesson_id>")
@describe({200: MadeLessonDocument})
def get_lesson(lesson_id: UUID) -> Response:
    """Return a lesson with its files and the state of its video."""
    return _lesson(lesson_id)


@blueprint.patch("/api/admin/lessons/<uuid:lesson_id>")
@describe({200: MadeLessonDocument}, body=LessonChange)
def change_lesson(lesson_id: UUID) -> Response:
    """Change or move a lesson; VERSION_CONFLICT holds it as it is in `current`."""
    body = read_body(LessonChange)
    changes = cast(LessonChanges, changes_of(body))
    outline_edits.change_lesson(require_signed_in(), lesson_id, changes, body.version)
    db.session.commit()
    return _lesson(lesson_id)


@blueprint.delete("/api/admin/lessons/<uuid:lesson_id>")
@describe({204: None})
def delete_lesson(lesson_id: UUID) -> ResponseReturnValue:
    """Delete a lesson with what people did in it; its video stays in the library."""
    course_acts.delete_lesson(require_signed_in(), lesson_id)
    return "", 204


def _section(section_id: UUID) -> Response:
    person = require_signed_in()
    course = builder.get_builder(person, section_in_charge(person, section_id).course_id)
    view = section_view(course, course.section(section_id))
    return jsonify(section=view, outline_version=course.outline_version)


def _lesson(lesson_id: UUID) -> Response:
    person = require_signed_in()
    course = builder.get_builder(person, lesson_in_charge(person, lesson_id).course_id)
    view = lesson_view(course, course.lesson(lesson_id))
    return jsonify(lesson=view, outline_version=course.outline_version)
