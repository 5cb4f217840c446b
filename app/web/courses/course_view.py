"""One course as whoever asks may see it, with what is offered to them: for its page and the API."""

from app.domain.checkout.offers import Offer, offer_on_page
from app.domain.courses.details import CourseView, get_course_page
from app.domain.courses.ways_in import PrimaryAction
from app.web.access import signed_in
from app.web.reading import from_replica


def read_course(
    slug: str, *, with_related: bool = True
) -> tuple[CourseView, Offer | None, PrimaryAction]:
    """Return a course, what it is offered for, and what its one button does. Raises NotFound.

    Visitors are told by the replica. Whoever is signed in sees own orders and enrollments, which
    webhooks and the worker change as well.
    """
    person = signed_in()
    if person is None:
        return from_replica(lambda: _offered(get_course_page(slug)))
    course = get_course_page(slug, person.user_id, person.role, with_related=with_related)
    return course, *offer_on_page(person.user_id, course)


def _offered(course: CourseView) -> tuple[CourseView, Offer | None, PrimaryAction]:
    return course, *offer_on_page(None, course)
