"""The application factory: the only place where the parts are wired together."""

from flask import Flask

from app import cli, integrations, observability
from app.cache import EXTENSION as CACHE
from app.cache import Cache
from app.config import Settings, load_settings
from app.domain import tables
from app.integrations.cache_store import build_store
from app.web import (
    access,
    admin,
    auth,
    courses,
    errors,
    extensions,
    headers,
    pages,
    playback,
    reading,
    templating,
)
from app.web.json import JsonProvider
from app.web.lean import House
from app.web.proxies import trust_proxies

__all__ = ["create_app", "tables"]


def create_app(settings: Settings | None = None) -> Flask:
    """Build the application from `settings` (default: the environment's).

    Raises ConfigurationError when the environment is not a valid configuration.
    """
    settings = settings or load_settings()
    app = House("app", static_folder=None)
    app.json = JsonProvider(app)
    app.extensions["settings"] = settings
    app.extensions["integrations"] = integrations.build(settings)
    app.extensions[CACHE] = Cache(settings, build_store(settings))
    trust_proxies(app, settings)
    observability.init_app(app, settings)
    headers.init_app(app)
    extensions.init_app(app, settings)
    access.init_app(app)
    reading.init_app(app, settings)
    errors.init_app(app)
    templating.init_app(app, settings)
    for room in (pages, auth, courses, admin, playback):
        app.register_blueprint(room.blueprint)
    cli.init_app(app)
    return app
