"""Sealed secrets: open for one person, one purpose and one key of the site."""

import uuid

import pytest

from app.domain.accounts.sealing import Purpose, SealBroken, seal, unseal
from tests.support.apps import made_app

OWNER = uuid.UUID(int=7)
SECRET = b"a secret to be read again"


def test_what_was_sealed_opens() -> None:
    sealed = seal(Purpose.TOTP_SECRET, OWNER, SECRET)
    assert SECRET not in sealed
    assert sealed != seal(Purpose.TOTP_SECRET, OWNER, SECRET)
    assert unseal(Purpose.TOTP_SECRET, OWNER, sealed) == SECRET


def test_it_opens_for_nobody_and_nothing_else() -> None:
    sealed = seal(Purpose.TOTP_SECRET, OWNER, SECRET)
    flipped = bytes([sealed[0] ^ 1]) + sealed[1:]
    for purpose, owner, given in (
        (Purpose.TOTP_SECRET, uuid.UUID(int=8), sealed),
        (Purpose.RECOVERY_CODES, OWNER, sealed),
        (Purpose.TOTP_SECRET, OWNER, flipped),
        (Purpose.TOTP_SECRET, OWNER, sealed[:-1]),
        (Purpose.TOTP_SECRET, OWNER, b""),
    ):
        with pytest.raises(SealBroken):
            unseal(purpose, owner, given)


def test_another_key_of_the_site_opens_nothing(
    environment: dict[str, str], database_url: str
) -> None:
    sealed = seal(Purpose.TOTP_SECRET, OWNER, SECRET)
    values = {**environment, "DATABASE_URL": database_url, "SECRET_KEY": "another-key" * 4}
    with (
        made_app(values) as app,
        app.app_context(),
        pytest.raises(SealBroken),
    ):
        unseal(Purpose.TOTP_SECRET, OWNER, sealed)
