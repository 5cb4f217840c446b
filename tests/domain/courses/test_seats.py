"""Seats: as many as there are, however many want them at once."""

import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.database import db
from app.domain.accounts.models import User
from app.domain.courses import enrollments, entitlements, seats
from app.domain.courses.entitlement_models import SeatHold
from app.domain.courses.models import (
    Course,
    Enrollment,
    EnrollmentSource,
    RevocationReason,
)
from app.errors import SoldOut
from tests import factories
from tests.support.crowds import crowded, together

PARALLEL, SEATS = 100, 10


@pytest.fixture
def small(course: Course) -> Course:
    """A course with one seat."""
    course.seat_limit = 1
    db.session.commit()
    return course


def test_the_last_seat_is_taken_once(small: Course, learner: User, outsider: User) -> None:
    seats.take(small.id, learner.id, uuid.uuid4())
    assert seats.seats_left(small.id) == 0
    with pytest.raises(SoldOut):
        seats.take(small.id, outsider.id, uuid.uuid4())


def test_who_has_a_seat_needs_no_second(small: Course, learner: User) -> None:
    for _ in range(2):
        seats.take(small.id, learner.id, uuid.uuid4())
    assert seats.seats_left(small.id) == 0


def test_a_seat_that_is_given_up_is_free(small: Course, learner: User, outsider: User) -> None:
    order_id = uuid.uuid4()
    seats.take(small.id, learner.id, order_id)
    seats.release(order_id)
    seats.take(small.id, outsider.id, uuid.uuid4())
    assert seats.seats_left(small.id) == 0


def test_an_enrollment_keeps_the_seat_of_its_order(small: Course, learner: User) -> None:
    order_id = uuid.uuid4()
    seats.take(small.id, learner.id, order_id)
    entitlements.grant(learner.id, small.id, EnrollmentSource.PURCHASE, order_id=order_id)
    assert seats.seats_left(small.id) == 0
    seats.release(order_id)
    assert seats.seats_left(small.id) == 0
    entitlements.revoke(learner.id, small.id, RevocationReason.REFUND, order_id=order_id)
    assert seats.seats_left(small.id) == 1


def test_nobody_enrols_into_a_full_course_but_staff_lets_in(
    small: Course, learner: User, outsider: User
) -> None:
    enrollments.enroll(learner.id, small.slug)
    with pytest.raises(SoldOut):
        enrollments.enroll(outsider.id, small.slug)
    enrollments.grant(outsider.id, small.id, EnrollmentSource.MANUAL)
    assert seats.seats_left(small.id) == 0


def test_a_course_without_a_limit_counts_nothing(course: Course, learner: User) -> None:
    seats.take(course.id, learner.id, uuid.uuid4())
    assert seats.seats_left(course.id) is None


@pytest.fixture
def crowd(
    environment: dict[str, str], fresh_database: Callable[[], str], tmp_path: Path
) -> Iterator[Flask]:
    """An application in which many are at work at once."""
    with crowded(environment, fresh_database(), tmp_path) as app:
        yield app


def _race(app: Flask, work: Callable[[uuid.UUID], object]) -> int:
    """Have a hundred people want a seat at once; return how many got one."""
    people = [User(email=f"p{number}@example.com", name="P") for number in range(PARALLEL)]
    db.session.add_all(people)
    db.session.commit()

    def want(user_id: uuid.UUID) -> bool:
        try:
            work(user_id)
        except SoldOut:
            return False
        return True

    return sum(together(app, [partial(want, person.id) for person in people]))


def test_a_hundred_orders_for_ten_seats_get_ten(crowd: Flask) -> None:
    course_id = factories.make_course(price_minor=100, seat_limit=SEATS).id
    got = _race(crowd, lambda user_id: seats.take(course_id, user_id, uuid.uuid4()))
    held = db.session.scalar(select(func.count()).select_from(SeatHold))
    assert (got, held, seats.seats_left(course_id)) == (SEATS, SEATS, 0)


def test_a_hundred_people_enrol_into_ten_seats(crowd: Flask) -> None:
    slug = factories.make_course(seat_limit=SEATS).slug
    got = _race(crowd, lambda user_id: enrollments.enroll(user_id, slug))
    inside = db.session.scalar(select(func.count()).select_from(Enrollment))
    assert (got, inside) == (SEATS, SEATS)
