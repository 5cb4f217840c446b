"""Debian's Prometheus on loopback, with the project's own rules, made impatient."""

import http.client
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.server import ROOT, free_port, responds, running, wait_until

MONITORING = ROOT / "monitoring"
LAID_OUT = ROOT / "var" / "test-tools" / "prometheus" / "usr" / "bin"
FIRING_SECONDS = 60.0


def program(name: str) -> str:
    """Return the path of `prometheus` or `promtool`; skip the test where there is none."""
    found = shutil.which(name) or shutil.which(name, path=str(LAID_OUT))
    if found is None:
        pytest.skip(f"{name} is not there (./setup.sh test lays Debian's package out)")
    return found


def impatient(rules: str) -> str:
    """Return `rules` with what they wait for shortened: five minutes to ten seconds, `for` to one.

    The thresholds and all else stay as they are.
    """
    shortened, windows = re.subn(r"\[5m\]", "[10s]", rules)
    shortened, waits = re.subn(r"^( +for:) \d+m$", r"\1 1s", shortened, flags=re.MULTILINE)
    assert windows
    assert waits
    return shortened


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    url: str
    port: int

    def get(self, path: str, **query: str) -> Any:
        """Return the data of an answer of its API."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", f"/api/v1/{path}?{urlencode(query)}")
            told = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        assert told["status"] == "success", told
        return told["data"]

    def alerts(self, *states: str) -> set[str]:
        """Return the names of the alerts in one of `states` (default: any)."""
        return {
            alert["labels"]["alertname"]
            for alert in self.get("alerts")["alerts"]
            if not states or alert["state"] in states
        }

    def wait_for_alert(self, name: str) -> None:
        """Wait until an alert fires."""
        wait_until(lambda: name in self.alerts("firing"), FIRING_SECONDS, f"{name} fires", 0.25)

    def wait_for_silence(self, name: str) -> None:
        """Wait until an alert is over."""
        wait_until(lambda: name not in self.alerts(), FIRING_SECONDS, f"{name} is over", 0.25)

    def value(self, expression: str) -> float | None:
        """Return the value of an expression now; None where it has none."""
        found = self.get("query", query=expression)["result"]
        return float(found[0]["value"][1]) if found else None


@contextmanager
def watching(folder: Path, target: str, token: str, **tls: str) -> Iterator[Prometheus]:
    """Run Prometheus for the block; it scrapes `target` each second and evaluates as often."""
    folder.mkdir()
    (folder / "alerts.yml").write_text(impatient((MONITORING / "alerts.yml").read_text()))
    (folder / "triple.token").write_text(token)
    (folder / "prometheus.yml").write_text(json.dumps(_configuration(target, tls)))
    port = free_port()
    command = [
        program("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    url = f"http://127.0.0.1:{port}"
    with running(command, {"GOMAXPROCS": "1"}, folder / "prometheus.log"):
        wait_until(lambda: responds(url, "/-/ready"), 60, "Prometheus is ready")
        yield Prometheus(url, port)


def _configuration(target: str, tls: Mapping[str, str]) -> dict[str, Any]:
    """Return the project's example as JSON, which is YAML, for this target."""
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": ["alerts.yml"],
        "scrape_configs": [
            {
                "job_name": "triple",
                "scheme": "https",
                "metrics_path": "/metrics",
                "authorization": {"credentials_file": "triple.token"},
                "tls_config": dict(tls),
                "static_configs": [{"targets": [target]}],
            }
        ],
    }
