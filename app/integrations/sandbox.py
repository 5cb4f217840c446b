"""Runs a program on hostile input: no shell, no inherited environment, limited in memory, CPU,
file size and time; with bubblewrap also without network, capabilities and most of the disk."""

import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from app.errors import TranscodeFailed

Tick = Callable[[str], None]

_LAUNCHER = Path(__file__).with_name("launcher.py")
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/nonexistent",
    "MALLOC_ARENA_MAX": "4",  # each thread's arena would reserve 64 MB of the address space
}
_SYSTEM_FOLDERS = ("/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives")
_TICK_SECONDS = 0.5
_NICE = 10
_GIGABYTE = 1024**3
_THREAD_BYTES = 64 * 1024**2
_KEPT_LINES = 20
_LONGEST_LINE_BYTES = 4096


class ProgramFailed(TranscodeFailed):
    """The program ended with an error; `errors` are the last lines of its standard error."""

    def __init__(self, detail: str, errors: Sequence[str]) -> None:
        super().__init__("\n".join([detail, *errors]))
        self.errors = tuple(errors)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use. File size is that of one file, in bytes.

    Memory is address space, in bytes; `_THREAD_BYTES` a core are added to it for threads.
    """

    wall_seconds: int
    memory_bytes: int = 4 * _GIGABYTE
    file_bytes: int = _GIGABYTE
    open_files: int = 256


def run(
    command: Sequence[str],
    limits: Limits,
    *,
    reads: Sequence[Path] = (),
    writes: Path | None = None,
    on_tick: Tick | None = None,
) -> list[str]:
    """Run `command`; return the last lines it printed.

    Inside bubblewrap it sees the `reads` read-only and the folder `writes` writable. `on_tick`
    is called with each printed line, and with "" at least every half second; what it raises
    kills the program. Raises ProgramFailed.
    """
    wrapped = [*_launcher(limits), *_wrap(command, reads, writes), *command]
    process = subprocess.Popen(
        wrapped,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_ENVIRONMENT,
        cwd=writes or "/",
        start_new_session=True,
    )
    try:
        output, errors = _attend(process, limits.wall_seconds, on_tick)
    finally:
        _end(process)
    if process.returncode:
        raise ProgramFailed(f"{Path(command[0]).name} ended with {process.returncode}.", errors)
    return output


@cache
def bubblewrap() -> str | None:
    """Return the path of a bubblewrap that works on this machine, else None."""
    path = shutil.which("bwrap")
    if path is None:
        return None
    trial = [path, "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "/bin/true"]
    try:
        trial_run = subprocess.run(trial, capture_output=True, timeout=10, check=False)
    except subprocess.TimeoutExpired:
        return None
    return path if trial_run.returncode == 0 else None


def _launcher(limits: Limits) -> list[str]:
    cores = os.cpu_count() or 1
    options = {
        "parent": os.getpid(),
        "nice": _NICE,
        "limits": {
            "RLIMIT_AS": limits.memory_bytes + cores * _THREAD_BYTES,
            "RLIMIT_CPU": limits.wall_seconds * cores,
            "RLIMIT_FSIZE": limits.file_bytes,
            "RLIMIT_NOFILE": limits.open_files,
            "RLIMIT_CORE": 0,
        },
    }
    return [sys.executable, "-I", "-S", os.fspath(_LAUNCHER), json.dumps(options)]


def _wrap(command: Sequence[str], reads: Sequence[Path], writes: Path | None) -> list[str]:
    bwrap = bubblewrap()
    if bwrap is None:
        return []
    wrapper = [bwrap, "--unshare-all", "--die-with-parent", "--cap-drop", "ALL"]
    # first, so that it does not hide an environment that lives below it
    wrapper += ["--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108 - empty, in the sandbox
    program = Path(command[0])
    python = Path(sys.executable).resolve().parents[1]
    visible = [*_SYSTEM_FOLDERS, sys.prefix, python, program.parent, program.resolve().parent]
    for path in dict.fromkeys(str(folder) for folder in visible):
        wrapper += ["--ro-bind-try", path, path]
    for read in reads:
        wrapper += ["--ro-bind", os.fspath(read), os.fspath(read)]
    if writes is not None:
        wrapper += ["--bind", os.fspath(writes), os.fspath(writes)]
    return [*wrapper, "--chdir", os.fspath(writes or "/"), "--"]


def _attend(
    process: subprocess.Popen[bytes], wall_seconds: int, on_tick: Tick | None
) -> tuple[list[str], list[str]]:
    """Read both pipes until they close, ticking; raises ProgramFailed at the wall timeout."""
    deadline = time.monotonic() + wall_seconds
    tails = {"output": _Tail(), "errors": _Tail()}
    with selectors.DefaultSelector() as selector:
        for pipe, name in ((process.stdout, "output"), (process.stderr, "errors")):
            selector.register(_checked(pipe), selectors.EVENT_READ, tails[name])
        while selector.get_map():
            if time.monotonic() > deadline:
                raise _too_slow(wall_seconds, tails["errors"])
            for key, _ in selector.select(_TICK_SECONDS):
                chunk = os.read(key.fd, 1 << 16)
                if not chunk:
                    selector.unregister(key.fileobj)
                    continue
                lines = key.data.feed(chunk)
                if key.data is tails["output"] and on_tick is not None:
                    for line in lines:
                        on_tick(line)
            if on_tick is not None:
                on_tick("")
    try:
        process.wait(max(1.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise _too_slow(wall_seconds, tails["errors"]) from error
    return tails["output"].lines(), tails["errors"].lines()


class _Tail:
    """The last lines of a stream, whatever its length."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._rest = b""

    def feed(self, chunk: bytes) -> list[str]:
        """Take `chunk` in; return the lines it completed."""
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        self._rest = self._rest[-_LONGEST_LINE_BYTES:]
        lines = [_readable(line) for line in whole]
        self._lines.extend(lines)
        return lines

    def lines(self) -> list[str]:
        """Return what is remembered, with an unfinished last line."""
        return [*self._lines, *([_readable(self._rest)] if self._rest else [])]


def _too_slow(wall_seconds: int, errors: _Tail) -> ProgramFailed:
    return ProgramFailed(f"It took longer than {wall_seconds} seconds.", errors.lines())


def _readable(line: bytes) -> str:
    return line[-_LONGEST_LINE_BYTES:].decode("utf-8", "replace").strip()


def _checked(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise AssertionError("the process was started with pipes")
    return pipe


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the program's process group and reap it."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdout, process.stderr):
        _checked(pipe).close()
