"""The figures of the System page: rates, charts and what is sampled for them."""

import json
import platform
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram
from sqlalchemy import select

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import User
from app.domain.site.sample_models import SystemSample
from app.metrics import SECONDS
from app.web.admin import system_charts, system_counts, system_figures, system_sampling
from app.web.admin.system_counts import Counts, Totals
from tests.support import html
from tests.support.client import CheckedClient

ClientOf = Callable[[User], CheckedClient]
Add = Callable[[str, float, dict[str, Any]], None]
PAGE = "/admin/system"


@pytest.fixture
def owner(client_of: ClientOf, admin: User) -> CheckedClient:
    return client_of(admin)


def counted(requests: int, slow: int = 0, errors: int = 0) -> dict[str, Any]:
    """What a sample keeps after so many answers of 7 ms, and so many of 700 ms."""
    buckets = [0.0] * system_counts.BUCKETS
    buckets[1], buckets[7] = requests, slow
    every = Counts(requests + slow, errors, 1.0, 2 * requests, 0.5, buckets)
    return Totals(every, {"courses.index": every}, 30, 10).pack()


@pytest.fixture
def add_sample() -> Add:
    """A function that keeps a sample of so many minutes before the test began."""
    began = utcnow()

    def add(host: str, minutes_ago: float, figures: dict[str, Any]) -> None:
        moment = began - timedelta(minutes=minutes_ago)
        db.session.add(SystemSample(host=host, taken_at=moment, figures=figures))
        db.session.commit()

    return add


def test_rates_are_of_the_last_minutes_and_of_all_hosts(
    owner: CheckedClient, add_sample: Add
) -> None:
    for host, before, after in (("a", 1000, 1300), ("b", 50, 350)):
        add_sample(host, 60, counted(1))
        add_sample(host, 4, counted(before))
        add_sample(host, 1, counted(after, slow=20, errors=3))
    recent, rows = system_figures.lately(Totals(Counts(), {}), utcnow())
    assert recent.seconds == pytest.approx(180)
    assert (recent.counts.requests, recent.counts.errors) == (640, 6)
    assert recent.p50_ms is not None
    assert 5 < recent.p50_ms <= 10
    assert recent.p95_ms is not None
    assert 500 < recent.p95_ms <= 1000
    assert [(row.name, row.counts.requests) for row in rows] == [("courses.index", 640)]
    page = owner.get(PAGE).text
    assert "courses.index" in page
    assert "640" in page


def test_counters_that_began_anew_make_no_rate_below_nothing(
    owner: CheckedClient, add_sample: Add
) -> None:
    add_sample("a", 4, counted(1000))
    add_sample("a", 1, counted(10))
    recent, _ = system_figures.lately(Totals(Counts(), {}), utcnow())
    assert recent.counts.requests == 10
    assert owner.get(PAGE).status_code == 200


def test_charts_draw_what_came_in_each_step_and_say_it_in_words(
    owner: CheckedClient, add_sample: Add
) -> None:
    for minutes in range(10):
        add_sample("a", 10 - minutes, counted(100 + 600 * minutes))
    shown = system_charts.points("hour", utcnow())
    assert [round(point.counts.requests) for point in shown] == [600] * 9
    charts = {each.name: each for each in system_charts.drawings(shown, "hour", utcnow())}
    assert charts["requests"].lines[0].last == pytest.approx(10, rel=0.01)
    assert charts["requests"].top >= 10
    page = html.parse(owner.get(PAGE).text)
    labels = [str(image["aria-label"]) for image in page.select("svg[role=img]")]
    assert any(label.startswith("Answers a second. answers: 10") for label in labels)
    assert len(labels) == 4
    assert len(html.parse(owner.get(f"{PAGE}?span=day").text).select(".chip[aria-current]")) == 1


def test_a_gap_in_the_samples_is_a_gap_in_the_line(add_sample: Add) -> None:
    for minutes in (50, 49, 48, 12, 11, 10):
        add_sample("a", minutes, counted(6000 - 60 * minutes))
    shown = system_charts.points("hour", utcnow())
    (line, _) = system_charts.drawings(shown, "hour", utcnow())[0].lines
    assert line.path.count("M") == 2


def test_a_sample_of_an_earlier_release_counts_as_nothing(
    owner: CheckedClient, add_sample: Add
) -> None:
    add_sample("a", 3, {"every": [1, 2, 3], "endpoints": {}})
    add_sample("a", 2, {"whatever": 1})
    add_sample("a", 1, counted(5))
    assert owner.get(PAGE).status_code == 200


def test_samples_of_yesterday_are_forgotten(add_sample: Add) -> None:
    add_sample("a", 25 * 60, counted(1))
    system_sampling.take_sample()
    (kept,) = db.session.scalars(select(SystemSample))
    assert kept.host == platform.node()
    assert kept.figures["every"][0] >= 0


@pytest.mark.no_database
def test_counters_are_summed_over_what_prometheus_is_told() -> None:
    registry = CollectorRegistry()
    labels = ["endpoint", "method", "status"]
    requests = Counter("triple_http_requests", "", labels, registry=registry)
    seconds = Histogram(
        "triple_http_request_seconds", "", ["endpoint"], buckets=SECONDS, registry=registry
    )
    lookups = Counter("triple_cache_lookups", "", ["cache", "outcome"], registry=registry)
    for status, took in (("200", 0.004), ("200", 0.3), ("500", 20.0)):
        requests.labels("pages.home", "GET", status).inc()
        seconds.labels("pages.home").observe(took)
    lookups.labels("pages", "hit").inc(3)
    lookups.labels("pages", "miss").inc()
    totals = system_counts.read_totals(registry.collect())
    home = totals.endpoints["pages.home"]
    assert (home.requests, home.errors, sum(home.buckets)) == (3, 1, 3)
    assert (home.buckets[0], home.buckets[-1]) == (1, 1)
    assert (totals.hits, totals.misses, totals.every.requests) == (3, 1, 3)
    assert home.percentile(0.99) == SECONDS[-1]
    assert system_counts.unpack(json.loads(json.dumps(totals.pack()))).every.requests == 3
