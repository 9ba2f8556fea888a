"""The end of a whole crawl command: signs of life for those who watch from outside."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime

from rscrawler.config import Config
from rscrawler.delivery.ops import OUTBOX_SUBJECT
from rscrawler.errors import RscrawlerError
from rscrawler.monitoring.cycle import CycleReport
from rscrawler.monitoring.heartbeat import send_heartbeat
from rscrawler.monitoring.status import PlannedJob
from rscrawler.monitoring.weekly import compose_weekly
from rscrawler.store import Store

logger = logging.getLogger(__name__)


def after_cycle(
    config: Config,
    store: Store,
    report: CycleReport,
    now: datetime,
    jobs: Collection[PlannedJob],
    *,
    is_delivered: bool = True,
) -> None:
    """Compose the weekly mail if it is due, write the metrics, send the heartbeat.

    The mail goes out with the next delivery. Nothing that fails here makes a cycle fail:
    it is logged, and the missing sign is itself one. A cycle that found every site being
    crawled by somebody else sends no heartbeat, so that a stuck crawl cannot hide behind it.
    One whose finds do not get out (`is_delivered` is False, or somebody cannot be reached)
    is a bad one: nobody would hear of them.
    """
    monitoring = config.monitoring
    if monitoring.weekly_mail:
        with _guarded("the weekly mail was not written"):
            compose_weekly(config, store, now, jobs)
    if monitoring.metrics_file is not None:
        from rscrawler.monitoring.metrics import write_metrics

        with _guarded(f"metrics file {monitoring.metrics_file}"):
            write_metrics(config, store, now, jobs)
    if monitoring.heartbeat_url is not None and any(
        outcome.note is None for outcome in report.sites.values()
    ):
        is_good = report.is_healthy and is_delivered and _reaches_everybody(store)
        problem = send_heartbeat(monitoring.heartbeat_url.get_secret_value(), is_good=is_good)
        if problem is not None:
            logger.warning("the heartbeat did not arrive: %s", problem)


def _reaches_everybody(store: Store) -> bool:
    """Whether no delivery problem stands; one that cannot be read of may well."""
    with _guarded("whether alerts get out is not known"):
        return all(problem.subject != OUTBOX_SUBJECT for problem in store.health.problems())
    return False


@contextmanager
def _guarded(sign: str) -> Iterator[None]:
    """Log what goes wrong with one sign; a bug with its traceback."""
    try:
        yield
    except Exception as error:
        is_bug = not isinstance(error, OSError | RscrawlerError)
        reason = getattr(error, "strerror", None) or error
        logger.warning("%s: %s", sign, reason, exc_info=is_bug)
