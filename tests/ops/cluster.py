"""The site on machines of its own: two application hosts behind nginx, a primary, a replica."""

import http.client
import json
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from flask import Flask
from flask_migrate import upgrade

from app.database import db
from app.domain.accounts import sessions
from app.domain.accounts.clients import ClientInfo
from app.domain.accounts.models import User
from tests.ops.network import Host, Network, network
from tests.ops.proxy import HOST, command, render
from tests.support.apps import made_app
from tests.support.known_secrets import SECRETS
from tests.support.postgres import Cluster, temporary_cluster, with_owner
from tests.support.replication import OPTIONS, Pair, following
from tests.support.server import ROOT, wait_until

CLIENTS = 6
WEB_PORT, DATABASE_PORT = 8000, 5432


@dataclass
class Site:
    """The running cluster, and the application that the tests prepare its rows with."""

    network: Network
    proxy: Host
    web: tuple[Host, Host]
    replica: Host
    jobs: Host
    crowd: Host
    pair: Pair
    app: Flask
    folder: Path
    environment: dict[str, str]
    tls_port: int
    browsers: "list[Browser]" = field(default_factory=list)

    def serve(self, host: Host) -> None:
        """Start gunicorn on a host, as its own supervisord would, and wait until it is ready."""
        place = {
            "WEB_BIND": f"{host.address}:{WEB_PORT}",
            "RUN_DIR": str(self.folder / f"run-{host.name}"),
        }
        program = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
        host.start([*program], self.environment | place, self.folder / f"{host.name}.log")
        ready = partial(self.status_of, host, "/api/health/ready")
        wait_until(lambda: ready() == 200, 60, f"{host.name} is ready")

    def status_of(self, host: Host, path: str) -> int:
        """Ask one application host itself, as nginx would; 0 when it does not answer."""
        try:
            return self.ask_host(host, "GET", path).status
        except (OSError, http.client.HTTPException):
            return 0

    def ask_host(
        self, host: Host, method: str, path: str, body: object = None
    ) -> http.client.HTTPResponse:
        """Send one request past nginx."""
        headers = {"Host": HOST, "X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.7"}
        with self.proxy.inside():
            connection = http.client.HTTPConnection(host.address, WEB_PORT, timeout=10)
            sent = None if body is None else json.dumps(body)
            with closing(connection):
                headers["Content-Type"] = "application/json"
                connection.request(method, path, sent, headers)
                response = connection.getresponse()
                response.read()
        return response

    def lose_replica(self) -> None:
        """Let nothing reach the replica any longer."""
        if self.network.is_real:
            self.replica.unplug()
        else:
            self.pair.standby.kill()

    def find_replica(self) -> None:
        """Let it be reached again."""
        self.replica.plug()
        if self.pair.standby.process.poll() is not None:
            self.pair.standby.start()

    def is_balanced(self) -> bool:
        """Ask for a page; say whether nginx has connections to every host, so trusts them all."""
        self.browser().ask("/api/health/ready")
        self.close_browsers()
        listed = ["ss", "-Htn", "state", "established", "dport", "=", f":{WEB_PORT}"]
        found = subprocess.run(
            self.proxy.command([*listed]), capture_output=True, text=True, check=True
        ).stdout
        return all(f" {host.address}:{WEB_PORT}" in found for host in self.web)

    def browser(self, number: int = 0, token: str = "") -> "Browser":
        """Return a client with an address of its own, signed in by `token`."""
        first, _, last = self.crowd.address.rpartition(".")
        address = f"{first}.{int(last) + number}"
        cookies = {"__Host-session": token} if token else {}
        self.browsers.append(Browser(self, address, cookies))
        return self.browsers[-1]

    def close_browsers(self) -> None:
        """Close their connections."""
        while self.browsers:
            self.browsers.pop().close()

    def sign_in(self, user: User) -> str:
        """Return a session's token."""
        token = sessions.start(user, ClientInfo(ip="198.51.100.7", user_agent="tests"))
        db.session.commit()
        return token


class Browser:
    """Asks nginx over TLS, keeps its connection and its cookies."""

    def __init__(self, site: Site, address: str, cookies: dict[str, str]) -> None:
        self._site, self._address, self.cookies = site, address, cookies
        self._connection: http.client.HTTPSConnection | None = None

    def ask(self, path: str, method: str = "GET", body: object = None) -> tuple[int, str]:
        """Return status and text of what nginx answers."""
        connection = self._connection or self._connected()
        headers = {"Host": HOST, "Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        sent = None if body is None else json.dumps(body)
        if sent is not None:
            headers |= {"Content-Type": "application/json", "Origin": f"https://{HOST}"}
        try:
            connection.request(method, path, sent, headers)
            response = connection.getresponse()
            text = response.read().decode()
        except BaseException:
            self.close()
            raise
        for line in response.headers.get_all("Set-Cookie") or []:
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return response.status, text

    def timed(self, path: str) -> tuple[int, float]:
        """Return status and seconds of a GET."""
        began = time.monotonic()
        status, _ = self.ask(path)
        return status, time.monotonic() - began

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> http.client.HTTPSConnection:
        context = ssl._create_unverified_context()
        source = (self._address, 0)
        site = self._site
        with site.crowd.inside():
            self._connection = http.client.HTTPSConnection(
                site.proxy.address,
                site.tls_port,
                context=context,
                timeout=30,
                source_address=source,
            )
            self._connection.connect()
        return self._connection


def _on(host: Host, cluster: Cluster) -> Cluster:
    """Return a database cluster as it is served on `host`, on its network."""
    served = [*cluster.command, "-c", f"port={DATABASE_PORT}"]
    served[served.index("listen_addresses=")] = f"listen_addresses={host.address}"
    if not host.namespace:
        return replace(cluster, command=served)
    return replace(cluster, command=host.unprivileged(served), identity={})


@contextmanager
def running_site(folder: Path) -> Iterator[Site]:
    """Build the whole cluster for the block."""
    with ExitStack() as stack:
        net = stack.enter_context(network())
        names = ("proxy", "web1", "web2", "primary", "replica", "jobs")
        hosts = {name: net.add(name) for name in names}
        hosts["crowd"] = net.add("crowd", CLIENTS + 1)
        pair = _databases(stack, hosts["primary"], hosts["replica"])
        database = pair.primary.create_database("site")
        environment = _environment(folder, hosts)
        app = stack.enter_context(made_app({**environment, "DATABASE_URL": database,
                                            "DATABASE_REPLICA_URL": ""}))  # fmt: skip
        stack.enter_context(app.app_context())
        upgrade(directory=str(ROOT / "migrations"))
        web = (hosts["web1"], hosts["web2"])
        made = Site(
            net, hosts["proxy"], web, hosts["replica"], hosts["jobs"], hosts["crowd"], pair, app,
            folder, environment, 8443,
        )  # fmt: skip
        for host in web:
            made.serve(host)
        _balance(made)
        yield made
        db.session.remove()
        for host in (*web, hosts["jobs"], hosts["proxy"]):
            host.kill()


def _environment(folder: Path, hosts: dict[str, Host]) -> dict[str, str]:
    address = f"postgresql://app@{{}}:{DATABASE_PORT}/site"
    return {
        **SECRETS,
        "APP_ENV": "development",  # keeps no rendered pages, so each request reads
        "PUBLIC_BASE_URL": f"https://{HOST}",
        "TRUSTED_HOSTS": HOST,
        "TRUSTED_PROXIES": "1",
        "DATABASE_URL": address.format(hosts["primary"].address),
        "DATABASE_REPLICA_URL": address.format(hosts["replica"].address),
        "DATA_DIR": str(folder / "data"),
        "WEB_WORKERS": "1",
        "LOG_LEVEL": "WARNING",
    }


def _databases(stack: ExitStack, primary: Host, replica: Host) -> Pair:
    """Start the primary and a replica that follows it over the network."""
    cluster = stack.enter_context(temporary_cluster(OPTIONS, 60))
    rules = cluster.scratch / "data" / "pg_hba.conf"
    network_of = primary.address.rpartition(".")[0] + ".0/24"
    rules.write_text(
        "local all all trust\nlocal replication all trust\n"
        f"host all all {network_of} trust\nhost replication all {network_of} trust\n"
    )
    served = _on(primary, cluster)
    process = served.start()
    stack.callback(process.wait, 30)
    stack.callback(process.terminate)
    wait_until(cluster.has_started, 30, "the primary takes connections")
    server = with_owner(cluster.admin_url)
    source = f"postgresql://postgres@{primary.address}:{DATABASE_PORT}/postgres"
    if replica.namespace:  # root enters it, and leaves itself behind there
        cluster = replace(cluster, identity={})
    standby = stack.enter_context(
        following(cluster, source, lambda words: _moved(words, cluster, replica))
    )
    return Pair(server, standby)


def _moved(words: list[str | Path], cluster: Cluster, host: Host) -> list[str | Path]:
    if Path(words[0]).name == "postgres":
        return list(_on(host, replace(cluster, command=words)).command)
    return host.unprivileged(words)


def _balance(site: Site) -> None:
    """Start nginx before both application hosts."""
    upstream = " ".join(f"{host.address}:{WEB_PORT}" for host in site.web)
    configuration = render(
        site.folder / "nginx",
        WEB_UPSTREAM=upstream,
        LISTEN_ADDRESS=site.proxy.address,
        HTTPS_PORT=str(site.tls_port),
    )
    site.proxy.start([*command(configuration, "-g", "daemon off;")], {}, site.folder / "nginx.log")
    wait_until(lambda: _answers(site), 30, "nginx answers")


def _answers(site: Site) -> bool:
    try:
        return site.browser().ask("/courses")[0] == 200
    except OSError:
        return False
    finally:
        site.close_browsers()
