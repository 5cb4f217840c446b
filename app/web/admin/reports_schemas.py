"""What a report is asked for, and the JSON that it answers."""

import re
from datetime import date, timedelta
from typing import Annotated

from flask import request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from app.domain.checkout.reports import Group
from app.errors import InvalidInput

USUAL_DAYS = 30
NO_DAY = "Give a day such as 2026-11-23."
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _written_as_day(text: str) -> str:
    """Pass what looks like a day; a number is no moment here. Raises ValueError."""
    if not _DAY.fullmatch(text):
        raise ValueError(text)
    return text


Day = Annotated[date, BeforeValidator(_written_as_day)]


class RevenueQuery(BaseModel):
    """Which days, the last one included, and what the rows are of; the last 30 days by default.

    A program's days are those of UTC.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    first: Day | None = Field(default=None, alias="from")
    last: Day | None = Field(default=None, alias="to")
    group: Group = Group.DAY

    def days(self, today: date) -> tuple[date, date]:
        """Return the first and the last day."""
        last = self.last or max(today, self.first or today)
        return self.first or last - timedelta(days=USUAL_DAYS - 1), last


class RevenueMoney(BaseModel):
    """Money in minor units of an ISO 4217 currency; what is left may be less than nothing."""

    amount_minor: int
    currency: str


class RevenueSums(BaseModel):
    """What came in, what went back, and what is left; `orders` counts those paid."""

    orders: int
    received: RevenueMoney
    refunded: RevenueMoney
    charged_back: RevenueMoney
    net: RevenueMoney


class RevenueRow(RevenueSums):
    """A day (ISO 8601), a course (its id) or a method, in one currency."""

    key: str
    title: str


class RevenueDocument(BaseModel):
    """The sums of each currency and the rows in which money moved."""

    model_config = ConfigDict(populate_by_name=True)

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    group: Group
    totals: list[RevenueSums]
    items: list[RevenueRow]


def given_revenue() -> dict[str, str]:
    """Return what the address asks for, as it was typed."""
    values = ((name, (request.args.get(name) or "").strip()) for name in ("from", "to", "group"))
    return {name: value for name, value in values if value}


def read_revenue_query() -> RevenueQuery:
    """Return what the address asks for. Raises InvalidInput naming each wrong parameter."""
    try:
        return RevenueQuery.model_validate(given_revenue())
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)
    wrong = [str(problem["loc"][0]) for problem in problems]
    remedies = {"from": NO_DAY, "to": NO_DAY, "group": "Choose day, course or method."}
    raise InvalidInput({name: remedies[name] for name in wrong})
