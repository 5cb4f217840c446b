"""supervisord and gunicorn read their files, and the files say what the platform relies on."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from supervisor.options import ServerOptions

from tests.support.server import ROOT, base_environment

pytestmark = [pytest.mark.no_database, pytest.mark.at_once]
READ_GUNICORN = """
import json, sys
from gunicorn.app.wsgiapp import WSGIApplication
sys.argv = ["gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
cfg = WSGIApplication().cfg
names = ("workers", "threads", "preload_app", "control_socket_disable", "graceful_timeout",
         "max_requests", "max_requests_jitter", "accesslog", "worker_tmp_dir", "bind", "reuse_port")
loaded = any(name == "app" or name.startswith("app.") for name in sys.modules)
print(json.dumps({name: getattr(cfg, name) for name in names} | {"application_loaded": loaded}))
"""


def _programs(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch, added: str = "", **switches: str
) -> dict[str, Any]:
    for name in ("RUN_DIR", "LOG_DIR"):
        monkeypatch.setenv(name, str(run_dir))
    for name in ("RUN_WEB", "RUN_WORKER", "RUN_SCHEDULER"):
        monkeypatch.setenv(name, switches.get(name, "true"))
    (run_dir / "supervisor.d").mkdir()
    (run_dir / "supervisor.d" / "added.conf").write_text(added)
    options = ServerOptions()
    options.realize(["-c", str(ROOT / "supervisord.conf")], doc="")
    return {
        process.name: process for group in options.process_group_configs
        for process in group.process_configs
    }  # fmt: skip


def _gunicorn(**environment: str) -> dict[str, Any]:
    answer = subprocess.run(
        [sys.executable, "-c", READ_GUNICORN],
        cwd=ROOT,
        env={**base_environment(), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(answer.stdout))


def test_every_program_is_restarted_whatever_its_exit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = _programs(tmp_path, monkeypatch)
    assert set(programs) == {"web", "worker", "scheduler"}
    for program in programs.values():
        assert program.autorestart.__name__ == "RestartUnconditionally"
        assert program.startretries >= 100
        assert program.startsecs >= 5, "longer than a faulty release takes to fail"
        assert program.killasgroup
        assert 0 < program.stdout_logfile_maxbytes <= 50 * 1024 * 1024


@pytest.mark.parametrize("program", ["web", "worker", "scheduler"])
def test_each_program_can_be_left_out_of_a_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    programs = _programs(tmp_path, monkeypatch, **{f"RUN_{program.upper()}": "false"})
    assert {name for name, each in programs.items() if not each.autostart} == {program}


def test_gunicorn_may_finish_its_requests_before_supervisord_kills_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = _programs(tmp_path, monkeypatch)["web"]
    assert web.stopwaitsecs > _gunicorn()["graceful_timeout"]
    assert not web.stopasgroup, "the signal is the master's alone"


def test_an_included_file_may_add_a_program_and_hold_another_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = "[program:web]\nautostart=false\n[program:postgres]\ncommand=/bin/true\n"
    programs = _programs(tmp_path, monkeypatch, added)
    assert not programs["web"].autostart
    assert "gunicorn" in programs["web"].command
    assert "postgres" in programs


def test_the_control_socket_is_for_its_owner_alone() -> None:
    text = (ROOT / "supervisord.conf").read_text()
    assert "[unix_http_server]\nfile=%(ENV_RUN_DIR)s/supervisor.sock\nchmod=0700" in text
    assert "inet_http_server" not in text


def test_gunicorn_runs_in_its_production_form() -> None:
    settings = _gunicorn(PORT="3999", WEB_WORKERS="3")
    assert settings["bind"] == ["127.0.0.1:3999"]
    assert (settings["workers"], settings["threads"]) == (3, 8)
    assert settings["max_requests"] > 0
    assert settings["max_requests_jitter"] > 0
    assert settings["control_socket_disable"]
    assert settings["accesslog"] is None
    assert not settings["reuse_port"], "a socket per worker loses requests at a HUP"


def test_gunicorns_master_never_holds_the_applications_code() -> None:
    settings = _gunicorn()
    assert not settings["preload_app"]
    assert not settings["application_loaded"], "a HUP would fork the old code for ever"
