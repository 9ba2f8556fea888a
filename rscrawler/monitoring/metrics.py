"""Prometheus metrics, computed from the store at the moment they are requested.

So they are the same for the text file, the endpoint and any number of processes, and
survive a restart. `METRICS` is the whole list, from which the reference is generated.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from math import ceil

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from rscrawler.config import Config
from rscrawler.monitoring.status import Status, read_status
from rscrawler.store import Store

DELAYS_OVER = timedelta(days=7)
QUANTILES = (0.5, 0.95)

# A metric's name without `rscrawler_`, the values of its labels, and its own value.
Sample = tuple[str, tuple[str, ...], float]

# Name without `rscrawler_`, labels, description; a name in `_total` is a counter, else a gauge.
METRICS = (
    ("cycles_total", "site outcome", "Ended cycles; outcome is succeeded or failed."),
    ("requests_total", "site", "Requests sent, robots.txt included."),
    ("not_modified_total", "site", "Responses with status 304."),
    ("received_bytes_total", "site", "Bytes received."),
    ("articles_new_total", "site", "Articles recorded for the first time."),
    ("articles_updated_total", "site", "Further versions recorded."),
    ("articles_unchanged_total", "site", "Known articles requested again and found unchanged."),
    ("articles_removed_total", "site", "Removals recorded."),
    ("duplicates_total", "site", "New articles that repeat another."),
    ("flagged_total", "site", "Versions that reach min_level on a topic of the alerts."),
    ("errors_total", "site", "Pages and sources that could not be read."),
    ("dropped_total", "site reason", "Pages that were not recorded, by reason."),
    (
        "delay_seconds",
        "site stage quantile",
        "Delay from publication to the stage: record, or alert (composed, and served by now); "
        "over the news of the last 7 days; quantiles 0.5 and 0.95.",
    ),
    ("outbox_oldest_seconds", "channel", "Age of the oldest outbox row that is not done."),
    ("outbox_rows", "channel", "Outbox rows that are not done."),
    ("deliveries", "state", "Deliveries pending and failed, as status counts them."),
    ("last_run_timestamp_seconds", "site", "Start of the last cycle."),
    ("last_success_timestamp_seconds", "site", "End of the last good cycle."),
    ("articles", "site", "Articles known."),
    ("problem", "subject code", "1 for each present problem."),
    ("healthy", "", "1 if there is no problem, else 0."),
)


def _samples(store: Store, status: Status, now: datetime) -> Iterator[Sample]:
    yield from _counters(store)
    yield from _delays(store, now - DELAYS_OVER)
    for rows in store.outbox.pending():
        age = max(now - rows.oldest, timedelta())
        yield ("outbox_oldest_seconds", (rows.channel,), age.total_seconds())
        yield ("outbox_rows", (rows.channel,), rows.count)
    yield ("deliveries", ("pending",), status.outbox.pending)
    yield ("deliveries", ("failed",), status.outbox.failed)
    for name, site in status.sites.items():
        yield ("articles", (name,), site.articles)
        if site.last_run_at:
            yield ("last_run_timestamp_seconds", (name,), site.last_run_at.timestamp())
        if site.last_success_at:
            at = site.last_success_at.timestamp()
            yield ("last_success_timestamp_seconds", (name,), at)
    # Several jobs can be overdue, and Prometheus rejects a sample that occurs twice.
    for labels in dict.fromkeys((each.subject, str(each.code)) for each in status.problems):
        yield ("problem", labels, 1.0)
    yield ("healthy", (), status.is_healthy)


def _counters(store: Store) -> Iterator[Sample]:
    """The sums over all cycles; the part of a name after a slash is a label."""
    for site, sums in store.history.totals().items():
        for name, value in sums.items():
            counter, *parts = name.split("/", 1)
            metric = "received_bytes" if counter == "bytes" else counter
            yield (f"{metric}_total", (site, *parts), value)


def _delays(store: Store, since: datetime) -> Iterator[Sample]:
    for stage, delays in (
        ("record", store.history.record_delays(since)),
        ("alert", store.history.alert_delays(since)),
    ):
        by_site: dict[str, list[float]] = {}
        for site, _, delay in delays:
            by_site.setdefault(site, []).append(delay.total_seconds())
        for site, seconds in sorted(by_site.items()):
            for quantile in QUANTILES:
                labels = (site, stage, str(quantile))
                yield ("delay_seconds", labels, quantile_of(seconds, quantile))


def quantile_of(values: Sequence[float], quantile: float) -> float:
    """The smallest of `values` such that a share of at least `quantile` of them is not larger."""
    ordered = sorted(values)
    return ordered[max(0, ceil(quantile * len(ordered)) - 1)]


class Metrics(Collector):
    """All metrics, for prometheus-client's `generate_latest` and `write_to_textfile`."""

    def __init__(self, config: Config, store: Store, now: datetime) -> None:
        self._families: dict[tuple[str, int], CounterMetricFamily | GaugeMetricFamily] = {}
        for name, labels, what in METRICS:
            kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            key = (name, len(labels.split()))
            self._families[key] = kind(f"rscrawler_{name}", what, labels=labels.split())
        for name, values, value in _samples(store, read_status(config, store, now), now):
            # The sum over a metric's label has fewer labels, and is left out here.
            if family := self._families.get((name, len(values))):
                family.add_metric(values, float(value))

    def collect(self) -> Iterable[Metric]:
        """Each metric with its samples."""
        return self._families.values()
