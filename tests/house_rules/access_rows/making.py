"""Making courses: the course is open and `owner`'s, so nobody may delete it as it is."""

from typing import Any

from sqlalchemy import select

from app.database import db
from app.domain.courses.models import Course, Lesson, Section

TABLE = """
                              anon lrnr enrl rvkd susp ownr clgu supp admn
POST admin.courses              in  403  403  403   in  422  422  403  422
POST admin.create_course       401  403  403  403  401  201  201  403  201
GET admin.get_made_course      401  403  403  403  401  200  404  403  200
PATCH admin.change_course      401  403  403  403  401  200  404  403  200
DELETE admin.delete_course     401  403  403  403  401  409  404  403  409
POST admin.duplicate_course    401  403  403  403  401  201  404  403  201
GET admin.get_checklist        401  403  403  403  401  200  404  403  200
GET admin.get_versions         401  403  403  403  401  200  404  403  200
PUT admin.put_outline          401  403  403  403  401  422  404  403  422
GET admin.list_sections        401  403  403  403  401  422  422  422  422
POST admin.create_section      401  403  403  403  401  201  404  403  201
GET admin.get_section          401  403  403  403  401  200  404  403  200
PATCH admin.change_section     401  403  403  403  401  200  404  403  200
DELETE admin.delete_section    401  403  403  403  401  409  404  403  409
GET admin.list_lessons         401  403  403  403  401  422  422  422  422
POST admin.create_lesson       401  403  403  403  401  201  404  403  201
GET admin.get_lesson           401  403  403  403  401  200  404  403  200
PATCH admin.change_lesson      401  403  403  403  401  200  404  403  200
DELETE admin.delete_lesson     401  403  403  403  401  204  404  404  404
POST admin.render_markdown     401  403  403  403  401  200  200  200  200
"""

KEYS = """
                              full read rvkd expd susp admn
POST admin.create_course       403  403  401  401  401  201
GET admin.get_made_course      403  403  401  401  401  200
PATCH admin.change_course      403  403  401  401  401  200
DELETE admin.delete_course     403  403  401  401  401  409
POST admin.duplicate_course    403  403  401  401  401  201
GET admin.get_checklist        403  403  401  401  401  200
GET admin.get_versions         403  403  401  401  401  200
PUT admin.put_outline          403  403  401  401  401  422
GET admin.list_sections        403  403  401  401  401  422
POST admin.create_section      403  403  401  401  401  201
GET admin.get_section          403  403  401  401  401  200
PATCH admin.change_section     403  403  401  401  401  200
DELETE admin.delete_section    403  403  401  401  401  409
GET admin.list_lessons         403  403  401  401  401  422
POST admin.create_lesson       403  403  401  401  401  201
GET admin.get_lesson           403  403  401  401  401  200
PATCH admin.change_lesson      403  403  401  401  401  200
DELETE admin.delete_lesson     403  403  401  401  401  204
POST admin.render_markdown     403  403  401  401  401  200
"""

BODIES = {
    "admin.create_course": lambda _: {"title": "Knots"},
    "admin.create_section": lambda values: {"course_id": str(values["course_id"]), "title": "Two"},
    "admin.create_lesson": lambda values: {
        "section_id": str(values["section_id"]),
        "title": "Three",
    },
    "admin.put_outline": lambda _: {"outline_version": 1, "sections": []},
    "admin.render_markdown": lambda _: {"source": "*Read* this."},
}


def values(course: Course, lesson: Lesson) -> dict[str, Any]:
    """The course in question and its section."""
    section_id = db.session.scalar(select(Section.id).where(Section.course_id == course.id))
    return {"course_id": course.id, "section_id": section_id}
