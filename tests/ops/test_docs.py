"""The documents' commands, run: a block that begins with ```sh host is typed on a real host.

The names of a real host (/srv/triple, courses.example.com) become those of the one under test.
Blocks that set up, release or go back take minutes, and their verbs have tests of their own:
DOCS=all runs these blocks, too.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ops.production import SITE_HOST, Host, production_host
from tests.support.server import ROOT, base_environment

pytestmark = [pytest.mark.no_database, pytest.mark.timeout(600)]
BLOCK = re.compile(r"^( *)```sh host\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
BOX = re.compile(r"^- \[ \] (.+?)(?=^- \[ \]|^## |\Z)", re.MULTILINE | re.DOTALL)
TAKES_LONG = re.compile(r"setup\.sh (production|release|rollback)\b")
PUBLIC_NAME = "courses.example.com"


@dataclass(frozen=True)
class Block:
    """What a document says to type, and where it says so."""

    document: str
    number: int
    text: str

    def __str__(self) -> str:
        return f"{self.document}-{self.number}"

    def on(self, host: Host) -> str:
        """Return the text with the names of `host`."""
        text = re.sub(
            r"(?<![\w.])/(?=(srv|etc|var/lib|var/log|run)/triple\b)", f"{host.prefix}/", self.text
        )
        text = text.replace(f"https://{PUBLIC_NAME}", host.url)
        text = text.replace(f"http://{PUBLIC_NAME}", f"http://{SITE_HOST}:{host.http_port}")
        return text.replace(PUBLIC_NAME, SITE_HOST)


def _blocks() -> list[Block]:
    """Return what is run: each line once, where it is said first."""
    found: list[Block] = []
    known: set[str] = set()
    for path in sorted((ROOT / "docs").glob("*.md")):
        for number, (_, text) in enumerate(BLOCK.findall(path.read_text()), 1):
            lines = [line.strip() for line in text.splitlines()]
            fresh = [line for line in lines if line not in known]
            if fresh and (os.environ.get("DOCS") == "all" or not TAKES_LONG.search(text)):
                known.update(fresh)
                found.append(Block(path.name, number, "\n".join(fresh)))
    return found


BLOCKS = _blocks()


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with production_host() as host:
        yield host


@pytest.fixture(scope="module")
def curl_home(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Settings for curl, whom no name server tells of this host, and no authority of its key."""
    folder = tmp_path_factory.mktemp("curl")
    lines = ["insecure", f"noproxy = {SITE_HOST}"]
    lines += [
        f"resolve = {SITE_HOST}:{port}:127.0.0.1" for port in (host.http_port, host.https_port)
    ]
    (folder / ".curlrc").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_what_the_documents_say_to_type_works(host: Host, curl_home: Path, block: Block) -> None:
    network = {k: v for k, v in os.environ.items() if k.startswith(("SSL_", "PIP_", "UV_"))}
    places = {
        "PREFIX": str(host.prefix),
        "LISTEN_ADDRESS": "127.0.0.1",
        "HTTP_PORT": str(host.http_port),
        "HTTPS_PORT": str(host.https_port),
        "WATCH_SECONDS": "2",
        "CURL_HOME": str(curl_home),
    }
    for line in block.on(host).splitlines():
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=ROOT,
            env=base_environment() | network | places,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def test_every_box_of_the_checklist_has_a_command() -> None:
    boxes = BOX.findall((ROOT / "docs/PRODUCTION-CHECKLIST.md").read_text())
    assert len(boxes) >= 20
    assert not [box for box in boxes if "```sh" not in box and "/api/health/ready" not in box]


def test_the_runbook_and_the_checklist_are_mostly_run() -> None:
    for name in ("RUNBOOK.md", "PRODUCTION-CHECKLIST.md"):
        text = (ROOT / "docs" / name).read_text()
        assert len(BLOCK.findall(text)) > len(re.findall(r"^ *```sh$", text, re.MULTILINE)), name
