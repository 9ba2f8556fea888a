"""Databases on the PostgreSQL of the test run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from rscrawler.store import Store
from tests.databases import Databases


@pytest.fixture
def postgresql_database(databases: Databases) -> Iterator[str]:
    """The address of a database without tables, as the driver takes it."""
    with databases.empty() as url:
        yield url


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
