"""A crash is counted and told of, also where the page that tells of it needs what is broken."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from app.database import db
from tests.support.http import Visitor
from tests.support.server import LiveServer

TOKEN = "sesame-4711-sesame-4711-sesame"


@pytest.mark.parametrize("path", ["/dashboard", "/api/auth/me"])
def test_a_crash_while_looking_up_who_asks_is_answered_and_counted(
    serve: Callable[..., LiveServer], path: str
) -> None:
    """The page of the error asks for the person's language, and must not end in the same way."""
    server = serve(METRICS_TOKEN=TOKEN, WEB_WORKERS="1")
    db.session.execute(text("ALTER TABLE login_sessions RENAME TO elsewhere"))
    db.session.commit()
    answer = Visitor(server.url, {"session": "somebody-1234567890"}).get(path)
    assert answer.status == 500
    assert answer.headers["X-Request-Id"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    told = Visitor(server.url).get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text
    endpoint = "auth.me" if path.startswith("/api/") else "courses.dashboard"
    expected = f'triple_http_requests_total{{endpoint="{endpoint}",method="GET",status="500"}} 1.0'
    assert expected in told
