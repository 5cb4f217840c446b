"""The seller's accounts at banks and wallets, to which people transfer money."""

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from app.database import db
from app.domain.checkout.models import LIVE_STATUSES, Order
from app.domain.checkout.transfer_models import TransferMethod
from app.domain.courses.course_fields import CURRENCIES
from app.errors import InUse, InvalidInput, NotFound, VersionConflict

MAX_METHODS = 20
MAX_LINE_LENGTH = 80
MAX_INSTRUCTIONS_LENGTH = 1000
LINES = ("name", "account_name", "account_number")
REMEDIES = {
    "name": "Say which bank or wallet it is, such as Telebirr.",
    "account_name": "Say in whose name the account is.",
    "account_number": "Give the account's number, as payers type it.",
}


@dataclass(frozen=True, slots=True)
class MethodView:
    """An account as staff sees it; `live_order_count` orders wait for money on it."""

    id: uuid.UUID
    name: str
    account_name: str
    account_number: str
    instructions: str
    currency: str | None
    is_active: bool
    position: int
    version: int
    live_order_count: int


def list_methods() -> list[MethodView]:
    """Return every account in the order in which payers see them (there are at most 20)."""
    counted = (
        select(func.count())
        .where(Order.transfer_method_id == TransferMethod.id, Order.status.in_(LIVE_STATUSES))
        .scalar_subquery()
    )
    rows = db.session.execute(
        select(
            TransferMethod.id, TransferMethod.name, TransferMethod.account_name,
            TransferMethod.account_number, TransferMethod.instructions, TransferMethod.currency,
            TransferMethod.is_active, TransferMethod.position, TransferMethod.version, counted,
        )
        .order_by(TransferMethod.position, TransferMethod.id)
        .limit(MAX_METHODS)
    )  # fmt: skip
    return [MethodView(*row) for row in rows]


def get_method(method_id: uuid.UUID) -> MethodView:
    """Return an account. Raises NotFound."""
    for method in list_methods():
        if method.id == method_id:
            return method
    raise NotFound


def find_method(method_id: uuid.UUID | None) -> TransferMethod | None:
    """Return the account an order is paid to, also one that takes no more orders."""
    return db.session.get(TransferMethod, method_id) if method_id else None


def create(fields: dict[str, Any]) -> TransferMethod:
    """Add an account behind the others. Raises InvalidInput naming each wrong field."""
    methods = _lock_all()
    if len(methods) >= MAX_METHODS:
        raise InvalidInput({"name": f"There are {MAX_METHODS} accounts, which is the most."})
    settled = _settle({"currency": None, "instructions": "", "is_active": True, **fields})
    position = max((method.position for method in methods), default=-1) + 1
    method = TransferMethod(position=position, **settled)
    db.session.add(method)
    db.session.flush()
    return method


def change(
    method_id: uuid.UUID,
    fields: dict[str, Any],
    *,
    position: int | None = None,
    version: int | None = None,
) -> list[str]:
    """Change what is given; return the names of what is other than before.

    `position` counts from 0, and the others make room. Who waits to pay sees the new number at
    once. Raises NotFound, InvalidInput, and VersionConflict when `version` is not the current one.
    """
    methods = _lock_all()
    method = _find(methods, method_id)
    if version is not None and version != method.version:
        raise VersionConflict(current={"version": method.version})
    settled = _settle(fields)
    changed = [name for name, value in settled.items() if getattr(method, name) != value]
    for name in changed:
        setattr(method, name, settled[name])
    if position is not None and methods.index(method) != min(position, len(methods) - 1):
        methods.remove(method)
        methods.insert(position, method)
        for index, one in enumerate(methods):
            one.position = index
        changed.append("position")
    if changed:
        method.version += 1
    db.session.flush()
    return changed


def delete(method_id: uuid.UUID) -> str:
    """Delete an account that no order waits on; return its name. Raises NotFound, InUse."""
    # An order that is placed on it now holds its row by the foreign key, or is refused by it.
    method = db.session.get(TransferMethod, method_id, with_for_update=True, populate_existing=True)
    if method is None:
        raise NotFound
    waiting = db.session.scalar(
        select(func.count()).where(
            Order.transfer_method_id == method_id, Order.status.in_(LIVE_STATUSES)
        )
    )
    if waiting:
        raise InUse(
            f"Orders waiting for money on this account: {waiting}. Close it for new orders "
            "instead, and delete it once they are settled.",
            order_count=waiting,
        )
    name = method.name
    db.session.delete(method)
    db.session.flush()
    return name


def _lock_all() -> list[TransferMethod]:
    """Return all accounts in their order; two who order or add them at once follow each other."""
    # A lock of rows would not hold back one that is just being added.
    db.session.execute(select(func.pg_advisory_xact_lock(func.hashtext("transfer_methods"))))
    return list(
        db.session.scalars(
            select(TransferMethod)
            .order_by(TransferMethod.position, TransferMethod.id)
            .execution_options(populate_existing=True)
        )
    )


def _find(methods: list[TransferMethod], method_id: uuid.UUID) -> TransferMethod:
    for method in methods:
        if method.id == method_id:
            return method
    raise NotFound


def _settle(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields as they are stored. Raises InvalidInput naming each wrong one."""
    settled = dict(fields)
    faults: dict[str, str] = {}
    for name in LINES:
        if name in settled:
            settled[name] = " ".join((settled[name] or "").split())
            if not settled[name]:
                faults[name] = REMEDIES[name]
            elif len(settled[name]) > MAX_LINE_LENGTH or not settled[name].isprintable():
                faults[name] = f"Use at most {MAX_LINE_LENGTH} characters."
    if "instructions" in settled:
        text = (settled["instructions"] or "").replace("\r\n", "\n").strip()
        settled["instructions"] = text
        if len(text) > MAX_INSTRUCTIONS_LENGTH or "\0" in text:
            faults["instructions"] = f"Use at most {MAX_INSTRUCTIONS_LENGTH} characters."
    if "currency" in settled:
        settled["currency"] = settled["currency"] or None
        if settled["currency"] not in (None, *CURRENCIES):
            faults["currency"] = f"Choose one of {', '.join(CURRENCIES)}, or leave it empty."
    if faults:
        raise InvalidInput(faults)
    return settled
