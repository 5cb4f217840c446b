"""No request holds two connections of the pool: with as many threads as connections, some would
wait for each other until the pool gives up.
"""

from collections.abc import Callable

from app.clock import utcnow
from app.database import db
from app.domain.accounts import sessions
from app.domain.accounts.models import Role
from app.domain.accounts.sessions import ClientInfo
from tests import factories
from tests.support.http import Visitor
from tests.support.orders import make_order
from tests.support.server import LiveServer

PAGES = ("/", "/training", "/courses", "/courses?q=loom", "/courses/{slug}", "/api/courses")
OWN_PAGES = ("/dashboard", "/learn/{slug}", "/account", "/account/orders", "/checkout/{other}")
STAFF_PAGES = (
    *(
        "/admin",
        "/admin/courses",
        "/admin/users",
        "/admin/orders",
        "/admin/audit",
        "/admin/reports",
    ),
    *("/admin/system", "/admin/system/jobs", "/admin/system/outside", "/metrics"),
)


def test_every_page_does_with_one_connection(serve: Callable[..., LiveServer]) -> None:
    course = factories.make_course(title="Looms")
    factories.make_lesson(factories.make_section(course))
    other = factories.make_course(title="Dyes", price_minor=4_900, currency="USD")
    learner, admin = factories.make_user(), factories.make_user(Role.ADMIN)
    admin.second_factor_added_at = utcnow()
    factories.make_enrollment(learner, course)
    make_order(learner, other)
    tokens = [sessions.start(person, ClientInfo(ip=None)) for person in (learner, admin)]
    db.session.commit()
    # In the demo pages are kept, which development does not do.
    site = serve(DATABASE_POOL_SIZE="1", APP_ENV="demo", WEB_WORKERS="1")
    nobody, reader, staff = (
        Visitor(site.url, {"session": token} if token else {}) for token in ("", *tokens)
    )
    for visitor, paths in (
        (nobody, PAGES),
        (reader, PAGES + OWN_PAGES),
        (staff, PAGES + STAFF_PAGES),
    ):
        for path in paths:
            asked = path.format(slug=course.slug, other=other.slug)
            for _ in range(2):
                assert visitor.get(asked).status < 400, asked
