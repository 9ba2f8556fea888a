"""What SQLAlchemy lacks: lists as one parameter, and queries at the speed of the driver."""

from collections.abc import Sequence
from typing import Any, Self

from sqlalchemy import ARRAY, JSON, Boolean, ColumnElement, Connection, Dialect, Select, bindparam
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import OperatorType


class among(FunctionElement[bool]):  # noqa: N801 (as SQLAlchemy names its own)
    """Whether a column's value is in a list of any length; a text names a bound parameter."""

    type = Boolean()
    inherit_cache = True

    def __init__(self, column: ColumnElement[Any], values: Sequence[Any] | str) -> None:
        of_type = JSON().with_variant(ARRAY(column.type), "postgresql")
        if isinstance(values, str):
            super().__init__(column, bindparam(values, type_=of_type, required=False))
        else:
            super().__init__(column, bindparam(None, list(values), of_type, unique=True))

    def self_group(self, against: OperatorType | None = None) -> Self:
        """Unchanged: SQLAlchemy would add `= 1` for SQLite, which then uses no index."""
        return self


@compiles(among)
def _among(element: among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(each, **options) for each in element.clauses)
    if compiler.dialect.name == "sqlite":
        return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 (compiled)
    return f"{column} = ANY ({values})"


class Lookup:
    """A frequent query, given to the driver: SQLAlchemy would take five times as long.

    Parameters and columns are converted as by SQLAlchemy.
    """

    def __init__(self, query: Select[Any], dialect: Dialect) -> None:
        options = {"render_postcompile": True}  # lists of constants in its text
        compiled = query.compile(dialect=dialect, compile_kwargs=options)
        assert isinstance(compiled, SQLCompiler)
        self._sql = str(compiled)
        self._dialect, self._error = dialect, dialect.loaded_dbapi.Error
        self._names = compiled.positiontup
        self._fixed = {name: value for name, value in compiled.params.items() if value is not None}
        self._to_driver = {
            name: convert
            for name, parameter in compiled.binds.items()
            if (convert := parameter.type.dialect_impl(dialect).bind_processor(dialect))
        }
        self._from_driver = [
            (place, convert)
            for place, column in enumerate(query.selected_columns)
            if (convert := column.type.dialect_impl(dialect).result_processor(dialect, None))
        ]

    def rows(self, connection: Connection, **parameters: Any) -> list[list[Any]]:
        """The rows, each with its columns in the query's order."""
        given = self._fixed | parameters
        for name, convert in self._to_driver.items():
            given[name] = convert(given[name])
        values = given if self._names is None else [given[name] for name in self._names]
        cursor = connection.connection.cursor()
        try:
            cursor.execute(self._sql, values)
            found = [list(row) for row in cursor.fetchall()]
        except self._error as error:
            if self._dialect.is_disconnect(error, cursor.connection, cursor):
                connection.invalidate(error)  # else its pool would log that it cannot reset it
            raise DBAPIError.instance(self._sql, None, error, self._error) from error
        finally:
            cursor.close()
        for place, convert in self._from_driver:
            for row in found:
                row[place] = convert(row[place])
        return found
