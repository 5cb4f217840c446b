"""Who gets into the course: asking, inviting, enrolling and removing."""

import uuid
from typing import Any

from app.domain.courses.models import Course, Lesson
from tests import factories

TABLE = """
                              anon lrnr enrl rvkd susp ownr clgu supp admn
POST courses.take_back          in  303  303  303   in  303  303  303  303

GET admin.enrollments           in  403  403  403   in  200  200  200  200
POST admin.enrollments          in  403  403  403   in  422  422  403  422
GET admin.remove_enrollments    in  403  403  403   in  422  422  403  422
POST admin.remove_enrollments   in  403  403  403   in  422  422  403  422
GET admin.enrollment_requests   in  403  403  403   in  200  200  200  200
POST admin.enrollment_requests  in  403  403  403   in  422  422  422  422
GET admin.invitations           in  403  403  403   in  200  200  200  200
POST admin.invitations          in  403  403  403   in  422  422  403  422
POST admin.withdraw_invitation  in  403  403  403   in  303  404  404  404

GET admin.import_people         in  403  403  403   in  403  403  403  200
POST admin.import_people        in  403  403  403   in  403  403  403  422
POST admin.import_people_by_program 401  403  403  403  401  403  403  403  200

GET admin.list_enrollments     401  403  403  403  401  200  200  200  200
POST admin.create_enrollment   401  403  403  403  401  201  404  403  200
DELETE admin.delete_enrollment 401  403  403  403  401  204  404  403  204
GET admin.list_enrollment_requests 401  403  403  403  401  200  200  200  200
POST admin.approve_enrollment_request 401  403  403  403  401  200  404  403  200
POST admin.decline_enrollment_request 401  403  403  403  401  200  404  403  200
GET admin.list_invitations     401  403  403  403  401  200  200  200  200
POST admin.create_invitations  401  403  403  403  401  201  404  403  201
DELETE admin.delete_invitation 401  403  403  403  401  204  404  404  404
"""

KEYS = """
                              full read rvkd expd susp admn
GET admin.list_enrollments     403  403  401  401  401  200
POST admin.create_enrollment   403  403  401  401  401  201
DELETE admin.delete_enrollment 403  403  401  401  401  204
GET admin.list_enrollment_requests 403  403  401  401  401  200
POST admin.approve_enrollment_request 403  403  401  401  401  200
POST admin.decline_enrollment_request 403  403  401  401  401  200
GET admin.list_invitations     403  403  401  401  401  200
POST admin.create_invitations  403  403  401  401  401  201
DELETE admin.delete_invitation 403  403  401  401  401  204
"""


def values(course: Course, _lesson: Lesson) -> dict[str, Any]:
    """Give the course somebody who is in, somebody who waits and somebody who is invited."""
    member, waiting = factories.make_user(), factories.make_user()
    return {
        "enrollment_id": factories.make_enrollment(member, course).id,
        "request_id": factories.make_request(waiting, course).id,
        "invitation_id": factories.make_invitation("guest@example.com", course).id,
        "admitted_course_id": course.id,
        "newcomer_id": factories.make_user().id,
    }


BODIES = {
    "admin.import_people_by_program": lambda _: {"text": "email,name\nnew@example.com,New\n"},
    "admin.create_enrollment": lambda values: {
        "course_id": str(values["admitted_course_id"]),
        "user_id": str(values["newcomer_id"]),
    },
    "admin.create_invitations": lambda values: {
        "course_id": str(values["admitted_course_id"]),
        "emails": [f"{uuid.uuid4().hex}@example.com"],
    },
}
