"""Images built without an engine, by debootstrap and buildah, and run by runc as an engine would.

`IMAGE_FOLDER` keeps the base and the layers between runs; without it everything goes afterwards.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.server import ROOT, stop

TOOLS = ("debootstrap", "buildah", "runc")
BASE = "localhost/triple-base:bookworm"
CERTIFICATES = Path("usr/local/share/ca-certificates")
BUILD_TIMEOUT_SECONDS = 1800


@dataclass
class Builder:
    """Where images lie while they are tried."""

    folder: Path
    containers: list[str] = field(default_factory=list)

    def buildah(self, *arguments: str | Path) -> str:
        """Run buildah with a store of our own."""
        store = ["--root", self.folder / "store", "--runroot", self.folder / "runroot"]
        done = subprocess.run(
            ["buildah", *store, *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=BUILD_TIMEOUT_SECONDS,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout.strip()

    def make_base(self) -> None:
        """Make a Debian 12 that knows the certificates this machine was given."""
        tree, context = self.folder / "base", self.folder / "context"
        if BASE in self.buildah("images", "--format", "{{.Name}}:{{.Tag}}"):
            return
        shutil.rmtree(tree, ignore_errors=True)
        subprocess.run(
            ["debootstrap", "--variant=minbase", "bookworm", tree],
            check=True,
            capture_output=True,
            timeout=BUILD_TIMEOUT_SECONDS,
        )
        shutil.copytree("/" / CERTIFICATES, tree / CERTIFICATES, dirs_exist_ok=True)
        context.mkdir(exist_ok=True)
        subprocess.run(["tar", "-C", tree, "-cf", context / "base.tar", "."], check=True)
        (context / "Dockerfile").write_text("FROM scratch\nADD base.tar /\n")
        self.buildah("bud", "--isolation", "chroot", "-t", BASE, context)

    def build(self, target: str) -> str:
        """Build a target of the Dockerfile; return the image's name."""
        name = f"localhost/triple-{target}:test"
        options = ["--isolation", "chroot", "--layers", "--format", "docker"]
        self.buildah(
            "bud", *options, "--build-arg", f"BASE={BASE}", "--target", target, "-t", name, "."
        )
        return name

    def describe(self, image: str) -> dict[str, Any]:
        """Return what an engine is told about the image."""
        described = json.loads(self.buildah("inspect", "--type", "image", image))
        return dict(described["Docker"]["config"])

    def root_of(self, image: str) -> Path:
        """Return a folder with the image's files."""
        container = self.buildah("from", image)
        self.containers.append(container)
        return Path(self.buildah("mount", container))

    def forget(self) -> None:
        """Take the containers away; the images stay for another run."""
        for container in self.containers:
            self.buildah("rm", container)


@contextmanager
def builder() -> Iterator[Builder]:
    """Have a place for images during the block."""
    kept = os.environ.get("IMAGE_FOLDER")
    folder = Path(kept or tempfile.mkdtemp(prefix="triple-image-"))
    folder.mkdir(exist_ok=True)
    house = Builder(folder)
    try:
        house.make_base()
        yield house
    finally:
        house.forget()
        if not kept:
            shutil.rmtree(folder)


@dataclass
class Container:
    """An image with a writable place or two, run with nothing that a container need not have."""

    name: str
    folder: Path
    root: Path
    config: dict[str, Any]
    environment: Mapping[str, str]
    mounts: Mapping[str, Path]  # what is bound where
    process: "subprocess.Popen[bytes] | None" = None

    def _write_bundle(self, command: list[str]) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "config.json").unlink(missing_ok=True)
        subprocess.run(["runc", "spec"], cwd=self.folder, check=True)
        spec = json.loads((self.folder / "config.json").read_text())
        user, group = map(int, self.config["User"].split(":"))
        spec["root"] = {"path": str(self.root), "readonly": True}
        added = [f"{name}={value}" for name, value in self.environment.items()]
        spec["process"] |= {
            "terminal": False,
            "user": {"uid": user, "gid": group},
            "args": command,
            "env": [*self.config["Env"], *added],
            "cwd": self.config.get("WorkingDir") or "/",
            "noNewPrivileges": True,
            "capabilities": {name: [] for name in ("bounding", "effective", "permitted")},
        }
        own = ["nosuid", "nodev", "mode=1777", "size=64m"]
        spec["mounts"] = [each for each in spec["mounts"] if each["type"] != "cgroup"]
        spec["mounts"] += [
            {"destination": path, "type": "tmpfs", "source": "tmpfs", "options": own}
            for path in ("/tmp", "/run/triple")
        ]
        spec["mounts"] += [
            {"destination": path, "type": "bind", "source": str(source), "options": ["rbind", "rw"]}
            for path, source in self.mounts.items()
        ]
        spaces = spec["linux"]["namespaces"]  # the network is the machine's, its loopback ours
        spec["linux"]["namespaces"] = [
            each for each in spaces if each["type"] not in ("network", "cgroup")
        ]
        spec["linux"].pop("resources", None)
        (self.folder / "config.json").write_text(json.dumps(spec))

    def _runc(self, *arguments: str) -> list[str]:
        return ["runc", "--root", str(self.folder / "state"), *arguments]

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run one command in a container of its own, through the image's entry point."""
        self._write_bundle([*(self.config.get("Entrypoint") or []), *command])
        return subprocess.run(
            self._runc("run", self.name),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )

    def execute(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command inside the running container, as its health check is."""
        return subprocess.run(
            self._runc("exec", self.name, *command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    @property
    def log(self) -> str:
        """Return what the container has said."""
        return (self.folder / "log").read_text(errors="replace")

    def is_healthy(self) -> bool:
        """Whether the image's own health check passes."""
        kind, *command = self.config["Healthcheck"]["Test"]
        assert kind == "CMD"
        return self.execute(*command).returncode == 0

    @contextmanager
    def running(self) -> Iterator["Container"]:
        """Run what the image runs by itself, for the block."""
        self._write_bundle(
            [*(self.config.get("Entrypoint") or []), *(self.config.get("Cmd") or [])]
        )
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                self._runc("run", self.name),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield self
        finally:
            stop(self.process, 60)
            subprocess.run(
                self._runc("delete", "--force", self.name), capture_output=True, check=False
            )
