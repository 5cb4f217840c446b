"""The local twin's grant: one generation, one sign-in, one lease, until it expires."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import GrantInvalid
from app.integrations.local_cdn import COOKIE_NAME, LocalCdn

pytestmark = pytest.mark.no_database

CDN = LocalCdn("a secret of the tests, long enough to be one")
PREFIX = "0a1b/3"
LOGIN = b"l" * 32
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
UNTIL = NOW + timedelta(seconds=300)
LEASE = uuid4()


def cookie(cdn: LocalCdn = CDN) -> str:
    return cdn.grant(PREFIX, LOGIN, LEASE, UNTIL).cookies[0].value


def test_a_grant_names_its_lease() -> None:
    assert CDN.verify(PREFIX, cookie(), LOGIN, NOW) == LEASE


def test_the_cookie_is_sent_for_one_generation_only() -> None:
    grant = CDN.grant(PREFIX, LOGIN, LEASE, UNTIL)
    (made,) = grant.cookies
    assert (made.name, made.path, made.domain) == (COOKIE_NAME, "/media/0a1b/3/", None)
    assert (grant.query, grant.mode, grant.expires_at) == ("", "cookie", UNTIL)
    (expired,) = CDN.expired_cookies(PREFIX)
    assert (expired.name, expired.path, expired.value) == (made.name, made.path, "")


def test_segments_are_served_by_the_site_itself() -> None:
    assert CDN.segment_base(PREFIX) == "/media/0a1b/3"


def test_the_grant_ends_when_it_says() -> None:
    CDN.verify(PREFIX, cookie(), LOGIN, UNTIL - timedelta(seconds=1))
    with pytest.raises(GrantInvalid, match="expired"):
        CDN.verify(PREFIX, cookie(), LOGIN, UNTIL)


@pytest.mark.parametrize("prefix", ["0a1b/4", "0a1b/30", "0a1c/3", "0a1b", ""])
def test_another_generation_is_refused(prefix: str) -> None:
    with pytest.raises(GrantInvalid):
        CDN.verify(prefix, cookie(), LOGIN, NOW)


def test_another_sign_in_is_refused() -> None:
    for login in (b"m" * 32, b"", LOGIN + b"x"):
        with pytest.raises(GrantInvalid):
            CDN.verify(PREFIX, cookie(), login, NOW)


def test_another_secret_is_refused() -> None:
    with pytest.raises(GrantInvalid):
        CDN.verify(PREFIX, cookie(LocalCdn("another secret, just as long as it")), LOGIN, NOW)


@given(st.integers(0, 75), st.characters(codec="ascii"))
def test_no_changed_cookie_is_accepted(position: int, character: str) -> None:
    genuine = cookie()
    changed = genuine[:position] + character + genuine[position + 1 :]
    if changed != genuine:
        with pytest.raises(GrantInvalid):
            CDN.verify(PREFIX, changed, LOGIN, NOW)


@given(st.text(max_size=100))
def test_nonsense_is_refused(value: str) -> None:
    with pytest.raises(GrantInvalid):
        CDN.verify(PREFIX, value, LOGIN, NOW)


def test_a_longer_or_shorter_cookie_is_refused() -> None:
    for value in (cookie() + "AAAA", cookie()[:-4], cookie() + "=", cookie() + "==", ""):
        with pytest.raises(GrantInvalid):
            CDN.verify(PREFIX, value, LOGIN, NOW)


def test_the_lease_cannot_be_exchanged() -> None:
    other = CDN.grant(PREFIX, LOGIN, UUID(int=7), UNTIL).cookies[0].value
    assert CDN.verify(PREFIX, other, LOGIN, NOW) == UUID(int=7)
    mixed = other[:36] + cookie()[36:]
    with pytest.raises(GrantInvalid):
        CDN.verify(PREFIX, mixed, LOGIN, NOW)


def test_the_plain_base64_alphabet_is_no_second_spelling() -> None:
    for number in range(50):
        genuine = CDN.grant(PREFIX, LOGIN, UUID(int=number), UNTIL).cookies[0].value
        other = genuine.replace("-", "+").replace("_", "/")
        if other != genuine:
            with pytest.raises(GrantInvalid):
                CDN.verify(PREFIX, other, LOGIN, NOW)
