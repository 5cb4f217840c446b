"""The system pages, for administrators alone; the addresses name a job that failed."""

from typing import Any

from sqlalchemy import text

from app.database import db
from app.domain.courses.models import Course, Lesson

TABLE = """
                              anon lrnr enrl rvkd susp ownr clgu supp admn
GET admin.system                in  403  403  403   in  403  403  403  200
GET admin.system_jobs           in  403  403  403   in  403  403  403  200
GET admin.system_job            in  403  403  403   in  403  403  403  200
GET admin.system_outside        in  403  403  403   in  403  403  403  200
GET admin.system_statements     in  403  403  403   in  403  403  403  200
POST admin.reset_statements     in  403  403  403   in  403  403  403  303
POST admin.retry_job            in  403  403  403   in  403  403  403  303
POST admin.cancel_job           in  403  403  403   in  403  403  403  303
"""

KEYS = ""


def values(_course: Course, _lesson: Lesson) -> dict[str, Any]:
    """Return what the addresses of this part ask for."""
    made = text(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, status)"
        " VALUES ('mail', 'mail.send', 'failed') RETURNING id"
    )
    return {"job_id": db.session.scalar(made)}
