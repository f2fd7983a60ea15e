"""The shipped alerts fire for what they are named after, and for nothing else; promtool is the judge."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tests.support.tools import find

ALERTS = ROOT / "docker" / "monitoring" / "alerts.yml"

# What a quiet afternoon looks like, in steps of a minute.
HEALTHY = {
    'up{job="hakiri"}': "1x240",
    "hakiri_ready": "1x240",
    'hakiri_check_failing{check="catalog"}': "0x240",
    "hakiri_data_free_bytes": "500x240",
    "hakiri_data_size_bytes": "1000x240",
    'hakiri_loop_age_seconds{loop="tick"}': "0.4x240",
    'hakiri_loop_age_seconds{loop="recover"}': "4x240",
    "hakiri_scheduler_late_seconds": "0x240",
    "hakiri_schedule_lateness_seconds_count": "0+60x240",
    'hakiri_schedule_lateness_seconds_bucket{le="5.0"}': "0+60x240",
    'hakiri_oldest_run_age_seconds{state="running"}': "90x240",
    'hakiri_oldest_run_age_seconds{state="pending"}': "1x240",
    "hakiri_queue_depth": " ".join(["0 3 0 5"] * 60),
    'hakiri_runs_finished_total{state="succeeded"}': "0+60x240",
    'hakiri_runs_finished_total{state="failed"}': "0x240",
    'hakiri_runs_finished_total{state="cancelled"}': "0+1x240",
    'hakiri_fires_total{reason="fired"}': "0+60x240",
    'hakiri_fires_total{reason="missed"}': "0x240",
    "hakiri_lease_takeovers_total": "0x240",
    'hakiri_http_requests_total{status="2xx",route="/api/v1/runs"}': "0+9x240",
    'hakiri_http_requests_total{status="5xx",route="/readyz"}': "0+4x240",
}

# What happens, when it is looked at, and what fires then.
CASES: dict[str, tuple[Mapping[str, str], int, set[str]]] = {
    "a quiet afternoon": ({}, 240, set()),
    "the server is gone": ({'up{job="hakiri"}': "1x9 0x60"}, 15, {"HakiriDown"}),
    "a restart of a minute": ({'up{job="hakiri"}': "1x9 0 1x60"}, 11, set()),
    "the scrape is not configured": ({'up{job="hakiri"}': "_x60"}, 15, {"HakiriDown"}),
    "not ready": ({"hakiri_ready": "1x9 0x60"}, 15, {"HakiriNotReady"}),
    "a read-only disk": (
        {"hakiri_ready": "1x9 0x60", 'hakiri_check_failing{check="catalog"}': "0x9 1x60"},
        15,
        {"HakiriNotReady", "HakiriStorageFails"},
    ),
    "a disk that fills up": ({"hakiri_data_free_bytes": "500-10x45 50x60"}, 90, {"HakiriDiskFillsUp"}),
    "a scheduler that hangs": ({'hakiri_loop_age_seconds{loop="tick"}': "0.4x9 0+60x60"}, 15, {"HakiriNoTicks"}),
    "a sweeper that hangs": ({'hakiri_loop_age_seconds{loop="recover"}': "4x9 0+60x60"}, 16, {"HakiriNoSweeps"}),
    "a due fire that waits": ({"hakiri_scheduler_late_seconds": "0x9 0+60x60"}, 14, {"HakiriSchedulerLate"}),
    "a tick that was late once": ({"hakiri_scheduler_late_seconds": "0x9 40 0x60"}, 11, set()),
    "fires that come late": (
        {'hakiri_schedule_lateness_seconds_bucket{le="5.0"}': "0+30x240"},
        60,
        {"HakiriFiresLate"},
    ),
    "a run beyond its timeout": (
        {'hakiri_oldest_run_age_seconds{state="running"}': "21000+60x60"},
        30,
        {"HakiriRunStuck"},
    ),
    "a run that waits for hours": (
        {'hakiri_oldest_run_age_seconds{state="pending"}': "0+60x240"},
        90,
        {"HakiriRunWaits"},
    ),
    "workers that are never free": ({"hakiri_queue_depth": "1x240"}, 30, {"HakiriQueueGrows"}),
    "the first run that ever failed": (
        {'hakiri_runs_finished_total{state="failed"}': "0x19 1x60"},
        22,
        {"HakiriRunsFail"},
    ),
    "a failure of an hour ago": ({'hakiri_runs_finished_total{state="failed"}': "0x19 1x120"}, 80, set()),
    "everything fails": (
        {
            'hakiri_runs_finished_total{state="failed"}': "0+60x240",
            'hakiri_runs_finished_total{state="succeeded"}': "0+10x240",
        },
        90,
        {"HakiriRunsFail", "HakiriMostRunsFail"},
    ),
    "fires that nobody makes up for": (
        {'hakiri_fires_total{reason="missed"}': "0x19 40x60"},
        22,
        {"HakiriFiresMissed"},
    ),
    "a worker that dies every few minutes": (
        {"hakiri_lease_takeovers_total": "0+0.2x240"},
        90,
        {"HakiriLeaseTakeovers"},
    ),
    "one takeover, after a deployment": ({"hakiri_lease_takeovers_total": "0x19 1x240"}, 30, set()),
    "an API that breaks": (
        {'hakiri_http_requests_total{status="5xx",route="/api/v1/runs"}': "0+2x240"},
        30,
        {"HakiriServerErrors"},
    ),
}


def _promtool(*arguments: str) -> str:
    done = subprocess.run([str(find("promtool")), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _series(name: str, values: str) -> dict[str, str]:
    where = 'job="hakiri",instance="control:8080"'
    bare, _, labels = name.rstrip("}").partition("{")
    own = [label for label in labels.split(",") if label and not label.startswith("job=")]
    return {"series": f"{bare}{{{','.join([where, *own])}}}", "values": values}


def test_promtool_accepts_the_rules() -> None:
    assert "SUCCESS: 16 rules found" in _promtool("check", "rules", "--lint=all", "--lint-fatal", str(ALERTS))


@pytest.mark.parametrize("case", CASES)
def test_an_alert_fires_for_what_it_is_named_after(tmp_path: Path, case: str) -> None:
    overrides, minutes, firing = CASES[case]
    series = [_series(name, values) for name, values in {**HEALTHY, **overrides}.items()]
    expected = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(firing)]
    looked = {
        "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
        "eval_time": f"{minutes}m",
        "exp_samples": expected,
    }
    rules = tmp_path / "test.yml"
    # JSON is YAML.
    rules.write_text(
        json.dumps(
            {
                "rule_files": [str(ALERTS)],
                "evaluation_interval": "1m",
                "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": [looked]}],
            }
        )
    )

    _promtool("test", "rules", str(rules))


def test_every_alert_has_a_case_in_which_it_fires() -> None:
    shipped = set(re.findall(r"- alert: (\w+)", ALERTS.read_text()))

    assert set().union(*(firing for _, _, firing in CASES.values())) == shipped
