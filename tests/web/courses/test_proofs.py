"""Sending the proof of a transfer: from a page, as JSON, twice, too late, and never for another."""

import base64
import io
from collections.abc import Callable
from datetime import timedelta

import pytest
from werkzeug.test import TestResponse

from app import clock
from app.clock import utcnow
from app.current import integrations
from app.database import db
from app.domain.accounts.models import User
from app.domain.audit.actions import Action
from app.domain.audit.models import AuditEvent
from app.domain.checkout import fulfilment
from app.domain.checkout.models import EndReason, Order, OrderStatus
from app.domain.checkout.transfer_models import PaymentProof, ProofStatus
from app.domain.courses.enrollments import find_enrollment
from app.domain.courses.models import Course
from app.domain.outbox.models import Mail
from app.domain.site import choices
from tests.support import html
from tests.support.client import CheckedClient
from tests.support.receipts import PDF, make_transfer_order, photo

ClientOf = Callable[[User], CheckedClient]


@pytest.fixture
def order(learner: User, course: Course) -> Order:
    return make_transfer_order(learner, course)


@pytest.fixture
def buyer(client_of: ClientOf, learner: User) -> CheckedClient:
    return client_of(learner)


def send(client: CheckedClient, order: Order, content: bytes, reference: str = "") -> TestResponse:
    """Send a proof as the form of the order's page does."""
    page = client.get(f"/orders/{order.id}").text
    fields = {
        "csrf_token": html.csrf_token(page),
        "file": (io.BytesIO(content), "receipt.jpg"),
        "reference": reference,
    }
    return client.post(f"/orders/{order.id}/proof", data=fields)


def send_json(client: CheckedClient, order: Order, content: bytes) -> TestResponse:
    body = {
        "filename": "receipt.jpg",
        "content_type": "image/jpeg",
        "data_base64": base64.b64encode(content).decode(),
        "reference": "FT 1",
    }
    return client.post(f"/api/orders/{order.id}/proof", json=body)


def proofs() -> list[PaymentProof]:
    return list(db.session.query(PaymentProof).order_by(PaymentProof.created_at))


def mails(template: str) -> list[Mail]:
    return list(db.session.query(Mail).filter_by(template=template))


def test_a_photo_becomes_a_proof_that_waits_for_its_review(
    buyer: CheckedClient, order: Order
) -> None:
    assert "0911" in buyer.get(f"/orders/{order.id}").text
    answer = send(buyer, order, photo(), "  ft 24-123 ")
    assert (answer.status_code, answer.location) == (303, f"/orders/{order.id}")
    page = buyer.get(f"/orders/{order.id}").text
    assert "Your payment is under review" in page
    (proof,) = proofs()
    assert (proof.status, proof.reference) == (ProofStatus.PENDING, "ft 24-123")
    assert proof.content_type == "image/webp"
    assert proof.perceptual_hash is not None
    keys = integrations.storage.list_keys(f"proofs/{order.id}")
    assert [key.rsplit("/", 1)[1] for key in keys] == ["1800.webp", "480.webp"]
    (mail,) = mails("proof_received")
    assert (mail.context["number"], mail.context["open_until"]) == (order.number, "")
    event = db.session.query(AuditEvent).filter_by(action=Action.PROOF_SENT).one()
    assert event.subject_id == order.id
    assert find_enrollment(order.user_id, order.course_id) is None


def test_a_pdf_is_kept_as_it_is(buyer: CheckedClient, order: Order) -> None:
    assert send(buyer, order, PDF).status_code == 303
    (proof,) = proofs()
    assert (proof.content_type, proof.perceptual_hash) == ("application/pdf", None)
    with integrations.storage.open(f"{proof.storage_key}/proof.pdf") as file:
        assert file.read() == PDF


def test_json_and_forms_do_the_same_by_program(buyer: CheckedClient, order: Order) -> None:
    answer = send_json(buyer, order, photo())
    assert answer.status_code == 201
    told = answer.get_json()["order"]
    assert (told["status"], told["proof"]["status"]) == ("under_review", "pending")
    form = {"file": (io.BytesIO(photo()), "x.bin"), "reference": ""}
    own = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}
    again = buyer.post(f"/api/orders/{order.id}/proof", data=form, headers=own)
    assert (again.status_code, len(proofs())) == (201, 1)


@pytest.mark.parametrize(
    "headers",
    [{}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}],
    ids=["says nothing", "another site", "another origin"],
)
def test_a_form_that_is_not_of_this_site_is_refused(
    buyer: CheckedClient, order: Order, headers: dict[str, str]
) -> None:
    form = {"file": (io.BytesIO(photo()), "x.jpg")}
    answer = buyer.post(f"/api/orders/{order.id}/proof", data=form, headers=headers)
    assert answer.status_code == 403
    assert proofs() == []


def test_the_same_file_twice_is_one_proof_and_one_mail(buyer: CheckedClient, order: Order) -> None:
    for _ in range(2):
        assert send_json(buyer, order, photo()).status_code == 201
    assert len(proofs()) == len(mails("proof_received")) == 1
    assert len(integrations.storage.list_keys(f"proofs/{order.id}")) == 2


def test_another_file_waits_until_the_first_is_decided(buyer: CheckedClient, order: Order) -> None:
    send_json(buyer, order, photo(1))
    refused = send_json(buyer, order, photo(2))
    assert (refused.status_code, refused.get_json()["code"]) == (409, "CHECKOUT_REFUSED")
    assert len(proofs()) == 1
    assert len(integrations.storage.list_keys(f"proofs/{order.id}")) == 2  # nothing is left behind


def test_a_foreign_order_takes_no_proof_and_is_not_told_of(
    client_of: ClientOf, outsider: User, order: Order
) -> None:
    stranger = client_of(outsider)
    refused = send_json(stranger, order, photo())
    assert (refused.status_code, refused.get_json()["code"]) == (404, "NOT_FOUND")
    assert proofs() == []


def test_a_card_order_and_a_paid_one_take_none(
    buyer: CheckedClient, order: Order, learner: User, course: Course
) -> None:
    fulfilment.record_payment(order, "transfer", "one", order.total_minor, order.currency)
    db.session.commit()
    refused = send_json(buyer, order, photo())
    assert "settled already" in refused.get_json()["detail"]
    order.method = "card"
    db.session.commit()
    assert "not paid by transfer" in send_json(buyer, order, photo()).get_json()["detail"]


def test_an_order_that_ran_out_still_takes_a_proof(buyer: CheckedClient, order: Order) -> None:
    fulfilment.end(order, EndReason.EXPIRED)
    db.session.commit()
    page = buyer.get(f"/orders/{order.id}").text
    assert "I have paid for it" in page
    assert send(buyer, order, photo()).location == f"/orders/{order.id}"
    db.session.refresh(order)
    assert order.status is OrderStatus.EXPIRED
    assert "We have your proof and look at it" in buyer.get(f"/orders/{order.id}").text


def test_a_form_without_a_file_says_so(buyer: CheckedClient, order: Order) -> None:
    answer = buyer.post_form(f"/orders/{order.id}/proof", {}, page=f"/orders/{order.id}")
    assert answer.location == f"/orders/{order.id}#proof"
    assert "Choose a photo or a PDF first." in buyer.get(f"/orders/{order.id}").text


def test_an_hour_takes_ten_proofs(buyer: CheckedClient, order: Order) -> None:
    answers = [send_json(buyer, order, b"nothing").status_code for _ in range(11)]
    assert answers == [422] * 10 + [429]


def allow_hours(admin: User, hours: int) -> None:
    choices.change(admin.id, {"provisional_access_hours": hours})
    db.session.commit()


def is_in(order: Order) -> bool:
    enrollment = find_enrollment(order.user_id, order.course_id)
    return enrollment is not None and enrollment.revoked_at is None


def test_access_before_the_review_lasts_as_long_as_the_site_says(
    buyer: CheckedClient, order: Order, admin: User
) -> None:
    allow_hours(admin, 48)
    send_json(buyer, order, photo())
    assert is_in(order)
    db.session.refresh(order)
    assert order.provisional_ends_at is not None
    assert timedelta(hours=47) < order.provisional_ends_at - utcnow() <= timedelta(hours=48)
    assert mails("proof_received")[0].context["open_until"]
    assert "the course is open to you already" in buyer.get(f"/orders/{order.id}").text
    with clock.shifted(timedelta(hours=49)):
        fulfilment.settle(order)
        db.session.commit()
    assert not is_in(order)


def test_a_receipt_shown_for_another_order_opens_nothing_before_its_review(
    buyer: CheckedClient, order: Order, admin: User, client_of: ClientOf, outsider: User
) -> None:
    allow_hours(admin, 48)
    send_json(buyer, order, photo())
    course = db.session.get_one(Course, order.course_id)
    theirs = make_transfer_order(outsider, course)
    assert send_json(client_of(outsider), theirs, photo()).status_code == 201
    assert not is_in(theirs)
    db.session.refresh(theirs)
    assert theirs.provisional_ends_at is None


def test_a_second_order_of_the_course_is_not_opened_again_before_its_review(
    buyer: CheckedClient, order: Order, admin: User, learner: User
) -> None:
    allow_hours(admin, 1)
    send_json(buyer, order, photo(1))
    with clock.shifted(timedelta(hours=2)):
        fulfilment.end(order, EndReason.CANCELLED)
        db.session.commit()
        course = db.session.get_one(Course, order.course_id)
        second = make_transfer_order(learner, course)
        send_json(buyer, second, photo(2))
        assert not is_in(second)
