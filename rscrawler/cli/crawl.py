"""Commands that work: crawl, deliver; and the one that says how it goes: status."""

from __future__ import annotations

import logging
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import asdict
from types import FrameType
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
from rscrawler.clock import utc_now
from rscrawler.config import Config
from rscrawler.crawling import CycleReport, run_cycle
from rscrawler.delivery import DeliveryReport, deliver, left_to_the_service
from rscrawler.delivery.ops import what_next
from rscrawler.errors import ConfigurationError, StoreError
from rscrawler.items import rfc3339
from rscrawler.monitoring.after import after_cycle
from rscrawler.monitoring.cycle import COUNTERS
from rscrawler.monitoring.direct import tell_store_fails, tell_store_works
from rscrawler.monitoring.noticing import notice
from rscrawler.monitoring.status import Status, next_tries, read_status
from rscrawler.scheduling.schedules import ScheduledJob, load_schedules
from rscrawler.store import Store
from rscrawler.topics import load_topics

logger = logging.getLogger(__name__)


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("crawl")(crawl_command)
    app.command("deliver")(deliver_command)
    app.command("status")(status_command)


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


@contextmanager
def telling_of_store(config: Config) -> Iterator[None]:
    """Tell the operators directly that the store fails, or that this is over."""
    try:
        yield
    except StoreError as error:
        tell_store_fails(config, error, utc_now())
        raise
    except typer.Exit:
        tell_store_works(config, utc_now())  # what else went wrong is in the store
        raise
    tell_store_works(config, utc_now())


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
        )
    with opened_store(config) as store:
        if config.uses_workers:
            delivery = left_to_the_service(config, store, utc_now())
        else:
            delivery = _deliver(config, store)
        by_site = store.outbox.delivered_by_site(report.run_id)
        is_written = delivery.output_problem is None
        jobs = _planned_jobs(config)
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
    if not report.is_healthy or any(_undelivered(delivery)):
        raise typer.Exit(EXIT_FAILED)


def _deliver(config: Config, store: Store) -> DeliveryReport:
    """Deliver what is due; a signal to end lets the message in hand be finished, a second does not.

    A process that ends while a server takes a mail does not know whether it has, and
    would have to send it again.
    """
    signalled: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        signalled.append(number)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        notice(config, store, utc_now())
        return deliver(
            config,
            store,
            now=utc_now(),
            topic_titles=topic_titles(config),
            must_stop=lambda: bool(signalled),
            next_tries=next_tries(store, _planned_jobs(config), utc_now()),
        )
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def topic_titles(config: Config) -> dict[str, str]:
    """What each topic is called in mails and feeds: a wrong watch-list holds up no alert."""
    try:
        watchlists = load_topics(config)
    except ConfigurationError as error:
        for problem in error.problems:
            logger.warning("topics go by their names: %s", problem)
        return {}
    return {name: watchlist.title for name, watchlist in watchlists.items()}


def _planned_jobs(config: Config) -> tuple[ScheduledJob, ...]:
    """The jobs of the schedules; a crawl needs none, so a wrong file of them does not fail it."""
    try:
        return load_schedules(config).active
    except ConfigurationError as error:
        for problem in error.problems:
            logger.warning("%s", problem)
        return ()


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

        def piece_recorded(**_: Any) -> None:
            counts["pieces"] += 1
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
        "sites": {
            name: {
                **outcome.counters,
                "delivered": delivered_by_site.get(name, 0),
                "problems": [
                    {"code": code, "message": message} for code, message in outcome.problems.items()
                ],
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
    yield from _undelivered(delivery)


def _undelivered(delivery: DeliveryReport) -> Iterator[str]:
    """What could not be delivered this time, or is given up."""
    if delivery.output_problem is not None:
        yield delivery.output_problem
    yield from delivery.problems
    if delivery.was_stopped:
        yield f"delivery: stopped by a signal; {delivery.waiting} wait for the next one"
    if delivery.put_off and not delivery.problems:
        yield (
            f"delivery: {counted(delivery.put_off, 'recipient')} could not be served now and "
            f"{'is' if delivery.put_off == 1 else 'are'} tried again; `rscrawler status` says why"
        )


def deliver_command(
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try again what was refused or given up.")
    ] = False,
    config_path: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send what is due in the outbox."""
    config = read_config(config_path)
    with telling_of_store(config), opened_store(config) as store:
        if retry_failed:
            store.outbox.retry_failed(utc_now())
        delivery = _deliver(config, store)
    if as_json:
        print_json({"delivered": delivery.messages, **asdict(delivery)})
    else:
        out.print(f"{delivery.messages} delivered, {delivery.waiting} waiting")
    problems = list(_undelivered(delivery))
    for problem in problems:
        complain(problem)
    if problems:
        raise typer.Exit(EXIT_FAILED)


def status_command(config_path: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Say whether all is well, and what waits."""
    config = read_config(config_path)
    with opened_store(config) as store:
        jobs = load_schedules(config).active
        status = read_status(config, store, utc_now(), jobs)
    if as_json:
        print_json(status.to_json())
    else:
        _print_status(config, status)
    if not status.is_healthy:
        raise typer.Exit(EXIT_FAILED)


def _print_status(config: Config, status: Status) -> None:
    rows = [("site", "last run", "last success", "articles", "state")]
    rows += [
        (
            name,
            rfc3339(site.last_run_at) or "never",
            rfc3339(site.last_success_at) or "never",
            f"{site.articles:,}",
            ", ".join(problem.code for problem in site.problems) or site.state,
        )
        for name, site in status.sites.items()
    ]
    # Not a table of rich's, which cuts off what is wider than it takes the terminal for.
    name, run, success, articles, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    for row in rows:
        line = (
            f"{row[0]:{name}}  {row[1]:{run}}  {row[2]:{success}}  {row[3]:>{articles}}  {row[4]}"
        )
        out.print(line, markup=False, soft_wrap=True)
    for problem in status.problems:
        since = rfc3339(problem.since)
        said = f"{problem.subject}: {problem.code} since {since}: {problem.message}"
        out.print(f"  {said}", markup=False)
        for line in what_next(config, problem, status.next_tries):
            out.print(f"    {line}", markup=False)
    out.print(f"outbox: {status.outbox.pending} pending, {status.outbox.failed} failed")
    for line in status.waiting_lines():
        out.print(f"  {line}")
    out.print("healthy" if status.is_healthy else "not healthy")
