"""The store for commands that only look: they neither make it nor mend it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from rscrawler.config import Config
from rscrawler.store import Store
from rscrawler.store.database import require_existing


@contextmanager
def existing_store(config: Config) -> Iterator[Store]:
    """The store of a configuration as it is, closed at the end.

    Raises:
        ConfigurationError: the database URL is of no use.
        StoreError: there is no store yet, or it is damaged.
    """
    with closing(open_existing(config)) as store:
        yield store


def open_existing(config: Config) -> Store:
    """The same, for who closes it; raises the same."""
    require_existing(config.database, "`rscrawler crawl` makes it")
    return Store.open(config.database)
