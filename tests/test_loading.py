"""Each process loads what it needs: the rest costs every start time, and every process memory."""

import subprocess
import sys

import pytest

from tests.support.known_secrets import SECRETS
from tests.support.server import ROOT, base_environment

pytestmark = pytest.mark.no_database

WEB = "import wsgi"
WORKER = "import app; app.create_worker(); import app.cli.processes, app.worker.runner"
SCHEDULER = "import app; app.create_scheduler(); import app.cli.processes, app.worker.scheduler"
# Vendors' libraries, and those for what few people ask for: loaded when somebody does.
FOR_FEW = {
    "PIL", "alembic", "app.demo", "av", "boto3", "email_validator", "fpdf", "imageio_ffmpeg",
    "markdown_it", "redis", "rich", "segno", "sendgrid", "sentry_sdk", "stripe", "webauthn",
}  # fmt: skip
NOT_LOADED = {
    WEB: FOR_FEW | {"app.worker", "procrastinate", "psycopg"},
    WORKER: FOR_FEW
    | {"app.web.admin", "app.web.auth", "app.web.courses", "app.web.pages", "app.web.playback"},
    SCHEDULER: FOR_FEW
    | {"app.database", "app.domain", "app.integrations", "app.web", "app.worker.tasks"}
    | {"cryptography", "flask_limiter", "jwt", "psycopg2", "sqlalchemy"},
}


def _said(program: str) -> str:
    answer = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**base_environment(), **SECRETS, "DATABASE_URL": "postgresql:///nowhere"},
        capture_output=True,
        text=True,
        check=True,
    )
    return answer.stdout


@pytest.mark.parametrize("program", [WEB, WORKER, SCHEDULER])
def test_a_process_loads_nothing_that_it_may_never_need(program: str) -> None:
    loaded = _said(f"{program}; import sys; print(*sys.modules)").split()
    assert "flask" in loaded
    unwanted = NOT_LOADED[program]
    assert not {name for name in loaded if any(f"{name}.".startswith(f"{no}.") for no in unwanted)}


@pytest.mark.parametrize(
    ("program", "loaded"), [(WEB, 50_000), (WORKER, 50_000), (SCHEDULER, 40_000)]
)
def test_garbage_is_looked_for_again_but_not_in_what_was_loaded(program: str, loaded: int) -> None:
    said = _said(f"{program}; import gc; print(gc.isenabled(), gc.get_freeze_count() > {loaded})")
    assert said.split() == ["True", "True"]


def test_an_absent_library_is_there_again_for_who_asks_for_it() -> None:
    assert _said(f"{WEB}; import rich; print(rich.__name__)") == "rich\n"


@pytest.mark.parametrize("role", ["worker", "scheduler"])
def test_supervisord_starts_what_loads_little(role: str) -> None:
    command = f"flask --app app:create_{role} {role}\n"
    assert command in (ROOT / "supervisord.conf").read_text()
