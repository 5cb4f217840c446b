"""How keys are written: told apart from noise without asking the database."""

import re
import secrets
import uuid
import zlib

import pytest

from app.domain.accounts import key_tokens

pytestmark = pytest.mark.no_database
WRITTEN = re.compile(r"tt_[0-9A-Za-z]{22}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}")
ID = uuid.UUID("12345678-1234-4234-8234-123456789abc")
SECRET = bytes(range(32))


def test_every_key_is_written_in_one_length_and_read_back() -> None:
    extremes = [(uuid.UUID(int=0), bytes(32)), (uuid.UUID(int=2**128 - 1), b"\xff" * 32)]
    ordinary = [(uuid.uuid4(), secrets.token_bytes(32)) for _ in range(50)]
    for key_id, secret in extremes + ordinary:
        token = key_tokens.write(key_id, secret)
        assert WRITTEN.fullmatch(token), token
        assert key_tokens.read(token) == (key_id, secret)


def test_checksum_is_crc32_so_that_scanners_can_tell_keys_from_noise() -> None:
    body, _, checksum = key_tokens.write(ID, SECRET).rpartition("_")
    number = 0
    for character in checksum:
        number = number * 62 + key_tokens.ALPHABET.index(character)
    assert number == zlib.crc32(body.encode())


@pytest.mark.parametrize("place", [0, 3, 24, 26, 50, 70, -1])
def test_one_wrong_character_is_noticed(place: int) -> None:
    token = key_tokens.write(ID, SECRET)
    other = "x" if token[place] != "x" else "y"
    changed = token[:place] + other + token[place:][1:]
    assert key_tokens.read(changed) is None


def _with_checksum(body: str) -> str:
    return f"{body}_{key_tokens._checksum(body)}"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "tt_",
        "tt___",
        "x" * 77,
        "é" * 77,
        "tt_" + "0" * 73,
        _with_checksum(f"tt_{'z' * 22}_{'0' * 43}"),
        _with_checksum(f"tt_{'0' * 22}_{'z' * 43}"),
        _with_checksum(f"tt_{'0' * 21}!_{'0' * 43}"),
        _with_checksum(f"tt_{'0' * 10}_{'0' * 11}_{'0' * 43}"),
        _with_checksum(f"gh_{'0' * 22}_{'0' * 43}"),
        key_tokens.write(ID, SECRET) + "0",
        key_tokens.write(ID, SECRET) + "\n",
    ],
)
def test_what_is_no_key_is_read_as_none(token: str) -> None:
    assert key_tokens.read(token) is None
