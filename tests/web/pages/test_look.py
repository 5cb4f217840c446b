"""The look that the site's people chose: on every page, and without inline styles."""

import io
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy.exc import OperationalError

from app import clock
from app.current import integrations, settings
from app.database import db
from app.domain.accounts.models import User
from app.domain.courses.models import Lesson
from app.domain.outbox import letters
from app.domain.site import choices, logos
from app.domain.site.accent import hex_pair
from app.errors import FileRefused
from app.integrations.mailer import Message, compose, sender_of
from app.web.site import chosen
from tests import factories
from tests.support.client import CheckedClient

PAGES = ("/", "/auth/sign-in", "/no-such-page", "/courses")


def choose(user: User, **chosen: object) -> None:
    choices.change(user.id, chosen)
    db.session.commit()


def picture(width: int, height: int, kind: str = "PNG") -> bytes:
    sent = io.BytesIO()
    Image.new("RGB", (width, height), (180, 40, 40)).save(sent, kind)
    return sent.getvalue()


@pytest.mark.parametrize("path", PAGES)
def test_every_page_wears_what_was_chosen(client: CheckedClient, admin: User, path: str) -> None:
    before = client.get(path).text
    assert "data-accent" not in before
    logo_id = uuid.uuid4()
    choose(admin, name="Weavers & Dyers", accent_hue=30, logo_id=logo_id)
    page = client.get(path).text
    assert "Weavers &amp; Dyers</title>" in page
    assert 'href="/accent/30.css?v=' in page
    assert f'<img class="logo" src="/logo/{logo_id}.webp" alt="">' in page


def test_accent_is_kept_for_a_year_while_its_address_names_it(
    client: CheckedClient, admin: User
) -> None:
    choose(admin, accent_hue=30)
    address = client.get("/").text.split('href="/accent/')[1].split('"')[0]
    named, guessed = client.get(f"/accent/{address}"), client.get("/accent/30.css?v=old")
    assert named.headers["Content-Type"].startswith("text/css")
    assert named.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Accept-Language" not in named.headers.get("Vary", "")
    assert named.text == guessed.text
    assert "immutable" not in guessed.headers["Cache-Control"]


def test_there_is_no_hue_beyond_the_circle(client: CheckedClient) -> None:
    assert client.get("/accent/360.css").status_code == 404


def test_logo_is_drawn_anew_and_kept_for_a_year(client: CheckedClient) -> None:
    logo_id = logos.draw_bytes(picture(1200, 400, "JPEG"))
    answer = client.get(f"/logo/{logo_id}.webp")
    assert answer.headers["Content-Type"] == "image/webp"
    assert "immutable" in answer.headers["Cache-Control"]
    assert Image.open(io.BytesIO(answer.data)).size == (480, 160)


@pytest.mark.parametrize(
    "sent", [b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", b""], ids=["svg", "empty"]
)
def test_what_is_no_picture_becomes_no_logo(sent: bytes) -> None:
    before = integrations.storage.list_keys(logos.FOLDER)
    with pytest.raises(FileRefused):
        logos.draw_bytes(sent)
    assert integrations.storage.list_keys(logos.FOLDER) == before


def test_banner_is_no_logo() -> None:
    with pytest.raises(FileRefused, match="8 times"):
        logos.draw_bytes(picture(900, 100))


def test_only_the_chosen_logo_is_kept() -> None:
    first, second = (logos.draw_bytes(picture(64, 64)) for _ in range(2))
    logos.remove_others(second)
    kept = "".join(integrations.storage.list_keys(logos.FOLDER))
    assert str(second) in kept
    assert str(first) not in kept
    logos.remove_others(None)
    assert integrations.storage.list_keys(logos.FOLDER) == []


def test_name_is_in_the_api(client: CheckedClient, admin: User) -> None:
    choose(admin, name="Weavers")
    assert client.get("/api/openapi.json").get_json()["info"]["title"] == "Weavers API"


def test_letters_are_from_the_site_in_its_colours(admin: User) -> None:
    plain = letters.render("test", "en", None, {"name": "Lea"})
    assert "Questions?" not in plain.text + plain.html
    choose(admin, name="Weavers", accent_hue=30, support_email="help@example.com")
    letter = letters.render("test", "en", None, {"name": "Lea"})
    assert "Weavers" in letter.text
    assert "Questions? Write to help@example.com." in letter.text
    assert "Questions? Write to help@example.com." in letter.html
    assert hex_pair("accent", 30)[0] in letter.html
    assert letters.BUILT_IN_LOOK["accent"] not in letter.html


def test_mail_is_from_the_chosen_name_unless_the_installation_says_one() -> None:
    message = Message("k", "lea@example.com", "Hi", "Hi", "<p>Hi</p>", "en", site_name="Weavers")
    for mail_from, name in (("a@example.com", "Weavers"), ("Looms <a@example.com>", "Looms")):
        sender = sender_of(settings.model_copy(update={"mail_from": mail_from}))
        assert compose(message, sender)["From"].addresses[0].display_name == name


@pytest.mark.parametrize("path", ["/", "/auth/sign-in"])
def test_help_is_offered_where_an_address_was_chosen(
    client: CheckedClient, admin: User, path: str
) -> None:
    assert "mailto:" not in client.get(path).text
    choose(admin, support_email="help@example.com")
    assert 'href="mailto:help@example.com"' in client.get(path).text


def test_paid_course_says_how_to_pay(
    client_of: Callable[[User], CheckedClient], admin: User, learner: User
) -> None:
    course = factories.make_course(price_minor=4900)
    client = client_of(learner)
    choose(admin, transfer_instructions="Account 4711 <b>", takes_transfers=False)
    assert "Account 4711" not in client.get(f"/courses/{course.slug}").text
    choose(admin, takes_transfers=True)
    assert "Account 4711 &lt;b&gt;" in client.get(f"/courses/{course.slug}").text


def test_one_stream_fewer_counts_at_once(
    client_of: Callable[[User], CheckedClient], admin: User, enrolled: User, video_lesson: Lesson
) -> None:
    choose(admin, max_streams=1)
    client = client_of(enrolled)
    first = client.post("/api/playback/token", json={"lesson_id": str(video_lesson.id)})
    assert (first.status_code, first.get_json()["max_streams"]) == (201, 1)
    second = client.post("/api/playback/token", json={"lesson_id": str(video_lesson.id)})
    assert (second.status_code, second.get_json()["code"]) == (409, "STREAM_LIMIT")


def test_pages_stand_in_their_last_look_while_the_database_is_away(
    app: Flask, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OperationalError("SELECT", {}, Exception("server closed the connection"))

    choose(admin, name="Weavers")
    choices.current()
    monkeypatch.setattr(choices, "read", fail)
    for later, name in ((14, "Weavers"), (60, "Weavers")):
        with clock.shifted(timedelta(seconds=later)), app.app_context():
            assert chosen().name == name
    choices.forget()
    with app.app_context():
        assert chosen().name == settings.site_name
