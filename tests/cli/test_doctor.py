"""`flask doctor`: what it says, what it ends with, and that no check can spoil another's."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest
from flask import Flask

from app.cli import doctor as verb
from app.cli.checks.findings import Check, State, fail, ok, skip, warn
from tests.support.known_secrets import SECRETS
from tests.support.server import ROOT, base_environment

Checks = Callable[..., None]


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Checks:
    """A function that makes its arguments the only checks there are."""
    return lambda *given: monkeypatch.setattr(verb, "CHECKS", given)


def _doctor(app: Flask, *arguments: str) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["doctor", *arguments])
    return result.exit_code, result.output


def test_all_is_well_where_everything_is(app: Flask, checks: Checks) -> None:
    checks(Check("one", lambda: ok("fine")), Check("other", lambda: skip("not set")))
    code, said = _doctor(app)
    assert code == 0
    assert said.splitlines()[0].split() == ["ok", "one", "fine"]
    assert said.splitlines()[-1] == "All is well: 1 skip, 1 ok."


def test_a_warning_is_said_with_its_remedy_and_fails_nothing(app: Flask, checks: Checks) -> None:
    checks(Check("disk", lambda: warn("tight", "Free space.")))
    code, said = _doctor(app)
    assert code == 0
    assert "-> Free space." in said
    assert said.splitlines()[-1] == "Well enough: 1 warn."


def test_a_fault_ends_it_with_1(app: Flask, checks: Checks) -> None:
    checks(Check("mail", lambda: [warn("slow", "Wait."), fail("gone", "Start it.")]))
    code, said = _doctor(app)
    assert code == 1
    assert said.splitlines()[-1] == "Not well: 1 fail, 1 warn."


def test_programs_get_one_document(app: Flask, checks: Checks) -> None:
    checks(Check("mail", lambda: fail("gone", "Start it.")), Check("disk", lambda: ok("roomy")))
    code, said = _doctor(app, "--json")
    told = json.loads(said)
    assert code == 1
    assert told["status"] == "fail"
    assert [each["name"] for each in told["checks"]] == ["mail", "disk"]
    seconds = told["checks"][0].pop("seconds")
    assert 0 <= seconds < 1
    assert told["checks"][0] == {
        "name": "mail",
        "state": "fail",
        "detail": "gone",
        "remedy": "Start it.",
    }


def test_quick_asks_no_outsiders(app: Flask, checks: Checks) -> None:
    checks(Check("near", lambda: ok("")), Check("far", lambda: fail("", "Never."), is_slow=True))
    assert _doctor(app, "--quick")[0] == 0


def test_a_check_that_faints_stops_no_other(app: Flask, checks: Checks) -> None:
    def faint() -> None:
        raise ZeroDivisionError("by nobody")

    checks(Check("odd", faint), Check("even", lambda: ok("fine")))
    code, said = _doctor(app)
    assert code == 1
    assert "ZeroDivisionError: by nobody" in said
    assert "even" in said


def test_a_check_that_hangs_is_left_behind(app: Flask, checks: Checks) -> None:
    """All of them at once, and more than may run beside each other: each has its own time."""
    never = threading.Event()
    hanging = [
        Check(f"hangs {number}", lambda: ok(str(never.wait(20))), "the bucket", limit_seconds=0.3)
        for number in range(8)
    ]
    checks(*hanging, Check("last", lambda: ok("fine")))
    began = time.monotonic()
    code, said = _doctor(app)
    took = time.monotonic() - began
    never.set()
    assert code == 1
    assert said.count("no answer from the bucket within 0.3 s") == 8
    assert said.count("-> The bucket hangs") == 8
    assert "last" in said
    assert took < 3


def test_no_secret_is_said_whoever_quotes_it(app: Flask, checks: Checks) -> None:
    secret = SECRETS["PLAYBACK_JWT_SECRET"]

    def quote() -> None:
        raise ValueError(f"cannot parse {secret}")

    checks(Check("odd", quote), Check("plain", lambda: fail(secret, f"Not {secret}.")))
    for arguments in ((), ("--json",)):
        _, said = _doctor(app, *arguments)
        assert secret not in said
        assert "***" in said


def test_names_of_checks_are_unique() -> None:
    names = [check.name for check in verb.CHECKS]
    assert len(names) == len(set(names))


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", *arguments],
        cwd=ROOT,
        env={**base_environment(), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


BROKEN = {"APP_ENV": "production", "DATABASE_URL": "postgresql://x/y", "SECRET_KEY": "short"}


def test_settings_that_do_not_fit_are_each_named_instead_of_a_traceback() -> None:
    told = _run("doctor", "--json", **BROKEN)
    found = json.loads(told.stdout)
    assert told.returncode == 1
    details = [check["detail"] for check in found["checks"]]
    for name in ("SECRET_KEY", "PLAYBACK_JWT_SECRET", "PUBLIC_BASE_URL", "TRUSTED_HOSTS"):
        assert any(detail.startswith(name) for detail in details), details
    assert {check["state"] for check in found["checks"]} == {State.FAIL}


def test_other_verbs_name_them_too() -> None:
    told = _run("worker", **BROKEN)
    assert told.returncode == 1
    assert "Traceback" not in told.stderr
    assert "SECRET_KEY" in told.stderr


def test_a_web_process_with_such_settings_does_not_start() -> None:
    """It would serve an application without pages."""
    told = subprocess.run(
        [sys.executable, "-c", "import wsgi"],
        cwd=ROOT,
        env={**base_environment(), **BROKEN},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode != 0
    assert "ConfigurationError" in told.stderr
