"""Furnishes the demo house: accounts, courses, videos, progress and orders, in one commit."""

from collections.abc import Callable

from sqlalchemy import text

from app.current import settings
from app.database import db
from app.demo.attendance import add_attendance, add_requests
from app.demo.catalog import add_categories, add_courses
from app.demo.content import load_categories, load_courses, load_people
from app.demo.footage import add_videos
from app.demo.handouts import add_handouts
from app.demo.people import add_people
from app.demo.selling import add_orders, open_till
from app.errors import Forbidden

LOCK = 7_305_112_909  # any number that nobody else locks


def seed(echo: Callable[[str], object]) -> None:
    """Add what is missing of the demo content and say what was added; commit.

    A second run changes nothing: people are known by e-mail, courses by slug, videos by the hash
    of their source, and progress and orders are only given to courses that were just added, the
    till is opened unless somebody has chosen how to be paid. Raises Forbidden
    in staging and production.
    """
    if settings.is_production:
        raise Forbidden(
            f"Demo data is not for {settings.app_env.value}: its passwords are public. "
            "Create your first account with `flask create-admin`."
        )
    # Two starts at the same moment: the second waits, then finds everything there.
    db.session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    people = load_people()
    users, new_people = add_people(people)
    add_categories(load_categories())
    admin = users["admin@example.com"]
    videos, new_videos = add_videos(admin)
    contents = load_courses()
    courses = add_courses(contents, users, videos)
    add_handouts(contents, courses)
    open_till(admin)
    add_attendance(people, users, courses)
    add_requests(people, users, courses)
    add_orders(users, courses)
    db.session.commit()
    if new_people or new_videos or courses:
        echo(
            f"Added {new_people} accounts and {len(courses)} courses; "
            f"{new_videos} videos are queued for the worker."
        )
    else:
        echo("The demo content is there already.")
