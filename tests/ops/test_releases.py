"""Releases and rollbacks of a real host while people read, watch, upload and ask its API.

RELEASES says how many follow each other (2; the promise is made for five, which also tries more
ways to fail), UPLOAD_MB how large the file is that is sent meanwhile (40; 200).
"""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ops.demo import children
from tests.ops.mixed_load import MEGABYTE, Furniture, Load, furnish
from tests.ops.production import Host, production_host
from tests.support.server import ROOT, wait_until

pytestmark = [pytest.mark.no_database, pytest.mark.alone, pytest.mark.timeout(900)]
RELEASES = int(os.environ.get("RELEASES") or 2)
UPLOAD_BYTES = int(os.environ.get("UPLOAD_MB") or 40) * MEGABYTE
# The promise, for a machine that has nothing else to do; what the suite's own is given.
MAX_SECONDS = 1.0 if RELEASES >= 5 else 4.0
BACK_SECONDS = 30
WATCH = {"WATCH_SECONDS": os.environ.get("WATCH_SECONDS") or "4"}
# What is wrong with a release once it serves, though it was well on its trial socket.
SERVES = 'os.environ.get("WEB_BIND", "").endswith("/web.sock")'
NOT_READY = f"""

def _check_nothing() -> None:
    if {SERVES}:
        raise RuntimeError("not ready")


CHECKS["storage"] = _check_nothing
"""
CANNOT_BOOT = f"""
import os

if {SERVES} and "gunicorn" in os.sys.modules:
    raise RuntimeError("cannot load")
"""
BROKEN = {"is not ready": ("app/web/pages/health.py", NOT_READY)}
if RELEASES > 2:
    BROKEN["cannot load the application"] = ("wsgi.py", CANNOT_BOOT)


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with production_host(REQUIRE_MFA="none") as host:
        yield host


@pytest.fixture(scope="module")
def furniture(host: Host) -> Furniture:
    return furnish(host)


@pytest.fixture
def load(host: Host, furniture: Furniture) -> Iterator[Load]:
    load = Load(host, furniture, UPLOAD_BYTES)
    with load.running():
        yield load


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The code under test, to be changed."""
    ignored = shutil.ignore_patterns(".venv", ".git", "var", "tests", "__pycache__", ".*_cache")
    return shutil.copytree(ROOT, tmp_path / "source", ignore=ignored, symlinks=True)


def _folders(host: Host) -> set[str]:
    """Return the release of each web worker."""
    found = set()
    for pid in children(host.pid("web")):
        try:
            found.add(Path(f"/proc/{pid}/cwd").resolve().name)
        except OSError:
            continue  # one that has just gone
    return found


def _finished_upload(load: Load) -> None:
    before = load.uploads
    wait_until(lambda: load.uploads > before, 240, "an upload is complete")


def test_releases_that_follow_each_other_fail_no_request(host: Host, load: Load) -> None:
    served = [host.release]
    for _ in range(RELEASES):
        host.setup("release", **WATCH)
        served.append(host.release)
        wait_until(lambda: _folders(host) == {host.release}, 60, "all web workers are new")
    _finished_upload(load)
    print(f"\n{RELEASES} releases, {load.total} requests\n{load.figures()}")
    assert len(set(served)) == RELEASES + 1
    assert not load.failures, load.failures.most_common(5)
    assert load.slowest_seconds < MAX_SECONDS, load.figures()
    assert (host.house / "previous").read_text().strip() == served[-2]
    kept = {path.name for path in (host.house / "releases").iterdir()}
    assert kept == set(served[-3:])
    assert {"worker", "scheduler"} <= {
        n for n, state in host.states().items() if state == "RUNNING"
    }


def test_a_rollback_brings_the_release_before_back_and_fails_no_request(
    host: Host, load: Load
) -> None:
    newest = host.release
    before = (host.house / "previous").read_text().strip()
    answer = host.setup("rollback")
    assert f"{before} serves" in answer.stdout
    wait_until(lambda: _folders(host) == {before}, 60, "all web workers are of it")
    unknown = host.setup("rollback", "20200101T000000Z-0badc0de", check=False)
    assert unknown.returncode == 1
    assert "no release 20200101T000000Z-0badc0de" in unknown.stderr
    host.setup("rollback", newest)
    assert host.release == newest
    assert not load.failures, load.failures.most_common(5)


@pytest.mark.parametrize("fault", list(BROKEN))
def test_a_release_that_fails_once_it_serves_goes_back_by_itself(
    host: Host, load: Load, source: Path, fault: str
) -> None:
    before = host.release
    name, more = BROKEN[fault]
    with (source / name).open("a") as file:
        file.write(more)
    away: list[float] = []
    watch = threading.Thread(target=_note_absence, args=(host, before, away))
    watch.start()
    answer = host.setup("release", str(source), check=False)
    watch.join(5)
    assert answer.returncode == 1
    assert "was taken back" in answer.stderr
    assert f"{before} serves again" in answer.stderr
    wait_until(lambda: _folders(host) == {before}, 60, "all web workers are of the one before")
    assert host.is_ready()
    print(f"\n{fault}: {away[0]:.0f} s from the switch to the way back")
    assert away[0] <= BACK_SECONDS
    assert not load.failures, load.failures.most_common(5)


def _note_absence(host: Host, before: str, seconds: list[float]) -> None:
    """Note for how long the link named another release."""
    wait_until(lambda: host.release != before, 200, "the switch")
    began = time.monotonic()
    wait_until(lambda: host.release == before, 200, "the way back")
    seconds.append(time.monotonic() - began)


def test_a_release_that_does_not_load_is_refused_before_anybody_meets_it(
    host: Host, source: Path
) -> None:
    before, releases = host.release, set((host.house / "releases").iterdir())
    (source / "app/web/pages/home.py").write_text("import nothing_of_the_kind\n")
    answer = host.setup("release", str(source), check=False)
    assert answer.returncode == 1
    assert "nothing_of_the_kind" in answer.stderr
    assert host.release == before
    assert {path for path in (host.house / "releases").iterdir() if path.exists()} <= releases


def test_a_killed_release_is_cleaned_up_by_the_next(host: Host) -> None:
    before = host.release
    environment = {**os.environ, "PREFIX": str(host.prefix)}
    killed = subprocess.Popen(
        [ROOT / "setup.sh", "release"], env=environment, start_new_session=True
    )
    canary = host.run / "canary.sock"
    wait_until(canary.exists, 200, "the release is tried")
    second = host.setup("rollback", check=False)
    assert "another release or rollback is under way" in second.stderr
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    host.setup("release", **WATCH)
    assert host.release != before
    assert not canary.exists()
    assert not (host.house / ".under-way").exists()
