"""The database handle: SQLite in WAL mode by default, PostgreSQL by URL."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    Engine,
    ExceptionContext,
    Executable,
    Row,
    Select,
    Table,
    create_engine,
    event,
    exc,
    func,
    select,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import QueuePool
from sqlalchemy.sql.selectable import TypedReturnsRows
from sqlalchemy.util import LRUCache

from rscrawler.clock import utc_now
from rscrawler.config.models import DATABASE_URLS
from rscrawler.errors import ConfigurationError, StoreError
from rscrawler.store.damage import SQLITE_BUSY_TIMEOUT_SECONDS, damage_mark, is_damage
from rscrawler.store.lookups import Lookup
from rscrawler.store.migrations import migrate, refuse_newer
from rscrawler.store.tables import prepare_for_postgresql

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

DatabaseFailure = exc.SQLAlchemyError  # what a failed statement raises if it is no StoreError
_STREAMED = 100  # rows fetched at a time
_READ_ONLY = "25006"  # read_only_sql_transaction of PostgreSQL
_WAL_BYTES = 16 * 2**20
# A command opens its database several times, and compiling a query takes longer than running it.
_COMPILED = LRUCache[Any, Any](500)  # statements, each for one dialect
_compiled_lookup = lru_cache(Lookup)
_Column = TypeVar("_Column")
_Columns = TypeVarTuple("_Columns")


class DamagedDatabase(StoreError):
    """The file is not a database, its pages are inconsistent, or its tables are missing."""


class NoDatabase(StoreError):
    """The file is not there."""


class FullDisk(StoreError):
    """The file cannot be written: the disk is full, or fails."""


class Database:
    """The engine through which every part of the store reads and writes."""

    def __init__(self, engine: Engine) -> None:
        self.is_postgresql = engine.dialect.name == "postgresql"
        self.last_write_error: StoreError | None = None
        self._engine = engine
        # The same pool of connections. Reads have no transaction: on PostgreSQL, its begin and end
        # would cost each query two more round trips.
        alone = {"isolation_level": "AUTOCOMMIT"} if self.is_postgresql else {"is_reader": True}
        self._reader = engine.execution_options(**alone)
        self._unsynced = engine.execution_options(waits_for_disk=False)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for reading, which never waits for a writer."""
        with _translated_errors(self._engine.url), self._reader.connect() as connection:
            yield connection

    def rows(self, query: TypedReturnsRows[*_Columns]) -> Sequence[Row[*_Columns]]:
        """The rows of a query."""
        with self.reading() as connection:
            return connection.execute(query).all()

    def row(self, query: TypedReturnsRows[*_Columns]) -> Row[*_Columns] | None:
        """The first row of a query; None without one."""
        with self.reading() as connection:
            return connection.execute(query).first()

    def scalar(self, query: TypedReturnsRows[_Column]) -> _Column | None:
        """The first column of the first row; None without one."""
        row = self.row(query)
        return None if row is None else row[0]

    def scalars(self, query: TypedReturnsRows[_Column]) -> list[_Column]:
        """The first column of each row."""
        return [row[0] for row in self.rows(query)]

    def count(self, query: Select[*_Columns]) -> int:
        """The number of rows of a query."""
        return self.scalar(select(func.count()).select_from(query.subquery())) or 0

    def streamed(self, query: TypedReturnsRows[*_Columns]) -> Generator[Row[*_Columns]]:
        """The rows of a long query, fetched in portions. Close it if it is not read to the end."""
        # PostgreSQL's cursors need a transaction.
        engine = self._engine if self.is_postgresql else self._reader
        with (
            _translated_errors(self._engine.url),
            engine.connect() as connection,
            connection.execution_options(yield_per=_STREAMED).execute(query) as rows,
        ):
            yield from rows

    def execute(self, statement: Executable) -> int:
        """Run one statement in its own transaction; returns the number of rows that it changed."""
        with self.writing() as connection:
            return connection.execute(statement).rowcount

    def lookup(self, query: Select[Any], **parameters: Any) -> list[list[Any]]:
        """The rows of a frequent query, a constant that is compiled once."""
        lookup = _compiled_lookup(query, self._engine.dialect)
        with self.reading() as connection:
            return lookup.rows(connection, **parameters)

    @contextmanager
    def writing(
        self, *, waits_for_disk: bool = True, is_snapshot: bool = False
    ) -> Iterator[Connection]:
        """A connection in a transaction: committed at the end, rolled back on an error.

        `is_snapshot`: nothing that others write meanwhile is read.

        Without waiting for the disk, a commit survives the end of this process, but a power failure
        only from the next waiting commit on: use it for what nobody outside sees before that.
        """
        engine = self._engine if waits_for_disk else self._unsynced
        try:
            with _translated_errors(self._engine.url), engine.begin() as connection:
                if is_snapshot and self.is_postgresql:  # SQLite lets nobody write meanwhile
                    connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                refuse_newer(connection)
                yield connection
        except StoreError as error:
            self.last_write_error = error
            raise

    def insert(self, table: Table) -> postgresql.Insert | sqlite.Insert:
        """An INSERT in the database's dialect, for its `on_conflict_do_…` methods."""
        if self.is_postgresql:
            from sqlalchemy.dialects import postgresql

            return postgresql.insert(table)
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)

    def insert_missing(self, table: Table) -> postgresql.Insert | sqlite.Insert:
        """An INSERT that leaves out rows which conflict with existing ones."""
        return self.insert(table).on_conflict_do_nothing()

    def upsert(
        self,
        table: Table,
        updated: Mapping[str, Any],
        where: ColumnElement[bool] | None = None,
        **first: Any,
    ) -> postgresql.Insert | sqlite.Insert:
        """An INSERT that updates the row with that primary key, if it exists and `where` holds.

        A new row gets `updated` and `first`; without `first`, rows are given to the execution.
        """
        insert = self.insert(table)
        insert = insert.values({**updated, **first}) if first else insert
        return insert.on_conflict_do_update(
            index_elements=table.primary_key, set_=updated, where=where
        )

    def compact(self) -> None:
        """Return the space of deleted rows to the disk; PostgreSQL reuses it without this.

        Raises:
            StoreError: another process is writing, or the disk has no room for a copy.
        """
        if not self.is_postgresql:
            with self.reading() as connection:
                connection.exec_driver_sql("VACUUM")

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


class Part:
    """The base class of the stores, each for one subject."""

    def __init__(self, database: Database) -> None:
        self._database = database


def open_database(url: str) -> Database:
    """Open a database, and migrate it to the current schema.

    Raises:
        ConfigurationError: as `parsed_url`.
        StoreError: the database cannot be reached, is damaged or is newer than the program.
    """
    parsed = parsed_url(url)
    is_sqlite = parsed.get_backend_name() == "sqlite"
    try:
        engine = _sqlite_engine(parsed) if is_sqlite else _postgresql_engine(parsed)
        database = Database(engine)
        with ExitStack() as on_failure, _translated_errors(parsed):
            on_failure.callback(database.close)
            migrate(engine, utc_now())
            on_failure.pop_all()
        return database
    except OSError as error:
        raise StoreError(
            f"database {shown(parsed)}: {error.filename}: {error.strerror or error}; its folder "
            "must be one that this user can make or write"
        ) from error
    except exc.DatabaseError as error:
        raise StoreError(f"database {shown(parsed)}: {first_line(error)}") from error


def parsed_url(url: str, key: str = "database_url") -> URL:
    """Parse a database URL; opens nothing. `key` names it in the error.

    Raises:
        ConfigurationError: the URL is invalid, or names no SQLite file or PostgreSQL database.
    """
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
        # A SQLite database in memory would forget after each command what was alerted.
        is_file = backend == "sqlite" and parsed.database not in (None, "", ":memory:")
        # A second @ is one of the password, whose rest would be shown as the host or what follows.
        place = f"{parsed.host}{parsed.database or url.partition('?')[2]}"
        is_server = backend == "postgresql" and "@" not in place
        if not (is_file and not parsed.query) and not is_server:
            raise exc.ArgumentError("")
        parsed.get_dialect()
    except (exc.ArgumentError, ValueError):  # ValueError: a bad port or bracket
        raise ConfigurationError(
            f"{key}: names no database that can be used; allowed: {DATABASE_URLS}"
        ) from None
    return parsed


def shown(url: URL) -> str:
    """A database URL for display; passwords are masked, also those in its query."""
    hidden = {name: "***" for name in url.query if has_secret(name)}
    masked = url.update_query_dict(hidden).render_as_string(hide_password=True)
    return masked.replace("%2A%2A%2A", "***")


def has_secret(name: str) -> bool:
    """Whether a key in the query of a database URL holds a secret: `password`, `sslpassword`."""
    return "pass" in name.lower() and name.lower() != "passfile"


def is_secret(url: str) -> bool:
    """Whether a database URL holds a password."""
    parsed = parsed_url(url)
    return bool(parsed.password) or any(map(has_secret, parsed.query))


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite database; None for PostgreSQL."""
    parsed = parsed_url(url)
    return Path(str(parsed.database)) if parsed.get_backend_name() == "sqlite" else None


def require_existing(url: str) -> None:
    """Raise NoDatabase if the SQLite file does not exist: reading must not create it."""
    file = sqlite_file(url)
    if file is not None and not file.exists():
        raise NoDatabase(f"database {file}: is not there yet; `rscrawler crawl` makes it")


def _has_no_table(error: object) -> bool:
    is_undefined = getattr(error, "sqlstate", None) == "42P01"  # undefined_table of PostgreSQL
    return is_undefined or str(error).startswith("no such table")


@contextmanager
def _translated_errors(url: URL) -> Iterator[None]:
    """Turn an error that the operator can fix into a StoreError of one line; others are bugs."""
    try:
        yield
    except exc.DatabaseError as error:
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF  # without details; 0: PostgreSQL
        if is_damage(error.orig):
            with suppress(OSError):
                damage_mark(Path(str(url.database))).touch(mode=0o600)
            raise DamagedDatabase(
                f"database {url.database}: is damaged ({first_line(error)}); the next command "
                "but `web` sets it aside, and rebuilds it from the JSONL"
            ) from error
        if _has_no_table(error.orig):
            raise DamagedDatabase(
                f"database {shown(url)}: its tables are missing; the next command but `web` "
                "creates them, and rebuilds their content from the JSONL"
            ) from error
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            raise FullDisk(
                f"database {url.database}: cannot be written ({first_line(error)}): make room on "
                "its disk; nothing is lost, the next cycle makes up for it"
            ) from error
        # PostgreSQL's internal errors are those of a read-only or damaged server.
        is_of_server = isinstance(error, exc.OperationalError | exc.InternalError)
        if is_of_server and code != sqlite3.SQLITE_ERROR:
            reason = first_line(error)
            if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
                reason += "; this user must be able to write the file and its folder"
            raise StoreError(f"database {shown(url)}: {reason}") from error
        raise


@lru_cache
def _postgresql_template(url: URL) -> Engine:
    """An engine for others to share its dialect and events."""
    from rscrawler.store.postgresql import LimitedConnection

    prepare_for_postgresql()
    engine = create_engine(url, pool_pre_ping=True)

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: Dialect, _record: object, place: Any, options: Any) -> Any:
        return LimitedConnection.connect(*place, **options)

    @event.listens_for(engine, "handle_error")
    def _leave_standby(context: ExceptionContext) -> None:
        # A server that another has replaced can still be read, so its connections seem to be well;
        # a new one may lead to the server that took over.
        if getattr(context.original_exception, "sqlstate", None) == _READ_ONLY:
            context.is_disconnect = True

    return engine


def _postgresql_engine(url: URL) -> Engine:
    shared = _postgresql_template(url)
    pool = shared.pool.recreate()  # with the same events
    engine = Engine(pool, shared.dialect, url, execution_options={"compiled_cache": _COMPILED})

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        if not connection.get_execution_options().get("waits_for_disk", True):
            connection.exec_driver_sql("SET LOCAL synchronous_commit TO OFF")

    return engine


@cache
def _sqlite_dialect() -> Dialect:
    """SQLAlchemy's SQLite dialect, shared by all files."""
    if sqlite3.sqlite_version_info < (3, 35):  # without RETURNING
        raise StoreError(
            f"this Python is linked to SQLite {sqlite3.sqlite_version}; 3.35 or later is needed: "
            "use a Python that brings its own (`uv python install`), or PostgreSQL"
        )
    engine = create_engine("sqlite://")
    engine.connect().close()  # the dialect reads the library's version
    engine.dispose()
    return engine.dialect


def _use_wal(connection: sqlite3.Connection) -> None:
    # If two processes create a database at once, one fails at once, whatever its timeout.
    deadline = time.monotonic() + SQLITE_BUSY_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _sqlite_engine(url: URL) -> Engine:
    path = Path(str(url.database))
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        # Only for its owner, since it names recipients; SQLite gives its WAL the same mode.
        path.touch(mode=0o600)
    path = path.absolute()

    def connect() -> Any:
        connection = sqlite3.connect(
            path,
            timeout=SQLITE_BUSY_TIMEOUT_SECONDS,
            isolation_level=None,  # the driver's transactions start so late that writers deadlock
            check_same_thread=False,
        )
        try:
            _use_wal(connection)
            connection.execute("PRAGMA foreign_keys=ON")
            # VACUUM writes the whole database into the WAL, which would stay as large for as long
            # as any process has the file open.
            connection.execute(f"PRAGMA journal_size_limit={_WAL_BYTES}")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    dialect = _sqlite_dialect()
    pool = QueuePool(connect, dialect=dialect)
    engine = Engine(pool, dialect, url, execution_options={"compiled_cache": _COMPILED})

    @event.listens_for(engine, "begin")
    def _begin_immediately(connection: Any) -> None:
        options = connection.get_execution_options()
        if options.get("is_reader"):
            return
        synchronous = "FULL" if options.get("waits_for_disk", True) else "NORMAL"
        if connection.info.get("synchronous") != synchronous:
            connection.exec_driver_sql(f"PRAGMA synchronous={synchronous}")
            connection.info["synchronous"] = synchronous
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def first_line(error: Exception) -> str:
    """The first line of the driver's error message, without SQLAlchemy's additions."""
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().partition("\n")[0] or type(cause).__name__
