"""What the tests of selling share: a gateway in memory, and a course that costs something."""

from collections.abc import Iterator

import pytest
from flask import Flask

from app.domain.accounts.models import User
from app.domain.checkout.models import Order
from app.domain.courses.models import Course
from tests import factories
from tests.support.gateway import MemoryGateway, installed
from tests.support.orders import make_order


@pytest.fixture
def gateway(app: Flask) -> Iterator[MemoryGateway]:
    """Takes cards, and knows of nothing yet."""
    with installed(app, MemoryGateway()) as gateway:
        yield gateway


@pytest.fixture
def priced(instructor: User) -> Course:
    """A course for 120 birr."""
    return factories.make_course(instructor, price_minor=12_000, currency="ETB")


@pytest.fixture
def order(learner: User, priced: Course, gateway: MemoryGateway) -> Order:
    """An order that `learner` has begun to pay by card."""
    order = make_order(learner, priced)
    order.gateway_reference = gateway.open(order)
    return order
