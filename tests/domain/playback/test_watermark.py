"""The watermark names the viewer without giving the address away, and its code can be read."""

import pytest

from app.domain.playback import watermark

pytestmark = pytest.mark.no_database


@pytest.mark.parametrize(
    ("email", "shown"),
    [
        ("learner@example.com", "le…r@example.com"),
        ("abc@example.com", "a…@example.com"),
        ("a@example.com", "a…@example.com"),
    ],
)
def test_an_address_is_masked_so_that_only_its_owner_knows_it(email: str, shown: str) -> None:
    assert watermark.mask(email) == shown


def test_codes_use_no_look_alikes_and_differ() -> None:
    codes = {watermark.new_code() for _ in range(500)}
    assert len(codes) == 500
    assert set("".join(codes)).isdisjoint("0O1IL2Z5S8BUV")
