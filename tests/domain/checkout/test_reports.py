"""The revenue report adds up with the payments, refunds and disputes it is made of."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.checkout import reports
from app.domain.checkout.models import (
    Dispute,
    DisputeStatus,
    RefundStatus,
)
from app.domain.checkout.reports import Group, Span, Sums, span_of
from app.domain.courses.models import Course
from app.errors import InvalidInput
from tests import factories
from tests.support.orders import make_order, make_payment, make_refund

FIRST, LAST = date(2026, 3, 1), date(2026, 4, 30)
DAYS = (LAST - FIRST).days + 1
Facts = tuple[int, str, int, int, int, int, bool]
MOMENTS = st.integers(-24 * 3, 24 * (DAYS + 3))
FACTS: st.SearchStrategy[Facts] = st.tuples(
    st.integers(0, 2),
    st.sampled_from(("ETB", "USD", "EUR")),
    st.integers(1, 10**8),
    MOMENTS,
    st.integers(0, 100),
    MOMENTS,
    st.booleans(),
)


def _at(hours: int) -> datetime:
    return datetime.combine(FIRST, datetime.min.time(), UTC) + timedelta(hours=hours)


def _store(rows: Sequence[Facts], buyer: User, courses: Sequence[Course]) -> None:
    for index, currency, amount, came, percent, went, is_lost in rows:
        method = ("card", "transfer", "card")[index]
        order = make_order(buyer, courses[index], amount, currency=currency, method=method)
        payment = make_payment(order, received_at=_at(came))
        back = amount * percent // 100
        if back and is_lost:
            db.session.add(
                Dispute(
                    order_id=order.id,
                    payment_id=payment.id,
                    gateway=method,
                    gateway_dispute_id=f"dp_{payment.id}",
                    status=DisputeStatus.LOST,
                    amount_minor=back,
                    closed_at=_at(went),
                )
            )
            db.session.commit()
        elif back:
            make_refund(payment, back, settled_at=_at(went))


def _expected(rows: Sequence[Facts], span: Span) -> dict[str, list[int]]:
    def is_in(hours: int) -> bool:
        return span.first <= _at(hours).astimezone(ZoneInfo(span.zone)).date() <= span.last

    sums: dict[str, list[int]] = {}
    for _, currency, amount, came, percent, went, is_lost in rows:
        back = amount * percent // 100
        moved = [amount if is_in(came) else 0, 0, 0]
        if is_in(went):
            moved[2 if is_lost else 1] = back
        if any(moved):
            known = sums.setdefault(currency, [0, 0, 0])
            sums[currency] = [one + other for one, other in zip(known, moved, strict=True)]
    return sums


def _by_currency(sums: Sequence[Sums]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for one in sums:
        known = found.setdefault(one.currency, [0, 0, 0])
        moved = astuple(one)[2:]
        found[one.currency] = [a + b for a, b in zip(known, moved, strict=True)]
    return found


@given(st.lists(FACTS, max_size=8), st.sampled_from(("UTC", "Africa/Addis_Ababa", "Asia/Kolkata")))
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_every_way_to_group_adds_up_to_the_money_that_moved(
    learner: User, rows: list[Facts], zone: str
) -> None:
    teacher = factories.make_user(Role.INSTRUCTOR)  # money stays: every example has its own
    courses = [factories.make_course(teacher) for _ in range(3)]
    _store(rows, learner, courses)
    span = span_of(FIRST, LAST, zone)
    expected = _expected(rows, span)
    assert _by_currency(reports.totals(teacher.id, span)) == expected
    for group in Group:
        found = reports.revenue(teacher.id, span, group)
        assert _by_currency([row.sums for row in found]) == expected, group
        assert len({(row.key, row.sums.currency) for row in found}) == len(found)
    halves = (
        span_of(FIRST, FIRST + timedelta(days=20), zone),
        span_of(FIRST + timedelta(days=21), LAST, zone),
    )
    both = [sums for half in halves for sums in reports.totals(teacher.id, half)]
    assert _by_currency(both) == expected


def test_a_day_is_the_readers(learner: User, course: Course) -> None:
    order = make_order(learner, course, 5_000)
    make_payment(order, received_at=datetime(2026, 3, 9, 22, 30, tzinfo=UTC))
    for zone, day in (("UTC", "2026-03-09"), ("Africa/Addis_Ababa", "2026-03-10")):
        [row] = reports.revenue(None, span_of(FIRST, LAST, zone), Group.DAY)
        assert (row.key, row.sums.net_minor, row.sums.orders) == (day, 5_000, 1)


def test_days_on_which_the_clocks_change_are_counted_once(learner: User, course: Course) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for day in (28, 29, 30):
        for hour in (0, 12, 23):
            order = make_order(learner, course, 100, status="cancelled")
            make_payment(order, received_at=datetime(2026, 3, day, hour, 30, tzinfo=berlin))
    span = span_of(FIRST, LAST, "Europe/Berlin")
    found = {row.key: row.sums.net_minor for row in reports.revenue(None, span, Group.DAY)}
    assert found == {"2026-03-28": 300, "2026-03-29": 300, "2026-03-30": 300}


def test_instructors_see_their_own_courses_only(
    learner: User, instructor: User, course: Course
) -> None:
    other = factories.make_course()
    at = _at(30)
    for bought, amount in ((course, 1_000), (other, 20_000)):
        payment = make_payment(make_order(learner, bought, amount), received_at=at)
        make_refund(payment, 400, settled_at=at)
    span = span_of(FIRST, LAST)
    [own] = reports.totals(instructor.id, span)
    assert (own.received_minor, own.refunded_minor, own.net_minor) == (1_000, 400, 600)
    titles = {row.title for row in reports.revenue(instructor.id, span, Group.COURSE)}
    assert titles == {course.title}
    assert reports.totals(factories.make_user(Role.INSTRUCTOR).id, span) == []


def test_what_is_asked_for_or_failed_has_not_gone_back(learner: User, course: Course) -> None:
    payment = make_payment(make_order(learner, course, 9_000), received_at=_at(5))
    for status in (RefundStatus.REQUESTED, RefundStatus.FAILED):
        make_refund(payment, 2_000, status=status, settled_at=None, created_at=_at(6))
    for number, state in enumerate((DisputeStatus.OPEN, DisputeStatus.WON)):
        db.session.add(
            Dispute(
                order_id=payment.order_id,
                payment_id=payment.id,
                gateway="card",
                gateway_dispute_id=f"dp_{number}",
                status=state,
                amount_minor=9_000,
                opened_at=_at(7),
            )
        )
    db.session.commit()
    [sums] = reports.totals(None, span_of(FIRST, LAST))
    assert sums == Sums("ETB", 1, 9_000, 0, 0)


def test_methods_are_told_apart(learner: User, course: Course) -> None:
    for method in ("card", "transfer", "chapa"):
        order = make_order(learner, course, 700, method=method, status="cancelled")
        make_payment(order, received_at=_at(1))
    found = reports.revenue(None, span_of(FIRST, LAST), Group.METHOD)
    assert Counter(row.key for row in found) == Counter(("card", "transfer", "chapa"))


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [
        (LAST, FIRST, "to"),
        (date(2020, 1, 1), date(2026, 1, 1), "to"),
        (date(1, 1, 1), date(1, 2, 1), "from"),
        (date(9999, 12, 1), date(9999, 12, 31), "from"),
    ],
    ids=["backwards", "too long", "too early", "too late"],
)
def test_a_span_that_makes_no_sense_is_refused(first: date, last: date, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        span_of(first, last)
    assert set(caught.value.fields) == {field}


def test_an_unknown_zone_is_utc() -> None:
    for zone in (None, "", "Mars/Olympus", "../../etc/passwd"):
        values: dict[str, Any] = {"zone": span_of(FIRST, LAST, zone).zone}
        assert values == {"zone": "UTC"}
