"""`rscrawler crawl`: one cycle, and what it found handed on."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from scrapy import signals
from scrapy.crawler import Crawler

from rscrawler.cli.common import (
    EXIT_FAILED,
    ConfigOption,
    JsonOption,
    complain,
    counted,
    err,
    opened_store,
    out,
    print_json,
    read_config,
)
from rscrawler.cli.deliver import deliver_due, planned_jobs, telling_of_store, undelivered
from rscrawler.clock import utc_now
from rscrawler.config import Config
from rscrawler.crawling import run_cycle
from rscrawler.delivery import DeliveryReport, left_to_the_service
from rscrawler.items import rfc3339
from rscrawler.monitoring.after import after_cycle
from rscrawler.monitoring.cycle import COUNTERS, CycleReport
from rscrawler.monitoring.status import TOPICS_SUBJECT
from rscrawler.recovery import open_store
from rscrawler.store.health import ProblemCode
from rscrawler.visits import PageOutcome


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command("crawl")(crawl_command)


def crawl_command(
    sites: Annotated[list[str] | None, typer.Argument(help="None: every enabled site.")] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Follow pagination and sitemaps to the end.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Ask for at most so many articles.")
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say nothing unless something happened.")
    ] = False,
    config_path: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run one cycle over the sites, then deliver what is due."""
    config = read_config(config_path)
    with telling_of_store(config):
        _crawl(config, sites or [], is_full=full, limit=limit, quiet=quiet, as_json=as_json)


def _crawl(
    config: Config,
    sites: list[str],
    *,
    is_full: bool,
    limit: int | None,
    quiet: bool,
    as_json: bool,
) -> None:
    with opened_store(config):
        pass  # a lost database is rebuilt before anything is asked of a site
    shows_progress = sys.stderr.isatty() and not (quiet or as_json)
    with _progress(shows_progress) as progress:
        report = run_cycle(
            config,
            sites,
            is_full=is_full,
            limit=limit,
            on_crawler=progress.watch if progress else None,
            # It may be lost since it was opened above: then it is rebuilt before it is filled.
            opening=open_store,
        )
    with opened_store(config) as store:
        if config.uses_workers:
            delivery = left_to_the_service(config, store, utc_now())
        else:
            delivery = deliver_due(config, store)
        by_site = store.outbox.delivered_by_site(report.run_id)
        is_written = delivery.output_problem is None
        jobs = planned_jobs(config)
        after_cycle(config, store, report, utc_now(), jobs, is_delivered=is_written)
        standing = {
            (problem.subject, problem.code)
            for problem in store.health.problems()
            if problem.since < report.started_at
        }
    if as_json:
        print_json(_report_json(report, delivery, by_site))
    elif not quiet or _something_happened(report, delivery):
        _print_report(report, delivery, config)
    # Cron mails what is written here: a problem that was told of before is not told each cycle.
    for line in _complaints(report, delivery, standing if quiet else set()):
        complain(line)
    if not report.is_healthy or any(undelivered(delivery)):
        raise typer.Exit(EXIT_FAILED)


class _CrawlProgress:
    """A line for each site on a terminal: pages read, pieces recorded."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._listeners: list[Callable[..., None]] = []

    def watch(self, site: str, crawler: Crawler) -> None:
        """Follow one site's crawl."""
        task = self._progress.add_task(site, total=None, pages=0, pieces=0)
        counts = Counter[str]()

        def page_received(**_: Any) -> None:
            counts["pages"] += 1
            self._progress.update(task, pages=counts["pages"])

        def piece_recorded(item: object, **_: Any) -> None:
            is_recorded = isinstance(item, PageOutcome) and item.page and item.page.event
            counts["pieces"] += bool(is_recorded)
            self._progress.update(task, pieces=counts["pieces"])

        # The signal manager keeps weak references only.
        self._listeners += [page_received, piece_recorded]
        crawler.signals.connect(page_received, signals.response_received)
        crawler.signals.connect(piece_recorded, signals.item_scraped)


@contextmanager
def _progress(is_shown: bool) -> Iterator[_CrawlProgress | None]:
    if not is_shown:
        yield None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[pages]} pages, {task.fields[pieces]} pieces"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True) as progress:
        yield _CrawlProgress(progress)


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
                "note": outcome.note,
            }
            for name, outcome in report.sites.items()
        },
    }


def _something_happened(report: CycleReport, delivery: DeliveryReport) -> bool:
    changed = ("articles_new", "articles_updated", "articles_removed")
    return any(report.total(counter) for counter in changed) or bool(delivery.messages)


def _print_report(report: CycleReport, delivery: DeliveryReport, config: Config) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("site")
    for heading in ("requests", "new", "updated", "removed", "flagged", "dropped", "errors"):
        table.add_column(heading, justify="right")
    for name, outcome in report.sites.items():
        counters = outcome.counters
        table.add_row(
            name,
            *(
                f"{counters[key]:,}"
                for key in (
                    "requests",
                    "articles_new",
                    "articles_updated",
                    "articles_removed",
                    "flagged",
                    "dropped",
                    "errors",
                )
            ),
        )
    out.print(table)
    out.print(
        f"{report.elapsed_seconds:.1f} s, {report.total('bytes') / 1e6:.2f} MB, "
        f"{report.total('not_modified')} not modified; {delivery.messages} delivered, "
        f"{delivery.waiting} waiting; records in {config.output_dir / 'articles'}"
    )


def _complaints(
    report: CycleReport, delivery: DeliveryReport, known: Set[tuple[str, str]]
) -> Iterator[str]:
    for name, outcome in report.sites.items():
        for code, message in outcome.problems.items():
            if (name, code) not in known:
                yield f"{name}: {code}: {message}"
        if outcome.note:
            yield f"{name}: {outcome.note}"
        elif not outcome.succeeded and not outcome.problems:
            yield f"{name}: the cycle did not end well: a signal, or what the log above says"
        elif outcome.counters["errors"] and not outcome.problems:
            errors = counted(outcome.counters["errors"], "error")
            yield f"{name}: {errors}, see above; pages are tried again"
    if (TOPICS_SUBJECT, ProblemCode.WATCH_LIST) not in known:
        yield from report.topic_problems
    yield from undelivered(delivery)
