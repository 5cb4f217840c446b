"""A real Redis Cluster on loopback: three primaries, each with a replica that takes over."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.server import die_with_parent, free_port, wait_until

PRIMARIES = 3
BUS_OFFSET = 10_000  # nodes talk to each other on the port that much higher
NODE_TIMEOUT_MS = 1000


@dataclass
class RedisCluster:
    """The nodes by their ports."""

    nodes: "dict[int, subprocess.Popen[bytes]]"
    directory: Path

    @property
    def url(self) -> str:
        """Return the address for REDIS_URL; some nodes are enough to find the others."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in self.nodes)

    def ask(self, port: int, *words: str) -> str:
        """Ask one node and return what it says."""
        command = ["redis-cli", "-p", str(port), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    def primaries(self) -> list[int]:
        """Return the ports of the nodes that are primaries now."""
        return [
            port for port in self.nodes if "role:master" in self.ask(port, "info", "replication")
        ]

    def is_whole(self) -> bool:
        """Whether every node that runs serves every slot."""
        alive = [port for port, node in self.nodes.items() if node.poll() is None]
        states = [self.ask(port, "cluster", "info") for port in alive]
        return all("cluster_state:ok" in state for state in states)

    def start(self, port: int) -> None:
        """Start one node and wait until it answers."""
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--appendonly", "no", "--dir", str(self.directory)]
        command += ["--cluster-enabled", "yes", "--cluster-config-file", f"nodes-{port}.conf"]
        command += ["--cluster-node-timeout", str(NODE_TIMEOUT_MS)]
        command += ["--cluster-replica-validity-factor", "0"]
        with (self.directory / f"redis-{port}.log").open("ab") as log:
            self.nodes[port] = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - one prctl call, safe after fork
            )
        wait_until(lambda: self.ask(port, "ping") == "PONG", 10, f"the node at {port} answers")

    def kill(self, port: int) -> None:
        """End one node as a crash would."""
        self.nodes[port].kill()
        self.nodes[port].wait()


@contextmanager
def redis_cluster(directory: Path) -> Iterator[RedisCluster]:
    """Run a cluster for the block; skips where Debian's redis-server is missing."""
    if shutil.which("redis-server") is None or shutil.which("redis-cli") is None:
        pytest.skip("redis-server is missing; on Debian: apt-get install redis-server")
    cluster = RedisCluster({}, directory)
    try:
        while len(cluster.nodes) < 2 * PRIMARIES:
            cluster.start(_port_with_bus())
        hosts = [f"127.0.0.1:{port}" for port in cluster.nodes]
        command = ["redis-cli", "--cluster", "create", *hosts]
        command += ["--cluster-replicas", "1", "--cluster-yes"]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stdout + made.stderr
        wait_until(cluster.is_whole, 20, "the cluster is whole")
        wait_until(lambda: len(cluster.primaries()) == PRIMARIES, 20, "each has a replica")
        yield cluster
    finally:
        for port in cluster.nodes:
            cluster.kill(port)


def _port_with_bus() -> int:
    """Return a free port whose bus's port is free and possible, too."""
    while True:
        port = free_port()
        if port + BUS_OFFSET > 65535:
            port -= 2 * BUS_OFFSET
        try:
            for wanted in (port, port + BUS_OFFSET):
                with socket.socket() as listener:
                    listener.bind(("127.0.0.1", wanted))
        except OSError:
            continue
        return port
