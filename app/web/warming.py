"""What the first visitors of a fresh process would otherwise wait for."""

from contextlib import suppress

from flask import Flask

from app.config import Settings
from app.domain.accounts.emails import normalise_email
from app.domain.courses import markdown

PAGES = ("/", "/courses", "/api/courses", "/auth/sign-in", "/api/health/ready")
# What visitors and learners see; staff may wait a moment.
FOLDERS = ("pages/", "auth/", "courses/", "playback/")


def warm_up(app: Flask) -> None:
    """Compile the templates and answer some pages once; whatever fails will tell its visitors."""
    for name in app.jinja_env.list_templates(filter_func=lambda name: name.startswith(FOLDERS)):
        app.jinja_env.get_template(name)
    # What loads a library when it is first asked.
    markdown.render("")
    normalise_email("")
    settings: Settings = app.extensions["settings"]
    client = app.test_client(use_cookies=False)
    with suppress(Exception):
        for page in PAGES:
            client.get(page, base_url=settings.public_base_url)
