"""The profile: what one may say of oneself, and that language and time zone follow the account."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask_babel import get_locale
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.audit.models import AuditEvent
from app.errors import MixedCredentials
from tests import factories
from tests.support import html
from tests.support.client import CheckedClient, sign_in

ClientOf = Callable[[User], CheckedClient]
PATH = "/account"
API = "/api/auth/profile"


def _filled(client: CheckedClient) -> dict[str, str]:
    """Return the page's form as a browser would send it."""
    form = html.parse(client.get(PATH).text).main.find("form", class_="account-form")
    values = {tag["name"]: tag.get("value", "") for tag in form.find_all("input")}
    for tag in form.find_all("textarea"):
        values[tag["name"]] = tag.get_text().strip()
    for tag in form.find_all("select"):
        chosen = tag.find("option", selected=True) or tag.find("option")
        values[tag["name"]] = chosen["value"]
    return values


def _save(client: CheckedClient, **changes: str):  # type: ignore[no-untyped-def]
    return client.post(PATH, data={**_filled(client), **changes})


def test_profile_is_changed_and_shown(client_of: ClientOf, learner: User) -> None:
    client = client_of(learner)
    response = _save(
        client, name="  Lea   Loom ", timezone="Africa/Addis_Ababa", playback_rate="1.50"
    )
    assert (response.status_code, response.headers["Location"]) == (303, PATH)
    assert (learner.name, learner.timezone) == ("Lea Loom", "Africa/Addis_Ababa")
    assert float(learner.playback_rate) == 1.5
    page = client.get(PATH).text
    assert "Your profile is saved." in page
    assert _filled(client)["timezone"] == "Africa/Addis_Ababa"
    assert _filled(client)["playback_rate"] == "1.50"


def test_saving_unchanged_changes_and_notes_nothing(client_of: ClientOf, learner: User) -> None:
    before = db.session.query(AuditEvent).count()
    assert _save(client_of(learner)).status_code == 303
    assert db.session.query(AuditEvent).count() == before


def test_what_changed_is_in_the_trail_and_its_content_is_not(
    client_of: ClientOf, learner: User
) -> None:
    _save(client_of(learner), name="Lea Loom", locale="am")
    event = db.session.query(AuditEvent).order_by(AuditEvent.id.desc()).first()
    assert event is not None
    assert (event.action, event.actor_id) == ("profile.changed", learner.id)
    assert event.detail == {"fields": ["name", "locale"]}


def test_only_those_who_teach_have_headline_and_bio(
    client_of: ClientOf, learner: User, instructor: User
) -> None:
    assert "headline" not in _filled(client_of(learner))
    answer = client_of(learner).patch(API, json={"headline": "Queen"})
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["field"] == "headline"
    teacher = client_of(instructor)
    response = _save(teacher, headline="Weaver", bio="First line\r\n\r\nSecond <b>line</b>")
    assert response.status_code == 303
    assert instructor.headline == "Weaver"
    assert instructor.bio == "First line\n\nSecond <b>line</b>"
    assert "<b>line</b>" not in teacher.get(PATH).text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", "x" * 101),
        ("name", "a\u202eb"),
        ("locale", "xx"),
        ("timezone", "Mars/Olympus"),
        ("timezone", "../../etc/passwd"),
        ("timezone", "x" * 5000),
        ("playback_rate", "3"),
        ("playback_rate", "nan"),
        ("playback_rate", "1e999999"),
        ("playback_rate", "fast"),
    ],
)
def test_wrong_field_is_named_and_nothing_is_saved(
    client_of: ClientOf, learner: User, field: str, value: str
) -> None:
    response = _save(client_of(learner), **{field: value})
    assert response.status_code == 422
    page = html.parse(response.text)
    wrong = [tag["name"] for tag in page.find_all(attrs={"aria-invalid": "true"})]
    assert wrong == [field]
    db.session.refresh(learner)
    assert (learner.name, learner.timezone) == ("Lea Learner", None)


def test_program_changes_single_fields(client_of: ClientOf, learner: User) -> None:
    client = client_of(learner)
    answer = client.patch(API, json={"timezone": "Asia/Tokyo", "playback_rate": 1.25})
    assert answer.status_code == 200
    assert answer.get_json() == client.get(API).get_json()
    assert answer.get_json() == {
        "name": "Lea Learner",
        "headline": None,
        "bio": None,
        "locale": None,
        "timezone": "Asia/Tokyo",
        "playback_rate": 1.25,
    }
    assert client.patch(API, json={"timezone": None}).get_json()["timezone"] is None


@pytest.mark.parametrize(
    "body", [{"role": "admin"}, {"email": "x@example.com"}, {"status": "active"}, {"id": 1}]
)
def test_nothing_else_can_be_assigned(
    client_of: ClientOf, learner: User, body: dict[str, object]
) -> None:
    assert client_of(learner).patch(API, json=body).status_code == 422
    assert client_of(learner).patch(API, json={"name": None}).status_code == 422
    db.session.refresh(learner)
    assert learner.role is Role.LEARNER


def test_every_language_and_zone_offered_is_accepted(client_of: ClientOf, learner: User) -> None:
    page = html.parse(client_of(learner).get(PATH).text)
    zones = [tag["value"] for tag in page.select("select[name=timezone] option")]
    assert len(zones) > 300
    assert {"UTC", "Africa/Addis_Ababa", "Europe/Berlin", "America/Indiana/Knox"} <= set(zones)
    assert "Africa/Addis_Ababa" in str(page.find("optgroup", attrs={"label": "Africa"}))
    assert len(set(zones)) == len(zones)


def test_zone_under_an_older_name_stays_chosen(client_of: ClientOf, learner: User) -> None:
    learner.timezone = "Asia/Calcutta"
    db.session.commit()
    assert _filled(client_of(learner))["timezone"] == "Asia/Calcutta"


def _language(client: CheckedClient, path: str, **headers: str) -> str:
    return str(html.parse(client.get(path, headers=headers).text).html["lang"])


@pytest.mark.parametrize("path", ["/", "/courses", "/legal/terms", "/dashboard", "/nowhere"])
def test_language_of_the_account_counts_for_more_than_the_browsers(
    client: CheckedClient, client_of: ClientOf, learner: User, path: str
) -> None:
    learner.locale = "am"
    db.session.commit()
    own = client_of(learner)
    own.set_cookie("language", "en")
    english = {"Accept-Language": "en"}
    assert _language(own, path, **english) == "am"
    if path != "/dashboard":
        assert _language(client, path, **english) == "en"
    assert _language(own, path, **english) == "am"


def test_new_language_is_spoken_at_once(
    client_of: ClientOf, learner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.auth.profile.gettext", lambda text: f"{get_locale()}: {text}")
    client = client_of(learner)
    response = _save(client, locale="am")
    assert "language=am" in "".join(response.headers.getlist("Set-Cookie"))
    page = client.get(PATH)
    assert html.parse(page.text).html["lang"] == "am"
    assert "am: Your profile is saved." in page.text


def test_who_leaves_the_language_to_the_browser_forgets_an_earlier_choice(
    client_of: ClientOf, learner: User
) -> None:
    client = client_of(learner)
    _save(client, locale="am")
    assert client.get_cookie("language").value == "am"
    _save(client, locale="")
    assert client.get_cookie("language") is None
    assert _language(client, PATH, **{"Accept-Language": "en"}) == "en"


@pytest.mark.parametrize(
    "error",
    [OperationalError("SELECT", {}, Exception("gone")), PoolTimeout(), MixedCredentials()],
)
def test_error_pages_stand_while_nobody_can_be_looked_up(
    client_of: ClientOf, learner: User, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    client = client_of(learner)
    client.set_cookie("language", "am")

    def fail(_: str) -> None:
        raise error

    monkeypatch.setattr("app.web.access.find_signed_in", fail)
    answer = client.get("/nowhere")
    assert answer.status_code == 404
    assert html.parse(answer.text).html["lang"] == "am"


def test_times_are_shown_in_the_zone_of_the_account(
    app: Flask, client_of: ClientOf, admin: User, learner: User
) -> None:
    """A course of half past eleven at night is one of the next day where the admin lives."""
    course = factories.make_course(admin)
    course.updated_at = course.created_at = datetime(2026, 3, 4, 23, 30, tzinfo=UTC)
    course.published_at = course.created_at
    db.session.commit()
    client = client_of(admin)
    assert "Mar 4, 2026" in client.get("/admin/courses").text
    admin.timezone = "Africa/Addis_Ababa"
    db.session.commit()
    assert "Mar 5, 2026" in client.get("/admin/courses").text


def test_zone_that_the_machine_does_not_know_is_no_obstacle(
    client_of: ClientOf, admin: User
) -> None:
    admin.timezone = "Atlantis/Capital"
    db.session.commit()
    factories.make_course(admin)
    assert client_of(admin).get("/admin/courses").status_code == 200


def test_pages_of_strangers_stay_shareable(client: CheckedClient, app: Flask) -> None:
    person = factories.make_user(locale="am", timezone="Asia/Tokyo")
    own = app.test_client()
    assert isinstance(own, CheckedClient)
    sign_in(own, person)
    assert "public" not in own.get("/courses").headers["Cache-Control"]
    shared = client.get("/courses")
    assert "public" in shared.headers["Cache-Control"]
    assert {"Cookie", "Accept-Language"} <= set(shared.vary)
    assert html.parse(shared.text).html["lang"] == "en"
