"""Archives made to harm: nothing written outside, nothing grown, each refused with a reason."""

import hashlib
import io
import json
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from app.current import integrations
from app.database import db
from app.domain.accounts.models import User
from app.domain.courses import archive_reading, transfers
from app.domain.courses.file_models import CourseTransfer, TransferStatus
from app.domain.courses.models import Category, Course
from app.errors import FileRefused
from app.worker import transfers as job
from tests import factories
from tests.support.course_files import picture

ROOM = 1024**3
MEGABYTE = 1024**2
Change = Callable[[dict[str, Any], dict[str, bytes]], None]


def _manifest(files: dict[str, bytes]) -> dict[str, Any]:
    """A course of one lesson that hands out each of `files`."""
    lesson = {
        "title": "One",
        "kind": "text",
        "body": "Read.",
        "files": [{"filename": f"{n}.txt", "path": path} for n, path in enumerate(files)],
    }
    return {
        "format": "course-archive",
        "version": 1,
        "made_at": "2026-11-23T00:00:00+00:00",
        "course": {
            "title": "Knots",
            "category": "none",
            "level": "beginner",
            "language": "en",
            "price": {"amount_minor": 0, "currency": "USD"},
        },
        "sections": [{"title": "All", "lessons": [lesson]}],
        "entries": [
            {"path": path, "size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for path, data in files.items()
        ],
    }


def _zip(manifest: Any, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.writestr("course.json", json.dumps(manifest))
    return held.getvalue()


def _good() -> bytes:
    files = {"files/0": b"Notes."}
    return _zip(_manifest(files), files)


def _with(*infos: tuple[zipfile.ZipInfo | str, bytes]) -> bytes:
    """A good archive with something more in it."""
    held = io.BytesIO(_good())
    with zipfile.ZipFile(held, "a") as archive:
        for info, data in infos:
            archive.writestr(info, data)
    return held.getvalue()


def _special(mode: int, name: str = "files/1") -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def _changed(change: Change) -> bytes:
    files = {"files/0": b"Notes."}
    manifest = _manifest(files)
    change(manifest, files)
    return _zip(manifest, files)


def _twice() -> bytes:
    with pytest.warns(UserWarning, match="Duplicate"):
        return _with(("files/0", b"Other."))


def _overlapping() -> bytes:
    """Two names in the table of contents for one run of bytes."""
    data = bytearray(_zip({}, {"files/0": b"a" * 100, "files/1": b"b" * 100}, zipfile.ZIP_STORED))
    second = data.rfind(b"PK\1\2", 0, data.rfind(b"PK\1\2"))
    struct.pack_into("<L", data, second + 42, 0)
    return bytes(data)


def _bomb() -> bytes:
    files = {"files/0": b"\0" * (40 * MEGABYTE)}
    return _zip(_manifest(files), files)


def _understated() -> bytes:
    """A table of contents that says a file is small which is not."""
    files = {"files/0": b"\0" * MEGABYTE}
    data = bytearray(_zip(_manifest({"files/0": b"\0" * 9}), files))
    struct.pack_into("<L", data, data.find(b"PK\1\2") + 24, 9)
    return bytes(data)


def _endless_contents() -> bytes:
    """The end of a zip that announces a table of contents of four gigabytes."""
    return b"\0" * 64 + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 9, 9, 0xFFFFFFF0, 0, 0)


def _lying_zip64() -> bytes:
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, 2**60, 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1)
    return record + locator + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 2**32 - 1, 0, 0)


def _encrypted() -> bytes:
    data = bytearray(_good())
    data[data.find(b"PK\1\2") + 8] |= 1
    return bytes(data)


def _set(path: str, value: Any) -> Change:
    def change(manifest: dict[str, Any], _files: dict[str, bytes]) -> None:
        place: Any = manifest
        *steps, last = path.split(".")
        for step in steps:
            place = place[int(step)] if step.isdigit() else place[step]
        place[last] = value

    return change


HOSTILE: dict[str, Callable[[], bytes]] = {
    "traversal": lambda: _with(("../../../tmp/out", b"x")),
    "absolute": lambda: _with(("/etc/cron.d/x", b"x")),
    "backslashes": lambda: _with(("files\\..\\..\\x", b"x")),
    "inside and out": lambda: _with(("files/../../x", b"x")),
    "nul": lambda: _with((zipfile.ZipInfo("files/1"), b"x")).replace(b"files/1", b"files\x00."),
    "symlink": lambda: _with((_special(stat.S_IFLNK | 0o777), b"/etc/passwd")),
    "device": lambda: _with((_special(stat.S_IFCHR | 0o666), b"")),
    "fifo": lambda: _with((_special(stat.S_IFIFO | 0o666), b"")),
    "folder": lambda: _with(("files/", b"")),
    "stranger": lambda: _with(("setup.py", b"print()")),
    "second name": lambda: _with(("files/1", b"unlisted")),
    "twice": _twice,
    "overlapping": _overlapping,
    "bomb": _bomb,
    "understated": _understated,
    "endless contents": _endless_contents,
    "lying zip64": _lying_zip64,
    "encrypted": _encrypted,
    "no zip": lambda: b"GIF89a" + b"\0" * 1000,
    "empty": lambda: b"",
    "cut off": lambda: _good()[:-30],
    "nested without manifest": lambda: _zip_of({"files/0": _good()}),
    "other hash": lambda: _changed(_set("entries.0.sha256", "0" * 64)),
    "other length": lambda: _changed(_set("entries.0.size_bytes", 7)),
    "negative length": lambda: _changed(_set("entries.0.size_bytes", -1)),
    "unknown field": lambda: _changed(_set("course.instructor_id", "me")),
    "other version": lambda: _changed(_set("version", 2)),
    "path in manifest": lambda: _changed(
        _set("sections.0.lessons.0.files", [{"filename": "a", "path": "../../x"}])
    ),
    "unnamed file": lambda: _changed(_set("sections.0.lessons.0.files", [])),
    "video that is not there": lambda: _changed(_set("sections.0.lessons.0.video", 3)),
    "deep": lambda: _zip_of({"course.json": b"[" * 200_000}),
    "other type": lambda: _zip_of({"course.json": b'"text"'}),
    "html price": lambda: _changed(_set("course.price.amount_minor", "<b>")),
}


def _zip_of(files: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return held.getvalue()


def _read_all(path: Path, target: Path) -> None:
    with archive_reading.opened(path, ROOM) as archive:
        for number, entry in enumerate(archive.manifest.entries):
            archive.unpack(entry.path, target / str(number), lambda _: None)


@pytest.mark.no_database
def test_a_good_archive_is_read(tmp_path: Path) -> None:
    path, target = tmp_path / "a.zip", tmp_path / "out"
    target.mkdir()
    path.write_bytes(_good())
    _read_all(path, target)
    assert (target / "0").read_bytes() == b"Notes."


@pytest.mark.no_database
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_within_little_memory(tmp_path: Path, name: str) -> None:
    path, target = tmp_path / "a.zip", tmp_path / "out"
    target.mkdir()
    path.write_bytes(HOSTILE[name]())
    before = {found for found in tmp_path.rglob("*") if found != path}
    tracemalloc.start()
    try:
        with pytest.raises(FileRefused) as refused:
            _read_all(path, target)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(refused.value.detail) > 20
    assert peak < 24 * MEGABYTE
    left = {found for found in tmp_path.rglob("*") if found != path} - before
    assert sum(found.stat().st_size for found in left) < 2 * MEGABYTE


@pytest.mark.no_database
def test_an_archive_larger_than_the_room_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(_good())
    with pytest.raises(FileRefused, match="room"), archive_reading.opened(path, 5):
        pytest.fail("it was opened")


def _import(maker: User, archive: bytes) -> CourseTransfer:
    transfer = transfers.begin_import(maker, "a.zip", "arrivals/x/source", len(archive))
    integrations.storage.put_bytes("arrivals/x/source", archive, "application/zip")
    db.session.commit()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "held", lambda _: nullcontext())
        patch.setattr(db.session, "remove", lambda: None)
        job.import_course(transfer.id, lambda: False)
    return db.session.get_one(CourseTransfer, transfer.id, populate_existing=True)


def _counted() -> tuple[int, ...]:
    objects = sum(
        len(integrations.storage.list_keys(folder))
        for folder in ("sources", "files", "covers", "arrivals")
    )
    return objects, db.session.query(Course).count()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (_set("course.title", ""), "title"),
        (_set("course.price", {"amount_minor": -5, "currency": "USD"}), "price"),
        (_set("course.price", {"amount_minor": 5, "currency": "<b>"}), "currency"),
        (_set("course.language", "../x"), "language"),
        (_set("sections.0.lessons.0.title", " "), "title"),
        (_set("sections.0.lessons.0.files.0.filename", "run.exe"), ".exe"),
    ],
    ids=["title", "price", "currency", "language", "lesson", "file"],
)
def test_a_course_that_no_form_would_take_is_refused_and_leaves_nothing(
    instructor: User, change: Change, fault: str
) -> None:
    factories.make_category()
    before = _counted()
    failed = _import(instructor, _changed(change))
    assert (failed.status, failed.error_code) == (TransferStatus.FAILED, "FILE_REFUSED")
    assert fault in (failed.error_detail or "")
    assert _counted() == before


def test_files_inside_must_be_what_they_are_said_to_be(instructor: User) -> None:
    factories.make_category()
    before = _counted()
    video = {"videos/0.mp4": b"#EXTM3U\nhttp://169.254.169.254/\n" + b"\0" * 100}
    manifest = _manifest({})
    manifest["videos"] = [{"title": "Film", "path": "videos/0.mp4"}]
    manifest["entries"] = _manifest(video)["entries"]
    failed = _import(instructor, _zip(manifest, video))
    assert "videos/0.mp4" in (failed.error_detail or "")
    cover = {"cover.webp": b"<svg onload=alert(1)>"}
    manifest = _manifest({})
    manifest["course"]["has_cover"] = True
    manifest["entries"] = _manifest(cover)["entries"]
    failed = _import(instructor, _zip(manifest, cover))
    assert failed.error_code == "FILE_REFUSED"
    document = {"files/0": b"<script>"}
    manifest = _manifest({})
    manifest["entries"] = _manifest(document)["entries"]
    manifest["sections"][0]["lessons"][0] |= {
        "kind": "pdf",
        "document": {"filename": "a.pdf", "path": "files/0"},
    }
    failed = _import(instructor, _zip(manifest, document))
    assert "PDF" in (failed.error_detail or "")
    assert _counted() == before


def test_an_archive_decides_neither_owner_nor_address_nor_visibility(instructor: User) -> None:
    shelf = factories.make_category()
    cover = {"cover.webp": picture()}
    manifest = _manifest(cover)
    manifest["course"] |= {"has_cover": True, "category": shelf.slug}
    manifest["sections"][0]["lessons"][0]["files"] = []
    done = _import(instructor, _zip(manifest, cover))
    assert done.status is TransferStatus.READY, done.error_detail
    course = db.session.get_one(Course, done.course_id)
    assert (course.instructor_id, course.status.value) == (instructor.id, "draft")
    assert db.session.get_one(Category, course.category_id).id == shelf.id
    assert course.cover_id is not None
