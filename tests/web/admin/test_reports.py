"""The revenue report as a page, as JSON and as a file."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.audit.models import AuditEvent
from app.domain.courses.models import Course
from tests import factories
from tests.support import html
from tests.support.client import CheckedClient
from tests.support.orders import make_order, make_payment, make_refund

ClientOf = Callable[[User], CheckedClient]
MARCH = "from=2026-03-01&to=2026-03-31"
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def sold(learner: User, outsider: User, course: Course) -> Course:
    """120 and 50 ETB, 20 of them given back, and 30 USD for somebody else's course."""
    payment = make_payment(make_order(learner, course, 12_000), received_at=NOON)
    make_refund(payment, 2_000, settled_at=NOON + timedelta(days=2))
    order = make_order(outsider, course, 5_000, method="transfer")
    make_payment(order, received_at=NOON + timedelta(hours=5))
    other = factories.make_course(title='=HYPERLINK("x")')
    dollars = make_order(learner, other, 3_000, currency="USD")
    make_payment(dollars, received_at=NOON)
    return course


def _money(minor: int, currency: str = "ETB") -> dict[str, Any]:
    return {"amount_minor": minor, "currency": currency}


def test_programs_are_told_sums_and_rows(client_of: ClientOf, admin: User, sold: Course) -> None:
    answer = client_of(admin).get(f"/api/admin/reports/revenue?{MARCH}").get_json()
    assert (answer["from"], answer["to"], answer["group"]) == ("2026-03-01", "2026-03-31", "day")
    assert answer["totals"] == [
        {
            "orders": 2,
            "received": _money(17_000),
            "refunded": _money(2_000),
            "charged_back": _money(0),
            "net": _money(15_000),
        },
        {
            "orders": 1,
            "received": _money(3_000, "USD"),
            "refunded": _money(0, "USD"),
            "charged_back": _money(0, "USD"),
            "net": _money(3_000, "USD"),
        },
    ]
    rows = [
        (row["key"], row["net"]["currency"], row["net"]["amount_minor"]) for row in answer["items"]
    ]
    assert rows == [
        ("2026-03-10", "ETB", 17_000),
        ("2026-03-10", "USD", 3_000),
        ("2026-03-12", "ETB", -2_000),
    ]


def test_rows_by_course_and_method_add_up_to_the_same(
    client_of: ClientOf, admin: User, sold: Course
) -> None:
    client = client_of(admin)
    for group, keys in (("course", 2), ("method", 2)):
        answer = client.get(f"/api/admin/reports/revenue?{MARCH}&group={group}").get_json()
        assert len({row["key"] for row in answer["items"]}) == keys
        left = sum(
            row["net"]["amount_minor"] for row in answer["items"] if row["net"]["currency"] == "ETB"
        )
        assert left == 15_000


def test_instructors_are_told_of_their_own_courses(
    client_of: ClientOf, instructor: User, sold: Course
) -> None:
    client = client_of(instructor)
    answer = client.get(f"/api/admin/reports/revenue?{MARCH}&group=course").get_json()
    assert [row["key"] for row in answer["items"]] == [str(sold.id)]
    page = client.get(f"/admin/reports?{MARCH}&group=course").text
    assert sold.title in page
    assert "USD" not in page
    colleague = client_of(factories.make_user(Role.INSTRUCTOR))
    assert "Nothing was paid on these days" in colleague.get(f"/admin/reports?{MARCH}").text


def test_the_page_draws_a_chart_for_each_currency_and_the_rows_as_a_table(
    client_of: ClientOf, admin: User, sold: Course
) -> None:
    page = html.parse(client_of(admin).get(f"/admin/reports?{MARCH}").text)
    charts = page.select("svg.chart__plot")
    assert [chart["aria-label"].split(":")[0] for chart in charts] == ["ETB", "USD"]
    assert "ETB\u00a0170.00 received" in charts[0]["aria-label"]
    assert len(charts[0].select(".chart__bar")) == 31
    assert (len(charts[0].select(".chart__up")), len(charts[0].select(".chart__down"))) == (1, 1)
    body = page.select("table tbody tr")
    assert [row.th.get_text() for row in body] == ["Mar 10, 2026", "Mar 10, 2026", "Mar 12, 2026"]
    foot = [row.get_text(" ", strip=True) for row in page.select("table tfoot tr")]
    assert foot[0].endswith("ETB\u00a0150.00")


def test_the_file_holds_plain_numbers_and_no_formula(
    client_of: ClientOf, admin: User, sold: Course
) -> None:
    response = client_of(admin).get(f"/admin/reports/revenue.csv?{MARCH}&group=course")
    assert response.mimetype == "text/csv"
    assert response.headers["Cache-Control"] == "private, no-store"
    named = 'attachment; filename="revenue-course-2026-03-01-2026-03-31.csv"'
    assert response.headers["Content-Disposition"] == named
    rows = list(csv.reader(io.StringIO(response.text)))
    assert rows[0][2:] == ["Currency", "Paid orders", "Received", "Refunded", "Charged back", "Net"]
    assert rows[1][2:] == ["ETB", "2", "170.00", "20.00", "0.00", "150.00"]
    assert rows[2][0] == '\'=HYPERLINK("x")'
    by_day = client_of(admin).get(f"/admin/reports/revenue.csv?{MARCH}")
    assert list(csv.reader(io.StringIO(by_day.text)))[3][-1] == "-20.00"
    noted = db.session.query(AuditEvent).filter_by(action="report.exported").all()
    assert [event.detail["group"] for event in noted] == ["course", "day"]


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("from=yesterday", {"from"}),
        ("from=1700000000", {"from"}),
        ("from=2026-02-30", {"from"}),
        ("from=2026-03-02&to=2026-03-01", {"to"}),
        ("from=2020-01-01&to=2026-03-01", {"to"}),
        ("group=moon", {"group"}),
        ("from=%00&to=x", {"from", "to"}),
    ],
)
def test_what_makes_no_sense_is_named(
    client_of: ClientOf, admin: User, query: str, fields: set[str]
) -> None:
    client = client_of(admin)
    refused = client.get(f"/api/admin/reports/revenue?{query}")
    assert refused.status_code == 422
    assert {error["field"] for error in refused.get_json()["errors"]} == fields
    page = client.get(f"/admin/reports?{query}")
    assert page.status_code == 422
    assert len(html.parse(page.text).select(".field__error")) == len(fields)
    assert client.get(f"/admin/reports/revenue.csv?{query}").status_code == 422


def test_days_are_the_readers_on_the_page(
    client_of: ClientOf, admin: User, learner: User, course: Course
) -> None:
    late = datetime(2026, 3, 31, 22, tzinfo=UTC)
    make_payment(make_order(learner, course, 900), received_at=late)
    assert "Mar 31, 2026" in client_of(admin).get(f"/admin/reports?{MARCH}").text
    admin.timezone = "Africa/Addis_Ababa"
    db.session.commit()
    page = client_of(admin).get(f"/admin/reports?{MARCH}").text
    assert "Nothing was paid on these days" in page
    assert "Africa/Addis_Ababa" in page


def test_the_last_thirty_days_are_shown_unless_others_are_asked_for(
    client_of: ClientOf, admin: User, learner: User, course: Course
) -> None:
    for days in (0, 29, 30):
        order = make_order(learner, course, 100 + days, status="cancelled")
        make_payment(order, received_at=utcnow() - timedelta(days=days))
    answer = client_of(admin).get("/api/admin/reports/revenue").get_json()
    assert answer["totals"][0]["received"] == _money(229)


def test_long_spans_are_drawn_in_weeks_or_months(
    client_of: ClientOf, admin: User, learner: User, course: Course
) -> None:
    last = datetime(2026, 10, 31, 12, tzinfo=UTC)
    make_payment(make_order(learner, course, 70_000), received_at=last)
    client = client_of(admin)
    for days, bars in ((1, 1), (62, 62), (63, 10), (371, 54), (731, 25)):
        first = last - timedelta(days=days - 1)
        address = f"/admin/reports?from={first:%Y-%m-%d}&to={last:%Y-%m-%d}"
        page = html.parse(client.get(address).text)
        drawn = len(page.select(".chart__bar")), len(page.select(".chart__bar .chart__up"))
        assert drawn == (bars, 1), days
