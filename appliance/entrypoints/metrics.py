"""Every metric, read from the catalog and this process when Prometheus asks. docs/metrics.md describes each.

What is counted lives in the catalog and survives restarts. HTTP traffic and the process's own numbers start
again with the process. Labels take their values from enumerations, routes and names of checks: never from data.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from appliance import __version__
from appliance.bootstrap import Control
from appliance.core.event import Sample
from appliance.core.fires import Reason
from appliance.core.run import RunState, Trigger
from appliance.entrypoints.http.watch import BOUNDS, Traffic
from appliance.entrypoints.ws.hub import Hub
from appliance.services.tick import LATENESS, LATENESS_BOUNDS
from appliance.settings import Settings

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# Counters of the catalog: what they count, and the values of their label. A series that is there from the start,
# at 0, shows its first increase; one that appears with it does not.
COUNTERS: Mapping[str, tuple[str, str, Sequence[str]]] = {
    "hakiri_runs_created_total": ("Runs recorded, by what asked for them.", "trigger", tuple(Trigger)),
    "hakiri_runs_finished_total": (
        "Runs that ended, by their final state.",
        "state",
        tuple(state for state in RunState if state.is_final),
    ),
    "hakiri_run_retries_total": ("Attempts that ended with a passing failure and will be repeated.", "", ()),
    "hakiri_rows_landed_total": ("Rows of committed tables.", "", ()),
    "hakiri_bytes_landed_total": ("Bytes of Parquet of committed tables.", "", ()),
    "hakiri_fires_total": ("Expected fires, by what became of them.", "reason", tuple(Reason)),
    "hakiri_lease_takeovers_total": ("Runs taken over from a holder whose lease had run out.", "", ()),
    "hakiri_ready_checks_total": ("Writes that proved the catalog to be writable.", "", ()),
}
CHECKS = ("catalog", "objects", "storage", "tick", "recover")


@dataclass(frozen=True, slots=True)
class Scrape:
    """One answer to Prometheus. Raises Unavailable if the catalog cannot be read."""

    control: Control
    settings: Settings
    traffic: Traffic
    hub: Hub

    def text(self, failing: Mapping[str, str]) -> bytes:
        """`failing` holds the readiness checks that fail, by name."""
        registry = CollectorRegistry()
        registry.register(
            _Collector([*self._about(failing), *self._catalog(), *self._process(), *self._http(), *_sync(self.hub)])
        )
        ProcessCollector(registry=registry)
        return generate_latest(registry)

    def _about(self, failing: Mapping[str, str]) -> Iterator[Metric]:
        info = GaugeMetricFamily("hakiri_build_info", "What runs here; always 1.", labels=["version", "profile"])
        info.add_metric([__version__, self.settings.profile], 1)
        yield info
        yield _gauge("hakiri_ready", "1 if the control plane can do its work, as /readyz tells.", not failing)
        checks = GaugeMetricFamily("hakiri_check_failing", "1 for a readiness check that fails.", labels=["check"])
        for check in CHECKS:
            checks.add_metric([check], check in failing)
        yield checks

    def _catalog(self) -> Iterator[Metric]:
        samples = self.control.on.records.counters()
        yield from _counters(samples)
        yield _lateness(samples)
        yield from self._runs()
        yield from self._schedules()
        behind = self.control.mirror.behind()
        yield _gauge("hakiri_manifests_behind", "Revisions that the object store does not hold yet.", behind)

    def _runs(self) -> Iterator[Metric]:
        now = self.control.on.clock.now()
        runs = GaugeMetricFamily("hakiri_runs", "Runs that are not over, by state.", labels=["state"])
        age = GaugeMetricFamily(
            "hakiri_oldest_run_age_seconds", "How long the oldest run has been in the state; 0 if none is.",
            labels=["state"],
        )  # fmt: skip
        for state, found in self.control.on.runs.unfinished().items():
            runs.add_metric([state], found.count)
            age.add_metric([state], max((now - found.since).total_seconds(), 0.0) if found.since else 0.0)
        yield from (runs, age)

    def _schedules(self) -> Iterator[Metric]:
        now, armed = self.control.on.clock.now(), self.control.on.schedules.list()
        by_kind = GaugeMetricFamily("hakiri_schedules", "Schedules that are armed.", labels=["paused"])
        for paused in (False, True):
            by_kind.add_metric([str(paused).lower()], sum(each.paused is paused for each in armed))
        yield by_kind
        next_due = min((each.next_fire for each in armed if each.next_fire), default=None)
        wait = (next_due - now).total_seconds() if next_due else 0.0
        yield _gauge("hakiri_next_fire_seconds", "Until the next fire is due; 0 if none is to come.", max(wait, 0.0))
        yield _gauge(
            "hakiri_scheduler_late_seconds", "How long a due fire has been waiting; 0 if none is.", max(-wait, 0.0)
        )

    def _process(self) -> Iterator[Metric]:
        ages = GaugeMetricFamily("hakiri_loop_age_seconds", "Since a loop last came round.", labels=["loop"])
        for loop, age in self.control.pulse.ages().items():
            ages.add_metric([loop], age)
        yield ages
        waiting = self.control.on.doorbell.waiting()
        yield _gauge("hakiri_queue_depth", "Runs that wait for a free worker of this process.", waiting)
        yield _gauge("hakiri_log_streams", "Logs that are being followed.", self.traffic.streams)
        disk = shutil.disk_usage(self.settings.data)
        yield _gauge("hakiri_data_free_bytes", "Free space where the data directory is.", disk.free)
        yield _gauge("hakiri_data_size_bytes", "All space where the data directory is.", disk.total)

    def _http(self) -> Iterator[Metric]:
        answered = CounterMetricFamily(
            "hakiri_http_requests_total", "Requests since the process started.", labels=["method", "route", "status"]
        )
        for (route, kind), count in sorted(self.traffic.answered.items(), key=str):
            answered.add_metric([route.method, route.path, kind], count)
        took = HistogramMetricFamily(
            "hakiri_http_request_seconds", "How long they took, streams left out.", labels=["method", "route"]
        )
        for route, timing in sorted(self.traffic.timings.items(), key=str):
            buckets = [(str(bound), float(below)) for bound, below in zip(BOUNDS, timing.below, strict=True)]
            took.add_metric([route.method, route.path], [*buckets, ("+Inf", timing.count)], timing.seconds)
        yield from (answered, took)


@dataclass(frozen=True, slots=True, eq=False)
class _Collector:
    """Hands the registry what was read already."""

    metrics: Sequence[Metric]

    def collect(self) -> Sequence[Metric]:
        return self.metrics

    def describe(self) -> Sequence[Metric]:
        return ()


def _sync(hub: Hub) -> Iterator[Metric]:
    counts = hub.counts
    yield _gauge("hakiri_sync_connections", "Open connections of editors.", len(hub.connections))
    delivered = CounterMetricFamily(
        "hakiri_sync_deliveries_total", "Deliveries of editors, by what became of them.", labels=["outcome"]
    )
    for outcome, count in counts.deliveries.items():
        delivered.add_metric([outcome], count)
    yield delivered
    yield _count("hakiri_sync_commits_total", "Batches of deliveries merged and written.", counts.commits)
    yield _count("hakiri_sync_fanout_frames_total", "Frames of news sent to editors.", counts.fanout_frames)
    yield _count(
        "hakiri_sync_fanout_dropped_total", "Frames of news that slow readers got in one piece later.", counts.dropped
    )
    closed = CounterMetricFamily("hakiri_sync_closed_total", "Connections that ended, by close code.", labels=["code"])
    for code, count in counts.closed.items():
        closed.add_metric([code], count)
    yield closed


def _count(name: str, about: str, value: float) -> Metric:
    return CounterMetricFamily(name, about, value=value)


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, value=value)


def _counters(samples: Sequence[Sample]) -> Iterator[Metric]:
    counted: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for sample in samples:
        if sample.name in COUNTERS:
            counted[sample.name][next(iter(sample.labels.values()), "")] = sample.value
    for name, (about, label, values) in COUNTERS.items():
        family = CounterMetricFamily(name, about, labels=[label] if label else [])
        for value in values or ("",):
            family.add_metric([value] if label else [], counted[name].get(value, 0.0))
        yield family


def _lateness(samples: Sequence[Sample]) -> Metric:
    parts = {(sample.name, sample.labels.get("le", "")): sample.value for sample in samples}
    count = parts.get((f"{LATENESS}_count", ""), 0.0)
    buckets = [(str(le), parts.get((f"{LATENESS}_bucket", str(le)), 0.0)) for le in LATENESS_BOUNDS]
    family = HistogramMetricFamily(LATENESS, "How late the fires were that fired on time.")
    family.add_metric([], [*buckets, ("+Inf", count)], parts.get((f"{LATENESS}_sum", ""), 0.0))
    return family
