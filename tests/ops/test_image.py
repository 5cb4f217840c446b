"""The images, built for real and run as an engine runs them, where IMAGE_BUILD=1 asks for it.

Needs root, a network, and Debian's debootstrap, buildah and runc.
"""

import http.client
import json
import re
import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg2
import pytest

from tests.ops.image import TOOLS, Builder, Container, builder
from tests.support.postgres import find_binaries, temporary_server
from tests.support.server import ROOT, free_port, wait_until

pytestmark = [pytest.mark.no_database, pytest.mark.timeout(1800)]
HOST = "courses.example.test"
MakeContainer = Callable[..., Container]


@pytest.fixture(scope="module")
def house() -> Iterator[Builder]:
    missing = [tool for tool in TOOLS if not shutil.which(tool, path="/usr/sbin:/usr/bin:/sbin")]
    assert not missing, f"apt-get install {' '.join(missing)}"
    with builder() as made:
        yield made


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Settings and secrets as Compose gets them, and the folders that are its volumes."""
    folder = tmp_path_factory.mktemp("files")
    subprocess.run(
        [ROOT / "app/host/containers.sh", HOST],
        env={"PATH": "/usr/bin:/bin", "FOLDER": str(folder)},
        check=True,
        capture_output=True,
    )
    for name, owner in (("data", 10001), ("socket", 10001), ("cache", 33)):
        (folder / name).mkdir(mode=0o750)
        shutil.chown(folder / name, owner, 33)
    (folder / "data/media").mkdir(mode=0o750)
    shutil.chown(folder / "data/media", 10001, 33)
    for path in (folder, *folder.parents[:2]):
        path.chmod(path.stat().st_mode | 0o011)
    return folder


@pytest.fixture(scope="module")
def database(files: Path) -> Iterator[Path]:
    """The folder of a PostgreSQL's socket, with the roles of a database in a container."""
    with temporary_server({}) as server:
        server.execute("CREATE DATABASE triple")
        [folder] = parse_qs(urlsplit(server.admin_url).query)["host"]
        subprocess.run(
            ["bash", ROOT / "app/host/container-roles.sh"],
            env={
                "PATH": f"{find_binaries()}:/usr/bin:/bin",
                "PGHOST": folder,
                "PGDATA": f"{folder}/data",
                "SECRETS": str(files / "secrets"),
                "ROLES_FILE": str(ROOT / "app/host/roles.sh"),
            },
            check=True,
            capture_output=True,
        )
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture(scope="module")
def make(
    house: Builder, files: Path, database: Path, tmp_path_factory: pytest.TempPathFactory
) -> MakeContainer:
    """A function that gives a container of the application, as docker-compose.yml describes it."""
    image = house.build("app")
    root, config = house.root_of(image), house.describe(image)
    lines = (files / ".env.production").read_text().splitlines()
    settings = dict(line.split("=", 1) for line in lines if line[:1].isupper())
    secrets = {
        f"{name.upper()}_FILE": f"/run/secrets/{name}"
        for name in (
            *("secret_key", "playback_jwt_secret", "content_key_secret"),
            *("page_cache_key", "metrics_token"),
        )
    }
    mounts = {
        "/var/lib/triple": files / "data",
        "/run/web": files / "socket",
        "/run/secrets": files / "secrets",
        "/run/postgres": database,
    }
    (files / "secrets").chmod(0o711)

    def create(name: str, **environment: str) -> Container:
        given = {
            **settings,
            **secrets,
            "DATABASE_URL": "postgresql://triple_app@/triple?host=/run/postgres",
            "TRUSTED_PROXIES": "1",
            "X_ACCEL_PREFIX": "/_stored",
            "WEB_BIND": "unix:/run/web/web.sock",
            "RUN_WEB": "false",
            "RUN_WORKER": "false",
            "RUN_SCHEDULER": "false",
            **environment,
        }
        folder = tmp_path_factory.mktemp(name)
        return Container(f"triple-{name}-{free_port()}", folder, root, config, given, mounts)

    return create


@pytest.fixture(scope="module")
def migrated(make: MakeContainer) -> None:
    owner = "postgresql://triple_owner@/triple?host=/run/postgres"
    container = make("migrate", DATABASE_MIGRATOR_URL=owner)
    done = container.run("flask", "--app", "wsgi", "db", "upgrade")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def web(make: MakeContainer, migrated: None) -> Iterator[Container]:
    with make("web", RUN_WEB="true").running() as container:
        wait_until(container.is_healthy, 60, "a healthy web", 0.5)
        yield container


@pytest.fixture(scope="module")
def proxy(
    house: Builder, files: Path, web: Container, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Container, int]]:
    """nginx before `web`, and its port for https."""
    image = house.build("proxy")
    port = free_port()
    environment = {
        "SITE_HOST": HOST,
        "WEB_UPSTREAM": "unix:/run/web/web.sock",
        "HTTP_PORT": str(free_port()),
        "HTTPS_PORT": str(port),
        "PAGE_CACHE_KEY_FILE": "/run/secrets/page_cache_key",
    }
    mounts = {
        "/var/lib/triple": files / "data",
        "/run/web": files / "socket",
        "/run/secrets": files / "secrets",
        "/etc/triple/tls": files / "tls",
        "/var/cache/triple/nginx": files / "cache",
    }
    container = Container(
        f"triple-proxy-{port}",
        tmp_path_factory.mktemp("proxy"),
        house.root_of(image),
        house.describe(image),
        environment,
        mounts,
    )
    with container.running():
        wait_until(container.is_healthy, 30, "a healthy proxy", 0.5)
        yield container, port


def ask(port: int, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Return the status, the headers and the body that the proxy answers."""
    context = ssl._create_unverified_context()
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=10)
    with closing(connection):
        sent = {"Host": HOST} | {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", path, headers=sent)
        response = connection.getresponse()
        return response.status, dict(response.headers), response.read()


def plain(name: str) -> str:
    """Return a package's name as the lock writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_image_says_how_it_is_run(make: MakeContainer) -> None:
    config = make("config").config
    assert config["User"] == "10001:33"
    assert config["Entrypoint"] == ["tini", "--", "app/host/container.sh"]
    assert config["Healthcheck"]["Test"] == ["CMD", "app/host/container.sh", "health"]
    assert not [name for name in config["Env"] if re.match(r"(SECRET_KEY|DATABASE_URL)=", name)]


def test_the_bill_of_materials_names_every_package(make: MakeContainer) -> None:
    root = make("sbom").root / "srv/triple"
    bill = json.loads((root / "sbom.json").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    listed = {plain(part["name"]): part["version"] for part in bill["components"]}
    folders = root.glob(".venv/lib/python3*/site-packages/*.dist-info")
    there = {plain(each.stem.rpartition("-")[0]) for each in folders}
    assert there == set(listed)
    lock = (ROOT / "requirements.txt").read_text()
    locked = re.findall(r"^([a-z0-9-]+)==([^ ;]+)", lock, re.MULTILINE)
    assert set(listed.items()) <= set(locked)


def test_nothing_of_the_image_can_be_changed_by_who_it_runs_as(make: MakeContainer) -> None:
    container = make("writable")
    done = container.run("find", "/srv", "/usr", "/etc", "-writable", "-not", "-type", "l")
    assert done.stdout == ""
    assert container.run("touch", "/srv/triple/x").stderr.strip().endswith("Read-only file system")


def test_what_builds_an_image_is_not_in_it(make: MakeContainer) -> None:
    done = make("tools").run("sh", "-c", "command -v pip pip3 gcc cc git curl wget; true")
    assert done.stdout == ""


def test_the_application_may_not_change_tables(make: MakeContainer, migrated: None) -> None:
    probe = (
        "import os, psycopg2; psycopg2.connect(os.environ['DATABASE_URL']).cursor().execute('{}')"
    )
    for statement in ("CREATE TABLE x ()", "DROP TABLE users", "TRUNCATE users"):
        done = make("ddl").run("python", "-c", probe.format(statement))
        assert "InsufficientPrivilege" in done.stderr, statement + done.stderr
    assert make("read").run("python", "-c", probe.format("SELECT 1 FROM users")).returncode == 0


def test_web_runs_alone_without_root_or_any_capability(web: Container) -> None:
    status = web.execute("supervisorctl", "-c", "supervisord.conf", "status").stdout
    assert re.search(r"^web +RUNNING", status, re.MULTILINE), status
    assert len(re.findall(r"(worker|scheduler)\S* +STOPPED", status)) == 2, status
    facts = web.execute(
        "grep", "-E", "^(Uid|Gid|CapBnd|CapEff|NoNewPrivs)", "/proc/1/status"
    ).stdout
    values = {line.split(":")[0]: set(line.split()[1:]) for line in facts.splitlines()}
    assert values == {
        "Uid": {"10001"},
        "Gid": {"33"},
        "CapBnd": {"0" * 16},
        "CapEff": {"0" * 16},
        "NoNewPrivs": {"1"},
    }
    assert web.execute("cat", "/proc/1/comm").stdout.strip() == "tini"


@pytest.mark.parametrize("program", ["worker", "scheduler"])
def test_other_programs_run_in_containers_of_their_own(
    make: MakeContainer, migrated: None, program: str
) -> None:
    with make(program, **{f"RUN_{program.upper()}": "true"}).running() as container:
        wait_until(container.is_healthy, 60, f"a healthy {program}", 0.5)
        status = container.execute("supervisorctl", "-c", "supervisord.conf", "status").stdout
        assert re.findall(r"^(\w+)\S* +RUNNING", status, re.MULTILINE) == [program]


def test_a_container_takes_backups(make: MakeContainer, migrated: None, files: Path) -> None:
    backups = {
        "DATABASE_BACKUP_URL": "postgresql://triple_backup@/triple?host=/run/postgres",
        "BACKUP_URL": "file:///var/lib/triple/backups",
    }
    made = make("identity").run(
        "flask", "--app", "wsgi", "backup", "identity", "/var/lib/triple/identity"
    )
    assert made.returncode == 0, made.stdout + made.stderr
    container = make("backup", BACKUP_RECIPIENT=made.stdout.strip(), **backups)
    for verb in (["backup"], ["backup", "verify", "--identity", "/var/lib/triple/identity"]):
        done = container.run("flask", "--app", "wsgi", *verb)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "is whole" in done.stdout


def test_a_container_without_its_volume_says_so(make: MakeContainer) -> None:
    container = make("bare", RUN_WEB="true")
    container.mounts = {
        path: source for path, source in container.mounts.items() if path != "/var/lib/triple"
    }
    done = container.run()
    assert done.returncode == 1
    assert "DATA_DIR=/var/lib/triple cannot be written by uid 10001" in done.stderr


def test_the_site_answers_through_its_proxy(proxy: tuple[Container, int]) -> None:
    container, port = proxy
    status, _, body = ask(port, "/api/health/ready")
    assert (status, json.loads(body)["status"]) == (200, "ok")
    status, headers, body = ask(port, "/")
    assert status == 200
    assert headers["Strict-Transport-Security"]
    [style, *_] = re.findall(r'href="(/static/[^"]+\.css)"', body.decode())
    status, headers, _ = ask(port, style, Accept_Encoding="gzip")
    assert (status, headers["Content-Encoding"]) == (200, "gzip")
    assert "immutable" in headers["Cache-Control"]
    assert container.execute("id", "-u").stdout.strip() == "33"


def test_a_stopped_container_ends_by_itself_within_its_time(
    make: MakeContainer, migrated: None
) -> None:
    with make("ending", RUN_SCHEDULER="true").running() as container:
        wait_until(container.is_healthy, 60, "a healthy scheduler", 0.5)
        assert container.process is not None
        container.process.terminate()  # runc passes it on to tini
        assert container.process.wait(45) == 0, container.log


def test_the_database_is_the_one_that_compose_furnishes(database: Path, migrated: None) -> None:
    connection = psycopg2.connect(host=str(database), user="postgres", dbname="triple")
    try:
        cursor = connection.cursor()
        cursor.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
        assert cursor.fetchall() == [("triple_owner",)]
    finally:
        connection.close()
