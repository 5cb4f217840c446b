"""The site's look, its settings, its shelves, and looking at it as somebody else."""

import uuid
from typing import Any

from app.domain.courses.models import Course, Lesson

TABLE = """
                              anon lrnr enrl rvkd susp ownr clgu supp admn
GET pages.accent               200  200  200  200  200  200  200  200  200
GET pages.logo                 404  404  404  404  404  404  404  404  404
"""

KEYS = ""


def values(_course: Course, _lesson: Lesson) -> dict[str, Any]:
    """Return what the addresses of this part ask for."""
    return {"hue": 30, "logo_id": uuid.uuid4()}  # a logo of nobody
