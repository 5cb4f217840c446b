"""Each part of a production host is killed while people use it; the figures are docs/RUNBOOK.md's.

`pytest -s` prints them. Reload and killed master without nginx in front: test_faults.py.
"""

import errno
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

from tests.ops.demo import children, lives
from tests.ops.onlookers import (
    READS,
    WRITES,
    Asked,
    Client,
    Household,
    Onlookers,
    Stream,
    move_in,
    when,
)
from tests.ops.production import Host, production_host
from tests.support.media import make_source
from tests.support.redis_server import RedisServer, redis_server
from tests.support.server import free_port, wait_until

pytestmark = [pytest.mark.no_database, pytest.mark.alone, pytest.mark.timeout(600)]
PATIENCE_SECONDS = 60
DOWNTIME_GRACE_SECONDS = 3.0
MEGABYTE = 1024**2
DISK = 700 * MEGABYTE
TRANSCODING = "select id from procrastinate_jobs where status = 'doing' and queue_name = 'media'"


@dataclass
class Site:
    """A host with people on it, and the Redis that it counts in."""

    host: Host
    household: Household
    redis: RedisServer

    def onlookers(self) -> Onlookers:
        return Onlookers(self.host, self.household)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with (
        redis_server(free_port(), tmp_path_factory.mktemp("redis")) as redis,
        production_host(REDIS_URL=redis.url, REQUIRE_MFA="none") as host,
    ):
        media = host.state / "media"
        with _small_disk(media):
            yield Site(host, move_in(host), redis)


class _small_disk:  # noqa: N801 - used as a function
    """Mounts a small disk where the media lie, if this machine lets us."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        was = self._folder.stat()
        options = f"size={DISK},mode={was.st_mode & 0o7777:o},uid={was.st_uid},gid={was.st_gid}"
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self._folder)]
        subprocess.run(command, check=False, capture_output=True)

    def __exit__(self, *_: object) -> None:
        if os.path.ismount(self._folder):
            subprocess.run(["umount", "--lazy", str(self._folder)], check=True)


def _kill(pid: int) -> float:
    assert pid > 1
    os.kill(pid, signal.SIGKILL)
    return time.monotonic()


def _replaced(host: Host, program: str, old: int) -> int:
    """Wait until `program` runs as another process than `old`, and return that."""

    def other() -> int:
        pid = host.pid(program)
        return pid if pid not in (0, old) else 0

    return wait_until(other, PATIENCE_SECONDS, f"{program} runs again", 0.2)


def _say(what: str, crowd: Onlookers, *more: str) -> None:
    """Print a row of the table."""
    failed = crowd.failed()
    kinds = {kind: sum(each.kind == kind for each in failed) for kind in sorted(READS | WRITES)}
    told = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count) or "none"
    print(f"\n| {what} | {len(crowd.asked)} requests | failed: {told} | {' | '.join(more)} |")


def _window(crowd: Onlookers, since: float) -> float:
    """Return how long after `since` the last request failed."""
    return max((each.ended - since for each in crowd.failed()), default=0.0)


def _one_at_a_time(failed: list[Asked]) -> bool:
    """Whether no kind of request failed more often than its askers had one under way."""
    return all(sum(each.kind == kind for each in failed) <= 2 for kind in WRITES)


def test_a_killed_job_worker_is_replaced_while_it_transcodes(site: Site) -> None:
    """Whether its work is done, once, is asked at the end: until then the rest is killed."""
    host = site.host
    clip = make_source(host.prefix / "long.mp4", seconds=12, size="640x360")
    clip.chmod(0o644)
    host.flask("videos", "add", str(clip), "--lesson", site.household.lesson_id)
    wait_until(lambda: host.row(TRANSCODING), PATIENCE_SECONDS, "a video is being prepared", 0.1)
    old = host.pid("worker")
    _kill(old)
    assert _replaced(host, "worker", old)


def test_a_killed_scheduler_goes_on_and_defers_nothing_twice(site: Site) -> None:
    host, old = site.host, site.host.pid("scheduler")
    _kill(old)
    assert _replaced(host, "scheduler", old)
    latest = "select max(defer_timestamp) from procrastinate_periodic_defers"
    before = host.row(latest)
    assert before is not None
    wait_until(
        lambda: (host.row(latest) or before)[0] > before[0], 60, "a periodic job is deferred", 0.5
    )
    twice = (
        "select count(*) from (select 1 from procrastinate_periodic_defers"
        " group by task_name, periodic_id, defer_timestamp having count(*) > 1) as again"
    )
    assert host.row(twice) == (0,)


def test_a_killed_web_worker_fails_no_more_than_what_it_was_writing(site: Site) -> None:
    master = site.host.pid("web")
    with site.onlookers().looking_on() as crowd:
        before = children(master)
        _kill(min(before))
        wait_until(
            lambda: len(children(master)) == 2 and children(master) != before,
            PATIENCE_SECONDS,
            "two web workers run",
        )
        crowd.wait_for_more(60)
    _say("web worker, kill -9", crowd)
    assert crowd.failed(READS) == []
    assert _one_at_a_time(crowd.failed(WRITES))
    assert site.host.pid("web") == master
    assert crowd.lost() == set()


def test_a_killed_gunicorn_master_fails_nothing(site: Site) -> None:
    old = site.host.pid("web")
    orphans = children(old)
    with site.onlookers().looking_on() as crowd:
        _kill(old)
        new = _replaced(site.host, "web", old)
        wait_until(lambda: len(children(new)) == 2, PATIENCE_SECONDS, "new web workers run")
        gone = lambda: not any(lives(pid) for pid in orphans)  # noqa: E731 - named for the reader
        wait_until(gone, PATIENCE_SECONDS, "the orphaned workers are gone")
        crowd.wait_for_more(60)
    _say("gunicorn's master, kill -9", crowd)
    assert crowd.failed() == []
    assert crowd.lost() == set()


def test_a_reload_of_nginx_fails_nothing(site: Site) -> None:
    master = site.host.pid("nginx")
    with site.onlookers().looking_on() as crowd:
        before = children(master)
        site.host.ctl("signal", "HUP", "nginx")
        wait_until(lambda: children(master) - before, PATIENCE_SECONDS, "new workers of nginx")
        crowd.wait_for_more(60)
    _say("nginx, reload", crowd)
    assert crowd.failed() == []
    assert site.host.pid("nginx") == master


def test_a_killed_master_of_nginx_leaves_no_worker_on_its_ports(site: Site) -> None:
    """Its workers would serve on with the old configuration, and keep the next master out."""
    host, old = site.host, site.host.pid("nginx")
    orphans = children(old)
    with site.onlookers().looking_on() as crowd:
        killed_at = _kill(old)
        new = _replaced(host, "nginx", old)
        wait_until(lambda: children(new), PATIENCE_SECONDS, "nginx has workers again")
        back_at = when(host.is_ready, PATIENCE_SECONDS, "nginx answers")
        crowd.wait_for_more(60)
        gone = lambda: not any(lives(pid) for pid in orphans)  # noqa: E731 - named for the reader
        wait_until(gone, PATIENCE_SECONDS, "the orphaned workers are gone")
    downtime, window = back_at - killed_at, _window(crowd, killed_at)
    _say("nginx's master, kill -9", crowd, f"new after {downtime:.1f} s", f"errors {window:.1f} s")
    assert window <= downtime + DOWNTIME_GRACE_SECONDS
    assert host.pid("nginx") == new
    assert crowd.lost() == set()


def test_a_killed_database_loses_no_acknowledged_write(site: Site) -> None:
    host, old = site.host, site.host.pid("postgres")

    def answers() -> bool:
        where = {"host": str(host.run / "postgres"), "dbname": "triple", "user": "triple_app"}
        try:
            with closing(psycopg2.connect(**where)) as connection:
                cursor = connection.cursor()
                cursor.execute("select not pg_is_in_recovery()")
                return bool(cursor.fetchone() == (True,))
        except psycopg2.OperationalError:
            return False

    with site.onlookers().looking_on() as crowd:
        killed_at = _kill(old)
        wait_until(lambda: not answers(), PATIENCE_SECONDS, "the database is gone", 0.01)
        back_at = when(answers, PATIENCE_SECONDS, "the database answers")
        crowd.wait_for_more(100)
    downtime, window = back_at - killed_at, _window(crowd, killed_at)
    _say("PostgreSQL, kill -9", crowd, f"down {downtime:.1f} s", f"errors {window:.1f} s")
    assert window <= downtime + DOWNTIME_GRACE_SECONDS
    assert crowd.lost() == set()
    assert len(crowd.written) > 5
    wait_until(lambda: host.states().get("worker") == "RUNNING", PATIENCE_SECONDS, "worker runs")


def test_a_killed_redis_takes_nothing_with_it_but_counters(site: Site) -> None:
    with site.onlookers().looking_on() as crowd:
        site.redis.kill()
        crowd.wait_for_more(60)
        told = json.loads(site.host.ask("/api/health/ready").body)
    _say("Redis, kill -9", crowd)
    assert crowd.failed() == []
    assert (told["status"], told["checks"]["redis"]) == ("degraded", "failed")
    doctor = site.host.flask("doctor", "--json", "--quick", check=False)
    found = {check["name"]: check for check in json.loads(doctor.stdout)["checks"]}
    assert found["redis"]["state"] == "warn"
    assert "REDIS_URL" in found["redis"]["remedy"]
    site.redis.start()


def test_a_full_disk_stops_uploads_and_nothing_else(site: Site) -> None:
    host = site.host
    if not os.path.ismount(host.state / "media"):
        pytest.skip("no disk can be mounted here, so none can be filled")
    with (
        Client(host, "127.0.41.1", key=site.household.key) as teacher,
        Client(host, "127.0.42.1") as learner,
    ):
        _fill_the_disk_of(site, teacher, learner)


def _fill_the_disk_of(site: Site, teacher: Client, learner: Client) -> None:
    host, media = site.host, site.host.state / "media"
    begun = _begin(teacher, 1 * MEGABYTE)
    assert begun.status == 201, begun.body
    learner.cookies = dict(site.household.session)
    stream = Stream(learner, site.household.lesson_id)
    filler = media / "filler"
    _fill(filler)
    try:
        part = json.loads(begun.body)["parts"][0]
        address = part["url"].partition(host.name)[2].partition("/")[2]
        refused = [
            teacher.ask("part", f"/{address}", "PUT", bytes(part["size_bytes"])),
            _begin(teacher, 1 * MEGABYTE),
        ]
        looks = [stream.segment(), stream.heartbeat(), learner.ask("page", "/dashboard")]
        ready = json.loads(host.ask("/api/health/ready").body)
        doctor = host.flask("doctor", "--json", "--quick", check=False)
    finally:
        filler.unlink()
        stream.stop()
    assert [each.status for each in refused] == [507, 507], refused
    assert [each.status for each in looks] == [200, 200, 200]
    assert (ready["status"], ready["checks"]["disk"]) == ("degraded", "failed")
    found = [c for c in json.loads(doctor.stdout)["checks"] if c["name"] == "disk"]
    assert doctor.returncode == 1
    assert any(c["state"] == "fail" and str(media) in c["detail"] for c in found), found
    again = teacher.ask("part", f"/{address}", "PUT", bytes(part["size_bytes"]))
    assert again.status == 200, "with room again the very same upload goes on"
    print("\n| disk of the media, full | uploads 507; segment, heartbeat, page 200 |")


def _begin(client: Client, size: int) -> Asked:
    wish = {"filename": "a.mp4", "size_bytes": size, "content_type": "video/mp4"}
    return client.ask("upload", "/api/admin/uploads", "POST", wish)


def _fill(filler: Path) -> None:
    """Take all room there is, to the last block, whatever others take meanwhile."""
    with filler.open("wb") as file:
        taken, more = 0, shutil.disk_usage(filler.parent).free
        while more >= 4096:
            try:
                os.posix_fallocate(file.fileno(), taken, more)
                taken += more
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                more //= 2


def test_after_all_this_the_interrupted_video_is_ready_once_and_the_host_is_well(
    site: Site,
) -> None:
    host = site.host
    undone = "select count(*) from videos where status <> 'ready' or not is_complete"
    wait_until(lambda: host.row(undone) == (0,), 240, "both videos are ready", 0.5)
    generations = (
        "select max(number) from (select count(distinct generation) as number"
        " from renditions group by video_id) as each"
    )
    assert host.row(generations) == (1,), "a killed attempt leaves nothing"
    assert host.row("select count(*) from procrastinate_jobs where status = 'failed'") == (0,)
    wait_until(
        lambda: set(host.states().values()) == {"RUNNING"}, PATIENCE_SECONDS, "all of it runs", 0.5
    )
    doctor = host.flask("doctor", check=False)
    assert doctor.returncode == 0, doctor.stdout
