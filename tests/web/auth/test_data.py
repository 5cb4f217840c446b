"""Exports: asked for on a page, fetched by a mailed link by the person they are about, alone."""

import io
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.clock import shifted
from app.current import integrations
from app.database import db
from app.domain.accounts import export as exports
from app.domain.accounts.models import DataExport, ExportStatus, User
from app.domain.audit.models import AuditEvent
from app.domain.outbox.models import Mail
from app.worker import exports as job
from tests import factories
from tests.support import html
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
PAGE = "/account/data"
ASK = "/account/data/exports"
API = "/api/auth/exports"


def _make_all() -> None:
    """Run the jobs in the test's own session (see tests/worker/test_exports.py).

    Requests must give theirs back: the next one may find it under its own number.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "held", lambda _: nullcontext())
        patch.setattr(db.session, "remove", lambda: None)
        for export in db.session.scalars(select(DataExport)).all():
            job.export(export.id, 1)


def _link() -> str:
    letter = db.session.scalars(
        select(Mail).where(Mail.template == "export_ready").order_by(Mail.created_at.desc())
    ).first()
    assert letter is not None
    return str(letter.context["link"]).removeprefix("http://localhost")


def _actions(user: User) -> list[str]:
    query = select(AuditEvent.action).where(AuditEvent.actor_id == user.id).order_by(AuditEvent.id)
    return list(db.session.scalars(query))


def _shown(client: CheckedClient) -> str:
    return html.parse(client.get(PAGE).text).main.get_text(" ", strip=True)


def test_data_is_prepared_mailed_and_fetched(client_of: ClientOf, learner: User) -> None:
    client = client_of(learner)
    response = client.post_form(ASK, page=PAGE)
    assert (response.status_code, response.headers["Location"]) == (303, PAGE)
    assert "Being prepared" in _shown(client)
    _make_all()
    assert "The link is in the mail" in _shown(client)
    answer = client.get(_link())
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="my-data-')
    assert answer.headers["Content-Length"] == str(len(answer.data))
    archive = zipfile.ZipFile(io.BytesIO(answer.data))
    assert learner.email in archive.read("profile.json").decode()
    assert _actions(learner) == ["export.requested", "export.fetched"]
    assert client.get(_link()).status_code == 200, "a broken download can be begun again"


def test_second_press_asks_for_nothing_new(client_of: ClientOf, learner: User) -> None:
    client = client_of(learner)
    page = client.get(PAGE).text
    token = html.csrf_token(page)
    for _ in range(2):
        assert client.post(ASK, data={"csrf_token": token}).status_code == 303
    assert db.session.query(DataExport).count() == 1
    shown = html.parse(client.get(PAGE).text)
    assert not shown.find("form", attrs={"action": ASK}), "there is nothing to press meanwhile"


def test_asking_wants_a_fresh_proof(client_of: ClientOf, learner: User) -> None:
    client = client_of(learner)
    token = html.csrf_token(client.get(PAGE).text)
    with shifted(timedelta(minutes=16)):
        sent = client.post(ASK, data={"csrf_token": token})
        assert sent.headers["Location"].startswith("/account/confirm")
        assert client.post(API, json={}).get_json()["code"] == "CONFIRMATION_REQUIRED"
    assert db.session.query(DataExport).count() == 0


def test_three_a_day(client_of: ClientOf, learner: User) -> None:
    client = client_of(learner)
    for _ in range(3):
        assert client.post(API, json={}).status_code == 202
        _make_all()
    refused = client.post(API, json={})
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 24 * 3600
    with shifted(timedelta(hours=24, minutes=1)):
        assert client_of(learner).post(API, json={}).status_code == 202


def test_lost_job_does_not_keep_one_from_asking(client_of: ClientOf, learner: User) -> None:
    client = client_of(learner)
    client.post(API, json={})
    with shifted(exports.MAY_TAKE + timedelta(minutes=1)):
        assert client.get(API).get_json()["items"][0]["status"] == "failed"
        client_of(learner).post(API, json={})
        assert db.session.query(DataExport).count() == 2


def test_program_sees_how_far_it_is(client_of: ClientOf, learner: User) -> None:
    client = client_of(learner)
    made = client.post(API, json={}).get_json()
    assert made["status"] == "queued"
    _make_all()
    (item,) = client.get(API).get_json()["items"]
    assert (item["id"], item["status"]) == (made["id"], "ready")
    assert item["size_bytes"] > 0
    assert "token" not in str(item)
    assert "key" not in str(item)


def test_link_is_of_no_use_to_anybody_else(
    client: CheckedClient, client_of: ClientOf, learner: User, admin: User
) -> None:
    client_of(learner).post(API, json={})
    _make_all()
    for other in (factories.make_user(), admin):
        assert client_of(other).get(_link()).status_code == 410
    asked = client.get(_link())
    assert asked.status_code == 303
    assert asked.headers["Location"].startswith("/auth/sign-in?next=")
    assert "export.fetched" not in _actions(learner)


@pytest.mark.parametrize("token", ["", "x", "x" * 5000, "%00", "\u1234"])
def test_made_up_links_open_nothing(client_of: ClientOf, learner: User, token: str) -> None:
    client_of(learner).post(API, json={})
    _make_all()
    answer = client_of(learner).get("/account/data/download", query_string={"token": token})
    assert answer.status_code == 410


def test_link_ends_after_a_week(client_of: ClientOf, learner: User) -> None:
    client = client_of(learner)
    client.post(API, json={})
    _make_all()
    with shifted(timedelta(days=6, hours=23)):
        assert client.get(_link()).status_code == 200
    with shifted(timedelta(days=7, minutes=1)):
        assert client.get(_link()).status_code == 410
        assert client.get(API).get_json()["items"] == []


def test_file_that_is_gone_is_a_link_that_is_over(client_of: ClientOf, learner: User) -> None:
    client = client_of(learner)
    client.post(API, json={})
    _make_all()
    integrations.storage.delete_prefix(f"exports/{learner.id}")
    assert client.get(_link()).status_code == 410


def test_failed_export_says_so(client_of: ClientOf, learner: User) -> None:
    client = client_of(learner)
    client.post(API, json={})
    (export,) = db.session.scalars(select(DataExport)).all()
    exports.fail(export.id)
    db.session.commit()
    assert export.status is ExportStatus.FAILED
    assert "could not be prepared" in _shown(client)
    assert client.post_form(ASK, page=PAGE).status_code == 303
    assert db.session.query(DataExport).count() == 2
