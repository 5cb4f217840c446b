"""Things are broken on a running site, and Debian's Prometheus raises the alarm of our rules.

Each test mends what it broke. `tests/support/prometheus.py` says what is shortened.
"""

import hashlib
import secrets
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask_migrate import upgrade

from app.clock import utcnow
from app.database import db
from app.domain.accounts.models import LoginSession
from tests import factories
from tests.ops.proxy import KEY, Proxy, serving
from tests.support.apps import made_app
from tests.support.http import Visitor
from tests.support.known_secrets import SECRETS
from tests.support.postgres import SPEED_OVER_SAFETY, Cluster, temporary_cluster, with_owner
from tests.support.prometheus import Prometheus, program, watching
from tests.support.server import ROOT, LiveServer, free_port, gunicorn, running, wait_until

pytestmark = [pytest.mark.no_database, pytest.mark.alone]
TOKEN = "watch-4711-watch-4711-watch-4711-watch"
# A site that just started is not judged: PostgreSQL, web, worker and the first scrapes.
CALM_SECONDS = 90.0


@dataclass
class Watched:
    """A site in production with all its processes, and the Prometheus that watches it."""

    cluster: Cluster
    postgres: "subprocess.Popen[bytes]"
    url: str
    server: LiveServer
    worker: "subprocess.Popen[bytes]"
    proxy: Proxy
    prometheus: Prometheus
    cookie: str

    def execute(self, *statements: str) -> None:
        """Run statements as the administrator, each in a transaction of its own."""
        with psycopg2.connect(self.cluster.admin_url.replace("/postgres?", "/site?")) as connection:
            connection.autocommit = True
            for statement in statements:
                connection.cursor().execute(statement)

    def ask(self) -> int:
        """Ask who is signed in, which is looked up in the database; return the status."""
        cookies = dict([self.cookie.split("=", 1)])
        visitor = Visitor(self.server.url, cookies)
        headers = {"Host": "localhost", "X-Forwarded-For": "198.51.100.7"}
        return visitor.get("/api/auth/me", headers=headers).status

    @contextmanager
    def visited(self) -> Iterator[None]:
        """Have four people ask all the time for the block."""
        over = threading.Event()

        def visit() -> None:
            while not over.is_set():
                self.ask()
                over.wait(0.1)

        people = [threading.Thread(target=visit, daemon=True) for _ in range(4)]
        for person in people:
            person.start()
        try:
            yield
        finally:
            over.set()
            for person in people:
                person.join()


@pytest.fixture(scope="module")
def site(
    environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    """The whole, made once; it is calm before the first test."""
    program("prometheus")
    folder = tmp_path_factory.mktemp("watched")
    folder.chmod(0o755)
    with ExitStack() as stack:
        cluster = stack.enter_context(temporary_cluster(SPEED_OVER_SAFETY, 60))
        postgres = cluster.start()
        wait_until(cluster.has_started, 60, "PostgreSQL takes connections")
        database = with_owner(cluster.admin_url).create_database("site")
        ports = {name: str(free_port()) for name in ("HTTP_PORT", "HTTPS_PORT", "PORT")}
        values = {name: value for name, value in environment.items() if name in SECRETS}
        values |= {
            "DATABASE_URL": database,
            "APP_ENV": "production",
            "DATA_DIR": str(folder / "data"),
            "RUN_DIR": str(folder / "run"),
            "PUBLIC_BASE_URL": f"https://localhost:{ports['HTTPS_PORT']}",
            "TRUSTED_HOSTS": "localhost,127.0.0.1",
            "TRUSTED_PROXIES": "1",
            "REQUIRE_MFA": "none",
            "PAGE_CACHE_URL": f"http://127.0.0.1:{ports['HTTP_PORT']}",
            "PAGE_CACHE_KEY": KEY,
            "METRICS_TOKEN": TOKEN,
            "PORT": ports["PORT"],
        }
        cookie = _furnish(values)
        server = stack.enter_context(gunicorn(values, folder))
        job_worker = [sys.executable, "-m", "flask", "--app", "wsgi", "worker", "--with-scheduler"]
        worker = stack.enter_context(running(job_worker, values, folder / "worker.log"))
        proxy = stack.enter_context(
            serving(
                folder,
                SITE_HOST="localhost",
                HTTP_PORT=ports["HTTP_PORT"],
                HTTPS_PORT=ports["HTTPS_PORT"],
                WEB_UPSTREAM=f"127.0.0.1:{ports['PORT']}",
            )
        )
        tls = {"ca_file": str(folder / "tls" / "ca.pem"), "server_name": "localhost"}
        target = f"localhost:{ports['HTTPS_PORT']}"
        prometheus = stack.enter_context(watching(folder / "prometheus", target, TOKEN, **tls))
        watched = Watched(cluster, postgres, database, server, worker, proxy, prometheus, cookie)
        wait_until(lambda: _is_calm(watched), CALM_SECONDS, "all is well and nothing fires")
        yield watched
        watched.postgres.send_signal(signal.SIGINT)
        watched.postgres.wait(timeout=30)


def _furnish(values: Mapping[str, str]) -> str:
    """Migrate the database and sign somebody in; return the cookie."""
    token = secrets.token_urlsafe(32)
    with made_app(values) as app, app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
        user = factories.make_user()
        digest = hashlib.sha256(token.encode()).digest()
        ends = utcnow() + timedelta(days=1)
        db.session.add(LoginSession(user_id=user.id, token_hash=digest, expires_at=ends))
        db.session.commit()
    return f"__Host-session={token}"


def _is_calm(site: Watched) -> bool:
    """Whether everything is seen, and no alert waits to fire."""
    prometheus = site.prometheus
    return (
        site.ask() == 200
        and prometheus.value("triple_workers") == 4
        and prometheus.value("triple_database_up") == 1
        and prometheus.value("triple_certificate_end_timestamp_seconds") is not None
        and (prometheus.value("triple_scheduler_silence_seconds") or 0.0) > 0
        and (prometheus.value('count_over_time(up{job="triple"}[1m])') or 0.0) > 5
        and prometheus.alerts() == set()
    )


def test_nothing_fires_while_nothing_is_broken(site: Watched) -> None:
    wait_until(lambda: _is_calm(site), CALM_SECONDS, "nothing fires")
    with site.visited():
        asked = site.prometheus.value("sum(triple_http_requests_total)") or 0.0
        wait_until(
            lambda: (site.prometheus.value("sum(triple_http_requests_total)") or 0.0) > asked + 40,
            60,
            "visits are counted",
        )
        assert site.prometheus.alerts() == set()


def test_errors_of_ours_raise_the_alarm(site: Watched) -> None:
    site.prometheus.wait_for_silence("ManyErrors")
    with site.visited():
        site.execute("ALTER TABLE login_sessions RENAME TO login_sessions_away")
        try:
            assert site.ask() == 500
            site.prometheus.wait_for_alert("ManyErrors")
        finally:
            site.execute("ALTER TABLE login_sessions_away RENAME TO login_sessions")
    assert site.ask() == 200


def test_slow_answers_raise_the_alarm(site: Watched) -> None:
    """Somebody holds a table for two seconds at a time; nothing fails of it."""
    site.prometheus.wait_for_silence("SlowAnswers")
    over = threading.Event()

    def hold() -> None:
        while not over.is_set():
            site.execute("BEGIN; LOCK TABLE login_sessions; SELECT pg_sleep(2); COMMIT")
            over.wait(0.2)

    holder = threading.Thread(target=hold, daemon=True)
    with site.visited():
        holder.start()
        try:
            site.prometheus.wait_for_alert("SlowAnswers")
        finally:
            over.set()
            holder.join()


def test_a_stuck_queue_and_a_missing_worker_raise_the_alarm(site: Watched) -> None:
    """The worker stands still, as one does that hangs; a job has waited for ten minutes."""
    for name in ("QueueStuck", "WorkerMissing"):
        site.prometheus.wait_for_silence(name)
    site.worker.send_signal(signal.SIGSTOP)
    try:
        mark = uuid.uuid4().hex
        site.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, lock)"
            f" VALUES ('default', 'jobs.forget_old', '{mark}', '{mark}')",
            "UPDATE procrastinate_events SET at = at - interval '10 minutes' WHERE job_id ="
            f" (SELECT id FROM procrastinate_jobs WHERE queueing_lock = '{mark}')",
        )
        site.prometheus.wait_for_alert("QueueStuck")
        site.prometheus.wait_for_alert("WorkerMissing")
    finally:
        site.worker.send_signal(signal.SIGCONT)
    site.prometheus.wait_for_silence("QueueStuck")
    site.prometheus.wait_for_silence("WorkerMissing")


def test_a_certificate_about_to_end_raises_the_alarm(site: Watched) -> None:
    site.prometheus.wait_for_silence("CertificateEnds")
    tls = site.proxy.folder / "tls"
    before = {
        name: (tls / name).read_bytes() for name in ("fullchain.pem", "ca.pem", "privkey.pem")
    }
    try:
        _write_short_lived(tls)
        site.proxy.process.send_signal(signal.SIGHUP)
        site.prometheus.wait_for_alert("CertificateEnds")
    finally:
        for name, content in before.items():
            (tls / name).write_bytes(content)
        site.proxy.process.send_signal(signal.SIGHUP)


def test_a_database_that_is_down_raises_the_alarm(site: Watched) -> None:
    site.prometheus.wait_for_silence("DatabaseDown")
    site.postgres.send_signal(signal.SIGINT)
    site.postgres.wait(timeout=30)
    try:
        site.prometheus.wait_for_alert("DatabaseDown")
        assert "SiteDown" not in site.prometheus.alerts()
    finally:
        site.postgres = site.cluster.start()
    wait_until(site.cluster.has_started, 60, "PostgreSQL takes connections again")
    site.prometheus.wait_for_silence("DatabaseDown")
    assert site.ask() == 200


def _write_short_lived(folder: Path) -> None:
    """Replace the certificate by one signed by itself that ends in two days."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(utcnow() - timedelta(days=300))
        .not_valid_after(utcnow() + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "ca.pem").write_bytes(pem)
    (folder / "fullchain.pem").write_bytes(pem)
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
