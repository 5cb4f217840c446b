"""The ground of the tests itself: its checks do find faults, and tests do not touch each other."""

import pytest
from flask import Flask
from sqlalchemy.exc import InvalidRequestError

from app.database import db
from app.domain.accounts.models import User
from app.domain.courses.models import Course
from tests import factories
from tests.support import html

GOOD = """<!doctype html><html lang="en"><head><title>Page</title></head><body><main>
<h1>Heading</h1><form method="post"><input type="hidden" name="csrf_token" value="x">
<label for="name">Name</label><input id="name" name="name"><button>Send</button></form>
<a href="/"><img src="/a.png" alt="Home"></a></main></body></html>"""
SPOILT = {
    "no title": (" <title>Page</title>".strip(), "", "title"),
    "empty title": ("<title>Page</title>", "<title> </title>", "title"),
    "no language": (' lang="en"', "", "lang"),
    "two headings": ("<h1>", "<h1>One</h1><h1>", "h1"),
    "no main": ("main", "div", "main"),
    "no label": ('<label for="name">Name</label>', "", "no label"),
    "nameless button": ("<button>Send</button>", "<button></button>", "accessible name"),
    "no alt": (' alt="Home"', "", "no alt"),
    "no token": (' value="x"', "", "csrf_token"),
    "inline script": ("<h1>", "<script>1</script><h1>", "inline <script>"),
    "inline style": ("<h1>", "<style>a{}</style><h1>", "inline <style>"),
    "style attribute": ("<h1>", '<h1 style="color:red">', "style"),
    "handler": ("<button>", '<button onclick="x()">', "onclick"),
    "same id twice": ("<h1>", '<h1 id="name">', "occurs 2 times"),
    "dangling reference": ("<button>", '<button aria-controls="nowhere">', "nowhere"),
}


@pytest.mark.no_database
def test_a_good_page_has_no_fault() -> None:
    assert html.faults(GOOD) == []


@pytest.mark.no_database
@pytest.mark.parametrize(("old", "new", "named"), SPOILT.values(), ids=list(SPOILT))
def test_a_spoilt_page_is_found_out(old: str, new: str, named: str) -> None:
    assert old in GOOD
    assert named in "; ".join(html.faults(GOOD.replace(old, new)))


@pytest.mark.parametrize("turn", ["first", "second"])
def test_rows_of_one_test_are_gone_in_the_next(turn: str) -> None:
    assert db.session.query(User).count() == 0, turn
    factories.make_user()
    assert db.session.query(User).count() == 1


def test_what_a_request_forgot_to_commit_is_gone(app: Flask) -> None:
    """The savepoint of a request ends with it, as its transaction would on a server."""
    user = factories.make_user(name="Before")
    user_id = user.id
    db.session.commit()
    with app.app_context():
        db.session.get_one(User, user_id).name = "Forgotten"
        db.session.flush()
    with app.app_context():
        db.session.get_one(User, user_id).bio = "Committed"
        db.session.commit()
    db.session.expire_all()
    user = db.session.get_one(User, user_id)
    assert (user.name, user.bio) == ("Before", "Committed")


def test_a_lazy_load_raises(course: Course) -> None:
    with pytest.raises(InvalidRequestError, match="lazy"):
        _ = db.session.get_one(Course, course.id).sections
