"""gunicorn behind the link to the current release: a flip and a HUP change all that it runs."""

import json
import os
import shutil
import signal
import sys
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gunicorn
import pytest

from tests.ops.demo import children
from tests.ops.test_unix_socket import Connection
from tests.support.server import ROOT, running, wait_until

pytestmark = pytest.mark.no_database
LIBRARY = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
APPLICATION = """
import json, os, sys

import parcel


def app(environ, start_response):
    import late  # only now, as parts of a big application do

    told = {
        "code": "NAME", "package": parcel.NAME, "late": late.NAME,
        "setting": os.environ["GREETING"], "removed": "REMOVED" in os.environ,
        "folder": os.getcwd(), "python": sys.executable, "prefix": sys.prefix,
        "workers": os.environ["COUNT"],
    }
    body = json.dumps(told).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


def _make_release(folder: Path, name: str) -> Path:
    """Make a release of one module, with an environment of its own that holds one package."""
    release = folder / "releases" / name
    venv.create(release / ".venv", symlinks=True)
    library = release / ".venv" / LIBRARY
    site = Path(gunicorn.__file__).parents[1]
    # gunicorn as a release has it: below the folder that the link names
    for package in ("gunicorn", "packaging"):
        shutil.copytree(site / package, library / package)
    (library / "parcel.py").write_text(f"NAME = {name!r}\n")
    (release / "house.py").write_text(APPLICATION.replace('"NAME"', repr(name)))
    (release / "late.py").write_text(f"NAME = {name!r}\n")
    configuration = (ROOT / "gunicorn.conf.py").read_text()
    (release / "gunicorn.conf.py").write_text(f'{configuration}\nos.environ["COUNT"] = "{name}"\n')
    return release


def _flip(folder: Path, name: str) -> None:
    """Let the link name another release, in one step."""
    fresh = folder / "fresh"
    fresh.symlink_to(folder / "releases" / name)
    fresh.rename(folder / "current")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A host with two releases, the first of which is current."""
    with tempfile.TemporaryDirectory(prefix="link-") as name:
        folder = Path(name).resolve()
        for release in ("one", "two"):
            _make_release(folder, release)
        _flip(folder, "one")
        (folder / "settings").write_text("# of the site\nGREETING='good morning'\nREMOVED=1\n")
        yield folder


@contextmanager
def _served(folder: Path) -> Iterator[int]:
    """Serve the current release as supervisord.conf does; give the master's process number."""
    link = folder / "current"
    command = [f"{link}/.venv/bin/python", "-P", "-m", "gunicorn"]
    environment = {
        "RUN_DIR": str(folder),
        "WEB_BIND": f"unix:{folder}/web.sock",
        "WEB_WORKERS": "2",
        "ENV_FILE": str(folder / "settings"),
    }
    arguments = ["-c", f"{link}/gunicorn.conf.py", "house:app"]
    with running([*command, *arguments], environment, folder / "log") as master:
        wait_until(lambda: _ask(folder), 30, "the cluster answers")
        yield master.pid


def _ask(folder: Path) -> dict[str, object]:
    connection = Connection(folder / "web.sock")
    try:
        connection.request("GET", "/", headers={"Connection": "close"})
        return dict(json.loads(connection.getresponse().read()))
    except OSError:
        return {}
    finally:
        connection.close()


def _expected(folder: Path, name: str, greeting: str, removed: bool) -> dict[str, object]:
    release = folder / "releases" / name
    return {
        "code": name,
        "package": name,
        "late": name,
        "setting": greeting,
        "removed": removed,
        "folder": str(release),
        "python": f"{release}/.venv/bin/python",
        "prefix": f"{release}/.venv",
        "workers": name,
    }


def _reload(folder: Path, master: int) -> None:
    before = children(master)
    os.kill(master, signal.SIGHUP)
    wait_until(
        lambda: not children(master) & before and len(children(master)) == 2,
        45,
        "both workers are new",
    )


def test_a_flip_and_a_hup_change_code_packages_and_settings(folder: Path) -> None:
    with _served(folder) as master:
        assert _ask(folder) == _expected(folder, "one", "good morning", removed=True)
        _flip(folder, "two")
        (folder / "settings").write_text("GREETING=good night\n")
        _reload(folder, master)
        assert _ask(folder) == _expected(folder, "two", "good night", removed=False)
        _flip(folder, "one")
        _reload(folder, master)
        assert _ask(folder) == _expected(folder, "one", "good night", removed=False)


def test_until_the_hup_workers_stay_with_their_release_whatever_they_import(folder: Path) -> None:
    """Nothing has imported `late` before the flip; two workers may answer, so ask a few times."""
    with _served(folder) as master:
        wait_until(lambda: len(children(master)) == 2, 30, "both workers run")
        first = children(master)
        (folder / "log").write_text("")
        _flip(folder, "two")
        shutil.move(folder / "releases" / "two" / "late.py", folder / "late.py")
        for _ in range(6):
            assert _ask(folder) == _expected(folder, "one", "good morning", removed=True)
        assert children(master) == first
