"""Scratch folders: gone at the end, swept after a kill, left alone while in use."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.domain.videos import scratch
from tests.support.sources import ROOT

pytestmark = pytest.mark.no_database

HOLD = """
import sys, time
from pathlib import Path
from app.domain.videos import scratch
with scratch.folder(Path(sys.argv[1]), "held") as folder:
    (folder / "segment").write_bytes(b"x")
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_folder_is_empty_and_goes_in_the_end(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "left over").touch()
    with scratch.folder(tmp_path, "a") as folder:
        assert [path.name for path in folder.iterdir()] == ["lock"]
        (folder / "segment").touch()
    assert not folder.exists()


def test_it_goes_after_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), scratch.folder(tmp_path, "a") as folder:
        raise RuntimeError
    assert not folder.exists()


def test_the_sweep_spares_what_is_held_and_takes_what_a_kill_left(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    environment = {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "held"
        assert scratch.sweep(tmp_path) == 0
        assert (tmp_path / "held" / "segment").exists()
        holder.send_signal(signal.SIGKILL)
        holder.wait(10)
    assert scratch.sweep(tmp_path) == 1
    assert not (tmp_path / "held").exists()


def test_sweeping_nothing_is_nothing(tmp_path: Path) -> None:
    assert scratch.sweep(tmp_path / "missing") == 0
