"""The session's application with its cache on, which is off in development."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from app.cache import EXTENSION, Cache, forget_version
from app.config import Environment
from app.integrations.cache_store import CacheStore, NoStore

DEMO = {"app_env": Environment.DEMO}


@contextmanager
def keeping_pages(app: Flask, store: CacheStore | None = None) -> Iterator[Cache]:
    """Keep what is made for the block, in an empty cache that others may look into by `store`."""
    before = app.extensions[EXTENSION]
    settings = app.extensions["settings"].model_copy(update=DEMO)
    app.extensions[EXTENSION] = Cache(settings, store or NoStore())
    forget_version()
    try:
        yield app.extensions[EXTENSION]
    finally:
        app.extensions[EXTENSION] = before
        forget_version()
