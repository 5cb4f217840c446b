"""Covers, files of lessons, and courses on their way in and out."""

import uuid
from typing import Any

from app.domain.courses.models import Course, Lesson
from tests.support.course_files import make_cover, make_file

TABLE = """
                              anon lrnr enrl rvkd susp ownr clgu supp admn
GET courses.cover              200  200  200  200  200  200  200  200  200
GET courses.lesson_file         in  403  200  403   in  200  403  403  200
"""

KEYS = """
                              full read rvkd expd susp admn
"""


def values(course: Course, lesson: Lesson) -> dict[str, Any]:
    """Give the course a cover, and the lesson a file."""
    return {
        "course_id": course.id,
        "cover_id": make_cover(course),
        "width": 320,
        "file_id": make_file(lesson).id,
    }
