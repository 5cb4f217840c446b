"""A process that replaces another is warm before it is asked."""

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from app.database import db
from app.web.warming import warm_up


def test_pages_are_compiled_and_answered_once(app: Flask) -> None:
    app.jinja_env.cache.clear()
    asked: list[str] = []
    app.before_request_funcs[None].insert(0, lambda: asked.append("asked"))
    try:
        warm_up(app)
    finally:
        app.before_request_funcs[None].pop(0)
    compiled = {name for _, name in app.jinja_env.cache}
    assert {"courses/learn.html", "courses/index.html", "pages/home.html"} <= compiled
    assert len(asked) == 5


def test_a_database_that_is_away_keeps_no_process_from_serving(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def refuse(*_: object, **__: object) -> None:
        asked.append("asked")
        raise OperationalError("select", {}, Exception("away"))

    monkeypatch.setattr(db.session, "execute", refuse)
    warm_up(app)
    assert asked
