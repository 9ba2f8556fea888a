"""A store moves to another database, whole or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, text

from rscrawler.cli import load_command
from rscrawler.errors import ConfigurationError, StoreError
from rscrawler.identity.fingerprints import Fingerprint
from rscrawler.store import Store, transfer
from rscrawler.store.articles import Recording, Visit
from rscrawler.store.leases import process_identity
from rscrawler.store.messages import NewMessage
from rscrawler.store.transfer import identity_of, migrate_store
from tests.delivery.helpers import an_article

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'from.db'}"


@pytest.fixture
def target_url(postgresql_database: str) -> str:
    return "postgresql+psycopg" + postgresql_database[postgresql_database.index("://") :]


def fill(store: Store, articles: int = 3, first: int = 1) -> None:
    """Rows of many kinds: text beyond ASCII, bytes, numbers, times, and what is not known."""
    for number in range(first, first + articles):
        url = f"https://example.org/{number}/"
        article = replace(an_article(number), title=f"Тоқаев №{number} “said”", url=url)
        visit = Visit({f"/{number}": url}, "digest", etag='W/"x"')
        fingerprint = Fingerprint("d", "b", "s", bytes(range(256)), (-(2**62), number))
        store.articles.record(
            Recording(article, fingerprint, visit, "run", NOW, ("articles", "email"))
        )
    message = NewMessage(f"<m{first}@x>", "email", "alert", NOW, b"\xff\x00mail", ("a@x", "b@x"))
    store.messages.add(message)


def everything(store: Store) -> list[dict[str, object]]:
    return list(store.articles.records())


@pytest.fixture
def filled(sqlite_url: str, open_stores: Callable[[str], Store]) -> Store:
    store = open_stores(sqlite_url)
    fill(store)
    return store


def test_a_store_moves_to_postgresql_and_goes_on_there(
    filled: Store, sqlite_url: str, target_url: str, open_stores: Callable[[str], Store]
) -> None:
    copied = {table.name: table for table in migrate_store(sqlite_url, target_url, NOW)}
    assert (copied["article"].rows, copied["outbox"].rows, copied["band"].rows) == (3, 6, 6)
    moved = open_stores(target_url)
    assert everything(moved) == everything(filled)
    fill(moved, first=4)  # its numbers go on where they stopped
    assert [row.number for row in moved.outbox.unassigned_rows("email")][-1] == 12


def test_it_moves_back_and_every_table_has_the_same_digest(
    filled: Store, sqlite_url: str, target_url: str, tmp_path: Path
) -> None:
    there = migrate_store(sqlite_url, target_url, NOW)
    back = migrate_store(target_url, f"sqlite:///{tmp_path / 'back.db'}", NOW)
    assert there == back
    assert len({table.digest for table in there if table.rows}) == sum(
        table.rows > 0 for table in there
    )


def test_a_store_in_use_is_not_moved(filled: Store, sqlite_url: str, target_url: str) -> None:
    filled.leases.acquire("site:example", process_identity(), NOW)
    with pytest.raises(StoreError, match=r"in use: process .* holds site:example; stop services"):
        migrate_store(sqlite_url, target_url, NOW)
    filled.leases.rest("site:example", process_identity(), NOW)
    assert migrate_store(sqlite_url, target_url, NOW)


def test_a_store_that_sends_a_message_is_not_moved(
    filled: Store, sqlite_url: str, target_url: str
) -> None:
    claimed = filled.messages.claim("<m1@x>", process_identity(), NOW)
    assert claimed is not None
    with pytest.raises(StoreError, match=r"holds <m1@x>; stop services, workers, crawls and deliv"):
        migrate_store(sqlite_url, target_url, NOW)
    filled.messages.release(claimed)
    assert migrate_store(sqlite_url, target_url, NOW)


def test_a_target_that_holds_something_is_left_as_it_is(
    filled: Store, sqlite_url: str, target_url: str, open_stores: Callable[[str], Store]
) -> None:
    target = open_stores(target_url)
    fill(target, articles=1, first=9)
    with pytest.raises(StoreError, match="the target is not empty"):
        migrate_store(sqlite_url, target_url, NOW)
    assert len(everything(target)) == 1


def test_what_arrives_otherwise_than_it_was_is_not_kept(
    filled: Store,
    sqlite_url: str,
    target_url: str,
    open_stores: Callable[[str], Store],
) -> None:
    target = open_stores(target_url)
    engine = create_engine(target_url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN NEW.record := NEW.record || ' '; RETURN NEW; END $$"
            )
        )
        connection.execute(
            text(
                "CREATE TRIGGER spoil BEFORE INSERT ON version "
                "FOR EACH ROW EXECUTE FUNCTION spoil()"
            )
        )
    engine.dispose()
    with pytest.raises(StoreError, match=r"table version: 3 rows .* nothing was kept"):
        migrate_store(sqlite_url, target_url, NOW)
    assert target.articles.is_empty()


def test_batches_of_any_size_copy_the_same(
    filled: Store, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = migrate_store(sqlite_url, f"sqlite:///{tmp_path / 'whole.db'}", NOW)
    monkeypatch.setattr(transfer, "ROWS_PER_BATCH", 2)
    assert migrate_store(sqlite_url, f"sqlite:///{tmp_path / 'small.db'}", NOW) == whole


def test_a_source_that_is_not_there_is_not_made(tmp_path: Path, target_url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"FROM_URL: .* is not there; allowed: "):
        migrate_store(f"sqlite:///{tmp_path / 'none.db'}", target_url, NOW)
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize("content", ["text", "foreign table", "foreign version", "nothing"])
def test_a_file_of_another_program_is_named_and_left_alone(tmp_path: Path, content: str) -> None:
    file, target = tmp_path / "from.db", tmp_path / "to.db"
    file.write_text("hello " * 100 if content == "text" else "")
    if content.startswith("foreign"):
        table = "schema_version" if content == "foreign version" else "guestbook"
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute(f"CREATE TABLE {table} (number)")
    before = file.read_bytes()
    with pytest.raises(ConfigurationError, match=r"^FROM_URL: .* is not a database of rscrawler$"):
        migrate_store(f"sqlite:///{file}", f"sqlite:///{target}", NOW)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("named", ["FROM_URL", "TO_URL"])
def test_the_error_names_the_url_that_names_no_database(sqlite_url: str, named: str) -> None:
    urls = {"FROM_URL": sqlite_url, "TO_URL": sqlite_url} | {named: "mysql://host/x"}
    with pytest.raises(ConfigurationError, match=f"^{named}.*: names no database"):
        migrate_store(urls["FROM_URL"], urls["TO_URL"], NOW)


def test_a_store_is_not_moved_onto_itself(filled: Store, sqlite_url: str) -> None:
    with pytest.raises(ConfigurationError, match="is the same database"):
        migrate_store(sqlite_url, sqlite_url, NOW)


def test_nor_is_one_whose_url_is_written_in_another_way(
    filled: Store, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    for other in ("sqlite:///from.db", f"sqlite+pysqlite:///{tmp_path}/link/from.db"):
        with pytest.raises(ConfigurationError, match="is the same database"):
            migrate_store(sqlite_url, other, NOW)
    server = "postgresql+psycopg://u:p@localhost"
    assert identity_of(f"{server}/x") == identity_of("postgresql://localhost:5432/x")
    assert identity_of(f"{server}/x") != identity_of(f"{server}/y")


def test_the_command_prints_counts_and_digests(
    filled: Store, sqlite_url: str, target_url: str, tmp_path: Path
) -> None:
    command = load_command("migrate-store")
    shown = CliRunner().invoke(command, [sqlite_url, target_url])
    assert (shown.exit_code, "article " in shown.output) == (0, True)
    assert "rows are the same in both databases" in shown.output
    elsewhere = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    assert '"name": "article", "rows": 3' in (
        CliRunner().invoke(command, [sqlite_url, elsewhere, "--json"]).output
    )


def test_without_a_target_the_store_goes_where_the_configuration_says(
    filled: Store, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RSCRAWLER_DATABASE_URL", f"sqlite:///{tmp_path / 'configured.db'}")
    assert CliRunner().invoke(load_command("migrate-store"), [sqlite_url]).exit_code == 0
    assert (tmp_path / "configured.db").is_file()
