"""The System page in a browser: it fits, draws, refreshes by itself, and jobs are tried again."""

import platform
import random
import re
from datetime import timedelta
from typing import Literal

import pytest
from playwright.sync_api import expect
from sqlalchemy import text

from app.clock import utcnow
from app.domain.accounts.models import Role
from app.domain.site.sample_models import SystemSample
from app.web.admin.system_counts import BUCKETS, Counts, Totals
from tests.browser.conftest import Open
from tests.browser.test_accessibility import overflow, violations
from tests.browser.watching import screenshot, until
from tests.support.house import House, Person

LOOKS: list[tuple[int, int, Literal["light", "dark"]]] = [
    (360, 740, "light"),
    (768, 1024, "dark"),
    (1280, 800, "light"),
]
TASK = "system.browser_test"
ERROR = "550 5.1.1 The server does not know this recipient, and says so at some length."


@pytest.fixture
def admin(house: House) -> Person:
    return house.add_learner(role=Role.ADMIN, enrolled=False)


def add_job(house: House, status: str, queue: str = "mail") -> int:
    with house.session() as session:
        made = text(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, status, attempts, args)"
            " VALUES (:queue, :task, CAST(:status AS procrastinate_job_status), 3,"
            ' \'{"mail_id": "6f2c9a4e-0d0b-4c1b-8f55-5b1f3f0f7a11"}\') RETURNING id'
        )
        values = {"queue": queue, "task": TASK, "status": status}
        number: int = session.execute(made, values).scalar_one()
        if status == "failed":
            session.execute(
                text(
                    "INSERT INTO procrastinate_job_errors (job_id, kind, message)"
                    " VALUES (:id, 'MailRefused', :message)"
                ),
                {"id": number, "message": ERROR},
            )
        session.commit()
    return number


def add_samples(house: House, host: str) -> None:
    """Keep an hour of samples, busier towards its middle."""
    chance = random.Random(7)
    every = Counts()
    with house.session() as session:
        for minute in range(60, 0, -1):
            answers = 600 + 40 * (30 - abs(30 - minute)) + chance.randrange(100)
            buckets = [0.0] * BUCKETS
            buckets[1], buckets[3], buckets[6] = answers * 0.7, answers * 0.25, answers * 0.05
            every.add(Counts(answers, answers * 0.01, 9.0, answers * 3, 2.5, buckets))
            totals = Totals(every, {"courses.index": every}, every.requests, every.requests / 4)
            moment = utcnow() - timedelta(minutes=minute)
            session.add(SystemSample(host=host, taken_at=moment, figures=totals.pack()))
        session.commit()


def add_worker(house: House) -> None:
    with house.session() as session:
        session.execute(
            text(
                "WITH made AS (INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id)"
                " INSERT INTO procrastinate_worker_places (worker_id, host, pid, queue,"
                " concurrency, release) SELECT id, 'worker-host', 4321, 'mail', 2, '' FROM made"
            )
        )
        session.commit()


def test_the_system_page_fits_and_draws(open_page: Open, house: House, admin: Person) -> None:
    add_samples(house, "web-host")
    add_worker(house)
    add_job(house, "failed")
    page = open_page("/admin/system", admin, width=360, height=740)
    expect(page.get_by_role("heading", name="Payment gateways")).to_be_visible()
    for width, height, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        screenshot(page, f"system-{width}-{scheme}")
        assert [*violations(page), *overflow(page)] == []
    charts = page.locator("svg[role=img]")
    expect(charts).to_have_count(4)
    expect(charts.first).to_have_accessible_name(re.compile(r"^Answers a second\. answers: \d"))
    expect(page.get_by_role("region", name="Workers and what they do")).to_contain_text(
        "worker-host"
    )
    expect(page.get_by_role("region", name="Endpoints")).to_contain_text("courses.index")


def test_it_looks_again_by_itself_until_it_is_told_not_to(
    open_page: Open, house: House, admin: Person
) -> None:
    page = open_page("/admin/system/jobs", admin)
    page.clock.install()
    page.goto("/admin/system")
    queues = page.get_by_role("region", name="Queues")
    expect(page.get_by_role("heading", name="Payment gateways")).to_be_visible()
    add_job(house, "todo", queue="browser-a")
    page.clock.fast_forward(10_500)
    expect(queues).to_contain_text("browser-a")
    page.get_by_label("Every 10 seconds").uncheck()
    add_job(house, "todo", queue="browser-b")
    page.clock.fast_forward(60_000)
    expect(queues).not_to_contain_text("browser-b")
    page.reload()
    expect(page.get_by_label("Every 10 seconds")).not_to_be_checked()
    expect(queues).to_contain_text("browser-b")


def test_a_job_that_failed_is_read_about_and_tried_again(
    open_page: Open, house: House, admin: Person
) -> None:
    number = add_job(house, "failed")
    page = open_page(f"/admin/system/jobs?task={TASK}&status=failed", admin, width=360)
    row = page.get_by_role("row").filter(has_text=f"Number {number}")
    expect(row).to_contain_text("MailRefused: 550 5.1.1")
    for width, height, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        screenshot(page, f"system-jobs-{width}-{scheme}")
        assert [*violations(page), *overflow(page)] == []
    row.get_by_role("link", name=TASK).click()
    expect(page.get_by_text(ERROR)).to_be_visible()
    for width, height, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        screenshot(page, f"system-job-{width}-{scheme}")
        assert [*violations(page), *overflow(page)] == []
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("The job runs as soon as a worker is free.")).to_be_visible()
    page.get_by_text("Call it off", exact=True).click()
    page.get_by_role("button", name="Call this job off").click()
    expect(page.get_by_text("The job was called off.")).to_be_visible()

    def status() -> str:
        with house.session() as session:
            found = text("SELECT status::text FROM procrastinate_jobs WHERE id = :id")
            said: str = session.execute(found, {"id": number}).scalar_one()
            return said

    until(page, lambda: status() == "cancelled", "the job is called off")


def test_a_web_server_keeps_samples_by_itself(open_page: Open, house: House) -> None:
    page = open_page("/courses")

    def is_sampled() -> bool:
        with house.session() as session:
            mine = session.query(SystemSample).filter_by(host=platform.node())
            return any(each.figures["endpoints"].get("courses.index") for each in mine)

    until(page, is_sampled, "a sample is kept that tells of the catalog", seconds=120)


def test_how_to_have_statements_counted_fits(open_page: Open, admin: Person) -> None:
    page = open_page("/admin/system/statements", admin, width=360)
    expect(page.get_by_role("heading", name="Slow queries")).to_be_visible()
    for width, height, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        screenshot(page, f"system-statements-{width}-{scheme}")
        assert [*violations(page), *overflow(page)] == []
