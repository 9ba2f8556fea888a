"""The end of a whole crawl command: signs of life for those who watch from outside."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from rscrawler.config import Config
from rscrawler.monitoring.cycle import CycleOutcome
from rscrawler.monitoring.heartbeat import send_heartbeat
from rscrawler.monitoring.metrics import write_metrics
from rscrawler.monitoring.status import PlannedJob
from rscrawler.monitoring.weekly import compose_weekly
from rscrawler.store import Store

logger = logging.getLogger(__name__)


class FinishedCycle(Protocol):
    """What is told of a cycle over any number of sites: `crawling.CycleReport`."""

    @property
    def sites(self) -> Mapping[str, CycleOutcome]:
        """How it went, by site."""

    @property
    def is_healthy(self) -> bool:
        """Whether every site succeeded, without an error or a problem."""


def after_cycle(
    config: Config,
    store: Store,
    report: FinishedCycle,
    now: datetime,
    jobs: Collection[PlannedJob],
) -> None:
    """Compose the weekly mail if it is due, write the metrics, send the heartbeat.

    The mail goes out with the next delivery. Nothing that fails here makes a cycle fail:
    it is logged, and the missing sign is itself one. A cycle that found every site being
    crawled by somebody else sends no heartbeat, so that a stuck crawl cannot hide behind it.
    """
    monitoring = config.monitoring
    if monitoring.weekly_mail:
        compose_weekly(config, store, now, jobs)
    if monitoring.metrics_file is not None:
        try:
            write_metrics(config, store, now, jobs)
        except OSError as error:
            logger.warning("metrics file %s: %s", monitoring.metrics_file, error.strerror)
    if monitoring.heartbeat_url is not None and any(
        outcome.note is None for outcome in report.sites.values()
    ):
        problem = send_heartbeat(
            monitoring.heartbeat_url.get_secret_value(), is_good=report.is_healthy
        )
        if problem is not None:
            logger.warning("the heartbeat did not arrive: %s", problem)
