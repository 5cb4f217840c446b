"""The sandbox: what a program run on hostile media can and cannot do."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.integrations import sandbox
from app.integrations.sandbox import Limits, ProgramFailed
from tests.support.sources import ROOT

pytestmark = pytest.mark.no_database

SHORT = Limits(wall_seconds=20)
PARENT = """
import sys
from pathlib import Path
from app.integrations import sandbox
if sys.argv[1] == "plain":
    sandbox.bubblewrap = lambda: None
sandbox.run([sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"],
            sandbox.Limits(600), on_tick=lambda line: line and print(line, flush=True))
"""


@pytest.fixture(params=["bubblewrap", "plain"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "plain":
        monkeypatch.setattr(sandbox, "bubblewrap", lambda: None)
    elif sandbox.bubblewrap() is None:
        pytest.skip("bubblewrap is missing or may not make namespaces here")
    return request.param


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_printed_lines_come_back(kind: str) -> None:
    seen: list[str] = []
    lines = sandbox.run(python("print('one'); print('two')"), SHORT, on_tick=seen.append)
    assert lines == ["one", "two"]
    assert [line for line in seen if line] == ["one", "two"]


def test_a_failing_program_is_told_with_its_last_words(kind: str) -> None:
    code = "import sys; [print('line', n, file=sys.stderr) for n in range(99)]; sys.exit(3)"
    with pytest.raises(ProgramFailed) as caught:
        sandbox.run(python(code), SHORT)
    assert "ended with 3" in caught.value.detail
    assert caught.value.errors[-1] == "line 98"
    assert len(caught.value.errors) == 20


def test_no_secret_of_the_environment_is_passed_on(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "do not pass on")
    code = "import os, json; print(json.dumps(dict(os.environ)))"
    passed = json.loads(sandbox.run(python(code), SHORT)[-1])
    assert "SECRET_KEY" not in passed
    assert set(passed) <= {"PATH", "LANG", "HOME", "PWD", "LC_CTYPE", "MALLOC_ARENA_MAX"}


def test_memory_is_limited(kind: str) -> None:
    with pytest.raises(ProgramFailed, match="MemoryError"):
        sandbox.run(python("b'x' * (3 * 1024 ** 3)"), Limits(20, memory_bytes=1024**3))


def test_a_file_may_not_grow_without_end(kind: str, tmp_path: Path) -> None:
    code = f"open({str(tmp_path / 'out')!r}, 'wb').write(b'x' * 5_000_000)"
    with pytest.raises(ProgramFailed):
        sandbox.run(python(code), Limits(20, file_bytes=1_000_000), writes=tmp_path)
    assert (tmp_path / "out").stat().st_size <= 1_000_000


def test_it_is_killed_when_its_time_is_over(kind: str) -> None:
    started = time.monotonic()
    with pytest.raises(ProgramFailed, match="longer than 1 seconds"):
        sandbox.run(python("import time; time.sleep(60)"), Limits(wall_seconds=1))
    assert time.monotonic() - started < 10
    assert not _descendants()


def test_closing_its_output_does_not_buy_time(kind: str) -> None:
    code = "import os, time; os.close(1); os.close(2); time.sleep(60)"
    with pytest.raises(ProgramFailed, match="longer than 1 seconds"):
        sandbox.run(python(code), Limits(wall_seconds=1))


def test_what_the_callback_raises_kills_it_and_passes_through(kind: str) -> None:
    class Stop(Exception):
        pass

    def on_tick(line: str) -> None:
        if line == "up":
            raise Stop

    with pytest.raises(Stop):
        sandbox.run(
            python("import time; print('up', flush=True); time.sleep(60)"), SHORT, on_tick=on_tick
        )
    assert not _descendants()


def test_it_yields_to_the_web(kind: str) -> None:
    assert sandbox.run(python("import os; print(os.nice(0))"), SHORT) == [str(os.nice(0) + 10)]


def test_it_dies_with_a_killed_worker(kind: str) -> None:
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-c", PARENT, kind]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline().strip() == "up"
        children = psutil.Process(parent.pid).children(recursive=True)
        assert children
        parent.send_signal(signal.SIGKILL)
    assert psutil.wait_procs(children, timeout=10)[1] == []


class TestBubblewrap:
    """What only namespaces can take away."""

    @pytest.fixture(autouse=True)
    def usable(self) -> None:
        if sandbox.bubblewrap() is None:
            pytest.skip("bubblewrap is missing or may not make namespaces here")

    def test_there_is_no_network(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            code = f"import socket; socket.create_connection(('127.0.0.1', {port}), timeout=5)"
            with pytest.raises(ProgramFailed, match=r"refused|unreachable"):
                sandbox.run(python(code), SHORT)

    def test_files_that_were_not_named_are_not_there(self, tmp_path: Path) -> None:
        named, other = tmp_path / "named", tmp_path / "other"
        named.write_text("seen")
        other.write_text("hidden")
        code = "import sys, pathlib\nfor path in sys.argv[1:]: print(pathlib.Path(path).exists())"
        command = [*python(code), str(named), str(other), "/etc/passwd", str(ROOT / "wsgi.py")]
        assert sandbox.run(command, SHORT, reads=[named]) == ["True", "False", "False", "False"]

    def test_sources_and_system_are_read_only(self, tmp_path: Path) -> None:
        source = tmp_path / "source"
        source.write_text("original")
        for target in (source, Path("/usr/written")):
            with pytest.raises(ProgramFailed, match="Read-only"):
                sandbox.run(python(f"open({str(target)!r}, 'w')"), SHORT, reads=[source])
        assert source.read_text() == "original"

    def test_there_are_no_capabilities(self, tmp_path: Path) -> None:
        code = "import os; os.mknod('device', 0o060600, os.makedev(8, 0))"
        with pytest.raises(ProgramFailed, match="not permitted"):
            sandbox.run(python(code), SHORT, writes=tmp_path)


def _descendants() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if child.is_running() and "sleep(60)" in " ".join(child.cmdline())
    ]
