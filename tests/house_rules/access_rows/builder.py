"""The builder's pages: an instructor's own courses, every course for administrators."""

from typing import Any

from app.domain.courses.models import Course, Lesson

TABLE = """
                              anon lrnr enrl rvkd susp ownr clgu supp admn
GET admin.course                in  403  403  403   in  200  404  403  200
POST admin.course               in  403  403  403   in  422  404  403  422
GET admin.course_access         in  403  403  403   in  200  404  403  200
POST admin.course_access        in  403  403  403   in  422  404  403  422
GET admin.section               in  403  403  403   in  200  404  403  200
POST admin.section              in  403  403  403   in  422  404  403  422
GET admin.lesson                in  403  403  403   in  200  404  403  200
POST admin.lesson               in  403  403  403   in  422  404  403  422
GET admin.publish               in  403  403  403   in  200  404  403  200
POST admin.preview_markdown     in  403  403  403   in  200  200  200  200
POST admin.add_section          in  403  403  403   in  303  404  403  303
POST admin.add_lesson           in  403  403  403   in  303  404  403  303
POST admin.move_section         in  403  403  403   in  303  404  403  303
POST admin.move_lesson          in  403  403  403   in  303  404  403  303
POST admin.change_status        in  403  403  403   in  303  303  303  303
GET admin.course_act            in  403  403  403   in  200  404  403  200
POST admin.course_act           in  403  403  403   in  303  404  403  303
GET admin.part_deletion         in  403  403  403   in  200  404  403  200
POST admin.part_deletion        in  403  403  403   in  303  404  403  404
"""

KEYS = ""
SPECIAL: dict[str, dict[str, Any]] = {"admin.course_act": {"act": "duplicate"}}


def values(_course: Course, lesson: Lesson) -> dict[str, Any]:
    """What the page that asks before a lesson goes is about."""
    return {"kind": "lessons", "part_id": lesson.id}
