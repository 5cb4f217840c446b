"""The image and the compose files: what they name exists, and nobody gets more than it needs."""

import hashlib
import hmac
import os
import re
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest
import yaml

from app.config import load_settings
from tests.support.postgres import Server, find_binaries, temporary_server
from tests.support.server import ROOT

pytestmark = [pytest.mark.no_database, pytest.mark.at_once]
HOST = "courses.example.test"
APPLICATION = ("app", "worker", "scheduler", "migrate")


@cache
def compose(name: str = "docker-compose.yml") -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / name).read_text()))


def services(name: str = "docker-compose.yml") -> dict[str, dict[str, Any]]:
    return dict(compose(name)["services"])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what `./setup.sh containers` makes."""
    folder = tmp_path_factory.mktemp("made")
    subprocess.run(
        [ROOT / "app/host/containers.sh", HOST],
        env={**os.environ, "FOLDER": str(folder)},
        check=True,
        capture_output=True,
    )
    return folder


def contents(folder: Path) -> dict[str, str]:
    return {str(path): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_everything_the_image_copies_is_there_and_let_in() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE)
    let_in = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    for source in " ".join(copied).split():
        assert (ROOT / source).exists(), source
        assert Path(source).parts[0] in let_in, source


def test_no_image_runs_as_root() -> None:
    stages = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    final = {stage.split()[2]: stage for stage in stages[1:]}
    for name, user in (("app", "10001:33"), ("proxy", "33:33")):
        assert re.findall(r"^USER (\S+)", final[name], re.MULTILINE) == [user]


def test_every_install_of_packages_is_locked_by_hashes() -> None:
    lines = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    installs = [
        part
        for line in lines
        for part in line.split("&&")
        if re.search(r"pip (install|sync)|uv pip", part) and "uninstall" not in part
    ]
    assert len(installs) == 3
    assert all("--require-hashes" in part for part in installs), installs


@pytest.mark.parametrize("name", sorted(services()))
def test_no_service_may_write_its_root_or_hold_a_privilege(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")


@pytest.mark.parametrize("name", sorted(services()))
def test_every_service_has_limits_and_restarts(name: str) -> None:
    service = services()[name]
    limits = service["deploy"]["resources"]["limits"]
    assert set(limits) == {"cpus", "memory"}
    assert service["restart"] in ("unless-stopped", "on-failure:5")
    assert service["logging"]["options"]["max-size"]


def test_only_the_proxy_is_reachable_and_only_on_the_two_ports() -> None:
    published = {
        (name, port["published"])
        for name, each in services().items()
        for port in each.get("ports", [])
    }
    assert published == {("proxy", 80), ("proxy", 443)}
    assert compose()["networks"]["data"]["internal"] is True
    assert "data" not in services()["proxy"]["networks"]
    for name in ("postgres", "redis"):
        assert services()[name]["networks"] == ["data"]


def test_each_program_runs_in_one_service_of_its_own() -> None:
    switches = ("RUN_WEB", "RUN_WORKER", "RUN_SCHEDULER")
    on = {
        name: [switch for switch in switches if services()[name]["environment"][switch] == "true"]
        for name in APPLICATION
    }
    assert on == {
        "app": ["RUN_WEB"],
        "worker": ["RUN_WORKER"],
        "scheduler": ["RUN_SCHEDULER"],
        "migrate": [],
    }


def test_only_the_one_shot_service_may_change_tables() -> None:
    holders = [name for name, each in services().items() if "database_migrator_url" in str(each)]
    assert holders == ["migrate"]
    assert services()["migrate"]["command"] == ["flask", "--app", "wsgi", "db", "upgrade"]


def test_the_order_of_starting_is_that_of_need() -> None:
    waits = {
        name: {other: how["condition"] for other, how in each["depends_on"].items()}
        for name, each in services("docker-compose.override.yml").items()
    }
    prepared = {"migrate": "service_completed_successfully", "redis": "service_healthy"}
    assert waits == {
        "migrate": {"postgres": "service_healthy"},
        "app": prepared,
        "worker": prepared,
        "scheduler": prepared,
        "proxy": {"app": "service_healthy"},
    }


def test_what_compose_only_understands_is_not_in_the_file_that_swarm_reads() -> None:
    assert "name" not in compose()
    for name, each in services().items():
        assert isinstance(each.get("depends_on", []), list), name
        assert "build" not in each, name


def test_every_secret_is_a_file_that_is_made_and_that_somebody_reads(made: Path) -> None:
    declared = {name: each["file"] for name, each in compose()["secrets"].items()}
    used = {name for each in services().values() for name in each.get("secrets", [])}
    assert set(declared) == used
    assert {made / path for path in declared.values()} == set((made / "secrets").iterdir())
    for name, each in services().items():
        for variable, value in each.get("environment", {}).items():
            if str(value).startswith("/run/secrets/"):
                assert variable.endswith("_FILE"), variable
                assert value.rpartition("/")[2] in each["secrets"], (name, variable)


def test_no_secret_stands_in_a_variable() -> None:
    for path in ("docker-compose.yml", "docker-compose.override.yml", "docker-compose.swarm.yml"):
        assert not re.search(r"(PASSWORD|SECRET|_KEY): ", (ROOT / path).read_text()), path


def test_nobody_else_on_the_machine_may_read_what_is_made(made: Path) -> None:
    assert (made / "secrets").stat().st_mode & 0o777 == 0o700
    assert (made / ".env.production").stat().st_mode & 0o777 == 0o600
    for path in (made / "tls", *(made / "tls").iterdir()):
        assert path.stat().st_mode & 0o007 == 0, path
        assert path.stat().st_gid == 33, path


def test_making_them_again_changes_nothing(made: Path) -> None:
    before = contents(made)
    subprocess.run(
        [ROOT / "app/host/containers.sh", "other.example.test"],
        env={**os.environ, "FOLDER": str(made)},
        check=True,
        capture_output=True,
    )
    assert contents(made) == before
    values = [text for path, text in before.items() if "/secrets/" in path and "url" not in path]
    assert len(values) == len(set(values)) == 9


def test_the_application_starts_with_what_is_made(made: Path) -> None:
    """In each service: with its secrets, and with the variables that compose adds."""
    lines = (made / ".env.production").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line[:1].isupper())
    for name in APPLICATION:
        environment = given | {
            variable: value.replace("/run/secrets/", f"{made}/secrets/")
            for variable, value in services()[name]["environment"].items()
        }
        settings = load_settings(environment)
        assert settings.public_base_url == f"https://{HOST}"
        assert settings.trusted_hosts == (HOST,)
        assert urlsplit(settings.database_url).hostname == "postgres"
        assert bool(settings.database_migrator_url) == (name == "migrate")
        assert bool(settings.database_backup_url) == (name == "worker")
        assert not settings.stripe_secret_key


@pytest.fixture(scope="module")
def database(made: Path) -> Iterator[Server]:
    """A new PostgreSQL, furnished by what its container runs when it is made."""
    with temporary_server() as server:
        server.execute("CREATE DATABASE triple")
        query = dict(part.split("=") for part in urlsplit(server.admin_url).query.split("&"))
        subprocess.run(
            ["bash", ROOT / "app/host/container-roles.sh"],
            env={
                "PATH": f"{find_binaries()}:{os.environ['PATH']}",
                "PGHOST": query["host"],
                "PGDATA": f"{query['host']}/data",
                "SECRETS": str(made / "secrets"),
                "ROLES_FILE": str(ROOT / "app/host/roles.sh"),
            },
            check=True,
            capture_output=True,
        )
        yield server


def _rows(server: Server, query: str) -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(server.admin_url)
    try:
        cursor = connection.cursor()
        cursor.execute(query)
        return cursor.fetchall()
    finally:
        connection.close()


def test_the_roles_of_a_container_are_those_of_a_host(database: Server) -> None:
    found = _rows(
        database,
        "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole, rolreplication,"
        " rolpassword LIKE 'SCRAM%' FROM pg_authid WHERE rolname LIKE 'triple%' ORDER BY 1",
    )
    assert found == [
        ("triple_app", False, False, False, False, True),
        ("triple_backup", False, False, False, True, True),
        ("triple_owner", False, False, False, False, True),
    ]
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'triple'"
    assert _rows(database, owner) == [("triple_owner",)]


def test_backups_are_let_in_over_the_network_and_nobody_else_who_replicates(
    database: Server,
) -> None:
    found = _rows(
        database,
        "SELECT type, user_name, auth_method, error FROM pg_hba_file_rules"
        " WHERE 'replication' = ANY(database) AND type = 'host' ORDER BY rule_number DESC LIMIT 1",
    )
    assert found == [("host", ["triple_backup"], "scram-sha-256", None)]


def test_passwords_are_the_ones_of_the_secrets(database: Server, made: Path) -> None:
    """PostgreSQL's own check of a verifier: the password logs in, over SCRAM, and no other does."""
    for role in ("app", "owner", "backup"):
        [(verifier,)] = _rows(
            database, f"SELECT rolpassword FROM pg_authid WHERE rolname = 'triple_{role}'"
        )
        password = (made / "secrets" / f"{role}_password").read_text().strip()
        assert scram_matches(verifier, password)
        assert not scram_matches(verifier, password[:-1])


def scram_matches(verifier: str, password: str) -> bool:
    """Whether `verifier` (RFC 5803) was made from `password`."""
    iterations, salt = verifier.split("$")[1].split(":")
    stored, _ = verifier.split("$")[2].split(":")
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), b64decode(salt), int(iterations))
    client = hmac.digest(salted, b"Client Key", "sha256")
    return hashlib.sha256(client).digest() == b64decode(stored)


def test_development_has_a_database_and_nothing_else() -> None:
    [service] = services("docker-compose.dev.yml").values()
    assert service["ports"] == ["127.0.0.1:5432:5432"]
    example = (ROOT / ".env.example").read_text()
    url = urlsplit(re.findall(r"^DATABASE_URL=(.+)$", example, re.MULTILINE)[0])
    named = service["environment"]
    assert (url.username, url.password) == (named["POSTGRES_USER"], named["POSTGRES_PASSWORD"])
    assert (url.hostname, url.port, url.path) == ("127.0.0.1", 5432, f"/{named['POSTGRES_DB']}")


@pytest.mark.parametrize("name", ["app", "worker", "scheduler"])
def test_swarm_starts_the_new_first_and_goes_back_by_itself(name: str) -> None:
    deploy = services("docker-compose.swarm.yml")[name]["deploy"]
    assert deploy["update_config"]["order"] == "start-first"
    assert deploy["update_config"]["failure_action"] == "rollback"
    assert deploy["rollback_config"]["order"] == "start-first"
    healthy_at_last = 60 + 3 * 10  # the image's health check: its start period and its retries
    assert int(deploy["update_config"]["monitor"].removesuffix("s")) >= healthy_at_last


def test_swarm_gives_every_secret_a_name_that_can_change() -> None:
    for kind in ("secrets", "configs"):
        renamed = compose("docker-compose.swarm.yml")[kind]
        assert set(renamed) == set(compose()[kind])
        assert all("${SECRETS:-1}" in each["name"] for each in renamed.values())
