"""A database of its own on the PostgreSQL of the test run, and who works on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psutil  # type: ignore[import-untyped]
import psycopg
import pytest
from psycopg.rows import dict_row

from rscrawler.config import Config
from rscrawler.maintenance.recovery import StoreKeeper
from rscrawler.schedules import ScheduledJob
from rscrawler.scheduling.service import Service
from rscrawler.scheduling.worker import Worker
from rscrawler.store import Store
from tests.databases import Databases
from tests.scheduling.services import Children, Clock, clock

__all__ = ["clock"]


@pytest.fixture
def postgresql_database(databases: Databases) -> Iterator[str]:
    """The address of a database without tables, as the driver takes it."""
    with databases.empty() as url:
        yield url


@dataclass
class Plant:
    """One database with a queue, services and workers, whose children are none."""

    address: str
    clock: Clock
    children: Children = field(default_factory=Children)
    stores: list[Store] = field(default_factory=list)

    @property
    def url(self) -> str:
        return "postgresql+psycopg" + self.address[self.address.index("://") :]

    @property
    def config(self) -> Config:
        return Config.model_validate(
            {"database_url": self.url, "scheduling": {"executor": "procrastinate"}}
        )

    def open_store(self) -> Store:
        self.stores.append(Store.open(self.url))
        return self.stores[-1]

    def service(self, *jobs: ScheduledJob, owner: str = "service/1/1") -> Service:
        return Service(
            StoreKeeper(self.config, lambda _: self.open_store()),
            lambda: (self.config, jobs),
            run=self.children.run,
            now=self.clock,
            owner=owner,
        )

    def worker(self, **options: Any) -> Worker:
        return Worker(
            self.open_store(),
            self.config,
            heartbeat=timedelta(seconds=0.1),
            dead_after=timedelta(minutes=1),
            run=self.children.run,
            now=self.clock,
            **options,
        )

    def queued(self) -> list[dict[str, Any]]:
        """The rows of the queue."""
        with psycopg.connect(self.address, row_factory=dict_row) as connection:
            return connection.execute("SELECT * FROM procrastinate_jobs ORDER BY id").fetchall()

    def server(self) -> list[psutil.Process]:
        """The processes that serve this database, first the one that lets others in."""
        query = (
            "SELECT pid FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND backend_type = 'client backend'"
        )
        with psycopg.connect(self.address) as connection:
            served = [psutil.Process(pid) for (pid,) in connection.execute(query)]
        return [served[0].parent(), *served]

    def change(self, statement: str) -> None:
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture
def plant(postgresql_database: str, clock: Clock) -> Iterator[Plant]:
    plant = Plant(postgresql_database, clock)
    yield plant
    for store in plant.stores:
        store.close()


@pytest.fixture
def open_stores() -> Iterator[Callable[[str], Store]]:
    """Opens stores that are closed at the end of the test."""
    opened: list[Store] = []

    def open_store(url: str) -> Store:
        opened.append(Store.open(url))
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()
