"""What is asked and done that is no page by itself: searches, playing, and the worker's rounds."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from sqlalchemy import select

from app.clock import utcnow
from app.database import db
from app.domain.accounts import deletion
from app.domain.accounts import retention as old_accounts
from app.domain.checkout import checking, inbox, reconciliation
from app.domain.checkout import retention as old_payments
from app.domain.checkout.models import Order, OrderStatus
from app.domain.courses.models import Lesson
from app.domain.outbox import mail
from app.domain.playback import retention as old_streams
from app.domain.videos import generations, upload_endings
from tests.queries.world import World
from tests.support import player
from tests.support.gateway import MemoryGateway, event, installed

# By role: addresses of searches and orders that no page shows by itself.
SEARCHES: Mapping[str, Iterable[str]] = {
    "anonymous": (
        "/courses?q=abc",
        "/courses?q=abc+weaving",
        "/courses?q=wevaing",
        "/courses?level=beginner&sort=newest",
        "/courses?language=am&price=free&sort=title",
        "/courses?price=paid&sort=price",
        "/courses?page=3",
        "/api/courses?q=fed&limit=20",
    ),
    "admin": (
        "/admin/users?q=crowd77",
        "/admin/users?role=instructor&status=active",
        "/admin/orders?q=number+777",
        "/admin/orders?status=held",
        "/admin/orders?method=transfer",
        "/admin/audit?action=session.started",
        "/admin/audit?actor=crowd77@example.com",
        "/admin/audit?subject=crowd77@example.com",
        "/admin/audit?since=2026-01-01&until=2026-01-02",
        "/admin/proofs",
        "/admin/enrollments?q=crowd77",
        "/admin/courses?q=0a1b",
    ),
}


def _play(world: World) -> None:
    """Start a stream, play, report, stop."""
    lesson = db.session.get_one(Lesson, world.values["lesson_id"])
    db.session.rollback()
    stream = player.start(world.clients["enrolled"], lesson).open()
    client, variant = world.clients["enrolled"], stream.addresses
    for name in ("key", "segment"):
        assert client.get(variant[name]).status_code == 200
    assert stream.heartbeat(9.0, watched=[[0, 9]]).status_code == 200
    assert stream.stop().status_code == 204


def _sign_in(world: World) -> None:
    """Try an address of somebody, by the API and as a new account."""
    body = {"email": "crowd77@example.com", "password": "wrong-wrong-wrong"}
    client = world.clients["anonymous"]
    assert client.post("/api/auth/login", json=body).status_code == 401
    more = {"name": "Another", "password": "correct-horse-battery"}
    assert client.post("/api/auth/register", json=body | more).status_code < 300


def _take_webhook(world: World) -> None:
    """Keep what a gateway tells of an order that is open."""
    with installed(world.app, MemoryGateway()) as gateway:
        _tell_of_a_payment(gateway)


def _tell_of_a_payment(gateway: MemoryGateway) -> None:
    order = db.session.scalars(select(Order).where(Order.status == OrderStatus.OPEN)).first()
    assert order is not None
    order.gateway_reference = gateway.open(order)
    db.session.flush()
    inbox.receive(event("checkout.session.completed", gateway.pay(order)), "card")


def _learn(world: World) -> None:
    """Complete a lesson, as a form does."""
    client, path = world.clients["enrolled"], world.path("courses.learn")
    assert client.post_form(f"{path}/complete", page=path).status_code == 303


def _clean_up(_: World) -> None:
    """Do what the worker does by the clock."""
    for act in (
        mail.forget_old,
        old_streams.forget_old_sign_ins,
        old_payments.forget_old_payloads,
        generations.list_outdated,
        upload_endings.end_silent,
        upload_endings.forget_ended,
    ):
        act()


def _check_orders(_: World) -> None:
    """Find what of selling is due."""
    now = utcnow()
    checking.list_due(20)
    checking.list_provisional_over(20)
    checking.list_late_refunds(20)
    inbox.list_waiting(now, 20)
    reconciliation.list_orders_since(now - timedelta(days=1), None, 20)
    reconciliation.list_unseen("card", now - timedelta(days=1), [])


def _find_accounts_due(_: World) -> None:
    """Find whose time to be erased has come, and old links."""
    deletion.list_due()
    old_accounts.forget_old_links()
    old_accounts.forget_old_ceremonies()


ACTS: Mapping[str, Callable[[World], None]] = {
    "play": _play,
    "sign in": _sign_in,
    "take a webhook": _take_webhook,
    "learn": _learn,
    "clean up": _clean_up,
    "check orders": _check_orders,
    "find accounts due": _find_accounts_due,
}
