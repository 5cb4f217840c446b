"""The session's application with its cache on, which is off in development."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from app.cache import EXTENSION, Cache, forget_version
from app.config import Environment
from app.integrations.cache_store import CacheStore, NoStore

DEMO = {"app_env": Environment.DEMO}


class Shared:
    """A store that remembers every byte that it was given."""

    is_shared = True

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def get(self, name: str) -> bytes | None:
        return self.kept.get(name)

    def put(self, name: str, value: bytes, seconds: int) -> None:
        assert 0 < seconds <= 60
        self.kept[name] = value

    def claim(self, name: str, seconds: int) -> bool:
        return True

    def release(self, name: str) -> None:
        assert name not in self.kept


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
