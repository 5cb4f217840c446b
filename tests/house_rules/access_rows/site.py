"""The site's look, its settings, its shelves, and looking at it as somebody else."""

import uuid
from typing import Any

from app.domain.courses.models import Course, Lesson

TABLE = """
                              anon lrnr enrl rvkd susp ownr clgu supp admn
GET pages.accent               200  200  200  200  200  200  200  200  200
GET pages.logo                 404  404  404  404  404  404  404  404  404
GET admin.settings              in  403  403  403   in  403  403  403  200
POST admin.settings             in  403  403  403   in  403  403  403  303
POST admin.take_logo            in  403  403  403   in  403  403  403  422
POST admin.drop_logo            in  403  403  403   in  403  403  403  303
POST admin.try_out              in  403  403  403   in  403  403  403  303
GET admin.get_site             401  403  403  403  401  403  403  403  200
PATCH admin.change_site        401  403  403  403  401  403  403  403  200
POST admin.try_mail            401  403  403  403  401  403  403  403  200
POST admin.try_media_storage   401  403  403  403  401  403  403  403  200
POST admin.try_stripe          401  403  403  403  401  403  403  403  200
GET admin.view_as               in  403  403  403   in  403  403  200  200
POST admin.view_as              in  403  403  403   in  403  403  422  422
POST admin.stop_viewing         in  403  403  403   in  403  403  303  303
GET admin.categories            in  403  403  403   in  403  403  403  200
POST admin.categories           in  403  403  403   in  403  403  403  422
GET admin.category              in  403  403  403   in  403  403  403  200
POST admin.category             in  403  403  403   in  403  403  403  422
POST admin.move_category        in  403  403  403   in  403  403  403  303
POST admin.drop_category        in  403  403  403   in  403  403  403  303
GET admin.list_categories      401  403  403  403  401  200  200  200  200
POST admin.create_category     401  403  403  403  401  403  403  403  201
PATCH admin.change_category    401  403  403  403  401  403  403  403  200
DELETE admin.delete_category   401  403  403  403  401  403  403  403  409
"""

KEYS = """
GET admin.list_categories      403  403  401  401  401  200
POST admin.create_category     403  403  401  401  401  201
PATCH admin.change_category    403  403  401  401  401  200
DELETE admin.delete_category   403  403  401  401  401  409
"""


BODIES = {"admin.create_category": lambda _: {"name": "New shelf", "hue": 90}}


def values(course: Course, _lesson: Lesson) -> dict[str, Any]:
    """Return what the addresses of this part ask for."""
    # The logo is nobody's.
    return {
        "hue": 30,
        "logo_id": uuid.uuid4(),
        "what": "storage",
        "category_id": course.category_id,
        "way": "up",
    }
