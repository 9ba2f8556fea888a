"""Keeps the index up with what crawls record, while the dashboard runs."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Event, Lock, Thread

from rscrawler.errors import RscrawlerError, StoreError
from rscrawler.web.dashboard import Dashboard

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 2.0
# So many a page itself indexes before it looks: some hundredths of a second.
ARTICLES_PER_PAGE = 60
_AT_IT = Lock()


@asynccontextmanager
async def catching_up(dashboard: Dashboard) -> AsyncIterator[None]:
    """While this lasts, a thread works off what was recorded and is not in the index yet."""
    stopped = Event()

    def work() -> None:
        trouble = ""
        while not stopped.is_set():
            try:
                while not stopped.is_set() and dashboard.store.index.work_off():
                    pass
                trouble = ""
            except RscrawlerError as error:
                if str(error) != trouble:  # told once, not every two seconds
                    trouble = str(error)
                    logger.warning("the index is not brought up to date: %s", trouble)
            except Exception:
                logger.exception("the index is not brought up to date any more")
                return
            stopped.wait(PAUSE_SECONDS)

    thread = Thread(target=work, name="index", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def catch_up_briefly(dashboard: Dashboard) -> None:
    """Index what was recorded just now, so that a page shows it; much is left to the thread."""
    index = dashboard.store.index
    try:
        with _AT_IT:
            if index.backlog() <= ARTICLES_PER_PAGE:
                index.catch_up()
    except StoreError as error:  # such as a database that can only be read
        logger.info("the index is not brought up to date: %s", error)
