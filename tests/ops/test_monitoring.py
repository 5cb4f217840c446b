"""The files for Prometheus and Grafana: valid, tested rule by rule, about figures that exist."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app import metrics
from tests.support.http import Visitor
from tests.support.prometheus import MONITORING, program
from tests.support.server import ROOT, LiveServer

pytestmark = [pytest.mark.no_database, pytest.mark.at_once]
ALERT = re.compile(r"^ +- alert: (\w+)$", re.MULTILINE)
NAME = re.compile(r"\btriple_\w+")
SUFFIX = re.compile(r"_(?:bucket|count|sum)$")
TOKEN = "open-sesame-open-sesame-open-sesame"
# Only where there is such a thing: a replica, backups, https, a second process that shares figures.
CONDITIONAL = {
    "triple_replica_up",
    "triple_replica_lag_seconds",
    "triple_replica_lag_bytes",
    "triple_backup_timestamp_seconds",
    "triple_certificate_end_timestamp_seconds",
}


def promtool(*arguments: str | Path, folder: Path = MONITORING) -> str:
    """Run promtool and return what it says; it must be content."""
    done = subprocess.run(
        [program("promtool"), *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def alerts() -> set[str]:
    """Return the names of all alerts."""
    return set(ALERT.findall((MONITORING / "alerts.yml").read_text()))


def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    found: dict[str, Any] = json.loads((MONITORING / "grafana-dashboard.json").read_text())
    return found


def expressions() -> Iterator[str]:
    """Yield every expression of the dashboard, Grafana's variables filled in."""
    board = dashboard()
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*")
    for annotation in board["annotations"]["list"]:
        yield annotation["expr"]


def test_promtool_takes_the_rules_and_the_example(tmp_path: Path) -> None:
    for name in ("alerts.yml", "prometheus.yml"):
        (tmp_path / name).write_text((MONITORING / name).read_text())
    (tmp_path / "triple.token").write_text(TOKEN)
    promtool("check", "rules", "alerts.yml", folder=tmp_path)
    promtool("check", "config", "prometheus.yml", folder=tmp_path)


def test_each_rule_fires_at_what_it_is_for_and_not_at_what_is_near() -> None:
    promtool("test", "rules", "alerts_test.yml")
    tested = (MONITORING / "alerts_test.yml").read_text()
    for alert in alerts():
        assert f"name: {alert} fires" in tested
        assert f"name: {alert} stays quiet" in tested


def test_the_runbook_says_what_to_do_at_each_alert() -> None:
    runbook = (ROOT / "docs" / "RUNBOOK.md").read_text()
    rules = (MONITORING / "alerts.yml").read_text()
    for alert in alerts():
        assert f"\n### {alert}\n" in runbook
        assert f"runbook: docs/RUNBOOK.md#{alert.lower()}\n" in rules


def test_every_expression_of_the_dashboard_is_one(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": expression}
        for number, expression in enumerate(expressions())
    ]
    assert len(rules) > 30
    groups = {"groups": [{"name": "dashboard", "rules": rules}]}
    (tmp_path / "rules.yml").write_text(json.dumps(groups))
    promtool("check", "rules", "rules.yml", folder=tmp_path)


def test_panels_lie_beside_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells


def test_rules_and_panels_ask_for_figures_that_exist(serve: Callable[..., LiveServer]) -> None:
    server = serve(METRICS_TOKEN=TOKEN)
    told = Visitor(server.url).get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert told.status == 200
    known = {family.name for family in text_string_to_metric_families(told.text)}
    known |= {family.name for family in metrics.registry.collect()}
    known |= {f"{family.name}_total" for family in metrics.registry.collect()}
    known |= {"triple_process_cpu_seconds_total", *CONDITIONAL}
    asked = NAME.findall((MONITORING / "alerts.yml").read_text())
    asked += [name for expression in expressions() for name in NAME.findall(expression)]
    assert len(set(asked)) > 25
    assert {SUFFIX.sub("", name) for name in asked} - known == set()
