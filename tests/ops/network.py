"""Several hosts on one machine: a network namespace each, joined by a bridge, with cables to pull.

Where namespaces are not permitted the hosts are addresses of the loopback network; then a pulled
cable is a host that is killed, and the tests say so.
"""

import ctypes
import itertools
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.postgres import find_unprivileged
from tests.support.server import ROOT, base_environment, die_with_parent, stop

NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_libc = ctypes.CDLL(None, use_errno=True)
Command = list[str | Path]
Process = subprocess.Popen[bytes]


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")


@dataclass
class Host:
    """One machine of the network: where it is, and what runs on it."""

    name: str
    address: str
    namespace: str = ""
    started: list[Process] = field(default_factory=list)

    def command(self, command: Command) -> Command:
        """Return `command` as it is run on this host."""
        return ["ip", "netns", "exec", self.namespace, *command] if self.namespace else [*command]

    def unprivileged(self, command: Command) -> Command:
        """Return `command` as it is run on this host by somebody who is not root."""
        if not self.namespace:
            return [*command]
        entry = find_unprivileged()
        ids = [f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]
        return self.command(["setpriv", "--pdeathsig=INT", *ids, *command])

    def start(self, command: Command, environment: dict[str, str], log: Path) -> Process:
        """Start a program on this host."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                self.command(command),
                cwd=ROOT,
                env={**base_environment(), **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - one prctl call, safe after fork
            )
        self.started.append(process)
        return process

    def kill(self) -> None:
        """End everything that was started here, as a loss of power would."""
        for process in self.started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)
        self.started.clear()

    def unplug(self) -> None:
        """Pull the cable: nothing reaches this host any longer, and nothing refuses either."""
        if self.namespace:
            _ip("-n", self.namespace, "link", "set", "eth0", "down")
        else:
            self.kill()

    def plug(self) -> None:
        """Put the cable back."""
        if self.namespace:
            _ip("-n", self.namespace, "link", "set", "eth0", "up")

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Let the sockets that this thread opens in the block be this host's."""
        if not self.namespace:
            yield
            return
        task = f"/proc/self/task/{threading.get_native_id()}/ns/net"
        with open(task) as own, open(f"/run/netns/{self.namespace}") as there:  # noqa: PTH123
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(own.fileno())


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "setns")


class Network:
    """Hosts that reach each other; all that was made for them goes with the block."""

    def __init__(self) -> None:
        self.prefix = f"tests{os.getpid()}-"
        self.hosts: list[Host] = []
        self.is_real = False
        try:
            _ip("netns", "add", f"{self.prefix}switch")
            self.is_real = True
            _ip("-n", f"{self.prefix}switch", "link", "add", "switch", "type", "bridge")
            _ip("-n", f"{self.prefix}switch", "link", "set", "switch", "up")
        except OSError as refused:
            self.close()
            self.is_real = False
            print(f"\nNo network namespaces here, loopback addresses instead: {refused}")

    def add(self, name: str, addresses: int = 1) -> Host:
        """Add a host with one address, or with several in a row for a crowd of clients."""
        first = len(self.hosts) * 10 + 11
        if not self.is_real:
            host = Host(name, f"127.0.0.{first}")
            self.hosts.append(host)
            return host
        namespace, switch = f"{self.prefix}{name}", f"{self.prefix}switch"
        host = Host(name, f"10.213.7.{first}", namespace)
        self.hosts.append(host)
        _ip("netns", "add", namespace)
        _ip("-n", namespace, "link", "set", "lo", "up")
        peer = f"to-{name}"
        _ip("-n", namespace, "link", "add", "eth0", "type", "veth", "peer", "name", peer,
            "netns", switch)  # fmt: skip
        for number in range(first, first + addresses):
            _ip("-n", namespace, "address", "add", f"10.213.7.{number}/24", "dev", "eth0")
        _ip("-n", namespace, "link", "set", "eth0", "up")
        _ip("-n", switch, "link", "set", peer, "master", "switch", "up")
        return host

    def close(self) -> None:
        """End what runs on the hosts, and take them away."""
        for host in self.hosts:
            host.plug()
            for process in host.started:
                stop(process)
        names = [host.namespace for host in self.hosts if host.namespace]
        for name in [*names, f"{self.prefix}switch"] if self.is_real else []:
            with suppress(OSError):
                _ip("netns", "delete", name)


@contextmanager
def network() -> Iterator[Network]:
    """Make a network for the block."""
    made = Network()
    try:
        yield made
    finally:
        made.close()


@dataclass
class Load:
    """Clients that ask one after another, each at its own pace, until the block is over."""

    answers: list[tuple[int, float]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _is_over: threading.Event = field(default_factory=threading.Event)

    @property
    def slowest(self) -> float:
        """Return how long the slowest answer took, in seconds."""
        return max(took for _, took in self.answers)

    @contextmanager
    def running(
        self, clients: int, ask: Callable[[int, int], tuple[int, float]]
    ) -> Iterator["Load"]:
        """Let `ask(client, number)` answer status and seconds over and over."""
        threads = [
            threading.Thread(target=self._loop, args=(client, ask)) for client in range(clients)
        ]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._is_over.set()
            for thread in threads:
                thread.join()

    def _loop(self, client: int, ask: Callable[[int, int], tuple[int, float]]) -> None:
        for number in itertools.count():
            if self._is_over.wait(0.12):
                return
            try:
                answer = ask(client, number)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is what the test counts
                self.failures.append(repr(error))
                continue
            self.answers.append(answer)
            if answer[0] >= 500:
                self.failures.append(str(answer))
