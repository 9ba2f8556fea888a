"""Adaptive visits against a fixed interval, published formulas and the optimum.

    python -m benchmarks.bench_scheduling [--seed N] [--visits-per-day N] [--plot]

Replays a generated year of five sites under each schedule, all in one run, and prints
the Markdown table of the results; then the ratios that the goals are
stated in, over five such years (one year of a weekly is 50 articles: too few), what is
left of the gain when a site does not date its articles, and what one decision costs
with 10,000 past articles.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from benchmarks.replay import policies
from benchmarks.replay.histories import five_sites
from benchmarks.replay.simulation import (
    ADAPTIVE,
    ALL,
    ALL_SHARED,
    FIXED,
    FORESIGHT,
    LEAST_MEAN,
    LEAST_MEDIAN,
    Row,
    compare,
    render_plot,
    replay,
    row_of,
)
from rscrawler.schedules.adaptive import Adaptive, PublicationHistory, next_visit

OTHER_SEEDS = (1, 2, 3, 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, default=2025)
    parser.add_argument("--visits-per-day", type=float, default=48)
    parser.add_argument("--plot", action="store_true", help="bars of text after the table")
    arguments = parser.parse_args()
    limits = Adaptive(visits_per_day=arguments.visits_per_day)
    rows = compare(five_sites(arguments.seed), limits, report=_progress)
    print(f"seed {arguments.seed}, {limits.budget:g} visits a day and site\n")
    print(table(rows))
    if arguments.plot:
        print(f"\n{render_plot(rows)}")
    years = [rows]
    for seed in OTHER_SEEDS:
        _progress(f"seed {seed}")
        years.append(compare(five_sites(seed), limits))
    print(f"\n{ratios(years)}")
    print(f"\n{undated(arguments.seed, limits)}")
    print(f"\n{cost_of_a_decision()}")


def table(rows: Sequence[Row]) -> str:
    lines = [
        "| site | schedule | requests | articles | median, min | 95 %, min | mean, min |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        figures = " | ".join(
            "–" if figure is None else f"{figure:.1f}" for figure in (row.median, row.p95, row.mean)
        )
        lines.append(
            f"| {row.site} | {row.schedule} | {row.requests:,} | {row.articles:,} | {figures} |"
        )
    return "\n".join(lines)


def ratios(years: Sequence[Sequence[Row]]) -> str:
    """The adaptive median as a share of the others', each the mean of the years' medians."""
    medians: dict[tuple[str, str], list[float]] = {}
    for row in (row for rows in years for row in rows):
        medians.setdefault((row.site, row.schedule), []).append(row.median or 0.0)
    mean = {key: statistics.fmean(values) for key, values in medians.items()}
    sites = list(dict.fromkeys(site for site, _ in mean))
    separate = [site for site in sites if site not in (ALL, ALL_SHARED)]
    others = (FIXED, LEAST_MEAN, LEAST_MEDIAN, FORESIGHT)
    for schedule in (ADAPTIVE, *others[:-1]):
        mean["mean of the sites", schedule] = statistics.fmean(
            mean[site, schedule] for site in separate
        )
    lines = [
        f"| adaptive median ÷ ({len(years)} years) | " + " | ".join(others) + " |",
        "| --- |" + " ---: |" * len(others),
    ]
    for site in (*separate, "mean of the sites", ALL, ALL_SHARED):
        against = (mean.get((site, other)) for other in others)
        cells = (f"{mean[site, ADAPTIVE] / other:.2f}" if other else "–" for other in against)
        lines.append(f"| {site} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def undated(seed: int, limits: Adaptive) -> str:
    lines = ["| articles without dates | adaptive median ÷ fixed interval |", "| --- | ---: |"]
    for history in five_sites(seed):
        chosen = replay(history, policies.adaptive(limits), is_dated=False)
        interval = (history.end - history.start) / chosen.requests
        even = row_of("", "", replay(history, policies.fixed(interval))).median
        median = row_of("", "", chosen).median
        lines.append(f"| {history.name} | {(median or 0.0) / (even or 1.0):.2f} |")
    return "\n".join(lines)


def cost_of_a_decision() -> str:
    chance, now = random.Random(1), datetime(2025, 6, 1, 12, tzinfo=UTC)
    moments = [now - timedelta(days=110 * chance.random()) for _ in range(10_000)]
    history = PublicationHistory.of(moments, since=min(moments))
    spent = []
    for _ in range(50):
        begin = time.process_time()
        next_visit(history, Adaptive(), now)
        spent.append(time.process_time() - begin)
    return f"next_visit with 10,000 past articles: {1000 * statistics.median(spent):.1f} ms of CPU"


def _progress(what: str) -> None:
    print(f"… {what}", file=sys.stderr)


if __name__ == "__main__":
    main()
