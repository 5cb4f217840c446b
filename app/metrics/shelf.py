"""Numbers in memory, or in files that every process of the host reads: one set of files a place.

Containers of a host share them when they are given the same folder.

A process takes the first place that is free and goes on counting where the last one there stopped,
so no figure sinks when a process ends, and files are as many as processes at a time.
A lock of the kernel says which places are taken; it ends with its process, however that ends.
"""

import fcntl
import logging
import os
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from prometheus_client import Metric
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector

log = logging.getLogger("metrics")

MOST_PROCESSES = 200
# Room that is really there: a page of a file that a full disk cannot hold would kill its writer.
ROOM = {"histogram": 1 << 20, "counter": 1 << 19}
SAMPLE_SECONDS = 5
MOMENT_SECONDS = 0.5
BROKEN = (RuntimeError, ValueError, struct.error, FileNotFoundError)


@dataclass(frozen=True)
class Process:
    """A process of ours that runs: its place (`web-1`) and its number.

    Elsewhere, in another container, the number means another process or none.
    """

    place: str
    pid: int
    is_near: bool = True


class Shelf:
    """The files of the place that this process has."""

    def __init__(self, directory: Path, place: str) -> None:
        self.directory, self.place = directory, place
        self._files: dict[str, Any] = {}

    def of(self, kind: str) -> Any:
        """Return the file of one kind of number. Raises OSError."""
        if kind not in self._files:
            self._files[kind] = self._open(self.directory / f"{kind}_{self.place}.db")
        return self._files[kind]

    def _open(self, path: Path) -> Any:
        room = ROOM.get(path.name.partition("_")[0], 1 << 16)
        with path.open("ab") as file:
            os.posix_fallocate(file.fileno(), 0, room)
        try:
            return _open_file(str(path))
        except BROKEN:
            path.unlink()
            return _open_file(str(path))


class Value:
    """One number. prometheus_client makes one a name and set of labels, and adds to it."""

    _multiprocess = False
    _every: list["Value"] = []
    _lock = threading.Lock()
    _shelf: Shelf | None = None

    def __init__(
        self,
        typ: str,
        metric_name: str,
        name: str,
        labelnames: Iterable[str],
        labelvalues: Iterable[str],
        help_text: str,
        multiprocess_mode: str = "",
        **_: Any,
    ) -> None:
        self._kind = f"{typ}_{multiprocess_mode}" if multiprocess_mode else typ
        self._key = mmap_key(metric_name, name, [*labelnames], [*labelvalues], help_text)
        self._number = 0.0
        self._file: Any = None
        with Value._lock:
            Value._every.append(self)
            if Value._shelf is not None:
                self._put_on(Value._shelf)

    def _put_on(self, shelf: Shelf) -> None:
        try:
            file = shelf.of(self._kind)
            self._number += file.read_value(self._key)[0]
            file.write_value(self._key, self._number, 0.0)
        except OSError as error:
            log.warning("a figure is kept in memory alone: %s", error.strerror)
        else:
            self._file = file

    def inc(self, amount: float) -> None:
        """Add to the number."""
        with Value._lock:
            self._number += amount
            if self._file is not None:
                self._file.write_value(self._key, self._number, 0.0)

    def set(self, value: float, timestamp: float | None = None) -> None:  # noqa: ARG002
        """Replace the number."""
        with Value._lock:
            self._number = value
            if self._file is not None:
                self._file.write_value(self._key, self._number, 0.0)

    def get(self) -> float:
        """Return the number."""
        return self._number

    def set_exemplar(self, exemplar: Any) -> None:
        """Keep no exemplar."""

    def get_exemplar(self) -> None:
        """Return no exemplar."""
        return

    @classmethod
    def share_all(cls, shelf: Shelf | None) -> None:
        """Keep every number on `shelf` from now on, or in memory."""
        with cls._lock:
            cls._shelf = shelf
            for value in cls._every:
                value._file = None  # noqa: SLF001 - another of its own kind
                if shelf is not None:
                    value._put_on(shelf)  # noqa: SLF001

    @classmethod
    def share_none_after_fork(cls) -> None:
        """Keep every number in memory; a thread that is gone now may have held the lock."""
        cls._lock = threading.Lock()
        cls.share_all(None)


_open_file: Any = MmapedDict  # its methods say nothing of types
_merge: Any = MultiProcessCollector.merge

_taken: dict[str, Any] = {}  # the place of this process: its lock stays open
_samplers: list[Callable[[], None]] = []
_adders: list[Callable[[], None]] = []


def share(directory: Path, role: str) -> None:
    """Count in files of `directory` from now on, at the first free place of `role`.

    Where that cannot be, this process counts for itself: nobody waits for figures.
    """
    if _taken:
        return
    try:
        directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        place = _take_place(directory, role)
    except OSError as error:
        log.warning("figures are kept in memory alone: %s", error.strerror)
        return
    Value.share_all(Shelf(directory, place))
    threading.Thread(target=_sample, daemon=True, name="metrics").start()


def _take_place(directory: Path, role: str) -> str:
    for number in range(1, MOST_PROCESSES):
        place = f"{role}-{number}"
        try:
            lock = (directory / f"{place}.lock").open("a+")
        except OSError:  # somebody else's, left behind
            continue
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lock.truncate(0)
            lock.write(f"{os.getpid()} {_numbered_in()}".rstrip())
            lock.flush()
            _taken["directory"], _taken["lock"] = directory, lock
            return place
        lock.close()
    raise OSError(0, "too many processes")


@cache
def _numbered_in() -> str:
    """Return the kernel's name of the space that our process numbers are good in."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:  # not Linux: there is but one
        return ""


def _forget_parent() -> None:
    """Leave the parent's place alone after a fork; its lock is the parent's."""
    if _taken:
        Value.share_none_after_fork()
        _taken.pop("lock").close()
        _taken.clear()


os.register_at_fork(after_in_child=_forget_parent)


def sample_with(sampler: Callable[[], None]) -> None:
    """Call `sampler` every few seconds where figures are shared; it sets figures of the process."""
    _samplers.append(sampler)


def each_moment(adder: Callable[[], None]) -> None:
    """Call `adder` every moment where figures are shared; it adds what was put down."""
    _adders.append(adder)


def add_up() -> None:
    """Add what was put down, now."""
    _call_all(_adders)


def are_shared() -> bool:
    """Whether this process has a place, and so a thread that adds up."""
    return bool(_taken)


def _sample() -> None:
    while True:
        _call_all(_samplers)
        for _ in range(round(SAMPLE_SECONDS / MOMENT_SECONDS)):
            time.sleep(MOMENT_SECONDS)
            add_up()


def _call_all(calls: Iterable[Callable[[], None]]) -> None:
    """Call each; one that fails is told of and called again next time."""
    for call in calls:
        try:
            call()
        except Exception:
            log.exception("figures could not be taken")


def processes(directory: Path | None = None) -> Iterator[Process]:
    """Return the processes that share figures and run."""
    directory = directory or _taken.get("directory")
    for lock in sorted(directory.glob("*.lock")) if directory else ():
        with suppress(OSError), lock.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                pid, _, space = file.read().partition(" ")
                if pid.isdigit():
                    yield Process(lock.stem, int(pid), space in ("", _numbered_in()))


def read(directory: Path | None = None) -> list[Metric]:
    """Return what the files of `directory` (default: where this process counts) come to."""
    directory = directory or _taken.get("directory")
    if directory is None:
        return []
    places = {process.place for process in processes(directory)}
    files = [
        str(path)
        for path in directory.glob("*.db")
        if not path.name.startswith("gauge") or path.stem.rpartition("_")[2] in places
    ]
    try:
        families = list(_merge(files, accumulate=True))
    except BROKEN:
        families = list(_merge([file for file in files if _is_whole(file)], accumulate=True))
    for family in families:
        if family.type == "gauge":
            for sample in family.samples:
                sample.labels["process"] = sample.labels.pop("pid")
    return families


def _is_whole(file: str) -> bool:
    """Whether a file can be read; a machine that lost its power leaves half of one."""
    try:
        _merge([file], accumulate=True)
    except BROKEN:
        return False
    return True
