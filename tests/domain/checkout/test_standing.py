"""Where an order stands: made of its facts alone, whatever they are and however they are read."""

import uuid
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.clock import utcnow
from app.domain.checkout.models import (
    LIVE_STATUSES,
    Dispute,
    DisputeStatus,
    EndReason,
    Order,
    OrderStatus,
    Payment,
    Refund,
    RefundStatus,
)
from app.domain.checkout.standing import (
    Facts,
    facts_from,
    gives_access,
    reason_against,
    status_of,
)
from app.domain.courses.models import RevocationReason

pytestmark = pytest.mark.no_database
NOW = utcnow()
MONEYLESS_ENDS = (OrderStatus.FAILED, OrderStatus.CANCELLED, OrderStatus.EXPIRED)
TOTAL = 100

facts = some.builds(
    Facts,
    is_complete=some.booleans(),
    has_money=some.booleans(),
    is_refunded=some.booleans(),
    ends_access=some.booleans(),
    dispute=some.none() | some.sampled_from(DisputeStatus),
    is_held=some.booleans(),
    ended_as=some.none() | some.sampled_from(EndReason),
    has_pending_proof=some.booleans(),
    was_proof_rejected=some.booleans(),
    provisional_ends_at=some.sampled_from(
        [None, NOW - timedelta(hours=1), NOW + timedelta(hours=1)]
    ),
)
PAYMENT_IDS = [uuid.UUID(int=number) for number in (1, 2)]
payments = some.lists(some.sampled_from(PAYMENT_IDS), unique=True).map(
    lambda ids: [Payment(id=id_, amount_minor=TOTAL) for id_ in ids]
)
refunds = some.lists(
    some.builds(
        Refund,
        payment_id=some.sampled_from(PAYMENT_IDS),
        amount_minor=some.integers(1, TOTAL),
        status=some.sampled_from(RefundStatus),
        ends_access=some.booleans(),
        requested_by_id=some.none() | some.just(uuid.UUID(int=9)),
    ),
    max_size=4,
)
disputes = some.lists(some.builds(Dispute, status=some.sampled_from(DisputeStatus)), max_size=3)


@given(facts)
def test_money_is_never_forgotten(known: Facts) -> None:
    status = status_of(known)
    if known.has_money:
        assert status not in (OrderStatus.OPEN, OrderStatus.UNDER_REVIEW, *MONEYLESS_ENDS)
    elif not known.is_complete:
        assert status in (OrderStatus.OPEN, OrderStatus.UNDER_REVIEW, *MONEYLESS_ENDS)


@given(facts)
def test_nothing_opens_without_money_but_a_proof_in_its_time(known: Facts) -> None:
    if gives_access(known, NOW) and not known.has_money and not known.is_complete:
        assert known.has_pending_proof
        assert known.provisional_ends_at is not None
        assert known.provisional_ends_at > NOW
        assert status_of(known) is OrderStatus.UNDER_REVIEW


@given(facts)
def test_held_disputed_and_ended_orders_open_nothing(known: Facts) -> None:
    closed = (OrderStatus.HELD, OrderStatus.DISPUTED, OrderStatus.CHARGED_BACK, *MONEYLESS_ENDS)
    if status_of(known) in closed:
        assert not gives_access(known, NOW)


@given(facts)
def test_what_was_refunded_with_its_access_opens_nothing(known: Facts) -> None:
    if known.has_money and known.ends_access:
        assert not gives_access(known, NOW)


@given(facts)
def test_who_lost_access_by_a_dispute_waits_for_staff_and_others_do_not(known: Facts) -> None:
    if not known.has_money:
        assert reason_against(known) is not RevocationReason.DISPUTE
    elif known.dispute in (DisputeStatus.OPEN, DisputeStatus.LOST):
        assert reason_against(known) is RevocationReason.DISPUTE


@given(payments, refunds, disputes, some.randoms(use_true_random=False))
def test_facts_do_not_depend_on_their_order(
    paid: list[Payment], gone: list[Refund], asked: list[Dispute], chance: object
) -> None:
    order = Order(total_minor=TOTAL)
    before = facts_from(order, paid, gone, asked)
    for rows in (paid, gone, asked):
        chance.shuffle(rows)  # type: ignore[attr-defined]
    assert facts_from(order, paid, gone, asked) == before


@given(payments, refunds)
def test_a_refund_of_a_part_is_not_the_whole(paid: list[Payment], gone: list[Refund]) -> None:
    known = facts_from(Order(total_minor=TOTAL), paid, gone, [])
    for payment in paid:
        went = sum(
            refund.amount_minor
            for refund in gone
            if refund.payment_id == payment.id and refund.status is RefundStatus.SUCCEEDED
        )
        if went < payment.amount_minor:
            assert not known.is_refunded
    if not paid:
        assert not known.is_refunded


@pytest.mark.parametrize(
    ("known", "status"),
    [
        (Facts(), OrderStatus.OPEN),
        (Facts(has_pending_proof=True), OrderStatus.UNDER_REVIEW),
        (Facts(is_complete=True), OrderStatus.PAID),
        (Facts(has_money=True), OrderStatus.PAID),
        (Facts(has_money=True, ended_as=EndReason.EXPIRED), OrderStatus.PAID),
        (Facts(has_money=True, is_held=True), OrderStatus.HELD),
        (Facts(has_money=True, is_held=True, is_refunded=True), OrderStatus.REFUNDED),
        (Facts(has_money=True, is_refunded=True), OrderStatus.REFUNDED),
        (
            Facts(has_money=True, is_refunded=True, dispute=DisputeStatus.OPEN),
            OrderStatus.DISPUTED,
        ),
        (Facts(has_money=True, dispute=DisputeStatus.LOST), OrderStatus.CHARGED_BACK),
        (Facts(has_money=True, dispute=DisputeStatus.WON), OrderStatus.PAID),
        (Facts(ended_as=EndReason.CANCELLED), OrderStatus.CANCELLED),
        (Facts(ended_as=EndReason.FAILED, has_pending_proof=True), OrderStatus.FAILED),
    ],
    ids=str,
)
def test_each_standing_has_its_facts(known: Facts, status: OrderStatus) -> None:
    assert status_of(known) is status


def test_what_lives_keeps_a_seat() -> None:
    assert set(LIVE_STATUSES) == {OrderStatus.OPEN, OrderStatus.UNDER_REVIEW, OrderStatus.HELD}
