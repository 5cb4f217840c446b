"""The formats that templates share."""

import pytest
from flask import Flask
from flask_babel import force_locale

from app.web.templating import money

pytestmark = pytest.mark.no_database


@pytest.mark.parametrize(
    ("locale", "minor", "currency", "expected"),
    [
        ("en", 120000, "ETB", "ETB\u00a01,200.00"),
        ("am", 120000, "ETB", "ብር\u00a01,200.00"),
        ("en", 1999, "USD", "$19.99"),
        ("en", 0, "ETB", "Free"),
    ],
)
def test_money_reads_as_people_write_it(
    app: Flask, locale: str, minor: int, currency: str, expected: str
) -> None:
    with app.test_request_context(), force_locale(locale):
        assert money(minor, currency) == expected
