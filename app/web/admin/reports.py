"""Revenue: a page with a chart, its JSON twin, and a file for spreadsheets."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import Response, jsonify, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import Role
from app.domain.accounts.sessions import SignedIn
from app.domain.audit.actions import Action
from app.domain.checkout import reports as domain
from app.domain.checkout.reports import Group, Row, Span, Sums, span_of
from app.errors import InvalidInput
from app.web import audit
from app.web.access import require_role
from app.web.admin import blueprint, owner_scope, spreadsheets
from app.web.admin.charts import Chart, revenue_charts
from app.web.admin.reports_schemas import (
    RevenueDocument,
    RevenueQuery,
    given_revenue,
    read_revenue_query,
)
from app.web.openapi import describe
from app.web.reading import from_replica

METHODS = {
    "card": lazy_gettext("Card"),
    "transfer": lazy_gettext("Bank or wallet transfer"),
    "free": lazy_gettext("Nothing to pay"),
}
GROUPS = (
    (Group.DAY.value, lazy_gettext("Day")),
    (Group.COURSE.value, lazy_gettext("Course")),
    (Group.METHOD.value, lazy_gettext("Way to pay")),
)
PRESETS = (7, 30, 90, 365)


@dataclass(frozen=True, slots=True)
class Preset:
    """A span that is one click away."""

    days: int
    first: date
    last: date


@blueprint.get("/admin/reports")
def reports() -> ResponseReturnValue:
    """Show what was sold, in the days of the reader's time zone."""
    person = _require_seller()
    zone, today = _zone_of(person)
    asked = RevenueQuery()
    faults: dict[str, str] = {}
    try:
        asked = read_revenue_query()
        span = span_of(*asked.days(today), zone)
    except InvalidInput as error:
        faults = error.fields
        span = span_of(*RevenueQuery().days(today), zone)
    rows, totals = _read(span, asked.group)
    by_day = rows if asked.group is Group.DAY else _read_days(span)
    shown = render_template(
        "admin/reports.html",
        span=span,
        group=asked.group.value,
        groups=GROUPS,
        given=given_revenue() if faults else {},
        faults=faults,
        totals=totals,
        rows=[] if faults else rows,
        names={row.key: name_of(row, asked.group) for row in rows},
        days={row.key: date.fromisoformat(row.key) for row in by_day},
        charts=revenue_charts(by_day, totals, span),
        presets=[Preset(n, today - timedelta(days=n - 1), today) for n in PRESETS],
    )
    return shown, 422 if faults else 200


@blueprint.get("/admin/reports/revenue.csv")
def revenue_file() -> Response:
    """Send the rows as a file for spreadsheets; that it was taken is noted."""
    person = _require_seller()
    zone, today = _zone_of(person)
    asked = read_revenue_query()
    span = span_of(*asked.days(today), zone)
    rows, _ = _read(span, asked.group)
    text = "".join([_heading(asked.group), *(_cells(row, asked.group) for row in rows)])
    audit.note(
        Action.REPORT_EXPORTED,
        subject_kind="report",
        first=span.first.isoformat(),
        last=span.last.isoformat(),
        group=asked.group.value,
    )
    db.session.commit()
    response = Response(text, mimetype="text/csv")
    name = f"revenue-{asked.group.value}-{span.first}-{span.last}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


@blueprint.get("/api/admin/reports/revenue")
@describe({200: RevenueDocument}, query=RevenueQuery)
def get_revenue() -> Response:
    """Tell what was sold: sums by currency, and rows by day, course or method.

    Instructors are told about their own courses. Days are those of UTC.
    """
    _require_seller()
    asked = read_revenue_query()
    span = span_of(*asked.days(utcnow().date()))
    rows, totals = _read(span, asked.group)
    return jsonify(
        {
            "from": span.first.isoformat(),
            "to": span.last.isoformat(),
            "group": asked.group.value,
            "totals": [_sums_view(sums) for sums in totals],
            "items": [{"key": row.key, "title": row.title, **_sums_view(row.sums)} for row in rows],
        }
    )


@dataclass(frozen=True, slots=True)
class RecentRevenue:
    """The last days as the dashboard shows them."""

    span: Span
    totals: list[Sums]
    charts: list[Chart]


def recent_revenue(person: SignedIn, days: int) -> RecentRevenue:
    """Return the revenue of the last days, those of an instructor's own courses."""
    zone, today = _zone_of(person)
    span = span_of(today - timedelta(days=days - 1), today, zone)
    rows, totals = _read(span, Group.DAY)
    return RecentRevenue(span, totals, revenue_charts(rows, totals, span))


def name_of(row: Row, group: Group) -> str:
    """Return what a row of courses or methods is called."""
    if group is Group.METHOD:
        return str(METHODS.get(row.key, row.key.capitalize()))
    return row.title


def _require_seller() -> SignedIn:
    """Return who may see what was sold. Raises Forbidden."""
    return require_role(Role.ADMIN, Role.INSTRUCTOR)


def _zone_of(person: SignedIn) -> tuple[str | None, date]:
    """Return the person's time zone, and which day it is there."""
    now = utcnow()
    return person.timezone, span_of(now.date(), now.date(), person.timezone).day_of(now)


def _read(span: Span, group: Group) -> tuple[list[Row], list[Sums]]:
    owner_id = owner_scope()
    return from_replica(
        lambda: (domain.revenue(owner_id, span, group), domain.totals(owner_id, span))
    )


def _read_days(span: Span) -> list[Row]:
    owner_id = owner_scope()
    return from_replica(lambda: domain.revenue(owner_id, span, Group.DAY))


def _sums_view(sums: Sums) -> dict[str, Any]:
    def money(minor: int) -> dict[str, Any]:
        return {"amount_minor": minor, "currency": sums.currency}

    return {
        "orders": sums.orders,
        "received": money(sums.received_minor),
        "refunded": money(sums.refunded_minor),
        "charged_back": money(sums.charged_back_minor),
        "net": money(sums.net_minor),
    }


def _heading(group: Group) -> str:
    keys = {
        Group.DAY: [gettext("Day")],
        Group.COURSE: [gettext("Course"), gettext("Course id")],
        Group.METHOD: [gettext("Way to pay"), gettext("Method")],
    }
    return spreadsheets.line(
        [
            *keys[group],
            gettext("Currency"),
            gettext("Paid orders"),
            gettext("Received"),
            gettext("Refunded"),
            gettext("Charged back"),
            gettext("Net"),
        ]
    )


def _cells(row: Row, group: Group) -> str:
    sums = row.sums
    amounts = (
        sums.received_minor,
        sums.refunded_minor,
        sums.charged_back_minor,
        sums.net_minor,
    )
    keys = [row.key] if group is Group.DAY else [name_of(row, group), row.key]
    return spreadsheets.line(
        [*keys, sums.currency, sums.orders, *map(spreadsheets.decimal, amounts)]
    )
