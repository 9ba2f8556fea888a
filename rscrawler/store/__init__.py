"""The store: all state that survives a crash, and all SQL."""

from __future__ import annotations

from rscrawler.errors import StoreError
from rscrawler.store.articles import ArticleStore
from rscrawler.store.batch import RecordingBatch
from rscrawler.store.browsing import BrowseStore
from rscrawler.store.database import Database, open_database
from rscrawler.store.discovery import DiscoveryStore
from rscrawler.store.health import HealthStore
from rscrawler.store.history import HistoryStore
from rscrawler.store.index import IndexStore
from rscrawler.store.jobs import JobStore
from rscrawler.store.judgements import JudgementStore
from rscrawler.store.leases import LeaseStore
from rscrawler.store.messages import MessageStore
from rscrawler.store.outbox import OutboxStore
from rscrawler.store.retention import RetentionStore


class Store:
    """One database, with a store for each subject."""

    def __init__(self, database: Database) -> None:
        self.articles = ArticleStore(database)
        self.batch = RecordingBatch(self.articles)
        self.browsing = BrowseStore(database)
        self.discovery = DiscoveryStore(database)
        self.health = HealthStore(database)
        self.history = HistoryStore(database)
        self.index = IndexStore(database)
        self.jobs = JobStore(database)
        self.judgements = JudgementStore(database)
        self.leases = LeaseStore(database)
        self.messages = MessageStore(database)
        self.outbox = OutboxStore(database)
        self.retention = RetentionStore(database)
        self._database = database

    @classmethod
    def open(cls, url: str) -> Store:
        """Open the store at a database URL, and migrate it to the current schema.

        Raises:
            ConfigurationError: the URL is invalid.
            StoreError: the database cannot be used.
        """
        return cls(open_database(url))

    @property
    def last_write_error(self) -> StoreError | None:
        """The error of the last failed write; None if there was none."""
        return self._database.last_write_error

    def close(self) -> None:
        """Close all connections."""
        self._database.close()
