"""Letters: every template, its reader's language and time, nothing that a stranger can abuse."""

import re

import pytest

from app.domain.outbox import letters
from app.errors import MailRefused
from tests.support import html

TEMPLATES = sorted(path.name for path in letters.FOLDER.iterdir() if path.is_dir())
LINK = "http://localhost/auth/something/secret"
# What those who send each mail give it, besides `name`.
VALUES: dict[str, set[str]] = {
    "verify_email": {"link"},
    "already_registered": {"sign_in_link", "reset_link"},
    "reset_password": {"link", "minutes"},
    "password_changed": {"reset_link", "when", "device"},
    "new_device": {"device", "when", "network", "sessions_link"},
    "second_factor_changed": {"what", "when", "security_link"},
    "second_factor_reset": {"security_link"},
    "email_change_old": {"new_email", "confirm_link", "cancel_link"},
    "email_change_new": {"link"},
    "email_changed": {"new_email"},
    "api_key_created": {"key_name", "expires", "keys_link"},
    "export_ready": {"link", "days"},
    "deletion_requested": {"due", "cancel_link"},
    "deletion_cancelled": set(),
    "account_deleted": set(),
    "account_suspended": set(),
    "account_reinstated": set(),
    "role_changed": {"role", "sign_in_link"},
    "signed_out": {"sign_in_link"},
    "account_made": {"course", "link", "days"},
    "course_invitation": {"course", "inviter", "link"},
    "enrollment_granted": {"course", "link"},
    "request_approved": {"course", "link"},
    "request_declined": {"course", "link"},
    "order_placed": {
        *("course", "number", "total", "method", "account_name", "account_number", "due", "link"),
    },
    "receipt": {"course", "number", "total", "paid", "course_link", "receipt_link"},
    "proof_received": {"course", "number", "open_until", "link"},
    "proof_rejected": {"course", "number", "reason", "link"},
    "refund_made": {"course", "number", "amount", "link", "course_link"},
    "order_expired": {"course", "number", "link"},
    "test": set(),
}
EXAMPLES = {"minutes": 30, "days": 7, "course": "Weaving by hand", "inviter": "Ines Instructor"}


def values_of(template: str) -> dict[str, object]:
    given = {name: EXAMPLES.get(name, f"{LINK}/{name}") for name in VALUES[template]}
    return {"name": "Lea Learner", **given}


def render(template: str, locale: str | None = None, **changes: object) -> letters.Letter:
    return letters.render(template, locale, None, {**values_of(template), **changes})


def test_every_mail_is_known_to_the_tests() -> None:
    assert set(TEMPLATES) == set(VALUES)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_shows_what_it_is_given_and_asks_for_no_more(template: str) -> None:
    assert letters.wanted(template) == VALUES[template] | {"name"}
    letter = render(template)
    assert letter.subject
    assert "\n" not in letter.subject
    for name in VALUES[template]:
        shown = str(values_of(template)[name])
        assert shown in letter.text, f"the text lacks {name}"
        assert shown in letter.html, f"the HTML lacks {name}"
    for part in (letter.text, letter.html):
        assert "Lea Learner" in part
        assert "Triple Technologies" in part
        assert "{" not in re.sub(r"<style>.*?</style>", "", part, flags=re.DOTALL)


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_page_of_a_mail_says_the_same_as_its_text(template: str) -> None:
    letter = render(template)
    page = html.parse(letter.html)
    assert page.html is not None
    assert page.html["lang"] == "en"
    assert page.title is not None
    assert page.title.get_text(strip=True) == page.h1.get_text(strip=True) == letter.subject  # type: ignore[union-attr]
    assert not page.find_all(["script", "img", "link", "form", "iframe"])
    words = " ".join(page.body.get_text(" ").split())  # type: ignore[union-attr]
    for paragraph in letter.text.split("\n\n")[1:-1]:
        first_line = paragraph.splitlines()[0].rstrip(":").replace(": ", " ")
        assert first_line in words.replace(": ", " ")


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_letter_is_written_in_its_reader_s_language(template: str) -> None:
    letter = render(template, "am")
    assert letter.language == "am"
    assert '<html lang="am" dir="ltr">' in letter.html


def test_what_the_site_has_translated_is_translated_in_mails() -> None:
    assert "Sign in:" in render("already_registered", "en").text
    assert "Sign in:" not in render("already_registered", "am").text


@pytest.mark.parametrize("locale", [None, "", "en", "en-GB", "fr", "../..", "xx_YY"])
def test_a_language_the_site_does_not_speak_is_english(locale: str | None) -> None:
    assert render("test", locale).language == "en"


@pytest.mark.parametrize("name", ["Lea\r\nBcc: all@example.com", "L. A. Learner", "Lea D'Amico"])
def test_a_name_is_shown_on_one_line(name: str) -> None:
    greeting = render("test", name=name).text.splitlines()[0]
    assert greeting == "Hello," if "@" in name else f"Hello {name},"


def test_a_name_cannot_turn_the_line_around() -> None:
    assert render("test", name="Lea\u202e\u2066\x07 L").text.startswith("Hello Lea L,\n")
    assert render("test", name="می\u200cش").text.startswith("Hello می\u200cش,\n")


@pytest.mark.parametrize(
    "name",
    [
        "Win at evil.example",
        "https://evil.example/x",
        "www evil",
        "WWW.evil",
        "write to a@b.example",
        "x" * 61,
        "",
        "  ",
    ],
)
def test_a_name_that_would_become_a_link_is_not_shown(name: str) -> None:
    """Whoever signs up somebody else's address writes the name in that person's mail."""
    letter = render("verify_email", name=name)
    assert letter.text.startswith("Hello,\n")
    assert "evil" not in letter.text + letter.html


def test_markup_in_a_value_is_text() -> None:
    letter = render("api_key_created", key_name="<img src=x>&")
    assert "<img" not in letter.html
    assert "&lt;img src=x&gt;&amp;" in letter.html
    assert "<img src=x>&" in letter.text


def test_a_value_is_never_a_template() -> None:
    assert "{{ 7 * 7 }}" in render("api_key_created", key_name="{{ 7 * 7 }}").text


@pytest.mark.parametrize(
    ("value", "zone", "shown"),
    [
        ("2026-11-23T02:00:00+00:00", None, "November 23, 2026, 2:00\u202fAM UTC"),
        ("2026-11-23T02:00:00+00:00", "Nowhere/Such", "November 23, 2026, 2:00\u202fAM UTC"),
        ("2026-11-23T02:00:00", None, "November 23, 2026, 2:00\u202fAM UTC"),
        (
            "2026-11-22T22:30:00+00:00",
            "Africa/Addis_Ababa",
            "November 23, 2026, 1:30\u202fAM East Africa Time",
        ),
        ("2026-12-07", "America/New_York", "December 7, 2026"),
        ("tomorrow at noon", None, "tomorrow at noon"),
    ],
)
def test_times_are_the_reader_s(value: str, zone: str | None, shown: str) -> None:
    values = {**values_of("deletion_requested"), "due": value}
    assert (
        f"It is deleted on: {shown}\n"
        in letters.render("deletion_requested", None, zone, values).text
    )


@pytest.mark.parametrize(
    ("value", "language", "shown"),
    [
        ("250000 ETB", "en", "ETB\u00a02,500.00"),
        ("4900 USD", "en", "$49.00"),
        ("4900 USD", "am", "US$49.00"),
        ("a lot", "en", "a lot"),
        ("12 and more", "en", "12 and more"),
    ],
)
def test_amounts_are_the_reader_s(value: str, language: str, shown: str) -> None:
    assert f": {shown}\n" in render("refund_made", language, amount=value).text


def test_a_refund_that_leaves_the_course_open_says_so() -> None:
    assert "your access through this order has ended" in render("refund_made", course_link="").text
    assert "stays open to you" in render("refund_made").text


def test_nothing_is_promised_where_no_access_is_given_before_the_review() -> None:
    assert "open to you already" not in render("proof_received", open_until="").text


@pytest.mark.parametrize(("minutes", "words"), [(1, "1 minute."), (30, "30 minutes.")])
def test_numbers_have_their_plural(minutes: int, words: str) -> None:
    assert f"within {words}" in render("reset_password", minutes=minutes).text


def test_a_letter_that_lacks_a_value_cannot_be_written() -> None:
    with pytest.raises(MailRefused, match="verify_email"):
        letters.render("verify_email", None, None, {"name": "Lea"})


@pytest.mark.parametrize("template", ["no_such_mail", "../pages", ""])
def test_an_unknown_mail_cannot_be_written(template: str) -> None:
    with pytest.raises(LookupError):
        letters.wanted(template)
    with pytest.raises(MailRefused):
        letters.render(template, None, None, {"name": "Lea"})
