"""Money that goes back takes the stream with it, and leaves what was earned before."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import User
from app.domain.checkout import fulfilment
from app.domain.checkout.models import Order
from app.domain.courses import enrollments
from app.domain.courses.models import Course, Lesson
from app.integrations.payments import DisputeState, RefundMade, RefundState, Report
from tests.support.client import CheckedClient
from tests.support.gateway import MemoryGateway, installed
from tests.support.orders import make_order

Ending = Callable[[MemoryGateway, str], Report]
ENDINGS: dict[str, Ending] = {
    "refund": lambda gateway, reference: gateway.add_refund(
        reference, RefundMade("re_1", RefundState.SUCCEEDED, 12_000)
    ),
    "dispute": lambda gateway, reference: gateway.add_dispute(reference, DisputeState.OPEN),
    "chargeback": lambda gateway, reference: gateway.add_dispute(reference, DisputeState.LOST),
}
each_ending = pytest.mark.parametrize("ending", sorted(ENDINGS))


@pytest.fixture
def gateway(app: Flask) -> Iterator[MemoryGateway]:
    """Takes cards, and knows of nothing yet."""
    with installed(app, MemoryGateway()) as gateway:
        yield gateway


@pytest.fixture
def order(learner: User, course: Course, gateway: MemoryGateway) -> Order:
    """What `learner` paid for `course`."""
    order = make_order(learner, course)
    order.gateway_reference = gateway.open(order)
    fulfilment.apply(gateway.pay(order), "card")
    db.session.commit()
    return order


def _end(gateway: MemoryGateway, order: Order, ending: str) -> None:
    fulfilment.apply(ENDINGS[ending](gateway, order.gateway_reference or ""), "card")
    db.session.commit()


@each_ending
def test_what_plays_ends_at_the_next_heartbeat(
    client_of: Callable[[User], CheckedClient],
    learner: User,
    video_lesson: Lesson,
    gateway: MemoryGateway,
    order: Order,
    ending: str,
) -> None:
    player = client_of(learner)
    body = {"lesson_id": str(video_lesson.id)}
    started = player.post("/api/playback/token", json=body).get_json()
    assert player.get(started["manifest_url"]).status_code == 200
    _end(gateway, order, ending)
    said = {"position_seconds": 0, "watched": [], "rate": 1.0, "playing": True}
    session = f"/api/playback/sessions/{started['session_id']}"
    for answer in (
        player.post(f"{session}/heartbeat", json=said),
        player.get(started["manifest_url"]),
    ):
        assert (answer.status_code, answer.get_json()["reason"]) == (410, "enrollment_revoked")
    again = player.post("/api/playback/token", json=body)
    assert (again.status_code, again.get_json()["code"]) == (403, "ENROLLMENT_REQUIRED")


@each_ending
def test_a_course_that_was_finished_before_stays_finished(
    learner: User, course: Course, gateway: MemoryGateway, order: Order, ending: str
) -> None:
    enrollment = enrollments.find_enrollment(learner.id, course.id)
    assert enrollment is not None
    finished_at = enrollment.completed_at = utcnow()
    db.session.commit()
    _end(gateway, order, ending)
    after = enrollments.find_enrollment(learner.id, course.id)
    assert after is not None
    assert after.revoked_at is not None
    assert after.completed_at == finished_at


def test_a_dispute_that_was_won_lets_it_play_again(
    client_of: Callable[[User], CheckedClient],
    learner: User,
    video_lesson: Lesson,
    gateway: MemoryGateway,
    order: Order,
) -> None:
    _end(gateway, order, "dispute")
    won = gateway.add_dispute(order.gateway_reference or "", DisputeState.WON)
    fulfilment.apply(won, "card")
    db.session.commit()
    body = {"lesson_id": str(video_lesson.id)}
    assert client_of(learner).post("/api/playback/token", json=body).get_json()["manifest_url"]
