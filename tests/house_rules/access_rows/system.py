"""The system pages, for administrators alone; the job that the addresses name is nobody's."""

from typing import Any

from app.domain.courses.models import Course, Lesson

TABLE = """
                              anon lrnr enrl rvkd susp ownr clgu supp admn
GET admin.system                in  403  403  403   in  403  403  403  200
GET admin.system_jobs           in  403  403  403   in  403  403  403  200
GET admin.system_job            in  403  403  403   in  403  403  403  404
POST admin.retry_job            in  403  403  403   in  403  403  403  404
POST admin.cancel_job           in  403  403  403   in  403  403  403  404
"""

KEYS = ""


def values(_course: Course, _lesson: Lesson) -> dict[str, Any]:
    """Return what the addresses of this part ask for."""
    return {"job_id": 2**40}
