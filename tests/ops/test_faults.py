"""A running demo whose processes are killed: all comes back by itself, and nothing is lost.

What stands behind nginx, PostgreSQL and the job worker are killed in test_kill_table.py.
"""

import os
import signal
from collections.abc import Iterator

import pytest

from tests.ops.demo import Crowd, Demo, children, fresh_demo, lives
from tests.support.server import wait_until

pytestmark = [pytest.mark.no_database, pytest.mark.timeout(600)]
RECOVERY_SECONDS = 120


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with fresh_demo() as started:
        yield started


def _kill(pid: int) -> None:
    assert pid > 1
    os.kill(pid, signal.SIGKILL)


def _replaced(demo: Demo, program: str, old: int) -> int:
    """Wait until `program` runs as another process than `old`, and return that."""

    def other() -> int:
        pid = demo.pid(program)
        return pid if pid not in (0, old) else 0

    return wait_until(other, RECOVERY_SECONDS, f"{program} runs again", 0.3)


def test_a_reload_under_load_fails_no_request(demo: Demo) -> None:
    master = demo.pid("web")
    with Crowd(demo.port).asking() as crowd:
        for _ in range(2):
            before = children(master)
            demo.setup("supervisorctl", "signal", "HUP", "web")
            wait_until(
                lambda old=before: not children(master) & old and len(children(master)) == 2,
                RECOVERY_SECONDS,
                "both web workers are new",
            )
            crowd.wait_for_more(20)
    assert demo.pid("web") == master
    assert set(crowd.answers) == {"200"}, crowd.answers
    assert crowd.answers["200"] > 50


def test_a_killed_web_master_under_load_fails_no_request(demo: Demo) -> None:
    old = demo.pid("web")
    orphans = children(old)
    with Crowd(demo.port).asking() as crowd:
        _kill(old)
        new = _replaced(demo, "web", old)
        wait_until(lambda: len(children(new)) == 2, RECOVERY_SECONDS, "new web workers run")
        wait_until(
            lambda: not any(lives(pid) for pid in orphans),
            RECOVERY_SECONDS,
            "the orphaned workers are gone",
        )
        crowd.wait_for_more(20)
    assert set(crowd.answers) == {"200"}, crowd.answers
    assert crowd.answers["200"] > 50


def test_starting_again_beside_a_running_demo_changes_nothing(demo: Demo) -> None:
    pids = [demo.pid(name) for name in ("", "postgres", "web")]
    answer = demo.setup("demo", "--detach")
    assert "already running" in answer.stdout
    assert answer.stdout.splitlines()[-1] == f"Ready: http://127.0.0.1:{demo.port}"
    assert [demo.pid(name) for name in ("", "postgres", "web")] == pids
    assert demo.pid("worker")


def test_a_taken_port_is_named_with_the_one_who_has_it(demo: Demo) -> None:
    other = Demo(demo.folder.parent / "other", demo.port)
    answer = other.setup("demo", "--detach", check=False)
    assert answer.returncode != 0
    assert f"port {demo.port} is taken" in answer.stderr
    assert demo.is_ready()


def test_killed_supervisord_leaves_nothing_that_a_new_start_cannot_end(demo: Demo) -> None:
    left = {demo.pid(name) for name in ("postgres", "web", "worker")}
    _kill(demo.pid())
    status = demo.setup("status", check=False)
    assert status.returncode == 3
    demo.setup("demo", "--detach")
    assert demo.is_ready()
    assert not left & {demo.pid(name) for name in ("postgres", "web", "worker")}
    assert not any(lives(pid) for pid in left)


def test_stop_ends_everything_and_says_so(demo: Demo) -> None:
    running = {demo.pid(name) for name in ("", "postgres", "web", "worker")}
    answer = demo.setup("stop")
    assert answer.stdout.splitlines()[-1] == "Stopped."
    wait_until(lambda: not any(lives(pid) for pid in running), 5, "no process is left")
    assert demo.get("/") == 0
