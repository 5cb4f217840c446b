"""What the administration's first page says of selling."""

from collections.abc import Callable
from datetime import timedelta

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.audit.models import AuditEvent
from app.domain.checkout import differences
from app.domain.checkout.models import EventOutcome, OrderStatus, WebhookEvent
from app.domain.checkout.reconciliation import Difference
from app.domain.checkout.transfer_models import PaymentProof
from app.domain.courses.models import Course
from tests import factories
from tests.support import html
from tests.support.client import CheckedClient
from tests.support.orders import make_order, make_payment

ClientOf = Callable[[User], CheckedClient]


def test_money_that_needs_somebody_is_shown_to_those_who_look_after_orders(
    client_of: ClientOf, admin: User, instructor: User, learner: User, course: Course
) -> None:
    held = make_order(learner, course)
    make_payment(held)
    held.status, held.hold_reason = OrderStatus.HELD, "amount"
    waiting = make_order(
        factories.make_user(), course, method="transfer", status=OrderStatus.UNDER_REVIEW
    )
    db.session.add(
        PaymentProof(
            order_id=waiting.id,
            storage_key="proofs/x/y",
            content_type="image/webp",
            size_bytes=1,
            sha256="0" * 64,
        )
    )
    db.session.add(
        WebhookEvent(
            gateway="card",
            event_id="evt_1",
            type="charge.updated",
            payload="",
            outcome=EventOutcome.REFUSED,
            detail="It is of the other mode.",
            created_at=utcnow(),
        )
    )
    db.session.commit()
    for reader in (admin, factories.make_user(Role.SUPPORT)):
        page = html.parse(client_of(reader).get("/admin").text)
        entries = page.select_one(".attention").get_text(" ", strip=True)  # type: ignore[union-attr]
        for wanted in (held.number, "Payment held", "1 proof", "1 refused", "of the other mode"):
            assert wanted in entries
        assert page.find("a", href=f"/admin/orders/{held.id}")
        assert page.find("a", href="/admin/proofs")
    assert held.number not in client_of(instructor).get("/admin").text


def test_the_revenue_of_the_chosen_days_is_drawn(
    client_of: ClientOf, admin: User, learner: User, course: Course
) -> None:
    for days, amount in ((1, 10_000), (20, 5_000), (80, 2_500)):
        order = make_order(learner, course, amount, status=OrderStatus.CANCELLED)
        make_payment(order, received_at=utcnow() - timedelta(days=days))
    client = client_of(admin)
    for query, net in (("", "150.00"), ("?days=7", "100.00"), ("?days=90", "175.00")):
        page = html.parse(client.get(f"/admin{query}").text)
        chart = page.select_one("svg.chart__plot")
        assert chart is not None
        assert f"ETB\u00a0{net} left" in chart["aria-label"]
    assert len(page.select(".chart__bar")) in (13, 14)
    assert "ETB\u00a0150.00" in client.get("/admin?days=1e9").text


def test_support_sees_no_revenue_and_instructors_their_own(
    client_of: ClientOf, instructor: User, learner: User, course: Course
) -> None:
    make_payment(make_order(learner, course))
    make_payment(make_order(learner, factories.make_course(), 99_900))
    assert "Revenue" not in client_of(factories.make_user(Role.SUPPORT)).get("/admin").text
    page = client_of(instructor).get("/admin").text
    assert "ETB\u00a0120.00" in page
    assert "999.00" not in page


def test_a_difference_of_the_books_is_shown_until_an_administrator_settled_it(
    client_of: ClientOf, admin: User, learner: User, course: Course
) -> None:
    order = make_order(learner, course)
    differences.keep(Difference("card", order.number, "payment pi_1 differs", is_repaired=False))
    db.session.commit()
    supporter = html.parse(client_of(factories.make_user(Role.SUPPORT)).get("/admin").text)
    assert "payment pi_1 differs" in supporter.text
    assert "Mark as settled" not in supporter.text
    desk = client_of(admin)
    page = desk.get("/admin").text
    form = html.parse(page).select_one("form[action*=differences]")
    assert form is not None
    for _ in range(2):
        answer = desk.post(str(form["action"]), data={"csrf_token": html.csrf_token(page)})
        assert answer.status_code == 303
    assert "payment pi_1 differs" not in desk.get("/admin").text
    [event] = db.session.query(AuditEvent).filter_by(action="difference.settled")
    assert event.detail["order"] == order.number
