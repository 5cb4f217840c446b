"""What others' tools say of the site behind nginx: Mozilla's Observatory, and sslyze on its TLS."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.ops.proxied_site import ProxiedSite
from tests.ops.proxy import HOST
from tests.support.server import ROOT

pytestmark = pytest.mark.no_database
TOOLS = Path(os.environ.get("TEST_TOOLS") or ROOT / "var" / "test-tools")
OBSERVATORY = TOOLS / "observatory/node_modules/@mdn/mdn-http-observatory"
SSLYZE = TOOLS / "sslyze/bin/sslyze"
BEST = 130


def _examine(proxied: ProxiedSite, pages: list[dict[str, str]]) -> list[dict[str, Any]]:
    node = shutil.which("node")
    if node is None or not OBSERVATORY.is_dir():
        pytest.skip("the Observatory is not installed (./setup.sh test installs it)")
    program = Path(__file__).with_name("observatory.mjs")
    ports = (str(proxied.proxy.port), str(proxied.proxy.tls_port))
    done = subprocess.run(
        [node, program, OBSERVATORY, HOST, *ports],
        input="".join(f"{json.dumps(page)}\n" for page in pages),
        env={
            "PATH": os.environ["PATH"],
            "NODE_EXTRA_CA_CERTS": str(proxied.proxy.folder / "tls" / "ca.pem"),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_observatory_gives_every_kind_of_page_its_best_grade(proxied: ProxiedSite) -> None:
    pages = [{"path": path} for path in ("/", "/courses", "/auth/sign-in", "/nothing-here")]
    pages.append({"path": proxied.lesson_path, "cookie": proxied.learner_cookie})
    pages.append({"path": "/admin", "cookie": proxied.admin_cookie})
    found = _examine(proxied, pages)
    print(json.dumps(found, indent=1))
    assert [each["status"] for each in found] == [200, 200, 200, 404, 200, 200]
    for page in found:
        assert page["score"] >= BEST, page
        assert page["grade"] == "A+", page
        assert page["faults"] == [], page


def test_the_observatory_gives_pages_of_nginx_itself_its_best_grade(proxied: ProxiedSite) -> None:
    [page] = _examine(proxied, [{"path": "/_stored/nothing"}])
    assert (page["status"], page["grade"], page["faults"]) == (404, "A+", [])


def test_the_tls_is_what_mozilla_calls_intermediate(proxied: ProxiedSite) -> None:
    if not SSLYZE.is_file():
        pytest.skip("sslyze is not installed (./setup.sh test installs it)")
    certificate = proxied.proxy.folder / "tls" / "ca.pem"
    done = subprocess.run(
        [
            SSLYZE,
            "--mozilla_config",
            "intermediate",
            "--certinfo_ca_file",
            certificate,
            "--sni",
            HOST,
            f"127.0.0.1:{proxied.proxy.tls_port}",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = done.stdout + done.stderr
    print(said)
    assert "OK - Compliant" in said, said
    assert done.returncode == 0, said
