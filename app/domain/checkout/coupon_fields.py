"""What a coupon may hold: one check for the pages and for programs."""

import re
import secrets
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from app.domain.checkout.coupon_models import CouponKind
from app.domain.checkout.coupons import MAX_CODE, normal
from app.domain.courses.course_fields import CURRENCIES, MAX_PRICE_MINOR, Money, one_line
from app.errors import InvalidInput

MAX_NOTE = 200
MAX_USES = 1_000_000
YEARS = range(2000, 2101)
MADE_CODE_LENGTH = 8
# Without the letters and digits that are taken for each other on paper.
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"

_CODE = re.compile(r"[A-Z0-9](?:[A-Z0-9_-]{1,38}[A-Z0-9])")


class CouponChanges(TypedDict, total=False):
    """New values of a coupon's fields; what is absent stays as it is.

    Of `percent` and `amount` one is given, the other null. Without a course it counts for all.
    """

    code: str
    percent: int | None
    amount: Money | None
    course_id: uuid.UUID | None
    max_redemptions: int | None
    max_per_user: int | None
    starts_at: datetime | None
    ends_at: datetime | None
    is_active: bool
    note: str


def made_code() -> str:
    """Return a code that nobody guesses and everybody can read to somebody."""
    return "".join(secrets.choice(ALPHABET) for _ in range(MADE_CODE_LENGTH))


def columns_of(changes: CouponChanges) -> dict[str, Any]:
    """Return the changes as columns of Coupon. Raises InvalidInput naming each wrong field."""
    faults: dict[str, str] = {}
    columns: dict[str, Any] = {
        name: value for name, value in changes.items() if name not in ("percent", "amount")
    }
    if "percent" in changes or "amount" in changes:
        columns |= _discount(changes.get("percent"), changes.get("amount"), faults)
    if "code" in columns:
        columns["code"] = normal(columns["code"])
        if not _CODE.fullmatch(columns["code"]):
            faults["code"] = (
                f"Use 3 to {MAX_CODE} letters A-Z, digits, hyphens and underscores, a letter or"
                " digit first and last."
            )
    if "note" in columns:
        columns["note"] = one_line(columns["note"])
        if len(columns["note"]) > MAX_NOTE:
            faults["note"] = f"Use at most {MAX_NOTE} characters."
    _check_bounds(columns, faults)
    if faults:
        raise InvalidInput(faults)
    return columns


def check_window(columns: Mapping[str, Any]) -> None:
    """Refuse a window that never opens. Raises InvalidInput."""
    starts_at, ends_at = columns.get("starts_at"), columns.get("ends_at")
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        raise InvalidInput({"ends_at": "Give a moment after the start."})


def _check_bounds(columns: Mapping[str, Any], faults: dict[str, str]) -> None:
    for name in ("max_redemptions", "max_per_user"):
        count = columns.get(name)
        if count is not None and not 1 <= count <= MAX_USES:
            faults[name] = f"Give a number from 1 to {MAX_USES:,}, or leave it open."
    for name in ("starts_at", "ends_at"):
        moment = columns.get(name)
        if moment is not None and moment.year not in YEARS:
            faults[name] = "Give a moment in this century, or leave it open."


def _discount(percent: int | None, amount: Money | None, faults: dict[str, str]) -> dict[str, Any]:
    if (percent is None) is (amount is None):
        faults["percent"] = "Give either a percentage or an amount."
        return {}
    if amount is None:
        if not 1 <= (percent or 0) <= 100:
            faults["percent"] = "Give a percentage from 1 to 100."
        return {
            "kind": CouponKind.PERCENT, "percent": percent, "amount_minor": None, "currency": None,
        }  # fmt: skip
    if amount["currency"] not in CURRENCIES:
        faults["amount.currency"] = f"Use one of {', '.join(CURRENCIES)}."
    if not 1 <= amount["amount_minor"] <= MAX_PRICE_MINOR:
        faults["amount.amount_minor"] = "Give an amount from 0.01 to 1,000,000.00."
    return {
        "kind": CouponKind.AMOUNT,
        "percent": None,
        "amount_minor": amount["amount_minor"],
        "currency": amount["currency"],
    }
