"""Further applications beside the session's one, without it noticing."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from flask import Flask

from app import create_app
from app.config import load_settings
from app.database import db
from app.web import extensions
from tests.support.client import CheckedClient

# `init_app` leaves what it was told on these objects themselves.
SHARED = (
    extensions.babel,
    extensions.compress,
    extensions.cors,
    extensions.csrf,
    extensions.limiter,
    extensions.login_manager,
    extensions.talisman,
)


@contextmanager
def made_app(environ: Mapping[str, str]) -> Iterator[Flask]:
    """Build an application from `environ`; afterwards the extensions are as they were before."""
    before = [dict(vars(extension)) for extension in SHARED]
    app = create_app(load_settings(environ))
    app.test_client_class = CheckedClient
    try:
        yield app
    finally:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
        for extension, state in zip(SHARED, before, strict=True):
            vars(extension).clear()
            vars(extension).update(state)
