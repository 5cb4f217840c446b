"""The page of the site's choices: saved with words, safe against two tabs, tried out by buttons."""

import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image

from app import clock
from app.current import integrations, settings
from app.database import db
from app.domain.accounts.models import User
from app.domain.audit.actions import Action
from app.domain.audit.models import AuditEvent
from app.domain.site import choices, logos
from app.errors import MailRefused, StorageFull, StorageUnavailable
from tests.support import html
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
PATH = "/admin/settings"
FILLED = {
    "version": "0",
    "name": "Weavers",
    "support_email": "help@example.com",
    "has_accent": "y",
    "accent_hue": "30",
    "max_streams": "1",
    "max_video_upload_mb": "700",
    "media_quota_gb": "40",
    "takes_cards": "y",
    "takes_transfers": "y",
    "transfer_instructions": "Bank of Looms, account 4711",
    "provisional_access_hours": "48",
    "receipt_details": "Loom PLC\r\nTIN 0042",
}


@pytest.fixture
def owner(client_of: ClientOf, admin: User) -> CheckedClient:
    return client_of(admin)


def picture(width: int = 120, height: int = 60) -> io.BytesIO:
    sent = io.BytesIO()
    Image.new("RGBA", (width, height), (180, 40, 40, 90)).save(sent, "PNG")
    sent.seek(0)
    return sent


def send_logo(client: CheckedClient, sent: io.BytesIO):
    token = html.csrf_token(client.get(PATH).text)
    data = {"csrf_token": token, "logo": (sent, "logo.png")}
    return client.post(f"{PATH}/logo", data=data)


def test_what_is_saved_counts_and_is_noted(owner: CheckedClient) -> None:
    saved = owner.post_form(PATH, FILLED)
    assert (saved.status_code, saved.headers["Location"]) == (303, PATH)
    now = choices.current()
    assert (now.name, now.accent_hue, now.max_streams) == ("Weavers", 30, 1)
    assert now.max_video_upload_bytes == 700 * 1024**2
    assert now.media_quota_bytes == 40 * 1024**3
    assert (now.takes_transfers, now.support_email) == (True, "help@example.com")
    assert (now.takes_cards, now.provisional_access_hours) == (True, 48)
    assert now.receipt_details == "Loom PLC\nTIN 0042"
    event = db.session.query(AuditEvent).filter_by(action=Action.SITE_CHANGED).one()
    assert event.detail["after"]["transfer_instructions"] == "Bank of Looms, account 4711"
    page = owner.get(PATH).text
    assert 'value="700"' in page
    assert "Saved." in page


def test_emptied_fields_go_back_to_the_installation(owner: CheckedClient) -> None:
    owner.post_form(PATH, FILLED)
    owner.post_form(PATH, {"version": "1", "accent_hue": "30"})
    now = choices.current()
    assert (now.name, now.accent_hue) == (settings.site_name, None)
    assert now.max_video_upload_bytes == settings.max_video_upload_bytes


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("support_email", "nobody"),
        ("max_streams", "99"),
        ("max_streams", "two"),
        ("max_video_upload_mb", "99999999"),
        ("media_quota_gb", "0"),
        ("transfer_instructions", "x" * 2001),
        ("provisional_access_hours", "337"),
        ("accent_hue", "999"),
    ],
)
def test_wrong_field_is_named_and_nothing_is_saved(
    owner: CheckedClient, field: str, value: str
) -> None:
    answer = owner.post_form(PATH, {**FILLED, field: value})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert choices.read().name == settings.site_name


def test_two_tabs_lose_nothing_silently(owner: CheckedClient) -> None:
    owner.post_form(PATH, FILLED)
    late = owner.post_form(PATH, {**FILLED, "name": "Dyers"})
    assert late.status_code == 409
    assert "They differ in: Name of the site." in late.text
    assert 'value="Dyers"' in late.text
    assert choices.current().name == "Weavers"
    again = {**FILLED, "name": "Dyers", "version": "1"}
    assert 'name="version" type="hidden" value="1"' in late.text
    assert owner.post_form(PATH, again).status_code == 303
    assert choices.current().name == "Dyers"


def test_logo_is_taken_shown_and_removed(owner: CheckedClient) -> None:
    assert send_logo(owner, picture()).status_code == 303
    logo_id = choices.current().logo_id
    assert f"/logo/{logo_id}.webp" in owner.get("/").text
    assert owner.post_form(f"{PATH}/logo/remove", page=PATH).status_code == 303
    assert choices.current().logo_id is None
    assert not [k for k in integrations.storage.list_keys(logos.FOLDER) if str(logo_id) in k]


@pytest.mark.parametrize("sent", [b"<svg/>", b"GIF89a", b""], ids=["svg", "gif", "nothing"])
def test_what_is_no_picture_is_refused_at_its_field(owner: CheckedClient, sent: bytes) -> None:
    answer = send_logo(owner, io.BytesIO(sent))
    assert answer.status_code == 422
    assert 'id="logo-error"' in answer.text
    assert choices.read().logo_id is None


def test_large_picture_is_told_its_limit(
    owner: CheckedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logos, "MAX_BYTES", 100 * 1024)
    answer = send_logo(owner, io.BytesIO(b"\x89PNG" + bytes(logos.MAX_BYTES)))
    assert answer.status_code == 422
    assert "larger than 100 kB" in answer.text


def test_settings_ask_for_a_recent_proof(owner: CheckedClient) -> None:
    with clock.shifted(timedelta(minutes=16)):
        page = owner.get(PATH)
        assert page.headers["Location"].startswith("/account/confirm?next=/admin/settings")
        answer = owner.patch("/api/admin/site", json={"name": "Thief"})
        assert answer.get_json()["code"] == "CONFIRMATION_REQUIRED"
    assert choices.read().name == settings.site_name


def test_test_mail_says_where_it_is(owner: CheckedClient) -> None:
    owner.post_form(f"{PATH}/test/mail", page=PATH)
    page = owner.get(PATH).text
    assert "mails stay in the outbox" in page
    assert "SMTP_URL" in page


def test_refused_mail_says_what_to_change(
    owner: CheckedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_message: object) -> None:
        raise MailRefused("The server said: 530 authentication required.")

    monkeypatch.setattr(integrations.mailer, "send", refuse)
    told = owner.post("/api/admin/site/test-mail", json={}).get_json()
    assert told["works"] is False
    assert "530" in told["said"]
    assert "MAIL_FROM" in told["remedy"]


def test_storage_is_tried_and_left_clean(owner: CheckedClient) -> None:
    told = owner.post("/api/admin/site/test-storage", json={}).get_json()
    assert told == {"works": True, "said": told["said"], "remedy": ""}
    assert integrations.storage.list_keys("site/trials") == []


def test_storage_that_cannot_be_written_says_what_to_change(
    app: Flask, owner: CheckedClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "media"
    blocked.write_text("a file where the folder should be")
    monkeypatch.setattr(integrations.storage, "_root", blocked)
    told = owner.post("/api/admin/site/test-storage", json={}).get_json()
    assert told["works"] is False
    assert told["said"].startswith("Writing failed:")
    assert str(settings.media_directory) in told["remedy"]


@pytest.mark.parametrize(
    ("method", "error", "said"),
    [
        ("put_bytes", StorageFull(), "The disk is full"),
        ("delete_prefix", StorageUnavailable("Access denied."), "deleting failed: Access denied."),
    ],
    ids=["full", "no right to delete"],
)
def test_each_step_of_the_storage_is_told_apart(
    owner: CheckedClient,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    error: Exception,
    said: str,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(integrations.storage, method, fail)
    told = owner.post("/api/admin/site/test-storage", json={}).get_json()
    assert told["works"] is False
    assert said in told["said"]


def test_trials_are_counted(owner: CheckedClient) -> None:
    answers = [owner.post("/api/admin/site/test-storage", json={}) for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 6 + [429]


def test_program_changes_what_it_sends_and_sees_the_version(owner: CheckedClient) -> None:
    changed = owner.patch("/api/admin/site", json={"name": "Weavers", "version": 0}).get_json()
    assert (changed["name"], changed["version"]) == ("Weavers", 1)
    late = owner.patch("/api/admin/site", json={"name": "Late", "version": 0})
    assert (late.status_code, late.get_json()["code"]) == (409, "VERSION_CONFLICT")
    assert late.get_json()["current"] == {"version": 1}
    back = owner.patch("/api/admin/site", json={"name": None}).get_json()
    assert (back["name"], back["chosen"]["name"]) == (settings.site_name, None)
    wrong = owner.patch("/api/admin/site", json={"accent_hue": 400, "max_streams": 0}).get_json()
    assert {fault["field"] for fault in wrong["errors"]} == {"accent_hue", "max_streams"}
