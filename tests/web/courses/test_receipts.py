"""The address of a receipt."""

import uuid
from collections.abc import Callable

from app.domain.accounts.models import User
from app.domain.courses.models import Course
from tests.support.client import CheckedClient
from tests.support.orders import make_order, make_payment
from tests.support.pdf import text_of

ClientOf = Callable[[User], CheckedClient]


def test_buyers_keep_their_receipt(client_of: ClientOf, learner: User, course: Course) -> None:
    order = make_order(learner, course)
    make_payment(order)
    response = client_of(learner).get(f"/orders/{order.id}/receipt.pdf")
    assert response.status_code == 200
    assert response.mimetype == "application/pdf"
    assert response.headers["Cache-Control"] == "private, no-store"
    named = f"attachment; filename=receipt-{order.number}.pdf"
    assert response.headers["Content-Disposition"] == named
    assert order.number in text_of(response.data)


def test_a_receipt_is_its_buyers_alone(
    client_of: ClientOf, learner: User, outsider: User, admin: User, course: Course
) -> None:
    order = make_order(learner, course)
    paths = [f"/orders/{order.id}/receipt.pdf", f"/orders/{uuid.uuid4()}/receipt.pdf"]
    assert [client_of(learner).get(path).status_code for path in paths] == [404, 404]
    make_payment(order)
    for stranger in (outsider, admin):
        assert [client_of(stranger).get(path).status_code for path in paths] == [404, 404]


def test_receipts_are_drawn_at_a_bounded_pace(
    client_of: ClientOf, learner: User, course: Course
) -> None:
    client = client_of(learner)
    path = f"/orders/{uuid.uuid4()}/receipt.pdf"
    assert {client.get(path).status_code for _ in range(20)} == {404}
    assert client.get(path).status_code == 429
