"""A process that replaces another is warm before it is asked."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from app.database import db
from app.web.warming import PAGES, warm_up


def test_pages_are_compiled_and_answered_once(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    app.jinja_env.cache.clear()
    asked: list[str] = []
    answer = app.wsgi_app

    def counted(environ: Any, start_response: Any) -> Any:
        asked.append(environ["PATH_INFO"])
        return answer(environ, start_response)

    monkeypatch.setattr(app, "wsgi_app", counted)
    warm_up(app)
    compiled = {name for _, name in app.jinja_env.cache}
    assert {"courses/learn.html", "courses/index.html", "pages/home.html"} <= compiled
    assert tuple(asked) == PAGES


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
