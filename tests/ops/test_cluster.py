"""Two application hosts, a primary with a streaming replica, and nginx, each a machine of its own.

Hosts are stopped and unplugged under load; what follows is counted by clients outside.
"""

import sys
import uuid
from collections.abc import Iterator
from functools import partial

import pytest

from app.database import db
from app.domain.accounts.models import Role, User
from app.domain.courses.models import Course
from app.domain.outbox import mail
from app.domain.outbox.models import Mail
from tests import factories
from tests.ops.cluster import CLIENTS, Browser, Site, running_site
from tests.ops.network import Load
from tests.ops.proxy import HOST
from tests.support.server import wait_until

pytestmark = [pytest.mark.no_database, pytest.mark.alone]
ALLOWED = 10


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(tmp_path_factory.mktemp("cluster")) as built:
        yield built


@pytest.fixture(autouse=True)
def whole(site: Site) -> Iterator[None]:
    """Each test begins with every host in use and the replica up to date."""
    db.session.remove()
    site.pair.catch_up()
    wait_until(site.is_balanced, 30, "nginx uses every host")
    yield
    site.close_browsers()
    for host in site.web:
        host.plug()
    site.find_replica()
    site.pair.standby.resume()


def _course() -> Course:
    course = factories.make_course(factories.make_user(Role.INSTRUCTOR), title=_title())
    db.session.commit()
    return course


def _title() -> str:
    return f"Weaving {uuid.uuid4().hex[:8]}"


def _page(browsers: list[Browser], client: int, number: int) -> tuple[int, float]:
    """Ask for a page that no cache has: half of the clients are signed in, the rest search."""
    path = f"/courses?q={client}x{number}" if client % 2 else "/dashboard"
    return browsers[client].timed(path)


def _crowd(site: Site) -> partial[tuple[int, float]]:
    learner = factories.make_user()
    token = site.sign_in(learner)
    browsers = [site.browser(n + 1, "" if n % 2 else token) for n in range(CLIENTS)]
    return partial(_page, browsers)


def _some(load: Load, count: int) -> None:
    """Wait until so many more answers have come."""
    until = len(load.answers) + count
    wait_until(lambda: len(load.answers) >= until, 60, f"{count} more answers")


def test_an_account_is_locked_on_all_hosts_at_once(site: Site) -> None:
    body = {"email": "somebody@example.com", "password": "wrong but long enough"}
    answers = [
        site.ask_host(site.web[number % 2], "POST", "/api/auth/login", body).status
        for number in range(ALLOWED + 6)
    ]
    assert answers == [401] * ALLOWED + [429] * 6


def test_a_sign_in_made_on_one_host_holds_and_ends_on_the_other(site: Site) -> None:
    browser = site.browser(0, site.sign_in(factories.make_user()))
    assert {browser.ask("/api/auth/me")[0] for _ in range(4)} == {200}
    assert browser.ask("/api/auth/logout", "POST", {})[0] == 204
    assert {browser.ask("/api/auth/me")[0] for _ in range(4)} == {401}


def test_a_killed_host_is_not_noticed_and_comes_back(site: Site) -> None:
    load = Load()
    with load.running(CLIENTS, _crowd(site)):
        _some(load, 40)
        site.web[0].kill()
        _some(load, 80)
        site.serve(site.web[0])
        _some(load, 40)
    assert load.failures == []
    assert {status for status, _ in load.answers} == {200}
    print(f"\nkilled host: {len(load.answers)} answers, slowest {load.slowest:.2f} s")


def test_an_unplugged_host_fails_nothing_that_may_be_repeated(site: Site) -> None:
    """What was under way there is asked for again once the kernel gives its connections up."""
    if site.network.is_real:
        limit = "echo 3 > /proc/sys/net/ipv4/tcp_retries2"
        done = site.proxy.start(["sh", "-c", limit], {}, site.folder / "sysctl.log")
        assert done.wait(10) == 0
    load = Load()
    with load.running(CLIENTS, _crowd(site)):
        _some(load, 40)
        site.web[1].unplug()
        _some(load, 60)
        site.web[1].plug()
        _some(load, 20)
    assert load.failures == []
    assert load.slowest < 12
    print(f"\nunplugged host: {len(load.answers)} answers, slowest {load.slowest:.2f} s")
    if not site.network.is_real:
        site.serve(site.web[1])


def test_own_changes_are_seen_on_every_host_while_the_replica_stands_still(site: Site) -> None:
    course, title = _course(), _title()
    author = db.session.get_one(User, course.instructor_id)
    browser, visitor = site.browser(0, site.sign_in(author)), site.browser(1)
    site.pair.catch_up()
    site.pair.standby.pause()
    change = {"version": course.version, "title": title}
    assert browser.ask(f"/api/admin/courses/{course.id}", "PATCH", change)[0] == 200
    seen = [
        title in browser.ask(f"/api/courses?sort=newest&page={n // 4 + 1}")[1] for n in range(4)
    ]
    assert seen == [True] * 4
    site.pair.standby.resume()
    others_see = partial(visitor.ask, "/api/courses?sort=newest")
    # A host that was away a moment ago gets its share of requests again after a while.
    wait_until(lambda: title in others_see()[1] and _all_read(site, "-infinity"), 20, "all see it")


def _all_read(site: Site, since: str) -> bool:
    """Whether every application host has read from the replica after a moment."""
    count = "count(DISTINCT client_addr)" if site.network.is_real else "count(DISTINCT pid)"
    readers = site.pair.standby.ask(
        f"SELECT {count} FROM pg_stat_activity"
        f" WHERE application_name = 'web-reads' AND query_start > '{since}'"
    )
    return int(str(readers)) >= len(site.web)


def test_a_lost_replica_is_not_noticed(site: Site) -> None:
    load = Load()
    browsers = [site.browser(n + 1) for n in range(CLIENTS)]

    def search(client: int, number: int) -> tuple[int, float]:
        return browsers[client].timed(f"/courses?q={uuid.uuid4().hex}")

    with load.running(CLIENTS, search):
        _some(load, 40)
        site.lose_replica()
        _some(load, 60)
        site.find_replica()
        found_at = str(site.pair.standby.ask("SELECT clock_timestamp()"))
        wait_until(lambda: _all_read(site, found_at), 30, "it is read again")
    assert load.failures == []
    assert {status for status, _ in load.answers} == {200}
    assert load.slowest < 10
    print(f"\nlost replica: {len(load.answers)} answers, slowest {load.slowest:.2f} s")


def test_jobs_are_done_on_a_host_that_serves_nothing(site: Site) -> None:
    values = {"name": "Far", "link": f"https://{HOST}/x", "minutes": 30}
    mail.send("far@example.com", "reset_password", "en", **values)
    db.session.commit()
    worker = [sys.executable, "-m", "flask", "--app", "wsgi", "worker"]
    site.jobs.start([*worker], site.environment, site.folder / "jobs.log")

    def is_sent() -> bool:
        db.session.rollback()
        return db.session.query(Mail).filter(Mail.sent_at.is_not(None)).count() == 1

    wait_until(is_sent, 60, "the worker has written the mail")
