"""Figures of several processes add up, outlive each of them, and need no more files than places."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask

from app import metrics
from app.metrics import Process
from app.web.admin import system_sampling
from app.web.admin.system_figures import list_processes
from app.web.machine_figures import MachineFigures
from tests.support.server import ROOT, wait_until

pytestmark = pytest.mark.no_database

COUNT = """
import sys
from pathlib import Path
from app import metrics
from app.access_log import Answer
answer = Answer(0, "id", "courses.index", "GET", "/courses", 200, 0.02, 3, 0.01, None, None)
metrics.share(Path(sys.argv[1]), "web")
metrics.count_requests([answer] * int(sys.argv[2]))
print("counted", flush=True)
sys.stdin.read()
"""


USERS = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
ELSEWHERE = ("unshare", *USERS, "--pid", "--fork", "--kill-child", "--mount-proc")


@contextmanager
def counting(
    directory: Path, times: int, within: Sequence[str] = ()
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a process that has counted so many answers and waits, perhaps in a container."""
    command = [*within, sys.executable, "-c", COUNT, str(directory), str(times)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stderr is not None
    try:
        assert process.stdout.readline() == b"counted\n", process.stderr.read().decode()
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()


def answers(directory: Path) -> float:
    """Return how many answers all processes have counted."""
    return samples(directory)["triple_http_requests_total"]


def samples(directory: Path) -> dict[str, float]:
    """Return the last figure of each name."""
    return {
        sample.name: sample.value
        for family in metrics.collect(directory)
        for sample in family.samples
    }


def test_figures_of_two_processes_add_up(tmp_path: Path) -> None:
    with counting(tmp_path, 3), counting(tmp_path, 4):
        found = samples(tmp_path)
        assert [process.place for process in metrics.processes(tmp_path)] == ["web-1", "web-2"]
    assert found["triple_http_requests_total"] == 7
    assert found["triple_http_request_seconds_count"] == 7
    assert found["triple_http_request_seconds_sum"] == pytest.approx(0.14)
    assert found["triple_sql_statements_total"] == 21
    assert found["triple_sql_seconds_total"] == pytest.approx(0.07)


def test_figures_of_two_containers_add_up(tmp_path: Path) -> None:
    """Each numbers its processes by itself: who has which place is the kernel's lock alone."""
    with counting(tmp_path, 3), counting(tmp_path, 4, ELSEWHERE), counting(tmp_path, 5, ELSEWHERE):
        assert answers(tmp_path) == 12
        found = list(metrics.processes(tmp_path))
    assert [(each.place, each.is_near) for each in found] == [
        ("web-1", True),
        ("web-2", False),
        ("web-3", False),
    ]
    assert found[1].pid == found[2].pid == 1


def test_no_memory_is_told_of_a_process_of_another_container(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Process("web-1", os.getpid())
    there = Process("worker-1", os.getpid(), is_near=False)
    monkeypatch.setattr(metrics, "processes", lambda: [here, there])
    told = {
        family.name: [sample.labels["process"] for sample in family.samples]
        for family in MachineFigures(app.extensions["settings"]).families()
        if family.name.startswith("triple_process")
    }
    assert set(map(tuple, told.values())) == {("web-1",)}
    assert [row.place for row in list_processes()] == ["web-1"]


@pytest.mark.parametrize("is_near", [True, False])
def test_samples_are_kept_by_the_first_process_and_by_no_namesake(
    monkeypatch: pytest.MonkeyPatch, *, is_near: bool
) -> None:
    found = [Process("web-10", 9), Process("web-2", os.getpid(), is_near), Process("worker-1", 9)]
    monkeypatch.setattr(metrics, "processes", lambda: found)
    assert system_sampling._is_first() is is_near


def test_what_a_killed_process_counted_stays(tmp_path: Path) -> None:
    with counting(tmp_path, 5) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert answers(tmp_path) == 5
        assert list(metrics.processes(tmp_path)) == []


def test_the_next_process_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    """So figures never sink, and a hundred workers after each other leave the files of one."""
    for _ in range(3):
        with counting(tmp_path, 2):
            pass
    assert answers(tmp_path) == 6
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["counter_web-1.db", "histogram_web-1.db", "web-1.lock"]


def test_files_that_a_power_failure_left_are_begun_anew(tmp_path: Path) -> None:
    with counting(tmp_path, 2):
        pass
    broken = tmp_path / "counter_web-1.db"
    broken.write_bytes(b"\xff\x00\x00\x00" + b"\x7f" * (broken.stat().st_size - 4))
    with counting(tmp_path, 4):
        assert answers(tmp_path) == 4


def test_broken_figures_of_others_do_not_hide_ours(tmp_path: Path) -> None:
    with counting(tmp_path, 2):
        (tmp_path / "counter_web-9.db").write_bytes(b"\xff\x00\x00\x00" + b"\x7f" * 300)
        assert answers(tmp_path) == 2


def test_a_place_where_nothing_can_be_written_costs_no_answer(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with counting(tmp_path / "file", 2) as process:
        assert process.poll() is None
    assert (tmp_path / "file").read_text() == "no folder"


def test_a_place_that_cannot_be_opened_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "web-1.lock").mkdir()
    with counting(tmp_path, 2):
        assert [process.place for process in metrics.processes(tmp_path)] == ["web-2"]
        assert answers(tmp_path) == 2


def test_a_forked_child_does_not_count_at_its_parents_place(tmp_path: Path) -> None:
    code = COUNT.replace("sys.stdin.read()", "") + (
        "import os\n"
        "child = os.fork()\n"
        "metrics.count_requests([answer])\n"
        "if child == 0: os._exit(0)\n"
        "os.waitpid(child, 0)\n"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), "2"], cwd=ROOT, check=True, timeout=60
    )
    assert answers(tmp_path) == 3


def test_places_of_living_processes_name_them(tmp_path: Path) -> None:
    with counting(tmp_path, 1) as process:
        found = wait_until(lambda: list(metrics.processes(tmp_path)), 10, "its place is taken")
        assert [one.pid for one in found] == [process.pid]
        assert process.pid != os.getpid()
