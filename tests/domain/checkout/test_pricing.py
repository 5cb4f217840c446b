"""Prices: whole minor units, never below nothing, never above the list price."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.checkout.coupon_models import Coupon, CouponKind
from app.domain.checkout.numbers import ALPHABET, LENGTH, new_number, read_number
from app.domain.checkout.pricing import price

pytestmark = pytest.mark.no_database


@dataclass
class Priced:
    price_minor: int
    currency: str = "ETB"


MINOR = st.integers(0, 10**12)


def _percent(percent: int) -> Coupon:
    return Coupon(kind=CouponKind.PERCENT, percent=percent)


def _amount(minor: int, currency: str) -> Coupon:
    return Coupon(kind=CouponKind.AMOUNT, amount_minor=minor, currency=currency)


@given(minor=MINOR, percent=st.integers(1, 100))
def test_a_percentage_takes_off_whole_minor_units(minor: int, percent: int) -> None:
    cost = price(Priced(minor), _percent(percent))
    assert cost.list_minor == minor
    assert 0 <= cost.discount_minor <= minor
    assert cost.total_minor == minor - cost.discount_minor
    assert 0 <= minor * percent - cost.discount_minor * 100 < 100
    assert isinstance(cost.total_minor, int)


@given(minor=MINOR, amount=st.integers(1, 10**13))
def test_an_amount_takes_off_no_more_than_the_price(minor: int, amount: int) -> None:
    cost = price(Priced(minor), _amount(amount, "ETB"))
    assert cost.discount_minor == min(minor, amount)
    assert cost.total_minor >= 0


@given(minor=MINOR)
def test_a_hundred_percent_leaves_nothing_to_pay(minor: int) -> None:
    assert price(Priced(minor), _percent(100)).is_free


def test_an_amount_of_another_currency_takes_off_nothing() -> None:
    assert price(Priced(500), _amount(500, "USD")).total_minor == 500


def test_numbers_can_be_read_out_and_typed() -> None:
    number = new_number()
    assert len(number) == LENGTH
    assert set(number) <= set(ALPHABET)
    assert read_number(f" {number[:4].lower()}-{number[4:]} ") == number
    assert read_number("ilo0ILO1") == "11001101"
    assert read_number("") is None
    assert read_number(number + "0") is None
    assert read_number("U" * LENGTH) is None
