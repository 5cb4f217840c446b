"""The doctor and this machine: disks, ffmpeg, the sandbox, fonts."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from app.cli.checks import machine
from app.cli.checks.findings import State
from app.integrations import sandbox
from tests.cli.checks.conftest import Doctor

Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - what shutil returns
GIGABYTE = 1024**3


@pytest.mark.parametrize("name", ["ffmpeg", "fonts"])
def test_a_machine_that_has_what_it_needs_is_well(doctor: Doctor, name: str) -> None:
    doctor.one(name, State.OK)


@pytest.mark.parametrize(
    ("free", "state"),
    [(200 * GIGABYTE, State.OK), (GIGABYTE, State.WARN), (GIGABYTE // 10, State.FAIL)],
    ids=["roomy", "tight", "full"],
)
def test_a_disk_that_fills_up_is_told(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, free: int, state: State
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(400 * GIGABYTE, 0, free))
    found = doctor.look("disk")
    assert {each.state for each in found} == {state}
    assert any("media" in each.detail for each in found)
    assert state is State.OK or "uploads answer 507" in found[0].remedy


def test_an_ffmpeg_that_is_none_is_told(doctor: Doctor) -> None:
    doctor.change(ffmpeg_bin="no-such-ffmpeg")
    assert "FFMPEG_BIN" in doctor.one("ffmpeg", State.FAIL).remedy
    doctor.change(ffmpeg_bin=shutil.which("false"))
    assert "cannot encode" in doctor.one("ffmpeg", State.FAIL).detail


def test_a_sandbox_with_walls_is_well(doctor: Doctor) -> None:
    if sandbox.bubblewrap() is None:
        pytest.skip("bubblewrap does not work here (Debian: bubblewrap)")
    assert "no network" in doctor.one("sandbox", State.OK).detail


def test_a_sandbox_without_walls_is_found_out(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bubblewrap that only claims to be one: what runs in it reaches everything."""
    monkeypatch.setattr(sandbox, "bubblewrap", lambda: "/bin/true")
    monkeypatch.setattr(sandbox, "_wrap", lambda *_: [])
    found = doctor.one("sandbox", State.FAIL)
    for leak in ("the network", "/etc/passwd", "other processes"):
        assert leak in found.detail


def test_a_missing_bubblewrap_is_told(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "bubblewrap", lambda: None)
    assert "apt-get install bubblewrap" in doctor.one("sandbox", State.WARN).remedy


def test_receipts_without_fonts_are_told(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(machine, "FONTS", tmp_path)
    assert "text.ttf" in doctor.one("fonts", State.FAIL).detail
