"""The application factories: the only place where the parts are wired together.

Each loads what its process needs when it is called: jobs have no pages, the clock has not even a
database, and either costs less memory than the whole house.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from flask import Flask

# ruff: noqa: PLC0415, E402


@contextmanager
def _as_if_missing(name: str) -> Iterator[None]:
    """Have the block's imports do without a package that they would use if it were there."""
    modules: dict[str, Any] = sys.modules
    is_loaded = name in modules
    modules.setdefault(name, None)
    try:
        yield
    finally:
        if not is_loaded:
            del modules[name]


@contextmanager
def loading_for_good() -> Iterator[None]:
    """Look for no garbage in what the block loads, then or later: all of it stays.

    To look for it would take a fifth of the time that loading takes.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was_on:
            gc.enable()


# For tracebacks in colours, which we never show: 80 modules, 0.2 s and 6 MB a process.
with _as_if_missing("rich"):
    import structlog as structlog

from app import cli, observability
from app.config import ConfigurationError, Settings, load_settings

__all__ = ["create_app", "create_scheduler", "create_worker", "loading_for_good"]


def create_app(settings: Settings | None = None) -> Flask:
    """Build the application from `settings` (default: the environment's).

    Raises ConfigurationError when the environment is not a valid configuration.
    """
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
    from app.web.rules import PatientRule

    settings = settings or load_settings()
    app = House("app", static_folder=None)
    app.json = JsonProvider(app)
    app.url_rule_class = PatientRule
    _furnish(app, settings)
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


@loading_for_good()
def create_worker() -> Flask:
    """Build what jobs need, for `flask --app app:create_worker worker`: everything but pages."""
    from app.web import extensions
    from app.web.lean import House

    try:
        settings = load_settings()
    except ConfigurationError as error:
        return cli.app_without_settings(str(error))
    app = House("app", static_folder=None)
    _furnish(app, settings)
    observability.init_app(app, settings)
    extensions.init_app(app, settings)
    cli.init_app(app)
    return app


@loading_for_good()
def create_scheduler() -> Flask:
    """Build what the clock needs, for `flask --app app:create_scheduler scheduler`."""
    try:
        settings = load_settings()
    except ConfigurationError as error:
        return cli.app_without_settings(str(error))
    app = Flask("app", static_folder=None)
    app.extensions["settings"] = settings
    observability.init_app(app, settings)
    cli.init_app(app)
    return app


def _furnish(app: Flask, settings: Settings) -> None:
    from app import integrations
    from app.cache import EXTENSION, Cache
    from app.integrations.cache_store import build_store

    import_module("app.domain.tables")  # the mapper must have seen every table
    app.extensions["settings"] = settings
    app.extensions["integrations"] = integrations.build(settings)
    app.extensions[EXTENSION] = Cache(settings, build_store(settings))
