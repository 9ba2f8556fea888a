"""Prometheus metrics, computed from the store at the moment they are asked for.

So they are the same for the text file, the endpoint and any number of processes, and
survive a restart. `METRICS` is the whole list; `docs/monitoring.md` explains each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import NamedTuple

from prometheus_client import CollectorRegistry, generate_latest, write_to_textfile
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from rscrawler.config import Config
from rscrawler.monitoring.status import PlannedJob, SiteStatus, Status, read_status
from rscrawler.store import Store

DELAYS_OVER = timedelta(days=7)
QUANTILES = (0.5, 0.95)
Sample = tuple[tuple[str, ...], float]  # label values, and the value


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the metrics are computed from."""

    totals: Mapping[str, Mapping[str, int]]
    status: Status
    store: Store
    now: datetime


class MetricSpec(NamedTuple):
    """One metric; `samples` gives a value for each set of label values."""

    name: str
    help: str
    labels: tuple[str, ...]
    samples: Callable[[_Facts], Iterable[Sample]]


def _counter(name: str) -> Callable[[_Facts], Iterator[Sample]]:
    return lambda facts: (
        ((site,), float(sums[name])) for site, sums in facts.totals.items() if name in sums
    )


def _by_part(prefix: str) -> Callable[[_Facts], Iterator[Sample]]:
    """The sums whose names begin with `prefix`, what follows it being a label."""
    return lambda facts: (
        ((site, name.removeprefix(prefix)), float(value))
        for site, sums in facts.totals.items()
        for name, value in sums.items()
        if name.startswith(prefix)
    )


def _delays(facts: _Facts) -> Iterator[Sample]:
    since, history = facts.now - DELAYS_OVER, facts.store.history
    for stage, delays in (
        ("record", history.record_delays(since)),
        ("alert", history.alert_delays(since)),
    ):
        for site in sorted({site for site, *_ in delays}):
            seconds = [delay.total_seconds() for name, _, delay in delays if name == site]
            for quantile in QUANTILES:
                yield (site, stage, str(quantile)), quantile_of(seconds, quantile)


def quantile_of(values: Sequence[float], quantile: float) -> float:
    """The smallest of `values` that at least a share of `quantile` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, ceil(quantile * len(ordered)) - 1)]


def _outbox_age(facts: _Facts) -> Iterator[Sample]:
    for waiting in facts.store.outbox.waiting():
        age = max(facts.now - waiting.oldest, timedelta())
        yield (waiting.channel,), age.total_seconds()


def _outbox_rows(facts: _Facts) -> Iterator[Sample]:
    for waiting in facts.store.outbox.waiting():
        yield (waiting.channel,), float(waiting.count)


def _outbox_deliveries(facts: _Facts) -> Iterator[Sample]:
    yield ("pending",), float(facts.status.outbox.pending)
    yield ("failed",), float(facts.status.outbox.failed)


def _moment(
    moment_of: Callable[[SiteStatus], datetime | None],
) -> Callable[[_Facts], Iterator[Sample]]:
    return lambda facts: (
        ((site,), moment.timestamp())
        for site, status in facts.status.sites.items()
        if (moment := moment_of(status)) is not None
    )


def _articles(facts: _Facts) -> Iterator[Sample]:
    for site, status in facts.status.sites.items():
        yield (site,), float(status.articles)


def _problems(facts: _Facts) -> Iterator[Sample]:
    # Several jobs can be overdue, and a sample that stands twice is an error to Prometheus.
    for labels in dict.fromkeys((each.subject, str(each.code)) for each in facts.status.problems):
        yield labels, 1.0


def _healthy(facts: _Facts) -> Iterator[Sample]:
    yield (), float(facts.status.is_healthy)


_SITE = ("site",)
# What ends in `_total` is a counter, all else a gauge.
_ROWS: tuple[tuple[str, str, tuple[str, ...], Callable[[_Facts], Iterable[Sample]]], ...] = (
    ("cycles_total", "Ended cycles; outcome is succeeded or failed.",
     ("site", "outcome"), _by_part("cycles/")),
    ("requests_total", "Requests sent, robots.txt included.", _SITE, _counter("requests")),
    ("not_modified_total", "Answers 304.", _SITE, _counter("not_modified")),
    ("received_bytes_total", "Bytes received.", _SITE, _counter("bytes")),
    ("articles_new_total", "Articles recorded for the first time.",
     _SITE, _counter("articles_new")),
    ("articles_updated_total", "Further versions recorded.", _SITE, _counter("articles_updated")),
    ("articles_unchanged_total", "Known articles requested again and found as they were.",
     _SITE, _counter("articles_unchanged")),
    ("articles_removed_total", "Removals recorded.", _SITE, _counter("articles_removed")),
    ("duplicates_total", "New articles that repeat another.", _SITE, _counter("duplicates")),
    ("flagged_total", "Versions that reach min_level on a topic of the alerts.",
     _SITE, _counter("flagged")),
    ("errors_total", "Pages and sources that could not be read.", _SITE, _counter("errors")),
    ("dropped_total", "Pages that were not recorded, by reason.",
     ("site", "reason"), _by_part("dropped/")),
    ("delay_seconds", "From publication to stage record or alert (composed, and served by now), "
     "over the news of the last 7 days; quantiles 0.5 and 0.95.",
     ("site", "stage", "quantile"), _delays),
    ("outbox_oldest_seconds", "Age of the oldest outbox row that is not done.",
     ("channel",), _outbox_age),
    ("outbox_rows", "Outbox rows that are not done.", ("channel",), _outbox_rows),
    ("deliveries", "Deliveries pending and failed, as status counts them.",
     ("state",), _outbox_deliveries),
    ("last_run_timestamp_seconds", "Start of the last cycle.",
     _SITE, _moment(lambda site: site.last_run_at)),
    ("last_success_timestamp_seconds", "End of the last good cycle.",
     _SITE, _moment(lambda site: site.last_success_at)),
    ("articles", "Articles known.", _SITE, _articles),
    ("problem", "1 for each problem that there is now.", ("subject", "code"), _problems),
    ("healthy", "1 when there is no problem.", (), _healthy),
)  # fmt: skip
METRICS = tuple(MetricSpec(f"rscrawler_{row[0]}", *row[1:]) for row in _ROWS)


class _StoreCollector(Collector):
    """Gives the metrics to a registry."""

    def __init__(self, facts: _Facts) -> None:
        self._facts = facts

    def collect(self) -> Iterator[Metric]:
        for spec in METRICS:
            is_sum = spec.name.endswith("_total")
            kind = CounterMetricFamily if is_sum else GaugeMetricFamily
            family = kind(spec.name, spec.help, labels=spec.labels)
            for labels, value in spec.samples(self._facts):
                family.add_metric(labels, value)
            yield family


def _registry(
    config: Config, store: Store, now: datetime, jobs: Iterable[PlannedJob]
) -> CollectorRegistry:
    status = read_status(config, store, now, jobs)
    registry = CollectorRegistry()
    registry.register(_StoreCollector(_Facts(store.history.totals(), status, store, now)))
    return registry


def render_metrics(
    config: Config, store: Store, now: datetime, jobs: Iterable[PlannedJob]
) -> bytes:
    """All metrics in Prometheus' text format."""
    return generate_latest(_registry(config, store, now, jobs))


def write_metrics(config: Config, store: Store, now: datetime, jobs: Iterable[PlannedJob]) -> None:
    """Write all metrics to `monitoring.metrics_file` in one step; does nothing without one.

    Raises:
        OSError: the file cannot be written.
    """
    path = config.monitoring.metrics_file
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_to_textfile(str(path), _registry(config, store, now, jobs))
