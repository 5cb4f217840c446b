"""SMTP: verified TLS or nothing, refusals told apart, a mail taken once is taken."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from app.config import ConfigurationError, load_settings
from app.errors import MailFailed, MailRefused
from app.integrations import mailer, smtp_mailer
from app.integrations.mailer import Message
from app.integrations.smtp_mailer import SmtpMailer
from tests.support.mail_servers import (
    PASSWORD,
    USER,
    SmtpServer,
    make_certificate,
    smtp_server,
)

pytestmark = pytest.mark.no_database
CREDENTIALS = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@"


def settings_of(url: str) -> Any:
    return load_settings(
        {
            "DATABASE_URL": "postgresql://unused",
            "MAIL_FROM": "Courses <courses@example.com>",
            "SMTP_URL": url,
        }
    )


def message_of(**changes: str) -> Message:
    values = {
        "key": "4f1c",
        "to": "lea@example.org",
        "subject": "Grüße · ሰላም",
        "text": "ሰላም\n.\nthe end\n",
        "html": "<p>ሰላም</p>",
        "language": "en",
    }
    return Message(**(values | changes))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def trust(certificate: tuple[ssl.SSLContext, Path]) -> ssl.SSLContext:
    """What a machine trusts that knows the certificate."""
    return ssl.create_default_context(cafile=str(certificate[1]))


@pytest.fixture
def relay() -> Iterator[SmtpServer]:
    """A server of the own network, without TLS."""
    with smtp_server() as server:
        yield server


def mailer_of(server: SmtpServer) -> SmtpMailer:
    return SmtpMailer(settings_of(f"smtp://127.0.0.1:{server.port}?tls=off"))


def refusal(server: SmtpServer, **changes: str) -> MailFailed:
    with pytest.raises(MailFailed) as failed:
        mailer_of(server).send(message_of(**changes))
    is_alone = failed.value.__suppress_context__ or failed.value.__context__ is None
    assert is_alone, "the vendor's error would be printed with it"
    return failed.value


def test_a_relay_gets_the_mail_as_it_was_written(relay: SmtpServer) -> None:
    mailer_of(relay).send(message_of(to="lea@bücher.example"))
    [envelope], [mail] = relay.taken, relay.mails
    assert (envelope.mail_from, envelope.rcpt_tos) == (
        "courses@example.com",
        ["lea@xn--bcher-kva.example"],
    )
    assert mail["Subject"] == "Grüße · ሰላም"
    assert mail["Message-ID"] == "<4f1c@example.com>"
    assert mail["From"] == "Courses <courses@example.com>"
    text, page = mail.iter_parts()
    assert text.get_content().splitlines() == ["ሰላም", ".", "the end"]
    assert page.get_content().strip() == "<p>ሰላም</p>"


def test_a_long_subject_in_any_script_arrives_whole(relay: SmtpServer) -> None:
    subject = " ".join(["የኢሜይል አድራሻዎን ያረጋግጡ"] * 8)
    mailer_of(relay).send(message_of(subject=subject))
    assert relay.mails[0]["Subject"] == subject


def test_starttls_and_the_password_come_before_the_mail(
    certificate: tuple[ssl.SSLContext, Path], trust: ssl.SSLContext
) -> None:
    with smtp_server(certificate[0], has_passwords=True) as server:
        url = f"smtp://{CREDENTIALS}localhost:{server.port}"
        SmtpMailer(settings_of(url), trust).send(message_of())
    assert server.was_encrypted == [True]


def test_tls_from_the_first_byte(
    certificate: tuple[ssl.SSLContext, Path], trust: ssl.SSLContext
) -> None:
    with smtp_server(certificate[0], is_tls_from_start=True, has_passwords=True) as server:
        url = f"smtps://{CREDENTIALS}localhost:{server.port}"
        SmtpMailer(settings_of(url), trust).send(message_of())
    assert len(server.taken) == 1


def test_a_server_without_tls_gets_nothing(relay: SmtpServer) -> None:
    with pytest.raises(MailFailed, match="STARTTLS") as failed:
        SmtpMailer(settings_of(f"smtp://127.0.0.1:{relay.port}")).send(message_of())
    assert not isinstance(failed.value, MailRefused)
    assert relay.taken == []


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_certificate_nobody_vouches_for_gets_nothing(
    certificate: tuple[ssl.SSLContext, Path], scheme: str
) -> None:
    with smtp_server(certificate[0], is_tls_from_start=scheme == "smtps") as server:
        mailer = SmtpMailer(settings_of(f"{scheme}://localhost:{server.port}"))
        with pytest.raises(MailFailed, match="does not answer"):
            mailer.send(message_of())
    assert server.taken == []


def test_a_certificate_of_another_name_gets_nothing(
    certificate: tuple[ssl.SSLContext, Path], trust: ssl.SSLContext
) -> None:
    with smtp_server(certificate[0]) as server:
        mailer = SmtpMailer(settings_of(f"smtp://127.0.0.1:{server.port}"), trust)
        with pytest.raises(MailFailed):
            mailer.send(message_of())
    assert server.taken == []


def test_a_wrong_password_may_be_mended(
    certificate: tuple[ssl.SSLContext, Path], trust: ssl.SSLContext
) -> None:
    with smtp_server(certificate[0], has_passwords=True) as server:
        mailer = SmtpMailer(settings_of(f"smtp://me:wrong@localhost:{server.port}"), trust)
        with pytest.raises(MailFailed, match="535") as failed:
            mailer.send(message_of())
    assert not isinstance(failed.value, MailRefused)


def test_a_missing_password_may_be_mended(
    certificate: tuple[ssl.SSLContext, Path], trust: ssl.SSLContext
) -> None:
    with smtp_server(certificate[0], has_passwords=True) as server:
        mailer = SmtpMailer(settings_of(f"smtp://localhost:{server.port}"), trust)
        with pytest.raises(MailFailed, match="530") as failed:
            mailer.send(message_of())
    assert not isinstance(failed.value, MailRefused)


@pytest.mark.parametrize(
    ("answers", "is_final"),
    [
        ({"rcpt": "550 5.1.1 <lea@example.org> no such user"}, True),
        ({"rcpt": "552 5.2.2 mailbox full"}, True),
        ({"rcpt": "451 4.7.1 greylisted"}, False),
        ({"rcpt": "421 too busy"}, False),
        ({"rcpt": "530 5.7.0 authenticate first"}, False),
        ({"data": "554 5.7.1 looks like spam"}, True),
        ({"data": "452 4.3.1 disk full"}, False),
    ],
    ids=lambda value: next(iter(value.values()))[:3] if isinstance(value, dict) else None,
)
def test_refusals_for_good_and_for_a_while_are_told_apart(
    relay: SmtpServer, answers: dict[str, str], is_final: bool
) -> None:
    for name, answer in answers.items():
        setattr(relay, name, answer)
    failed = refusal(relay)
    assert isinstance(failed, MailRefused) is is_final
    assert failed.detail.startswith(f"The mail server answered {next(iter(answers.values()))[:3]}")
    assert "lea@" not in failed.detail
    assert relay.taken == []


def test_a_clumsy_farewell_does_not_send_a_mail_twice(relay: SmtpServer) -> None:
    """What the server took is sent, whatever it says to QUIT."""
    relay.quit = "451 not now"
    mailer_of(relay).send(message_of())
    assert len(relay.taken) == 1


def test_an_address_beyond_ascii_is_refused_where_it_cannot_go() -> None:
    with smtp_server(knows_utf8=False) as server:
        assert isinstance(refusal(server, to="löwe@example.org"), MailRefused)


def test_an_address_beyond_ascii_goes_where_it_can(relay: SmtpServer) -> None:
    mailer_of(relay).send(message_of(to="löwe@example.org"))
    assert relay.taken[0].rcpt_tos == ["löwe@example.org"]
    assert "To: löwe@example.org" in relay.taken[0].content.decode()  # type: ignore[union-attr]


@contextmanager
def speaking(words: bytes) -> Iterator[SmtpServer]:
    """A server that says `words` to whoever connects and then nothing, until the block ends."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                stack.callback(connection.close)
                connection.sendall(words)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield SmtpServer(port=listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


@pytest.mark.parametrize("words", [b"", b"HTTP/1.1 200 OK\r\n\r\n", b"220 hi\r\n", b"554 no\r\n"])
def test_a_server_that_does_not_do_its_part_is_worth_another_attempt(
    words: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp_mailer, "TIMEOUT_SECONDS", 0.3)
    with speaking(words) as server:
        assert not isinstance(refusal(server), MailRefused)


@pytest.mark.parametrize("host", ["127.0.0.1:9", "no-such-host.invalid:25"])
def test_a_server_that_is_away_is_worth_another_attempt(host: str) -> None:
    with pytest.raises(MailFailed) as failed:
        SmtpMailer(settings_of(f"smtp://{host}?tls=off")).send(message_of())
    assert not isinstance(failed.value, MailRefused)


def test_no_server_is_waited_for_longer_than_a_worker_may_take_to_stop() -> None:
    assert mailer.TIMEOUT_SECONDS <= 10


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.com",
        "http://mail.example.com",
        "smtps://",
        "smtps://mail.example.com:port",
        "smtps://mail.example.com:0",
        "smtp://user:password@mail.example.com?tls=off",
        "smtps://mail.example.com?tls=off",
    ],
)
def test_an_address_that_is_none_is_told_at_start_without_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError, match="SMTP_URL") as refused:
        SmtpMailer(settings_of(url))
    assert "user:password@mail" not in str(refused.value)
