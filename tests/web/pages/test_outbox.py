"""The outbox: every mail for everybody in the demo and in development, nothing anywhere else."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask

from app.clock import utcnow
from app.config import Environment
from app.database import db
from app.domain.outbox import mail as mails
from app.domain.outbox.models import Mail
from tests.support import html
from tests.support.client import CheckedClient
from tests.support.statements import recorded

LINK = "http://localhost/auth/reset/the-token"


def write(to: str = "lea@example.com", **changes: object) -> Mail:
    mail = mails.write(to, "reset_password", None, name="Lea", link=LINK, minutes=30)
    for name, value in changes.items():
        setattr(mail, name, value)
    db.session.commit()
    return mail


@pytest.fixture
def mail() -> Mail:
    return write()


def addresses(client: CheckedClient, path: str = "/outbox") -> list[str]:
    page = html.parse(client.get(path).text)
    return [found.get_text(strip=True) for found in page.select(".mails__to")]


def test_a_mail_is_shown_before_it_is_sent(client: CheckedClient, mail: Mail) -> None:
    page = html.parse(client.get("/outbox").text)
    link = page.select_one(".mails__subject a")
    assert link is not None
    assert link.get_text(strip=True) == "Set a new password"
    assert link["href"] == f"/outbox/{mail.id}"
    assert "Waiting" in page.select_one(".mails__mail").get_text()  # type: ignore[union-attr]


def test_an_outbox_without_mail_says_how_to_get_some(client: CheckedClient) -> None:
    page = client.get("/outbox")
    assert page.status_code == 200
    assert "No mail yet" in page.text


def test_a_mail_s_links_can_be_followed_without_its_frame(
    client: CheckedClient, mail: Mail
) -> None:
    page = html.parse(client.get(f"/outbox/{mail.id}").text)
    links = [link["href"] for link in page.select(".plain-letter a")]
    assert LINK in links


def test_a_mail_lies_locked_up_in_a_frame(client: CheckedClient, mail: Mail) -> None:
    answer = client.get(f"/outbox/{mail.id}")
    frame = html.parse(answer.text).select_one("iframe")
    assert frame is not None
    assert "allow-scripts" not in frame["sandbox"]
    assert "allow-same-origin" not in frame["sandbox"]
    assert "frame-src 'self'" in answer.headers["Content-Security-Policy"]
    letter = client.get(str(frame["src"]))
    policy = letter.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "sandbox allow-popups" in policy
    assert "frame-ancestors 'self'" in policy
    assert letter.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert letter.headers["Cache-Control"] == "private, no-store"
    assert f'href="{LINK}"' in letter.text


def test_markup_in_a_name_is_text(client: CheckedClient) -> None:
    mail = mails.write("lea@example.com", "test", None, name="<i onclick=x>Lea")
    db.session.commit()
    letter = client.get(f"/outbox/{mail.id}/letter").text
    assert "<i" not in letter
    assert "&lt;i onclick=x&gt;Lea" in letter


def test_a_mail_says_why_it_was_not_sent(client: CheckedClient) -> None:
    mail = write(last_error="The mail server answered 550: no", attempts=1, failed_at=utcnow())
    page = client.get(f"/outbox/{mail.id}").text
    assert "Attempt 1: The mail server answered 550: no" in page
    assert "Given up" in page


def test_a_mail_whose_content_was_forgotten_is_still_listed(client: CheckedClient) -> None:
    mail = write(context={}, sent_at=utcnow())
    assert addresses(client) == [mail.to_email]
    assert "no longer kept" in client.get(f"/outbox/{mail.id}").text
    assert client.get(f"/outbox/{mail.id}/letter").status_code == 404


def test_mails_are_found_by_a_part_of_their_address(client: CheckedClient) -> None:
    write("Lea@example.com")
    write("otto@example.com")
    write("100%@example.com")
    assert addresses(client, "/outbox?to=LEA") == ["Lea@example.com"]
    assert addresses(client, "/outbox?to=%25") == ["100%@example.com"]
    assert "No mail to such an address" in client.get("/outbox?to=nobody").text


def test_older_mails_are_on_the_next_page(
    client: CheckedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mails, "PAGE_SIZE", 2)
    for number in range(5):
        write(f"p{number}@example.com", created_at=utcnow() - timedelta(minutes=number // 2))
    seen: list[str] = []
    path = "/outbox"
    while path:
        seen += addresses(client, path)
        more = html.parse(client.get(path).text).select_one("a[rel=next]")
        path = str(more["href"]) if more else ""
    assert sorted(seen) == [f"p{number}@example.com" for number in range(5)]
    assert len(seen) == 5


def test_a_list_costs_the_same_however_long_it_is(client: CheckedClient) -> None:
    def cost() -> int:
        with recorded() as statements:
            client.get("/outbox")
        return len(statements)

    write()
    one = cost()
    for number in range(20):
        write(f"p{number}@example.com")
    assert cost() == one


@pytest.mark.parametrize("query", ["before=not-an-id", f"before={'0' * 32}"])
def test_a_page_behind_no_mail_is_not_found(client: CheckedClient, query: str) -> None:
    assert client.get(f"/outbox?{query}").status_code == 404


@pytest.fixture(params=[Environment.STAGING, Environment.PRODUCTION])
def closed(app: Flask, request: pytest.FixtureRequest) -> Iterator[None]:
    """An installation that people rely on."""
    before = app.extensions["settings"]
    app.extensions["settings"] = before.model_copy(update={"app_env": request.param})
    yield
    app.extensions["settings"] = before


@pytest.mark.usefixtures("closed")
def test_where_mail_is_real_there_is_no_outbox(client: CheckedClient, mail: Mail) -> None:
    for path in ("/outbox", f"/outbox/{mail.id}", f"/outbox/{mail.id}/letter"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "the-token" not in answer.text
        assert "sandbox" not in answer.headers["Content-Security-Policy"]
