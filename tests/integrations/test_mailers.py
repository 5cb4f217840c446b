"""The mailer contract, on the local twin and on each real client against a server."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from email.message import EmailMessage
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from app.config import ConfigurationError, load_settings
from app.errors import MailFailed, MailRefused
from app.integrations import build
from app.integrations.mailer import Mailer, Message, compose, quotable, sender_of
from app.integrations.outbox_mailer import OutboxMailer
from app.integrations.sendgrid_mailer import SendGridMailer
from app.integrations.ses_mailer import SesMailer
from app.integrations.smtp_mailer import SmtpMailer
from tests.support.known_secrets import SECRETS
from tests.support.mail_servers import SendGrid, sendgrid, smtp_server

pytestmark = pytest.mark.no_database

FROM = "Kursé & Co <courses@example.com>"
REGION = "eu-west-1"
AWS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}


def settings_of(**environment: str) -> Any:
    values = {"DATABASE_URL": "postgresql://unused", "MAIL_FROM": FROM, **environment}
    return load_settings(values)


def message_of(**changes: str) -> Message:
    values = {
        "key": "4f1c",
        "to": "lea@example.org",
        "subject": "Hello",
        "text": "Plain\n",
        "html": "<p>Rich</p>",
        "language": "en",
    }
    return Message(**(values | changes))


@pytest.fixture
def sink() -> Iterator[SendGrid]:
    with sendgrid() as sink:
        yield sink


@pytest.fixture(scope="module")
def ses() -> Iterator[SesMailer]:
    with pytest.MonkeyPatch.context() as patched, mock_aws():
        # A storage server's address in the environment is none of SES's business.
        patched.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        own = {"region_name": REGION, "endpoint_url": f"https://email.{REGION}.amazonaws.com"}
        boto3.client("ses", **own).verify_email_identity(EmailAddress="courses@example.com")
        yield SesMailer(settings_of(AWS_SES_REGION=REGION, **AWS))


def sendgrid_mailer(sink: SendGrid) -> SendGridMailer:
    return SendGridMailer(settings_of(SENDGRID_API_KEY="SG.key", SENDGRID_API_BASE=sink.url + "/"))


@pytest.fixture(params=["outbox", "smtp", "ses", "sendgrid"])
def mailer(request: pytest.FixtureRequest) -> Iterator[Mailer]:
    with ExitStack() as stack:
        made: dict[str, Callable[[], Mailer]] = {
            "outbox": lambda: OutboxMailer(settings_of()),
            "ses": lambda: request.getfixturevalue("ses"),
            "sendgrid": lambda: sendgrid_mailer(request.getfixturevalue("sink")),
            "smtp": lambda: SmtpMailer(
                settings_of(
                    SMTP_URL=f"smtp://127.0.0.1:{stack.enter_context(smtp_server()).port}?tls=off"
                )
            ),
        }
        yield made[request.param]()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"subject": "ኢሜይልዎን ያረጋግጡ " * 12, "text": "ሰላም\n" * 40, "html": "<p>ሰላም</p>"},
        {"to": "lea@bücher.example"},
        {"to": "o'brien+tag@example.org"},
        {"text": "." * 2000 + "\n.\n..\nFrom here\n"},
    ],
    ids=["plain", "Amharic", "IDN", "odd local part", "long lines and dots"],
)
def test_a_mail_is_taken(mailer: Mailer, changes: dict[str, str]) -> None:
    mailer.send(message_of(**changes))


@pytest.mark.parametrize(
    "to",
    [
        "",
        "nobody",
        "a@b@c.example",
        "a@example.org, b@example.org",
        "a@example.org\r\nBcc: b@example.org",
        "a@example.org\nRCPT TO:<b@example.org>",
        "Lea <a@example.org>",
        "a@" + "x" * 300 + ".example",
    ],
)
def test_what_is_no_address_is_refused_for_good(mailer: Mailer, to: str) -> None:
    with pytest.raises(MailRefused) as refused:
        mailer.send(message_of(to=to))
    assert "@" not in refused.value.detail


@pytest.mark.parametrize("subject", ["Hi\r\nBcc: b@example.org", "Hi\nX: y", "Hi\rX: y"])
def test_a_subject_with_a_second_line_is_refused(mailer: Mailer, subject: str) -> None:
    with pytest.raises(MailRefused):
        mailer.send(message_of(subject=subject))


# --- What goes over the wire ------------------------------------------------------------------


def composed(**changes: str) -> EmailMessage:
    return compose(message_of(**changes), sender_of(settings_of()))


def test_a_message_id_stays_the_same_at_each_attempt() -> None:
    ids = {composed()["Message-ID"] for _ in range(2)}
    assert ids == {"<4f1c@example.com>"}
    assert composed(key="other")["Message-ID"] != composed()["Message-ID"]


def test_a_mail_has_text_and_html_and_says_that_no_human_wrote_it() -> None:
    mail = composed(language="am")
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "am"
    assert mail["Date"].datetime.tzinfo is not None


def test_the_wire_carries_ascii_only() -> None:
    wire = composed(subject="ኢሜይል", text="ሰላም\n", html="<p>ሰላም</p>").as_bytes()
    assert wire.isascii()
    assert max(map(len, wire.splitlines())) < 998


def test_the_recipient_s_domain_is_spelt_as_the_dns_knows_it() -> None:
    """IDNA 2008: with its forerunner, mail to straße would go to strasse, which is another's."""
    assert composed(to="lea@straße.example")["To"] == "lea@xn--strae-oqa.example"


@pytest.mark.parametrize(
    ("mail_from", "base", "name", "address"),
    [
        ("Kursé & Co <courses@example.com>", "", "Kursé & Co", "courses@example.com"),
        ("courses@bücher.example", "", "A site", "courses@xn--bcher-kva.example"),
        ("", "http://school.example:3000", "A site", "no-reply@school.example"),
        ("", "http://127.0.0.1:3000", "A site", "no-reply@127.0.0.1"),
    ],
)
def test_a_sender_has_a_name_and_an_address(
    mail_from: str, base: str, name: str, address: str
) -> None:
    environment = {"MAIL_FROM": mail_from, "PUBLIC_BASE_URL": base, "SITE_NAME": "A site"}
    sender = sender_of(settings_of(**environment))
    assert (sender.name, sender.address) == (name, address)
    assert name in compose(message_of(), sender)["From"]


def test_a_sender_that_is_no_address_is_told_at_start() -> None:
    with pytest.raises(ConfigurationError, match="MAIL_FROM"):
        build(settings_of(MAIL_FROM="courses at@example", SMTP_URL="smtps://mail.example.com"))


def test_a_vendor_s_words_lose_addresses_and_links() -> None:
    words = "5.1.1\r\n <lea@example.org>: see https://example.org/why?t=1 " + "x" * 400
    assert quotable(words).startswith("5.1.1 … see … xxx")
    assert len(quotable(words)) == 300


# --- Amazon SES -------------------------------------------------------------------------------


def test_ses_gets_the_mail_as_it_is(ses: SesMailer) -> None:
    ses.send(message_of(to="lea@bücher.example", text="ሰላም\n"))
    sent = ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages[-1]
    assert set(sent.destinations) == {"lea@xn--bcher-kva.example"}
    assert "Auto-Submitted: auto-generated" in sent.raw_data


def test_ses_takes_no_local_part_beyond_ascii(ses: SesMailer) -> None:
    with pytest.raises(MailRefused, match="ASCII"):
        ses.send(message_of(to="löwe@example.org"))


def test_a_sender_that_ses_does_not_know_may_be_mended(ses: SesMailer) -> None:
    other = SesMailer(settings_of(MAIL_FROM="other@example.com", AWS_SES_REGION=REGION, **AWS))
    with pytest.raises(MailFailed) as failed:
        other.send(message_of())
    assert not isinstance(failed.value, MailRefused)
    assert "other@example.com" not in failed.value.detail


def test_ses_that_cannot_be_reached_is_worth_another_attempt() -> None:
    settings = settings_of(AWS_SES_REGION="nowhere.invalid/#", **AWS)
    with pytest.raises(MailFailed) as failed:
        SesMailer(settings).send(message_of())
    assert not isinstance(failed.value, MailRefused)


# --- SendGrid ---------------------------------------------------------------------------------


def test_sendgrid_gets_the_mail_untracked(sink: SendGrid) -> None:
    sendgrid_mailer(sink).send(message_of(to="lea@bücher.example", subject="ሰላም"))
    [(path, headers, body)] = sink.requests
    assert path == "/v3/mail/send"
    assert headers["Authorization"] == "Bearer SG.key"
    assert body["personalizations"] == [{"to": [{"email": "lea@xn--bcher-kva.example"}]}]
    assert body["from"] == {"email": "courses@example.com", "name": "Kursé & Co"}
    assert body["subject"] == "ሰላም"
    assert body["headers"]["Message-ID"] == "<4f1c@example.com>"
    assert [part["type"] for part in body["content"]] == ["text/plain", "text/html"]
    assert {tracker["enable"] for tracker in body["tracking_settings"].values()} == {False}
    assert "click_tracking" in body["tracking_settings"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, MailRefused),
        (413, MailRefused),
        (401, MailFailed),
        (403, MailFailed),
        (429, MailFailed),
        (500, MailFailed),
        (503, MailFailed),
    ],
)
def test_sendgrid_s_refusals_are_told_apart(
    sink: SendGrid, status: int, kind: type[MailFailed]
) -> None:
    sink.answer = status, {"errors": [{"message": "about lea@example.org: no"}]}
    with pytest.raises(MailFailed) as failed:
        sendgrid_mailer(sink).send(message_of())
    assert type(failed.value) is kind
    assert failed.value.detail == f"SendGrid answered {status}: about … no"


@pytest.mark.parametrize("answer", [None, [], {"errors": None}, "words"])
def test_an_answer_that_is_not_sendgrid_s_is_survived(sink: SendGrid, answer: Any) -> None:
    sink.answer = 502, answer
    with pytest.raises(MailFailed, match="SendGrid answered 502"):
        sendgrid_mailer(sink).send(message_of())


def test_sendgrid_that_is_away_is_worth_another_attempt(sink: SendGrid) -> None:
    settings = settings_of(SENDGRID_API_KEY="SG.key", SENDGRID_API_BASE="http://127.0.0.1:9")
    with pytest.raises(MailFailed) as failed:
        SendGridMailer(settings).send(message_of())
    assert not isinstance(failed.value, MailRefused)


# --- Which one --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "kind"),
    [
        ({}, OutboxMailer),
        ({"SMTP_URL": "smtps://mail.example.com"}, SmtpMailer),
        ({"SENDGRID_API_KEY": "SG.key"}, SendGridMailer),
        ({"AWS_SES_REGION": REGION}, SesMailer),
    ],
)
def test_the_settings_choose_the_mailer(environment: dict[str, str], kind: type[Mailer]) -> None:
    assert type(build(settings_of(**environment)).mailer) is kind


def test_production_without_a_vendor_takes_no_mail_for_sent() -> None:
    environment = {
        **SECRETS,
        "APP_ENV": "production",
        "PUBLIC_BASE_URL": "https://school.example",
        "TRUSTED_HOSTS": "school.example",
    }
    with pytest.raises(MailFailed, match="SMTP_URL") as failed:
        OutboxMailer(settings_of(**environment)).send(message_of())
    assert not isinstance(failed.value, MailRefused)
