"""Going through proofs: one decision each, access and mails follow, what came before is named."""

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.audit.actions import Action
from app.domain.audit.models import AuditEvent
from app.domain.checkout import proof_files, proofs
from app.domain.checkout.models import Order, OrderStatus, Payment
from app.domain.checkout.proof_files import Kept
from app.domain.checkout.transfer_models import PaymentProof, ProofStatus
from app.domain.courses.enrollments import find_enrollment
from app.domain.courses.models import Course, RevocationReason
from app.domain.outbox.models import Mail
from app.domain.site import choices
from tests import factories
from tests.support.client import CheckedClient
from tests.support.receipts import PDF, make_transfer_order

ClientOf = Callable[[User], CheckedClient]
LOOK = 0b1011 << 40


def make_proof(
    order: Order, reference: str = "", sha256: str = "", look: int | None = None
) -> PaymentProof:
    """Have the buyer of `order` send a proof, less the drawing of its picture."""
    proof_id = uuid.uuid4()
    kept = Kept(proof_id, order.id, "image/webp", 1000, sha256 or proof_id.hex, look)
    proof = proofs.send(order.user_id, order.id, kept, reference).proof
    db.session.commit()
    return proof


@pytest.fixture
def order(learner: User, course: Course) -> Order:
    return make_transfer_order(learner, course)


@pytest.fixture
def theirs(outsider: User, course: Course) -> Order:
    return make_transfer_order(outsider, course)


@pytest.fixture
def reviewer(client_of: ClientOf, admin: User) -> CheckedClient:
    return client_of(admin)


def is_in(order: Order) -> bool:
    enrollment = find_enrollment(order.user_id, order.course_id)
    return enrollment is not None and enrollment.revoked_at is None


def count(table: type, **by: object) -> int:
    return db.session.query(table).filter_by(**by).count()


def decide(client: CheckedClient, proof: PaymentProof, way: str, **fields: str):
    path = f"/admin/proofs/{proof.id}"
    return client.post_form(f"{path}/{way}", fields, page=path)


def test_an_approved_proof_pays_the_order_and_leads_to_the_next(
    reviewer: CheckedClient, order: Order, theirs: Order, admin: User
) -> None:
    first, second = make_proof(order), make_proof(theirs)
    answer = decide(reviewer, first, "approve")
    assert answer.location == f"/admin/proofs/{second.id}"
    db.session.refresh(order)
    assert order.status is OrderStatus.PAID
    assert is_in(order)
    payment = db.session.query(Payment).filter_by(order_id=order.id).one()
    assert (payment.amount_minor, payment.currency) == (order.total_minor, order.currency)
    assert (payment.gateway, payment.recorded_by_id) == ("transfer", admin.id)
    db.session.refresh(first)
    assert (first.status, first.reviewed_by_id) == (ProofStatus.APPROVED, admin.id)
    assert count(Mail, template="receipt") == 1
    event = db.session.query(AuditEvent).filter_by(action=Action.PROOF_APPROVED).one()
    assert (event.subject_id, event.actor_id) == (order.id, admin.id)
    assert decide(reviewer, second, "approve").location == "/admin/proofs"
    assert "Nothing waits" in reviewer.get("/admin/proofs").text


def test_approving_twice_pays_once(reviewer: CheckedClient, order: Order) -> None:
    proof = make_proof(order)
    path = f"/api/admin/proofs/{proof.id}/approve"
    answers = [reviewer.post(path, json={}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert answers[-1].get_json()["proof"]["order"]["status"] == "paid"
    assert count(Payment, order_id=order.id) == count(Mail, template="receipt") == 1
    assert count(AuditEvent, action=Action.PROOF_APPROVED) == 1


def test_a_rejected_proof_tells_why_and_another_may_be_sent(
    reviewer: CheckedClient, order: Order, client_of: ClientOf, learner: User
) -> None:
    proof = make_proof(order)
    reason = "The amount is not that of the order."
    assert decide(reviewer, proof, "reject", reason=reason).location == "/admin/proofs"
    db.session.refresh(order)
    assert order.status is OrderStatus.OPEN
    mail = db.session.query(Mail).filter_by(template="proof_rejected").one()
    assert mail.context["reason"] == reason
    page = client_of(learner).get(f"/orders/{order.id}").text
    assert reason in page
    assert "Send the proof" in page
    assert make_proof(order).status is ProofStatus.PENDING


def test_whoever_comes_second_is_told_of_the_other_decision(
    reviewer: CheckedClient, order: Order
) -> None:
    proof = make_proof(order)
    decide(reviewer, proof, "reject", reason="No.")
    refused = reviewer.post(f"/api/admin/proofs/{proof.id}/approve", json={})
    assert (refused.status_code, refused.get_json()["code"]) == (409, "CHECKOUT_REFUSED")
    assert count(Payment) == 0
    assert not is_in(order)


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501], ids=["none", "blank", "long"])
def test_a_rejection_needs_a_reason(reviewer: CheckedClient, order: Order, reason: str) -> None:
    proof = make_proof(order)
    answer = decide(reviewer, proof, "reject", reason=reason)
    assert answer.status_code == 422
    assert 'id="reason-error"' in answer.text
    db.session.refresh(proof)
    assert proof.status is ProofStatus.PENDING
    refused = reviewer.post(f"/api/admin/proofs/{proof.id}/reject", json={"reason": reason})
    assert refused.get_json()["errors"][0]["field"] == "reason"


def test_access_given_before_the_review_ends_with_a_rejection_and_is_not_given_again(
    reviewer: CheckedClient, order: Order, admin: User
) -> None:
    choices.change(admin.id, {"provisional_access_hours": 24})
    proof = make_proof(order)
    assert is_in(order)
    assert "Open meanwhile until" in reviewer.get(f"/admin/proofs/{proof.id}").text
    decide(reviewer, proof, "reject", reason="Not ours.")
    assert not is_in(order)
    enrollment = find_enrollment(order.user_id, order.course_id)
    assert enrollment is not None
    assert enrollment.revocation is RevocationReason.PROOF_REJECTED
    make_proof(order)
    assert not is_in(order)


def test_a_decision_keeps_access_that_was_given_before_the_review(
    reviewer: CheckedClient, order: Order, admin: User
) -> None:
    choices.change(admin.id, {"provisional_access_hours": 24})
    proof = make_proof(order)
    decide(reviewer, proof, "approve")
    assert is_in(order)


@pytest.mark.parametrize(
    ("mine", "other", "why"),
    [
        ({"sha256": "a" * 64}, {"sha256": "a" * 64}, "the same file"),
        ({"reference": "FT-24 123abc"}, {"reference": "ft24123 ABC"}, "the same reference"),
        ({"look": LOOK}, {"look": LOOK ^ 0b111111}, "looks alike"),
        ({"look": -(2**63)}, {"look": -(2**63) + 5}, "looks alike"),
    ],
    ids=["file", "reference", "picture", "sign bit"],
)
def test_what_was_shown_before_is_named_and_linked(
    reviewer: CheckedClient, order: Order, theirs: Order, mine: dict, other: dict, why: str
) -> None:
    earlier, later = make_proof(order, **mine), make_proof(theirs, **other)
    page = reviewer.get(f"/admin/proofs/{later.id}").text
    assert "This was shown before." in page
    assert why in page
    assert f"/admin/proofs/{earlier.id}" in page
    (told,) = reviewer.get(f"/api/admin/proofs/{later.id}").get_json()["duplicates"]
    assert (told["proof_id"], told["is_own_order"]) == (str(earlier.id), False)
    assert ("Came before" in reviewer.get("/admin/proofs").text) is (why != "looks alike")


@pytest.mark.parametrize(
    ("mine", "other"),
    [
        ({"reference": "1"}, {"reference": "1"}),
        ({"reference": ""}, {"reference": " "}),
        ({"look": LOOK}, {"look": LOOK ^ 0b1111111}),
        ({"look": 0}, {"look": None}),
    ],
    ids=["says nothing", "left out", "another picture", "a PDF"],
)
def test_what_differs_is_not_called_a_duplicate(
    reviewer: CheckedClient, order: Order, theirs: Order, mine: dict, other: dict
) -> None:
    make_proof(order, **mine)
    later = make_proof(theirs, **other)
    assert reviewer.get(f"/api/admin/proofs/{later.id}").get_json()["duplicates"] == []


def test_those_that_wait_the_longest_come_first_page_by_page(
    reviewer: CheckedClient, course: Course
) -> None:
    made = [
        make_proof(make_transfer_order(factories.make_user(), course), reference=f"{n}")
        for n in range(3)
    ]
    first = reviewer.get("/api/admin/proofs?limit=2").get_json()
    rest = reviewer.get(f"/api/admin/proofs?limit=2&cursor={first['next_cursor']}").get_json()
    listed = [item["id"] for item in first["items"] + rest["items"]]
    assert listed == [str(proof.id) for proof in made]
    assert rest["next_cursor"] is None


def test_support_decides_on_others_orders_but_not_on_its_own(
    client_of: ClientOf, course: Course, order: Order
) -> None:
    support = factories.make_user(Role.SUPPORT)
    client = client_of(support)
    own = make_proof(make_transfer_order(support, course))
    assert "Let somebody else look at it" in client.get(f"/admin/proofs/{own.id}").text
    refused = client.post(f"/api/admin/proofs/{own.id}/approve", json={})
    assert (refused.status_code, refused.get_json()["code"]) == (403, "FORBIDDEN")
    other = make_proof(order)
    assert client.post(f"/api/admin/proofs/{other.id}/approve", json={}).status_code == 200


def test_the_navigation_counts_what_waits(
    reviewer: CheckedClient, order: Order, client_of: ClientOf, instructor: User
) -> None:
    make_proof(order)
    assert "waiting: </span>1</span>" in reviewer.get("/admin").text
    assert "/admin/proofs" not in client_of(instructor).get("/admin").text


def test_a_pdf_is_served_where_it_can_do_nothing(
    reviewer: CheckedClient, order: Order, client_of: ClientOf, learner: User, tmp_path: Path
) -> None:
    source = tmp_path / "sent"
    source.write_bytes(PDF)
    kept = proof_files.keep(order.id, source)
    proof = proofs.send(order.user_id, order.id, kept, "").proof
    db.session.commit()
    path = f"/admin/proofs/{proof.id}/document.pdf"
    served = reviewer.get(path)
    assert served.data == PDF
    assert served.mimetype == "application/pdf"
    assert served.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "script-src" not in served.headers["Content-Security-Policy"]
    assert served.headers["X-Content-Type-Options"] == "nosniff"
    assert served.headers["Cache-Control"] == "private, no-store"
    assert "attachment" in reviewer.get(f"{path}?keep=1").headers["Content-Disposition"]
    assert (
        "frame-src 'self'"
        in reviewer.get(f"/admin/proofs/{proof.id}").headers["Content-Security-Policy"]
    )
    assert reviewer.get(f"/admin/proofs/{proof.id}/480.webp").status_code == 404
    assert client_of(learner).get(path).status_code == 403
