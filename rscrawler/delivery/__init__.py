"""Delivers what is due in the outbox: JSONL lines, feeds and messages.

Each JSONL line is written exactly once. A message is sent at least once, always with the same id.
Any number of processes may deliver at the same time.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from rscrawler.config import Config
from rscrawler.delivery import messages, ops
from rscrawler.delivery.alert import Interest
from rscrawler.delivery.channels import message_channels, outbox_summary
from rscrawler.delivery.feeds import write_feeds
from rscrawler.delivery.jsonl import deliver_jsonl
from rscrawler.delivery.messages import DeliveryReport
from rscrawler.delivery.spool import sync_spool
from rscrawler.errors import ConfigurationError, OutputError
from rscrawler.sites import SiteProfile, load_sites
from rscrawler.store import Store
from rscrawler.store.health import ProblemCode


def deliver(
    config: Config,
    store: Store,
    *,
    now: datetime,
    clock: Callable[[], datetime] | None = None,
    must_stop: Callable[[], bool] = lambda: False,
) -> DeliveryReport:
    """Deliver everything that is due: JSONL and feeds, alerts, then notices to the operators.

    An output folder that cannot be written does not hold up alerts.

    Args:
        config: its `alerts` name the channels and recipients.
        store: holds the outbox.
        now: decides which alerts are composed, and is their date.
        clock: the current time during delivery; by default `now` plus the time elapsed since.
        must_stop: checked before each message; a message that is being sent is always finished.
    """
    start, today = time.monotonic(), now.astimezone(UTC).date()
    clock = clock or (lambda: now + timedelta(seconds=time.monotonic() - start))
    channels, interest = message_channels(config), _interest(config)
    delivery = messages.DeliveryContext(config.alerts, channels, store, interest, clock, must_stop)
    report = delivery.report
    # Spool first: a database that is rebuilt from the JSONL counts the articles in it as alerted.
    sync_spool(config, store)
    try:
        report.lines = deliver_jsonl(config, store, today)
        report.feeds = write_feeds(config, store, interest, today)
    except OutputError as error:
        report.output_problem = str(error)
    report.composed = messages.compose_due(delivery, now) + messages.alert_unalerted(delivery, now)
    messages.readdress(delivery)
    sync_spool(config, store)
    messages.send_due(delivery, are_alerts=True)
    code, problem = ProblemCode.DELIVERY_FAILING, report.output_problem
    store.health.raise_or_clear(ops.OUTPUT_SUBJECT, code, problem, clock())
    ops.judge_delivery(channels, store, clock())
    if problem is None and not report.was_stopped:
        ops.end_overdue(store, clock())
    ops.compose_notices(config, store, clock())
    messages.send_due(delivery, are_alerts=False)
    failing = ops.judge_delivery(channels, store, clock())  # with the notices' outcomes
    sync_spool(config, store)
    report.waiting = outbox_summary(config, store, clock()).pending
    report.problems = ops.failure_lines(failing)
    return report


def _interest(config: Config) -> Interest:
    """What is alerted; without titles or site profiles if invalid, which holds up no alert."""
    from rscrawler.topics import usable_topics  # not for `status`: it takes long

    titles: dict[str, str] = {}
    sites: dict[str, SiteProfile] = {}
    with suppress(ConfigurationError):
        titles |= {name: topic.title for name, topic in usable_topics(config).lists.items()}
    with suppress(ConfigurationError):
        sites |= load_sites(config)
    return Interest(config.alerts.topics, config.alerts.minimum, titles, sites, config.web.url)


def send_notices(config: Config, store: Store, clock: Callable[[], datetime]) -> None:
    """Send only the notices to the operators; for a service whose delivery processes fail."""
    alerts, channels = config.alerts, message_channels(config)
    interest = Interest(alerts.topics, alerts.minimum, {})
    delivery = messages.DeliveryContext(alerts, channels, store, interest, clock, lambda: False)
    ops.compose_notices(config, store, clock())
    messages.send_due(delivery, are_alerts=False)
