"""`setup.sh production`: a host of its own, what it lets whom do, and how it comes back."""

import hashlib
import os
import pwd
import signal
import ssl
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest
from psycopg2.errors import InsufficientPrivilege

from tests.ops.demo import children, lives
from tests.ops.production import SITE_HOST, Host, production_host, require_host
from tests.support.server import wait_until

pytestmark = [pytest.mark.no_database, pytest.mark.timeout(600)]
PROGRAMS = {"nginx", "postgres", "web", "worker", "scheduler", "logs"}
TABLES = "('audit_events', 'payments', 'entitlements')"
FORBIDDEN = {
    "create a table": "create table mine (id int)",
    "create a table for itself": "create temporary table mine (id int)",
    "create a schema": "create schema mine",
    "change a table": "alter table users add column extra text",
    "drop a table": "drop table users",
    "empty a table": "truncate audit_events",
    "empty any other table": "truncate procrastinate_jobs cascade",
    "change the trail": "update audit_events set action = 'x'",
    "shorten the trail": "delete from audit_events",
    "change a payment": "update payments set id = id",
    "shorten the ledger": "delete from entitlements",
    "switch off a trigger": "alter table audit_events disable trigger all",
    "call itself migrated": "update alembic_version set version_num = '0001'",
    "become the owner": "set role triple_owner",
    "read PostgreSQL's passwords": "select * from pg_authid",
    "run a program": "copy (select 1) to program 'true'",
}


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with production_host() as host:
        yield host


def _user(pid: int) -> str:
    return pwd.getpwuid(psutil.Process(pid).uids().effective).pw_name


def _as(user: str, *command: str) -> subprocess.CompletedProcess[str]:
    entry = pwd.getpwnam(user)
    return subprocess.run(
        ["setpriv", f"--reuid={user}", f"--regid={entry.pw_gid}", "--init-groups", *command],
        capture_output=True, text=True, check=False, cwd="/",
    )  # fmt: skip


def _facts(host: Host) -> dict[str, tuple[int, int, int, str]]:
    """Return mode, owner, group and content of all that a set-up makes, but for what runs there."""
    facts = {}
    for folder in (host.etc, host.house, host.state / "static", host.state / "media"):
        for path in (folder, *folder.rglob("*")):
            if ".venv" in path.parts or path.name == "__pycache__":
                continue
            entry = path.lstat()
            content = str(path.readlink()) if path.is_symlink() else ""
            if stat.S_ISREG(entry.st_mode):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            facts[str(path)] = (entry.st_mode, entry.st_uid, entry.st_gid, content)
    return facts


def test_everything_runs_as_a_user_of_its_own(host: Host) -> None:
    expected = dict.fromkeys(PROGRAMS, "RUNNING")
    wait_until(lambda: host.states() == expected, 20, "all programs run")
    pids = {program: host.pid(program) for program in PROGRAMS}
    users = {program: _user(pid) for program, pid in pids.items()}
    assert users == {
        "web": "triple", "worker": "triple", "scheduler": "triple", "postgres": "triple-db",
        "nginx": "root", "logs": "root",
    }  # fmt: skip
    assert {_user(pid) for pid in children(pids["nginx"])} == {"www-data"}
    assert {_user(pid) for pid in children(pids["web"])} == {"triple"}
    for pid in (pids["web"], pids["worker"], pids["scheduler"]):
        assert psutil.Process(pid).gids().effective != 0
    assert host.ask("/courses").status == 200


def test_neither_nginx_nor_postgresql_is_told_a_secret(host: Host) -> None:
    secrets = [path.read_bytes().strip() for path in (host.etc / "secrets").iterdir()]
    assert len(secrets) == len(set(secrets)) >= 4
    assert all(len(secret) >= 64 for secret in secrets)
    for program in PROGRAMS:
        told = Path(f"/proc/{host.pid(program)}/environ").read_bytes()
        assert not any(secret in told for secret in secrets), program
        assert b"SECRET_KEY" not in told or program in ("worker", "scheduler")


@pytest.mark.parametrize("user", ["www-data", "triple-db", "nobody"])
def test_only_the_applications_user_reads_its_settings(host: Host, user: str) -> None:
    for path in (host.etc / "production.env", host.etc / "secrets/secret_key"):
        assert _as(user, "cat", str(path)).returncode != 0
        assert _as("triple", "cat", str(path)).returncode == 0
        assert _as("triple", "test", "-w", str(path)).returncode != 0


def test_the_applications_user_can_replace_nothing_that_root_runs(host: Host) -> None:
    """supervisord, as root, reads its programs there and writes its process number."""
    runs = [host.house, host.current / "app", host.current / ".venv/bin", host.etc, host.state]
    for folder in (*runs, host.run / "supervisor.d", host.logs, host.state / "postgres"):
        assert _as("triple", "test", "-w", str(folder)).returncode != 0, folder
    assert (host.run.stat().st_mode & stat.S_ISVTX, host.run.stat().st_uid) == (stat.S_ISVTX, 0)
    assert _as("triple", "mv", f"{host.run}/supervisor.d", f"{host.run}/mine").returncode != 0
    assert _as("triple", "rm", f"{host.run}/supervisor.sock").returncode != 0


def test_nginx_reads_what_the_application_stores_and_others_do_not(host: Host) -> None:
    code = (
        "import sys, tempfile, pathlib; from app import create_app; app = create_app()\n"
        "with tempfile.NamedTemporaryFile() as file:\n"
        "    app.extensions['integrations'].storage.put_file(\n"
        "        'media/v/1/x.m4s', pathlib.Path(file.name), 'video/mp4')\n"
    )
    enter = str(host.current / "app/host/enter.sh")
    environment = f"ENV_FILE={host.etc}/production.env"
    stored = _as("triple", "env", environment, "sh", "-c", 'umask 027; exec "$@"', "sh", enter,
                 "python", "-c", code)  # fmt: skip
    assert stored.returncode == 0, stored.stderr
    path = str(host.state / "media/media/v/1/x.m4s")
    assert _as("www-data", "cat", path).returncode == 0
    assert _as("nobody", "cat", path).returncode != 0


@pytest.mark.parametrize("what", sorted(FORBIDDEN))
def test_the_applications_role_may_not(host: Host, what: str) -> None:
    with host.database("triple_app") as cursor, pytest.raises(InsufficientPrivilege):
        cursor.execute(FORBIDDEN[what])


def test_the_applications_role_is_held_to_its_times(host: Host) -> None:
    shown = [host.row(f"show {name}", "triple_app") for name in ("statement_timeout",
             "idle_in_transaction_session_timeout")]  # fmt: skip
    assert shown == [("5s",), ("10s",)]


def test_facts_can_be_added_and_later_tables_be_used(host: Host) -> None:
    made = host.flask(
        "create-admin", "boss@example.com", "--name", "Boss", "--password", "quite-a-long-one-27"
    )
    assert "may now sign in" in made.stdout
    assert host.row("select count(*) > 0 from audit_events", "triple_app") == (True,)
    with host.database("triple_owner") as cursor:
        cursor.execute("create table later (id serial primary key, word text)")
        try:
            with host.database("triple_app") as own:
                own.execute("insert into later (word) values ('a'); update later set word = 'b'")
                own.execute("delete from later returning word")
                assert own.fetchone() == ("b",)
        finally:
            cursor.execute("drop table later")


def test_the_application_may_read_which_statements_are_slow(host: Host) -> None:
    counted = "select count(*) > 0 from statements.pg_stat_statements where query like '%users%'"
    assert host.row(counted, "triple_app") == (True,)


@pytest.mark.parametrize("role", ["postgres", "triple_owner"])
def test_the_applications_user_cannot_come_as_another_role(host: Host, role: str) -> None:
    address = f"host={host.run}/postgres dbname=triple user={role}"
    python = str(host.current / ".venv/bin/python")
    asked = _as("triple", python, "-c", f"import psycopg2; psycopg2.connect('{address}')")
    assert "Peer authentication failed" in asked.stderr


def test_the_role_of_backups_reads_everything_and_changes_nothing(host: Host) -> None:
    assert host.row("select count(*) from users", "triple_backup") is not None
    assert host.row("select rolreplication from pg_roles where rolname = 'triple_backup'") == (
        True,
    )
    with host.database("triple_backup") as cursor, pytest.raises(InsufficientPrivilege):
        cursor.execute("update users set name = 'x'")


def test_a_second_run_changes_nothing(host: Host) -> None:
    before, pids = _facts(host), {name: host.pid(name) for name in ("", *PROGRAMS)}
    web = children(pids["web"])
    answer = host.production()
    assert answer.stdout.splitlines()[-1] == f"Ready: {host.url}"
    assert "fail " not in answer.stdout
    assert _facts(host) == before
    assert {name: host.pid(name) for name in ("", *PROGRAMS)} == pids
    assert children(pids["web"]) == web


def test_settings_are_taken_up_at_a_hup(host: Host) -> None:
    file = host.etc / "production.env"
    settings = file.read_text()
    file.write_text(settings.replace("SITE_NAME=Triple Technologies", "SITE_NAME=Addis School"))
    try:
        host.ctl("signal", "HUP", "web")
        wait_until(
            lambda: b"Addis School" in host.ask("/auth/sign-in").body, 30, "the site has a new name"
        )
    finally:
        file.write_text(settings)
        host.ctl("signal", "HUP", "web")


def test_nginxs_logs_are_set_aside_when_they_have_grown(host: Host) -> None:
    log, first = host.logs / "nginx-access.log", host.logs / "nginx-access.log.1"
    host.ask("/courses?before")
    wait_until(lambda: log.stat().st_size > 0, 15, "nginx has written its log")
    before = (log.stat().st_ino, host.pid("nginx"))
    event = "ver:3.0 server:supervisor serial:1 pool:logs poolserial:1 eventname:TICK_60 len:15\n"
    command = [host.current / "app/host/rotate_logs.sh", host.logs, host.run / "nginx.pid"]
    told = subprocess.run(
        command, input=event + "when:1700000000", text=True, capture_output=True, check=False,
        env={"PATH": os.environ["PATH"], "LOG_MAX_MB": "0"},
    )  # fmt: skip
    assert told.stdout == "READY\nRESULT 2\nOKREADY\n"
    assert told.stderr == ""
    assert (first.stat().st_ino, host.pid("nginx")) == before
    host.ask("/courses?after")
    wait_until(lambda: log.exists() and log.stat().st_size > 0, 15, "nginx writes a new log")
    assert all("request_id" in line for line in log.read_text().splitlines())


def _served_certificate(host: Host) -> str:
    return ssl.get_server_certificate(("127.0.0.1", host.https_port))


def test_a_renewed_certificate_is_served_without_a_restart(host: Host, tmp_path: Path) -> None:
    before, pid = _served_certificate(host), host.pid("nginx")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "90", "-subj", f"/CN={SITE_HOST}",
         "-addext", f"subjectAltName=DNS:{SITE_HOST}",
         "-keyout", tmp_path / "privkey.pem", "-out", tmp_path / "fullchain.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    host.setup("certificate", RENEWED_LINEAGE=str(tmp_path))
    served = (tmp_path / "fullchain.pem").read_text()
    wait_until(lambda: _served_certificate(host) == served, 10, "the new certificate is served")
    assert (served != before, host.pid("nginx")) == (True, pid)
    assert (host.etc / "tls/privkey.pem").stat().st_mode & 0o777 == 0o600


def test_a_killed_supervisord_leaves_nothing_that_blocks_the_next_start(host: Host) -> None:
    """And the next start takes up which programs are to run."""
    left = {host.pid(name) for name in PROGRAMS - {"logs"}}
    file = host.etc / "production.env"
    settings = file.read_text()
    os.kill(host.pid(), signal.SIGKILL)
    assert host.setup("status", check=False).returncode == 3
    wait_until(host.is_ready, 10, "what is left serves on")
    chosen = settings.replace("WORKER_PROCESSES=1", "WORKER_PROCESSES=2")
    file.write_text(chosen.replace("RUN_SCHEDULER=true", "RUN_SCHEDULER=false"))
    host.setup("start")
    assert host.is_ready()
    assert not any(map(lives, left))
    expected = dict.fromkeys((*PROGRAMS, "worker-2"), "RUNNING") | {"scheduler": "STOPPED"}
    wait_until(lambda: host.states() == expected, 20, "the programs chosen run")
    assert _user(host.pid("worker-2")) == "triple"


def test_stop_ends_everything(host: Host) -> None:
    running = {host.pid(name) for name in ("", *PROGRAMS)}
    assert host.setup("stop").stdout.splitlines()[-1] == "Stopped."
    assert not any(map(lives, running - {0}))
    assert host.ask("/").status == 0
    assert not list((host.run / "postgres").glob(".s.PGSQL*"))
    with pytest.raises(psycopg2.OperationalError):
        host.row("select 1")


def test_systemds_command_becomes_supervisord_and_ends_all_at_sigterm(host: Host) -> None:
    command = [host.current / "setup.sh", "supervise"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_until(host.is_ready, 60, "the host is ready")
        pids = {host.pid(name) for name in ("web", "postgres", "nginx")}
        assert host.pid() == process.pid
        process.terminate()
        assert process.wait(60) == 0
    assert not any(map(lives, pids))


@pytest.mark.parametrize("name", ["two words", "a;b", "-x", "kurs_1"])
def test_what_is_no_host_name_is_refused_before_anything_is_made(name: str) -> None:
    require_host()
    nowhere = Host(Path("/nonexistent"), 1, 2)
    answer = nowhere.setup("production", "--site-host", name, check=False)
    assert answer.returncode == 1
    assert "is not a host name" in answer.stderr
    assert not nowhere.prefix.exists()
