"""The orders that were searched for, as a file for spreadsheets."""

from collections.abc import Iterator
from dataclasses import asdict

from flask import Response, request, stream_with_context

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import Role
from app.domain.audit.actions import Action
from app.domain.checkout import order_list
from app.domain.checkout.order_list import After, OrderRow, OrdersWanted
from app.web import audit
from app.web.access import require_recent, require_role
from app.web.admin import blueprint
from app.web.admin.orders_api import read_wanted
from app.web.admin.spreadsheets import decimal, line
from app.web.json import rfc3339

BATCH = 500
COLUMNS = (
    "number", "id", "status", "created_at", "course_id", "course", "customer_id", "customer",
    "email", "method", "coupon", "currency", "total", "refunded", "gateway_reference",
)  # fmt: skip


@blueprint.get("/admin/orders.csv")
def orders_file() -> Response:
    """Send the orders that are asked for, newest first, in pieces; that it was taken is noted."""
    require_recent(require_role(Role.ADMIN))
    wanted = read_wanted()
    asked = {name: str(value) for name, value in asdict(wanted).items() if value}
    if "text" in asked:
        asked["text"] = "given"  # perhaps somebody's address, which the trail would keep for ever
    if request.method == "GET":
        audit.note(Action.REPORT_EXPORTED, subject_kind="orders", criteria=asked)
        db.session.commit()
    response = Response(stream_with_context(_lines(wanted)), mimetype="text/csv")
    name = f"orders-{utcnow():%Y-%m-%d-%H%M}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _lines(wanted: OrdersWanted) -> Iterator[str]:
    """Yield the file a batch at a time; no connection is held while a slow reader takes it."""
    yield line(COLUMNS)
    after: After = None
    while rows := order_list.list_orders(wanted, after, BATCH):
        lines = [_line(row) for row in rows]
        after = (rows[-1].created_at, rows[-1].id)
        db.session.remove()
        yield "".join(lines)


def _line(row: OrderRow) -> str:
    order = row.order
    return line(
        [
            order.number, order.id, order.status.value, rfc3339(order.created_at), order.course_id,
            order.course_title, order.user_id, row.name, row.email, order.method,
            order.coupon_code, order.currency, decimal(order.total_minor),
            decimal(row.view.refunded_minor), order.gateway_reference,
        ]
    )  # fmt: skip
