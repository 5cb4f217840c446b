"""What visitors see of a course: told to nginx's page cache when it changes."""

from app.domain.courses.access import OPEN_STATUSES
from app.domain.courses.models import Course
from app.domain.outbox import pages


def refresh_pages(course: Course) -> None:
    """Have visitors see a change of an open course at once; the others are on no public page."""
    if course.status in OPEN_STATUSES:
        pages.refresh(course.slug)
