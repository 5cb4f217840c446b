"""Checkouts while web server, worker and database are killed at random: nothing paid is lost.

CHECKOUT_STORM says how many: the suite runs few, a thousand take minutes.
"""

import http.client
import json
import os
import random
import secrets
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest
from flask_migrate import upgrade

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import LoginSession, User
from tests import factories
from tests.ops.storm import Killer, Program, kept, starter
from tests.support.apps import made_app
from tests.support.postgres import temporary_cluster, with_owner
from tests.support.server import ROOT, base_environment, free_port, responds, wait_until
from tests.support.stripe_stand_in import StripeStandIn

pytestmark = [pytest.mark.no_database, pytest.mark.alone, pytest.mark.timeout(3600)]
CHECKOUTS = int(os.environ.get("CHECKOUT_STORM") or 40)
BUYERS_AT_ONCE = 6 if CHECKOUTS < 500 else 24
KILL_EVERY_SECONDS = 2.0
GRACE_SECONDS = 10.0
MOST_KILLS = CHECKOUTS // 4
END_STATE_SECONDS = 60
PATIENCE_SECONDS = 300
PRICE_MINOR = 4900
COURSES = 5
LIVE = "select count(*) from orders where status in ('open', 'under_review', 'held')"
PAID = "select count(*) from orders where status = 'paid'"


@dataclass
class Site:
    """A site whose programs are killed: where it is, who may buy there, and its database."""

    url: str
    database_url: str
    environment: dict[str, str]
    programs: dict[str, Program]
    buyers: list[str]
    slugs: list[str]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with closing(psycopg2.connect(self.database_url)) as connection:
            cursor = connection.cursor()
            cursor.execute(query)
            return cursor.fetchall()

    def count(self, query: str) -> int:
        """Return the number that a query asks for."""
        return int(self.rows(query)[0][0])

    def ask(self, method: str, path: str, cookie: str, body: object = None, key: str = "") -> Any:
        """Ask until there is an answer that means something; return status and document.

        A server that is away, and one that asks for patience, is asked again under the same key.
        """
        parts = urlsplit(self.url)
        headers = {"Cookie": f"session={cookie}", "Content-Type": "application/json"}
        headers |= {"Idempotency-Key": key} if key else {}
        encoded = None if body is None else json.dumps(body)
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
            with closing(connection):
                try:
                    connection.request(method, path, encoded, headers)
                    answer = connection.getresponse()
                    said = answer.read()
                except (OSError, http.client.HTTPException):
                    answer = None
            if answer is not None and answer.status < 500 and answer.status != 429:
                return answer.status, json.loads(said)
            time.sleep(0.3)
        raise AssertionError(f"{method} {path}: no answer in {PATIENCE_SECONDS} s")


@pytest.fixture
def site(
    environment: dict[str, str], tmp_path: Path, stripe_stand_in: StripeStandIn
) -> Iterator[Site]:
    """A site of two web workers and a job worker, on a database that loses nothing it promised."""
    with temporary_cluster({}, 100) as cluster, kept(cluster.start) as postgres:
        wait_until(cluster.has_started, 30, "PostgreSQL runs")
        url = with_owner(cluster.admin_url).create_database("storm")
        port = free_port()
        values = {
            **environment,
            **stripe_stand_in.environment,
            "DATABASE_URL": url,
            "DATA_DIR": str(tmp_path),
            "RUN_DIR": str(tmp_path / "run"),
            "PORT": str(port),
            "PUBLIC_BASE_URL": f"http://127.0.0.1:{port}",
            "WEB_WORKERS": "2",
        }
        buyers, slugs = _furnish(values)
        web = ["gunicorn", "-c", "gunicorn.conf.py", "--bind", f"127.0.0.1:{port}", "wsgi:app"]
        job = ["flask", "--app", "wsgi", "worker", "--with-scheduler"]
        with (
            kept(starter(web, values, tmp_path / "web.log")) as web_program,
            kept(starter(job, values, tmp_path / "worker.log")) as worker,
        ):
            address = values["PUBLIC_BASE_URL"]
            wait_until(lambda: responds(address), 60, "the site answers")
            stripe_stand_in.deliver_to(address)
            programs = {"postgres": postgres, "web": web_program, "worker": worker}
            yield Site(address, url, values, programs, buyers, slugs)


def _furnish(values: dict[str, str]) -> tuple[list[str], list[str]]:
    """Make courses and a signed-in buyer for each checkout; return their tokens and the slugs."""
    with made_app(values) as app, app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
        courses = [
            factories.make_course(price_minor=PRICE_MINOR, currency="USD") for _ in range(COURSES)
        ]
        slugs = [course.slug for course in courses]
        tokens = [secrets.token_urlsafe(32) for _ in range(CHECKOUTS)]
        for number, token in enumerate(tokens):
            user = User(email=f"buyer{number}@example.com", name=f"Buyer {number}")
            db.session.add(user)
            db.session.flush()
            later = utcnow().replace(year=utcnow().year + 1)
            hashed = sha256(token.encode()).digest()
            db.session.add(LoginSession(user_id=user.id, token_hash=hashed, expires_at=later))
        db.session.commit()
        return tokens, slugs


@dataclass
class Crowd:
    """Buyers, some of whom pay at once, some later, some twice, some not at all."""

    site: Site
    stripe: StripeStandIn
    paid: set[str] = field(default_factory=set)
    ends: Counter[str] = field(default_factory=Counter)

    def buy_all(self) -> list[str]:
        """Let everybody buy, a few at a time; return what went wrong."""
        with ThreadPoolExecutor(BUYERS_AT_ONCE) as pool:
            bought = [pool.submit(self._buy, number) for number in range(CHECKOUTS)]
        return [repr(each.exception()) for each in bought if each.exception()]

    def _buy(self, number: int) -> None:
        ways = self._ways()
        how = ways[number % len(ways)]
        how(number)
        self.ends[how.__name__.strip("_")] += 1

    def _ways(self) -> list[Callable[[int], None]]:
        often = [self._pay_and_come_back, self._pay_and_leave, self._pay_after_a_decline]
        rare = [self._cancel, self._let_expire, self._pay_unheard, self._check_out_twice]
        return [*often, *rare, *often]

    def _check_out(self, number: int) -> tuple[str, str]:
        """Place the order, again and again until it is answered; return it and its session."""
        path = f"/api/checkout/{self.site.slugs[number % COURSES]}"
        cookie, key = self.site.buyers[number], str(uuid.uuid4())
        status, said = self.site.ask("POST", path, cookie, {"method": "card"}, key)
        assert status in (200, 201), said
        return said["order"]["id"], said["redirect_url"].rpartition("/")[2]

    def _pay(self, session: str) -> None:
        """Press the button on the gateway's page, and be sent back."""
        parts = urlsplit(self.stripe.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
        with closing(connection):
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", f"/c/pay/{session}", "act=pay", form)
            assert connection.getresponse().status == 303

    def _pay_and_leave(self, number: int) -> None:
        order_id, session = self._check_out(number)
        self._pay(session)
        self.paid.add(order_id)

    def _pay_and_come_back(self, number: int) -> None:
        order_id, session = self._check_out(number)
        self._pay(session)
        self.paid.add(order_id)
        self._see(order_id, number, "paid")

    def _pay_after_a_decline(self, number: int) -> None:
        order_id, session = self._check_out(number)
        self.stripe.decline(session=session)
        self._pay(session)
        self.paid.add(order_id)

    def _pay_unheard(self, number: int) -> None:
        """No webhook ever tells of it: the return page asks the gateway."""
        order_id, session = self._check_out(number)
        self.stripe.control("pay", session=session, is_quiet=True)
        self.paid.add(order_id)
        self._see(order_id, number, "paid")

    def _check_out_twice(self, number: int) -> None:
        order_id, session = self._check_out(number)
        assert self._check_out(number) == (order_id, session)
        self._pay(session)
        self.paid.add(order_id)

    def _cancel(self, number: int) -> None:
        order_id, _ = self._check_out(number)
        cookie = self.site.buyers[number]
        status, said = self.site.ask("POST", f"/api/orders/{order_id}/cancel", cookie, {})
        # The gateway's word that the page is closed may be heard before ours.
        assert status == 200, said
        assert said["order"]["status"] in ("cancelled", "expired"), said

    def _let_expire(self, number: int) -> None:
        _, session = self._check_out(number)
        self.stripe.expire(session=session)

    def _see(self, order_id: str, number: int, status: str) -> None:
        """Look at the return page until it says what became of the order."""

        def is_told() -> bool:
            asked = f"/api/orders/{order_id}/verify"
            _, said = self.site.ask("POST", asked, self.site.buyers[number], {})
            return bool(said["order"]["status"] == status)

        wait_until(is_told, PATIENCE_SECONDS, f"order {order_id} is {status}", 0.5)


@contextmanager
def _killing(site: Site) -> Iterator[Killer]:
    choice = random.Random(11)
    victims = {
        "a web worker": lambda: site.programs["web"].kill_child(choice),
        "the web server": site.programs["web"].kill,
        "the job worker": site.programs["worker"].kill,
        "PostgreSQL": site.programs["postgres"].kill,
    }
    killer = Killer(
        victims,
        lambda: responds(site.url),
        KILL_EVERY_SECONDS,
        GRACE_SECONDS,
        MOST_KILLS,
        seed=7,
    )
    with killer.at_work():
        yield killer


def test_nothing_paid_is_lost_while_everything_is_killed(
    site: Site, stripe_stand_in: StripeStandIn
) -> None:
    crowd = Crowd(site, stripe_stand_in)
    began = time.monotonic()
    with _killing(site) as killer:
        faults = crowd.buy_all()
    assert faults == []

    def has_settled() -> bool:
        try:
            return site.count(LIVE) == 0 and site.count(PAID) == len(crowd.paid)
        except psycopg2.OperationalError:
            return False

    left = END_STATE_SECONDS - (time.monotonic() - killer.last_at)
    wait_until(has_settled, left, "every order is in an end state", 0.2)
    settled = time.monotonic() - killer.last_at
    stripe_stand_in.wait_delivered(60)
    sums = stripe_stand_in.sums()["USD"]
    print(
        f"\n{CHECKOUTS} checkouts in {killer.last_at - began:.0f} s, {killer.kills.total()} kills "
        f"{dict(killer.kills)}, {len(crowd.paid)} paid, {sums['received']} at the gateway; "
        f"settled {settled:.1f} s after the last kill; {dict(crowd.ends)}"
    )
    _expect_each_payment_once(site, stripe_stand_in, crowd.paid)
    _expect_each_buyer_in_once(site, len(crowd.paid))
    _expect_no_difference(site)


def _expect_each_payment_once(site: Site, stripe: StripeStandIn, paid: set[str]) -> None:
    """The gateway's payments, ours, and those the buyers saw go through are the same ones."""
    theirs = {
        (session["client_reference_id"], session["payment_intent"], session["amount_total"])
        for session in stripe.everything()["sessions"]
        if session["payment_status"] == "paid"
    }
    ours = site.rows("select order_id::text, gateway_payment_id, amount_minor from payments")
    assert len(ours) == len(set(ours))
    assert set(ours) == theirs
    assert {order_id for order_id, _, _ in ours} == paid
    sums = stripe.sums()["USD"]
    assert sums["received"] == sum(amount for _, _, amount in ours) == PRICE_MINOR * len(paid)
    sessions = site.count("select count(distinct gateway_reference) from orders")
    assert len(stripe.everything()["sessions"]) == sessions == CHECKOUTS


def _expect_each_buyer_in_once(site: Site, paid: int) -> None:
    """One enrollment, one grant, one receipt and one entry in the trail for each paid order."""
    assert site.count("select count(*) from orders") == CHECKOUTS
    of_each = {
        "enrollments": "select count(*) from enrollments where revoked_at is null",
        "people": "select count(distinct (user_id, course_id)) from enrollments",
        "learners": "select sum(learner_count) from courses",
        "grants": "select count(*) from entitlements where kind = 'grant'",
        "granted orders": "select count(distinct order_id) from entitlements where kind = 'grant'",
        "receipts": "select count(*) from mails where template = 'receipt'",
        "trail": "select count(*) from audit_events where action = 'order.paid'",
    }
    assert {name: site.count(query) for name, query in of_each.items()} == dict.fromkeys(
        of_each, paid
    )


def _expect_no_difference(site: Site) -> None:
    """The reconciler finds nothing to repair."""
    answer = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "payments", "reconcile"],
        cwd=ROOT,
        env={**base_environment(), **site.environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (answer.returncode, answer.stdout.strip()) == (0, "0 differences"), answer
