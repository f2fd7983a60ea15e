"""The shipped dashboard asks only for what a control plane tells, in words that Prometheus understands."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.architecture.sources import ROOT
from tests.support.api import api, in_process
from tests.support.harness import pipeline
from tests.support.tools import find

DASHBOARD = json.loads((ROOT / "docker" / "monitoring" / "dashboard.json").read_text())
DOCUMENTED = (ROOT / "docs" / "metrics.md").read_text()

# A metric with its labels, as the dashboard writes it; `name{job="hakiri",...,state="failed"}`.
_SELECTOR = re.compile(r"(?P<name>\b[a-z_]+)\{(?P<labels>[^}]*)\}")


@pytest.fixture(scope="module")
def labels_by_name(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """What a control plane that did something tells: every metric, and the names of its labels."""
    with api(tmp_path_factory.mktemp("data")) as given, in_process(given) as client:
        given.beat()
        given.harness.apply(pipeline())
        given.harness.run()
        client.get("/api/v1/runs", headers=given.headers("alice"))
        families = list(text_string_to_metric_families(client.get("/metrics").text))
    found: dict[str, set[str]] = {}
    for sample in (sample for family in families for sample in family.samples):
        found.setdefault(sample.name, {"job", "instance"}).update(sample.labels)
    return found


def _expressions() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield target["expr"]


def test_every_panel_asks_for_metrics_and_labels_that_exist(labels_by_name: dict[str, set[str]]) -> None:
    asked = [
        (found["name"], set(re.findall(r"(\w+)=~?\"", found["labels"])))
        for expression in _expressions()
        for found in _SELECTOR.finditer(expression)
    ]

    assert len(asked) >= len(DASHBOARD["panels"])
    assert [name for name, _ in asked if name not in labels_by_name] == []
    assert [(name, labels) for name, labels in asked if not labels <= labels_by_name[name]] == []


def test_every_metric_of_ours_is_on_the_dashboard(labels_by_name: dict[str, set[str]]) -> None:
    shown = {found["name"] for expression in _expressions() for found in _SELECTOR.finditer(expression)}

    # The rest of a histogram shows through its buckets.
    ours = {name for name in labels_by_name if name.startswith("hakiri_") and not name.endswith(("_count", "_sum"))}
    assert ours - shown == set()


def test_prometheus_understands_every_expression(tmp_path: Path) -> None:
    plain = [expression.replace("$__rate_interval", "5m").replace("$instance", ".*") for expression in _expressions()]
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(plain)]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))

    done = subprocess.run(
        [str(find("promtool")), "check", "rules", str(file)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]

    assert len(cells) == len(set(cells))
    assert len(ids) == len(set(ids))


def test_the_dashboard_asks_nobody_outside() -> None:
    assert "http" not in json.dumps(DASHBOARD).replace("hakiri_http", "")


def test_every_metric_that_is_told_is_documented(labels_by_name: dict[str, set[str]]) -> None:
    plain = {re.sub(r"_(bucket|count|sum)$", "", name) for name in labels_by_name}

    assert [name for name in sorted(plain) if f"`{name}" not in DOCUMENTED] == []
