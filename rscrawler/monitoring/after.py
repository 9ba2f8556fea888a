"""The end of a crawl command: the weekly mail, the metrics file, the heartbeat."""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from rscrawler.config.models import Config, OpsSettings
from rscrawler.delivery.channel import Notice
from rscrawler.delivery.channels import Channels, message_channels
from rscrawler.delivery.wording import rendered
from rscrawler.errors import RscrawlerError
from rscrawler.monitoring.cycle import CycleReport
from rscrawler.monitoring.direct import send_heartbeat
from rscrawler.monitoring.status import read_status
from rscrawler.store import Store
from rscrawler.store.history import WEEKLY_KIND

logger = logging.getLogger(__name__)

WEEK = timedelta(days=7)
_COUNTED = {"articles_new": "new", "articles_updated": "updated", "flagged": "flagged"}


def after_cycle(config: Config, store: Store, report: CycleReport, now: datetime) -> None:
    """Compose the weekly mail if it is due, write the metrics, send the heartbeat.

    The mail goes out with the next delivery. A failure here is logged and does not fail the
    cycle; the missing sign of life shows it. The heartbeat tells whether `status` is healthy: not
    of this cycle alone, or it would change from one site to the next. If no site was crawled to
    the end, since others crawl them, they asked for a pause or a signal came, no heartbeat is
    sent, so that a stuck crawl cannot hide behind it.
    """
    monitoring = config.monitoring
    if monitoring.weekly_mail:
        with _guarded("the weekly mail was not written"):
            compose_weekly(config, store, now)
    if (metrics_file := monitoring.metrics_file) is not None:
        from prometheus_client import write_to_textfile

        from rscrawler.monitoring.metrics import Metrics

        with _guarded(f"metrics file {metrics_file}"):
            metrics_file.parent.mkdir(parents=True, exist_ok=True)
            write_to_textfile(str(metrics_file), Metrics(config, store, now))
    is_visited = any(
        outcome.note is None and (outcome.succeeded or outcome.problems)
        for outcome in report.sites.values()
    )
    if is_visited and monitoring.heartbeat_url is not None:
        is_healthy = False  # also if the store cannot be read
        with _guarded("whether all is well is not known"):
            is_healthy = read_status(config, store, now).is_healthy
        send_heartbeat(config, is_good=is_healthy)


@contextmanager
def _guarded(sign: str) -> Iterator[None]:
    """Log an exception of one sign of life instead of raising it; a bug with its traceback."""
    try:
        yield
    except Exception as error:
        is_bug = not isinstance(error, OSError | RscrawlerError)
        reason = getattr(error, "strerror", None) or error
        logger.warning("%s: %s", sign, reason, exc_info=is_bug)


def compose_weekly(config: Config, store: Store, now: datetime) -> bool:
    """Compose the weekly mail if a week has passed since the last one, or since the first cycle.

    It goes out with the next delivery, to the operators or, without any, to the recipients of
    alerts. Its absence is a sign of failure. Returns whether it was stored.
    """
    since = store.history.last_weekly_at(now) or store.history.first_run_at()
    # By the day, since a daily cycle does not end at the same second: the week would have 8 days.
    if since is None or now.date() - since.date() < WEEK:
        return False
    status, sites = read_status(config, store, now), store.health.crawled_sites()
    sources = sum(
        state.requested_at is not None and state.requested_at >= since
        for name in sites
        for state in store.discovery.sources(name).values()
    )
    runs = {name: found for name in sites if (found := store.health.runs(name, since=since))}
    counts = {
        name: sum((Counter(run.counters) for run in of_site), Counter[str]())
        for name, of_site in runs.items()
    }
    new = sum(each["articles_new"] for each in counts.values())
    opening = f"Not all well ({len(status.problems)})" if status.problems else "All well"
    subject = f"{opening}: {sources} sources checked, {new} new"
    text = rendered(
        "weekly.txt.j2", since=since, runs=runs, counts=counts, status=status, counted=_COUNTED
    ).strip()
    notice = Notice(subject, text, f"{now:%G-W%V}", WEEKLY_KIND, now)
    messages = _channels(config).notices(notice)
    return bool(messages) and store.messages.add(*messages)


def _channels(config: Config) -> Channels:
    """The channels; without operators, the recipients of alert mails stand in for them."""
    alerts = config.alerts
    if not (alerts.ops.recipients or alerts.ops.channels or alerts.email is None):
        ops = OpsSettings(recipients=alerts.email.recipients)
        config = config.model_copy(update={"alerts": alerts.model_copy(update={"ops": ops})})
    return message_channels(config)
