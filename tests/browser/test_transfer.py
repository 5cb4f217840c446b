"""Paying by transfer in a browser: a photographed proof is sent, looked at and approved."""

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from app.clock import utcnow
from app.domain.accounts.models import Role
from app.domain.checkout.models import Order, OrderStatus, Payment
from app.domain.checkout.transfer_models import PaymentProof, ProofStatus, TransferMethod
from app.domain.courses.models import Course, CourseStatus, Enrollment
from app.domain.outbox.models import Mail
from app.domain.site.models import SiteChoices
from tests.browser.conftest import Open
from tests.browser.watching import Faults, screenshot
from tests.support.house import House, Person
from tests.support.receipts import photo, photographed
from tests.support.server import LiveServer, wait_until

PRICE = 250_000
WALLET = "Telebirr"
DRAWN_WITHIN_MS = 30_000


@pytest.fixture(scope="module")
def shop(house: House) -> Iterator[LiveServer]:
    """The house, taking transfers to one wallet."""
    with house.session() as session:
        choices = session.get(SiteChoices, 1) or SiteChoices(id=1)
        choices.takes_transfers = True
        method = TransferMethod(
            name=WALLET, account_name="Triple Technologies", account_number="0911 22 33 44",
            instructions="Choose Send Money, then Bank Account.", currency="ETB",
        )  # fmt: skip
        session.add_all((choices, method))
        session.commit()
        method_id = method.id
    with house.served() as server:
        yield server
    with house.session() as session:
        session.get_one(SiteChoices, 1).takes_transfers = False
        session.get_one(TransferMethod, method_id).is_active = False
        session.commit()


@pytest.fixture
def slug(house: House) -> str:
    """A course of its own for ETB 2,500."""
    slug = f"wallet-{uuid4().hex[:8]}"
    with house.session() as session:
        model = session.query(Course).filter_by(slug=house.course_slug).one()
        course = Course(
            slug=slug, title="Dyeing with plants", pitch="Colours that last.", description="",
            category_id=model.category_id, instructor_id=model.instructor_id, price_minor=PRICE,
            currency="ETB", status=CourseStatus.PUBLISHED, published_at=utcnow(),
        )  # fmt: skip
        session.add(course)
        session.commit()
    return slug


@pytest.fixture
def buyer(house: House) -> Person:
    return house.add_learner(enrolled=False)


def _expect(page: Page, heading: str) -> None:
    """Wait for what a photo that is drawn anew, on a busy machine, leads to."""
    expect(page.get_by_role("heading", name=heading)).to_be_visible(timeout=DRAWN_WITHIN_MS)


def _press(page: Page, key: str, target: Locator) -> None:
    """Press a key until it leads to `target`: the page's script may still be on its way."""

    def is_there() -> bool:
        page.keyboard.press(key)
        return bool(target.evaluate("element => element === document.activeElement"))

    wait_until(is_there, DRAWN_WITHIN_MS // 1000, f"{key} leads there")


def _order(page: Page) -> None:
    page.get_by_role("radio", name=re.compile(WALLET)).check()
    page.get_by_label("I agree to the terms").check()
    page.get_by_role("button", name=re.compile("^Order for")).click()
    _expect(page, "Send the money, then show us the proof")


def _saved(folder: Path, content: bytes) -> Path:
    path = folder / "receipt.jpg"
    path.write_bytes(content)
    return path


def _look_again(page: Page) -> None:
    """Have the page ask how its order stands now, as when its network comes back."""
    page.evaluate("window.dispatchEvent(new Event('online'))")


def test_a_photographed_proof_is_sent_from_a_phone_and_approved(
    open_page: Open, shop: LiveServer, buyer: Person, house: House, slug: str, tmp_path: Path
) -> None:
    page = open_page(f"/checkout/{slug}", buyer, shop, width=360, height=740)
    _order(page)
    expect(page.get_by_label("Account number")).to_have_value("0911 22 33 44")
    screenshot(page, "transfer-instructions-360")
    sent = _saved(tmp_path, photographed())
    page.get_by_label("Photo or PDF of the receipt").set_input_files(sent)
    page.get_by_label("Reference of the transfer").fill("FT24 123")
    page.get_by_role("button", name="Send the proof").click()
    _expect(page, "Your payment is under review")
    screenshot(page, "transfer-under-review-360")
    with house.session() as session:
        order = session.query(Order).filter_by(user_id=buyer.user_id).one()
        proof = session.query(PaymentProof).filter_by(order_id=order.id).one()
        assert proof.size_bytes < sent.stat().st_size  # made smaller on the phone
        assert session.query(Enrollment).filter_by(user_id=buyer.user_id).count() == 0
    desk = open_page("/admin", house.add_learner(role=Role.ADMIN, enrolled=False), shop)
    desk.get_by_role("navigation", name="Administration").get_by_text("Proofs").click()
    screenshot(desk, "proofs-1280")
    desk.get_by_role("listitem").filter(has_text=order.number).get_by_role("link").click()
    picture = desk.get_by_role("img", name=re.compile("The proof that Lena"))
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 1000
    expect(desk.get_by_text("FT24 123")).to_be_visible()
    screenshot(desk, "proof-1280")
    _press(desk, "a", desk.get_by_role("button", name="Approve"))
    desk.keyboard.press("Enter")
    expect(desk.get_by_text(f"Approved: the order {order.number} is paid.")).to_be_visible()
    _look_again(page)
    _expect(page, "You are in")
    with house.session() as session:
        assert session.query(Payment).filter_by(order_id=order.id).one().amount_minor == PRICE
        held = session.query(Enrollment).filter_by(user_id=buyer.user_id).one()
        assert held.revoked_at is None
        told = session.query(Mail).filter_by(to_email=buyer.email, template="receipt")
        assert told.count() == 1


def test_a_rejected_proof_is_replaced_after_a_lost_connection(
    open_page: Open,
    shop: LiveServer,
    buyer: Person,
    house: House,
    slug: str,
    tmp_path: Path,
    faults: Faults,
) -> None:
    page = open_page(f"/checkout/{slug}", buyer, shop, width=768)
    _order(page)
    with house.session() as session:
        order = session.query(Order).filter_by(user_id=buyer.user_id).one()
    wrong = tmp_path / "photo.heic"
    wrong.write_bytes(b"\0\0\0\x18ftypheic" + b"\0" * 99)
    page.get_by_label("Photo or PDF of the receipt").set_input_files(wrong)
    page.get_by_role("button", name="Send the proof").click()
    expect(page.get_by_role("alert")).to_contain_text("This is a HEIC photo")
    screenshot(page, "transfer-fault-768")
    page.get_by_label("Photo or PDF of the receipt").set_input_files(_saved(tmp_path, photo(2)))
    faults.expect("ERR_INTERNET_DISCONNECTED")
    page.context.set_offline(True)
    page.get_by_role("button", name="Send the proof").click()
    expect(page.get_by_role("alert")).to_contain_text("The connection was lost")
    page.context.set_offline(False)
    page.get_by_role("button", name="Send the proof").click()
    _expect(page, "Your payment is under review")
    desk = open_page("/admin/proofs", house.add_learner(role=Role.SUPPORT, enrolled=False), shop)
    desk.get_by_role("link", name=re.compile("2,500.00")).last.click()
    _press(desk, "r", desk.get_by_role("textbox", name="Reason"))
    desk.get_by_role("button", name="The amount is not that of the order.").click()
    desk.get_by_role("button", name="Reject").click()
    expect(desk.get_by_text("Rejected: Lena Browser was told why.")).to_be_visible()
    _look_again(page)
    expect(page.get_by_role("alert")).to_contain_text("The amount is not that of the order.")
    screenshot(page, "transfer-rejected-768")
    with house.session() as session:
        assert session.get_one(Order, order.id).status is OrderStatus.OPEN
        proof = session.query(PaymentProof).filter_by(order_id=order.id).one()
        assert proof.status is ProofStatus.REJECTED
