"""What buyers are told by mail. Every notice is queued in the transaction of its cause."""

from datetime import datetime

from sqlalchemy import select

from app.database import db
from app.domain.accounts.models import User, UserStatus
from app.domain.checkout.models import Order, Refund
from app.domain.checkout.transfer_models import TransferMethod
from app.domain.courses.models import Course
from app.domain.outbox import mail
from app.domain.outbox.mail import Value


def tell_how_to_pay(order: Order, method: TransferMethod) -> None:
    """Tell where to send the money of a transfer."""
    _tell(
        order,
        "order_placed",
        total=_amount(order.total_minor, order.currency),
        method=method.name,
        account_name=method.account_name,
        account_number=method.account_number,
        due=order.expires_at.isoformat(),
        link=order_link(order),
    )


def tell_receipt(order: Order, paid_at: datetime) -> None:
    """Tell that the money has arrived and the course is open."""
    _tell(
        order,
        "receipt",
        total=_amount(order.total_minor, order.currency),
        paid=paid_at.isoformat(),
        course_link=course_link(order),
        receipt_link=mail.absolute(f"/orders/{order.id}/receipt.pdf"),
    )


def tell_proof_arrived(order: Order, open_until: datetime | None) -> None:
    """Tell that a proof waits for its review, and until when the course is open meanwhile."""
    _tell(
        order,
        "proof_received",
        open_until=open_until.isoformat() if open_until else "",
        link=order_link(order),
    )


def tell_proof_rejected(order: Order, reason: str) -> None:
    """Tell why a proof was not accepted, and that another can be sent."""
    _tell(order, "proof_rejected", reason=reason, link=order_link(order))


def tell_refund(order: Order, refund: Refund, *, keeps_access: bool) -> None:
    """Tell how much money is on its way back, and whether the course stays open."""
    _tell(
        order,
        "refund_made",
        amount=_amount(refund.amount_minor, refund.currency),
        link=order_link(order),
        course_link=course_link(order) if keeps_access else "",
    )


def tell_expired(order: Order) -> None:
    """Tell that no money came in time."""
    slug = _slug(order)
    _tell(order, "order_expired", link=mail.absolute(f"/courses/{slug}"))


def order_link(order: Order) -> str:
    """Return the address of the order's own page."""
    return mail.absolute(f"/orders/{order.id}")


def course_link(order: Order) -> str:
    """Return where the buyer learns."""
    return mail.absolute(f"/learn/{_slug(order)}")


def _slug(order: Order) -> str:
    return db.session.scalars(select(Course.slug).where(Course.id == order.course_id)).one()


def _amount(minor: int, currency: str) -> str:
    """Return an amount as letters take it; they write it as the reader does."""
    return f"{minor} {currency}"


def _tell(order: Order, template: str, **context: Value) -> None:
    user = db.session.get_one(User, order.user_id)
    if user.status is not UserStatus.ACTIVE:
        return
    mail.send(
        user.email,
        template,
        user.locale,
        name=user.name,
        course=order.course_title,
        number=order.number,
        **context,
    )
