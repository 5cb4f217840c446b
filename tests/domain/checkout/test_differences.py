"""Differences that only people can settle: kept once, told until settled, never told again."""

import pytest

from app.database import db
from app.domain.accounts.models import User
from app.domain.checkout import differences
from app.domain.checkout.difference_models import BookDifference
from app.domain.checkout.reconciliation import Difference
from app.domain.courses.models import Course
from app.errors import NotFound
from tests.support.orders import make_order

STRANGE = Difference("card", "-", "payment pi_1 names an order that is not here", is_repaired=False)


def test_a_difference_is_kept_once_and_told_with_its_order(learner: User, course: Course) -> None:
    order = make_order(learner, course)
    of_order = Difference("card", order.number, "payment pi_2 is not known", is_repaired=False)
    for found in (STRANGE, of_order, STRANGE, of_order):
        differences.keep(found)
    told = differences.list_open(10)
    assert {(one.number, one.order_id, one.what) for one in told} == {
        ("-", None, STRANGE.what),
        (order.number, order.id, of_order.what),
    }
    assert differences.count_open() == 2


def test_what_is_settled_is_not_told_again() -> None:
    differences.keep(STRANGE)
    [told] = differences.list_open(10)
    settled = differences.settle(told.id)
    assert settled is not None
    assert differences.settle(told.id) is None
    differences.keep(STRANGE)
    assert differences.list_open(10) == []
    assert db.session.query(BookDifference).count() == 1


def test_settling_what_is_not_there_is_told() -> None:
    with pytest.raises(NotFound):
        differences.settle(2_000_000_000)
