"""`rscrawler crawl`: one cycle, then delivery and the report."""

import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from scrapy import signals
from scrapy.crawler import Crawler
from typer import Option

from rscrawler.cli.deliver import deliver_due, store_failures_reported, undelivered
from rscrawler.cli.inputs import ConfigOption, JsonOption, SitesArgument, opened_store
from rscrawler.cli.output import (
    EXIT_FAILED,
    complain,
    counted,
    print_json,
    print_table,
    progress,
    say,
)
from rscrawler.clock import utc_now
from rscrawler.config import Config, cache_for
from rscrawler.crawling import run_cycle
from rscrawler.delivery.channels import outbox_summary
from rscrawler.delivery.messages import DeliveryReport
from rscrawler.items import Event, rfc3339
from rscrawler.monitoring.after import after_cycle
from rscrawler.monitoring.cycle import COUNTERS, CycleReport
from rscrawler.monitoring.status import TOPICS_SUBJECT
from rscrawler.store.health import ProblemCode

_CHANGED = ("articles_new", "articles_updated", "articles_removed")
_SHOWN = ("requests", "new", "updated", "removed", "flagged", "dropped", "errors")


def crawl_command(
    config: ConfigOption,
    sites: SitesArgument = None,
    full: Annotated[
        bool, Option("--full", help="Follow pagination and sitemaps to the end.")
    ] = False,
    limit: Annotated[int | None, Option(min=1, help="Maximum of articles per site.")] = None,
    quiet: Annotated[
        bool, Option("--quiet", "-q", help="Print only changes and new problems.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Crawl the sites once, then deliver what is due."""
    cache_for(config)
    if quiet:  # what they warn of is reported at the end, if it is a new problem
        for package in ("extensions", "middlewares", "pipelines", "spiders"):
            logging.getLogger(f"rscrawler.{package}").setLevel(logging.ERROR)
    with store_failures_reported(config, quiet=quiet and not as_json):
        with _progress_shown(quiet=quiet) as watch:
            report = run_cycle(config, sites or [], is_full=full, limit=limit, on_crawler=watch)
        delivery = _deliver_and_report(config, report, quiet=quiet, as_json=as_json)
    if not report.is_healthy or any(undelivered(delivery)):
        raise typer.Exit(EXIT_FAILED)


def _deliver_and_report(
    config: Config, report: CycleReport, *, quiet: bool, as_json: bool
) -> DeliveryReport:
    with opened_store(config) as store:
        if config.uses_workers:
            summary = outbox_summary(config, store, utc_now())
            delivery = DeliveryReport(waiting=summary.pending)  # the service delivers
        else:
            delivery = deliver_due(config, store)
        by_site = store.history.delivered_by_site(report.run_id)
        after_cycle(config, store, report, utc_now())
        known = {  # if `quiet`: cron would mail them again
            (problem.subject, problem.code)
            for problem in store.health.problems()
            if quiet and problem.since < report.started_at
        }
    if as_json:
        print_json(_report_json(report, delivery, by_site))
    elif not quiet or delivery.messages or any(map(report.total, _CHANGED)):
        _print_report(report, delivery, config)
    for line in _complaints(report, delivery, known, quiet=quiet):
        complain(line)
    return delivery


@contextmanager
def _progress_shown(*, quiet: bool) -> Iterator[Callable[[str, Crawler], None] | None]:
    """A callback that adds a bar for a site: requests done, of those made, and new articles."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    bars = progress()

    def watch(site: str, crawler: Crawler) -> None:
        bars.start()  # only now: it starts a thread, and the readers' nursery is forked before
        task = bars.add_task(site, total=0, unit="pages")
        counts = Counter[str]()

        def count(name: str, number: int = 1) -> None:
            counts[name] += number
            bars.update(
                task,
                completed=counts["done"],
                total=max(counts["made"], counts["done"]),
                unit=f"pages, {counted(counts['new'], 'new article')}",
            )

        for signal, handler in (
            (signals.request_scheduled, lambda: count("made")),
            (signals.request_left_downloader, lambda: count("done")),
            (signals.request_dropped, lambda: count("done")),
            (signals.item_scraped, lambda item: count("new", item["event"] == Event.NEW)),
        ):
            crawler.signals.connect(handler, signal, weak=False)

    try:
        yield watch
    finally:
        bars.stop()


def _report_json(
    report: CycleReport, delivery: DeliveryReport, delivered_by_site: Mapping[str, int]
) -> dict[str, Any]:
    return {
        "run_id": report.run_id,
        "started_at": rfc3339(report.started_at),
        "elapsed_seconds": round(report.elapsed_seconds, 3),
        **{counter: report.total(counter) for counter in COUNTERS},
        "delivered": delivery.messages,
        "output_problem": delivery.output_problem,
        "topics": {"problems": report.topic_problems},
        "sites": {
            name: {
                **outcome.counters,
                "delivered": delivered_by_site.get(name, 0),
                "problems": [
                    {"code": code, "message": message} for code, message in outcome.problems.items()
                ],
                "failed_sources": dict(outcome.failed_sources),
                "succeeded": outcome.succeeded,
                "note": outcome.note,
            }
            for name, outcome in report.sites.items()
        },
    }


def _print_report(report: CycleReport, delivery: DeliveryReport, config: Config) -> None:
    def row(counters: Mapping[str, int]) -> list[int | None]:
        return [counters.get(key, counters.get(f"articles_{key}")) for key in _SHOWN]

    rows = ((name, *row(outcome.counters)) for name, outcome in report.sites.items())
    print_table(("site", *_SHOWN), *rows)
    say(
        f"{report.elapsed_seconds:.1f} s, {report.total('bytes') / 1e6:.2f} MB, "
        f"{report.total('not_modified')} not modified; {delivery.messages} delivered, "
        f"{delivery.waiting} waiting; records in {config.output_dir / 'articles'}"
    )


def _complaints(
    report: CycleReport, delivery: DeliveryReport, known: Set[tuple[str, str]], *, quiet: bool
) -> Iterator[str]:
    """A line for each problem but the `known` ones; if `quiet`, without notes."""
    for name, outcome in report.sites.items():
        for code, message in outcome.problems.items():
            if (name, code) not in known:
                yield f"{name}: {code}: {message}"
        if outcome.note:
            if not quiet:
                yield f"{name}: {outcome.note}"
        elif not outcome.succeeded and not outcome.problems:
            yield f"{name}: the cycle did not end well: a signal, or an error logged above"
        elif outcome.counters["errors"] and not outcome.problems and not quiet:
            errors = counted(outcome.counters["errors"], "error")
            yield f"{name}: {errors} (last: {outcome.last_error}); pages are tried again"
    if (TOPICS_SUBJECT, ProblemCode.WATCH_LIST) not in known:
        yield from report.topic_problems
    yield from undelivered(delivery, {subject for subject, _ in known}, quiet=quiet)
