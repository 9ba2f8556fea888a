"""Metrics say what the store holds, and the page that explains them names each."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from rscrawler.config import Config
from rscrawler.delivery import deliver
from rscrawler.items import Novelty
from rscrawler.monitoring.metrics import Metrics, quantile_of
from rscrawler.store import Store
from rscrawler.store.health import ProblemCode
from tests.delivery.helpers import NOW, an_article, record
from tests.delivery.mailbox import Mailbox, serving
from tests.monitoring.conftest import RunCycle

DOCS = Path(__file__).parents[2] / "docs" / "monitoring.md"
MINUTE = timedelta(minutes=1)


def samples(store: Store, tmp_path: Path) -> dict[tuple[str, frozenset[str]], float]:
    """Each sample by its name and the values of its labels."""
    text = generate_latest(Metrics(Config(output_dir=tmp_path), store, NOW)).decode()
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def named(name: str, *labels: str) -> tuple[str, frozenset[str]]:
    return f"rscrawler_{name}", frozenset(labels)


def test_counters_are_sums_over_all_cycles(
    store: Store, tmp_path: Path, run_cycle: RunCycle
) -> None:
    run_cycle(NOW - 2 * MINUTE, requests=21, not_modified=20, articles_new=1)
    first = samples(store, tmp_path)  # an increase from nothing would not be seen
    assert first[named("cycles_total", "sample", "failed")] == 0
    assert first[named("dropped_total", "sample", "NotAnArticle")] == 0
    run_cycle(NOW - MINUTE, requests=5, not_modified=1, dropped=2, succeeded=False)
    found = samples(store, tmp_path)
    assert found[named("requests_total", "sample")] == 26
    assert found[named("not_modified_total", "sample")] == 21
    assert found[named("articles_new_total", "sample")] == 1
    assert found[named("cycles_total", "sample", "succeeded")] == 1
    assert found[named("cycles_total", "sample", "failed")] == 1
    assert found[named("dropped_total", "sample", "NotAnArticle")] == 2


def test_the_last_success_is_a_time(store: Store, tmp_path: Path, run_cycle: RunCycle) -> None:
    run_cycle(NOW - MINUTE)
    run_cycle(NOW, succeeded=False)
    found = samples(store, tmp_path)
    last = found[named("last_success_timestamp_seconds", "sample")]
    assert last == (NOW - MINUTE).timestamp()
    assert found[named("last_run_timestamp_seconds", "sample")] == NOW.timestamp()


def test_delays_are_those_of_news_alone(store: Store, tmp_path: Path) -> None:
    for number, minutes in enumerate((10, 20, 60)):
        record(store, an_article(number, published_at=NOW - minutes * MINUTE))
    record(store, an_article(7, published_at=NOW - 9000 * MINUTE, novelty=Novelty.BASELINE))
    record(store, an_article(8, published_at=None))
    found = samples(store, tmp_path)
    assert found[named("delay_seconds", "sample", "record", "0.5")] == 20 * 60
    assert found[named("delay_seconds", "sample", "record", "0.95")] == 60 * 60
    assert named("delay_seconds", "sample", "alert", "0.5") not in found


def test_an_alert_counts_once_it_is_served(store: Store, tmp_path: Path) -> None:
    with serving(Mailbox()) as mailbox:
        alerts = {
            "email": {
                "host": "127.0.0.1",
                "port": mailbox.port,
                "security": "none",
                "sender": "monitor@example.org",
                "recipients": ["desk@example.org"],
            }
        }
        record(store, an_article(1, published_at=NOW - 12 * MINUTE), "email", at=NOW - 2 * MINUTE)
        deliver(Config(output_dir=tmp_path, alerts=alerts), store, now=NOW)
        assert len(mailbox.received) == 1
    found = samples(store, tmp_path)
    assert found[named("delay_seconds", "sample", "record", "0.5")] == 10 * 60
    assert found[named("delay_seconds", "sample", "alert", "0.5")] == 12 * 60


def test_the_outbox_has_an_age_and_a_size(store: Store, tmp_path: Path) -> None:
    record(store, an_article(1), "email", at=NOW - 5 * MINUTE)
    record(store, an_article(2), "email", at=NOW)
    found = samples(store, tmp_path)
    assert found[named("outbox_oldest_seconds", "email")] == 300
    assert found[named("outbox_rows", "email")] == 2
    assert found[named("deliveries", "failed")] == 0


def test_problems_are_there_while_they_last(store: Store, tmp_path: Path) -> None:
    store.health.raise_problem("outbox/email", ProblemCode.DELIVERY_FAILING, "refused", NOW)
    found = samples(store, tmp_path)
    assert found[named("problem", "outbox/email", "delivery-failing")] == 1
    assert found[named("healthy")] == 0
    store.health.clear_problem("outbox/email", ProblemCode.DELIVERY_FAILING)
    found = samples(store, tmp_path)
    assert named("problem", "outbox/email", "delivery-failing") not in found
    assert found[named("healthy")] == 1


def test_runs_that_are_forgotten_stay_in_the_sums(
    store: Store, tmp_path: Path, run_cycle: RunCycle
) -> None:
    run_cycle(NOW - timedelta(days=400), requests=3)
    run_cycle(NOW, requests=4)
    assert len(store.health.runs("sample", 10)) == 1
    assert samples(store, tmp_path)[named("requests_total", "sample")] == 7


@pytest.mark.parametrize(
    ("values", "quantile", "expected"),
    [([3.0], 0.95, 3.0), ([1, 2, 3], 0.5, 2), ([1, 2, 3, 4], 0.5, 2), (range(1, 101), 0.95, 95)],
)
def test_a_quantile_is_one_of_the_values(
    values: list[float], quantile: float, expected: float
) -> None:
    assert quantile_of(values, quantile) == expected


def test_the_docs_explain_each_problem() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert [code for code in ProblemCode if f"### {code}\n" not in text] == []
