"""E-mail addresses: one spelling each, and which ones are no addresses."""

import pytest

from app.domain.accounts.emails import find_fault, normalise_email

pytestmark = pytest.mark.no_database


@pytest.mark.parametrize(
    "typed", ["Lea@Example.com", " lea@example.com ", "LEA@EXAMPLE.COM\n", "lea@EXAMPLE.com"]
)
def test_same_address_comes_out_alike(typed: str) -> None:
    assert normalise_email(typed) == "lea@example.com"


def test_composed_and_decomposed_letters_come_out_alike() -> None:
    assert normalise_email("rene\u0301@example.com") == normalise_email("ren\u00e9@example.com")


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "lea",
        "lea@",
        "@example.com",
        "lea@example",
        "lea example@example.com",
        "a\0b@example.com",
        "lea@example.com, otto@example.com",
        "lea\ud800@example.com",
        "x" * 250 + "@example.com",
    ],
)
def test_what_is_no_address_is_found_out(typed: str) -> None:
    assert find_fault(typed)


def test_what_is_no_address_is_normalised_without_an_error() -> None:
    assert len(normalise_email("X" * 100_000)) == 254


def test_ordinary_address_has_no_fault() -> None:
    assert find_fault("lea+courses@sub.example.co.uk") is None
