"""`rscrawler deliver` and `status`: deliver what is due; show what is wrong and what waits."""

import signal
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from types import FrameType
from typing import Annotated

import typer
from typer import Option

from rscrawler.cli.inputs import ConfigOption, JsonOption, opened_store
from rscrawler.cli.output import EXIT_FAILED, complain, counted, print_json, print_table, say
from rscrawler.clock import utc_now
from rscrawler.config import Config
from rscrawler.delivery import deliver
from rscrawler.delivery.messages import DeliveryReport
from rscrawler.delivery.ops import OUTBOX_SUBJECT, OUTPUT_SUBJECT, remedy_lines
from rscrawler.errors import StoreError
from rscrawler.items import rfc3339
from rscrawler.monitoring.direct import report_store_failure, report_store_recovery, store_problem
from rscrawler.monitoring.status import Status, has_room, raise_health_problems, read_status
from rscrawler.schedules import load_schedules
from rscrawler.store import Store
from rscrawler.store.database import sqlite_file


def deliver_command(
    config: ConfigOption,
    retry_failed: Annotated[
        bool, Option("--retry-failed", help="Retry messages that were refused or given up.")
    ] = False,
    quiet: Annotated[bool, Option("--quiet", "-q", help="Print only new problems.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Deliver what is due in the outbox: records, feeds, alerts and notices."""
    with (
        store_failures_reported(config, quiet=quiet and not as_json),
        opened_store(config) as store,
    ):
        if retry_failed:
            store.messages.retry_failed(utc_now())
        known = {each.subject for each in store.health.problems()} if quiet else set()
        delivery = deliver_due(config, store)
    if as_json:
        print_json({"delivered": delivery.messages, **asdict(delivery)})
    elif not quiet:
        say(f"{delivery.messages} delivered, {delivery.waiting} waiting")
    for line in undelivered(delivery, known, quiet=quiet):
        complain(line)
    if any(undelivered(delivery)):
        raise typer.Exit(EXIT_FAILED)


def status_command(config: ConfigOption, as_json: JsonOption = False) -> None:
    """Show what is wrong, and what waits for delivery."""
    from rscrawler.topics import check_alerted

    check_alerted(config)
    load_schedules(config)  # `read_status` would go on without a wrong file
    with opened_store(config) as store:
        status = read_status(config, store, utc_now())
    if as_json:
        print_json(status.to_json())
    else:
        _print_status(config, status)
    if not status.is_healthy:
        raise typer.Exit(EXIT_FAILED)


def _print_status(config: Config, status: Status) -> None:
    rows = [
        (
            name,
            rfc3339(site.last_run_at) or "never",
            rfc3339(site.last_success_at) or "never",
            site.articles,
            ", ".join(problem.code for problem in site.problems) or site.state,
        )
        for name, site in status.sites.items()
    ]
    print_table(("site", "last run", "last success", "articles", "state"), *rows)
    for problem in status.problems:
        since = rfc3339(problem.since)
        say(f"  {problem.subject}: {problem.code} since {since}: {problem.message}")
        for line in remedy_lines(config, problem, status.next_tries.get(problem.subject)):
            say(f"    {line}")
    say(f"outbox: {status.outbox.pending} pending, {status.outbox.failed} failed")
    for line in status.waiting_lines():
        say(f"  {line}")
    say("healthy" if status.is_healthy else "not healthy")


@contextmanager
def store_failures_reported(config: Config, *, quiet: bool = False) -> Iterator[None]:
    """Notify the operators directly when the store fails, and when it works again.

    If they know already, a `quiet` command ends without printing the error. On a full disk a small
    write may still succeed where a cycle fails: the failure ends only once there is room.
    """
    try:
        yield
    except StoreError as error:
        is_known = store_problem(config) is not None
        report_store_failure(config, error, utc_now())
        if quiet and is_known:
            raise typer.Exit(EXIT_FAILED) from None
        raise
    database = sqlite_file(config.database)
    if database is None or has_room(database.parent):
        report_store_recovery(config, utc_now())


def deliver_due(config: Config, store: Store) -> DeliveryReport:
    """Deliver what is due; on a first SIGTERM or SIGINT, finish only the message being sent.

    A second signal ends the process at once. If that happens while a server accepts a mail, it
    is not known whether it did, and the mail must be sent again.
    """
    signalled: list[int] = []

    def handle(number: int, _: FrameType | None) -> None:
        signalled.append(number)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        raise_health_problems(config, store, utc_now())
        return deliver(config, store, now=utc_now(), must_stop=lambda: bool(signalled))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def undelivered(
    delivery: DeliveryReport, known: Container[str] = (), *, quiet: bool = False
) -> Iterator[str]:
    """A line for everything that could not be delivered this time, or was given up.

    Not for problems of `known` subjects nor, if `quiet`, for what is only put off.
    """
    if delivery.output_problem is not None and OUTPUT_SUBJECT not in known:
        yield delivery.output_problem
    for line in delivery.problems:
        if f"{OUTBOX_SUBJECT}/{line.partition(': ')[0]}" not in known:
            yield line
    if delivery.was_stopped:
        yield f"delivery: stopped by a signal; {delivery.waiting} wait for the next delivery"
    if delivery.put_off and not delivery.problems and not quiet:
        yield (
            f"delivery: {counted(delivery.put_off, 'recipient')} could not be served now and "
            f"{'is' if delivery.put_off == 1 else 'are'} tried again; `rscrawler status` says why"
        )
