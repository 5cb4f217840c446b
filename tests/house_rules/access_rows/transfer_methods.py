"""The accounts that transfers go to; the one that the addresses name is nobody's."""

import uuid
from typing import Any

from app.domain.courses.models import Course, Lesson

TABLE = """
                                    anon lrnr enrl rvkd susp ownr clgu supp admn
GET admin.transfer_methods            in  403  403  403   in  403  403  403  200
POST admin.transfer_methods           in  403  403  403   in  403  403  403  422
GET admin.transfer_method             in  403  403  403   in  403  403  403  404
POST admin.transfer_method            in  403  403  403   in  403  403  403  404
POST admin.move_transfer_method       in  403  403  403   in  403  403  403  404
POST admin.drop_transfer_method       in  403  403  403   in  403  403  403  404
GET admin.list_transfer_methods      401  403  403  403  401  403  403  403  200
POST admin.create_transfer_method    401  403  403  403  401  403  403  403  201
GET admin.get_transfer_method        401  403  403  403  401  403  403  403  404
PATCH admin.change_transfer_method   401  403  403  403  401  403  403  403  404
DELETE admin.delete_transfer_method  401  403  403  403  401  403  403  403  404
"""

KEYS = """
GET admin.list_transfer_methods      403  403  401  401  401  200
GET admin.get_transfer_method        403  403  401  401  401  404
"""

BODIES = {
    "admin.create_transfer_method": lambda _: {
        "name": "Telebirr",
        "account_name": "School",
        "account_number": "0911",
    },
}


def values(_course: Course, _lesson: Lesson) -> dict[str, Any]:
    """Return what the addresses of this part ask for."""
    return {"method_id": uuid.uuid4()}
