"""Delivery: what the outbox holds, handed on.

The JSONL exactly once; messages at least once, each under one identity for good.
Any number of processes may deliver at the same time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from rscrawler.config import Config
from rscrawler.delivery.alert import Interest
from rscrawler.delivery.channel import Clock, Round
from rscrawler.delivery.channels import alert_channels, file_channels, message_channels
from rscrawler.delivery.jsonl import deliver_jsonl
from rscrawler.delivery.messages import compose_due
from rscrawler.delivery.ops import end_overdue, judge_delivery, judge_output, tell_ops
from rscrawler.delivery.sending import ALERT_KINDS, Sent, send_due
from rscrawler.delivery.spool import sync_spool
from rscrawler.delivery.status import OutboxSummary, Waiting, outbox_summary
from rscrawler.delivery.trial import ChannelResult, send_test_alert
from rscrawler.delivery.untold import tell_untold
from rscrawler.errors import ConfigurationError, OutputError
from rscrawler.sites import SiteProfile, load_sites
from rscrawler.store import Store

__all__ = [
    "ChannelResult",
    "DeliveryReport",
    "OutboxSummary",
    "Waiting",
    "alert_channels",
    "deliver",
    "deliver_jsonl",
    "left_to_the_service",
    "outbox_summary",
    "send_test_alert",
    "tell_ops",
]


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What one delivery did, and what is left."""

    lines: int  # written to the JSONL files
    feeds: int  # feed files that changed
    composed: int  # messages
    messages: int  # with nobody left to serve, that reached somebody
    served: int  # recipients
    put_off: int  # recipients: tried in vain, to be tried again
    failed: int  # recipients: refused, or given up
    waiting: int  # deliveries still to be made, of every kind
    problems: tuple[str, ...]  # one line for each recipient who cannot be served
    was_stopped: bool = False  # before everything that is due was tried
    output_problem: str | None = None  # why the output folder could not be written


def deliver(
    config: Config,
    store: Store,
    *,
    now: datetime,
    clock: Clock | None = None,
    topic_titles: Mapping[str, str] | None = None,
    must_stop: Callable[[], bool] = lambda: False,
    next_tries: Mapping[str, datetime] | None = None,
) -> DeliveryReport:
    """Hand on everything that is due: JSONL and feeds, alerts, then word to the operators.

    An output folder that cannot be written holds up no alert.

    Args:
        config: whose `alerts` say where to.
        store: the outbox.
        now: decides what is due, and is the date of what is composed.
        clock: the time while it goes on; by default `now` and what has passed since.
        topic_titles: a title for people for each topic.
        next_tries: when each site is crawled next, to be said with its problems.
        must_stop: asked before each message; the one in hand is always finished.
    """
    clock = clock or _clock_from(now)
    alerts = config.alerts
    interest = Interest(
        alerts.topics, alerts.minimum, topic_titles or {}, _sites(config), config.web.url
    )
    channels = message_channels(config)
    delivery = Round(alerts, channels, store, interest, clock, must_stop)
    # What is in the JSONL counts as told when a lost database is rebuilt from it.
    sync_spool(config, store)
    written, output_problem = _write_files(config, store, interest, now)
    composed = compose_due(delivery, now) + tell_untold(delivery, now)
    sync_spool(config, store)
    sent = Sent()
    send_due(delivery, sent)
    judge_output(store, output_problem, clock())
    failing = judge_delivery(channels, store, clock())
    if output_problem is None and not sent.was_stopped:
        end_overdue(store, clock())
    tell_ops(config, store, clock(), next_tries)
    send_due(delivery, sent, skip=ALERT_KINDS)
    sync_spool(config, store)
    return DeliveryReport(
        lines=written.get("jsonl", 0),
        feeds=written.get("feeds", 0),
        composed=composed,
        messages=sent.messages,
        served=sent.served,
        put_off=sent.put_off,
        failed=sent.failed,
        waiting=outbox_summary(config, store, clock()).pending,
        problems=tuple(f"{each.channel}: {each.address}: {each.reason}" for each in failing),
        was_stopped=sent.was_stopped,
        output_problem=output_problem,
    )


def _write_files(
    config: Config, store: Store, interest: Interest, now: datetime
) -> tuple[dict[str, int], str | None]:
    """How much each channel of files wrote, and the first problem that one met."""
    written: dict[str, int] = {}
    problem: str | None = None
    for channel in file_channels(config):
        try:
            written[channel.name] = channel.write(store, interest, now)
        except OutputError as error:
            problem = problem or str(error)
    return written, problem


def left_to_the_service(config: Config, store: Store, now: datetime) -> DeliveryReport:
    """The report of a crawl that delivers nothing, since with workers the service does."""
    waiting = outbox_summary(config, store, now).pending
    return DeliveryReport(0, 0, 0, 0, 0, 0, 0, waiting, ())


def _sites(config: Config) -> Mapping[str, SiteProfile]:
    try:
        return load_sites(config)
    except ConfigurationError:
        return {}  # a wrong profile must not hold up an alert


def _clock_from(now: datetime) -> Clock:
    start = time.monotonic()
    return lambda: now + timedelta(seconds=time.monotonic() - start)
