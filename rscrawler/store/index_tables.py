"""The tables of the index that the dashboard looks through; see `store.index`.

They are not in `tables.metadata`: all of this is derived, and no copy of a store needs it.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    insert,
    select,
    text,
)

from rscrawler.store.tables import Moment, RowNumber, article

metadata = MetaData()

unindexed = Table(
    "unindexed",
    metadata,
    Column("number", RowNumber, primary_key=True, autoincrement=True),
    Column("article_id", String(20), nullable=False),
)

entry = Table(
    "entry",
    metadata,
    Column("number", RowNumber, primary_key=True, autoincrement=False),  # the article's
    Column("article_id", String(20), nullable=False),
    Column("site", String, nullable=False),
    Column("age", Moment, nullable=False),  # published, as far as that can be believed
    Column("first_seen_at", Moment, nullable=False),
    Column("novelty", String, nullable=False),
    Column("is_folded", Integer, nullable=False),  # as the article's
    Index("entry_age", "age", "number"),
    Index("entry_site", "site", "age"),
)

# level/TOPIC, country/TOPIC, section, author: what an article is found by.
facet = Table(
    "facet",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", String, primary_key=True),
    Column("article", BigInteger, primary_key=True, autoincrement=False),
    Index("facet_article", "article"),
    sqlite_with_rowid=False,
)

# The texts themselves are in the records; older versions of SQLite must keep them here as well
# to be able to take them out again.
_CONTENT = (
    ", content = '', contentless_delete = 1" if sqlite3.sqlite_version_info >= (3, 43) else ""
)
_DDL = {
    "sqlite": (
        "DROP TABLE IF EXISTS article_text",
        "DROP TRIGGER IF EXISTS version_inserted",
        "DROP TRIGGER IF EXISTS version_updated",
        "DROP TRIGGER IF EXISTS article_folded",
        "CREATE VIRTUAL TABLE article_text USING fts5("
        f"words, tokenize = 'unicode61 remove_diacritics 0'{_CONTENT})",
        "CREATE TRIGGER version_inserted AFTER INSERT ON version BEGIN"
        " INSERT INTO unindexed (article_id) VALUES (new.article_id); END",
        "CREATE TRIGGER version_updated AFTER UPDATE OF record ON version BEGIN"
        " INSERT INTO unindexed (article_id) VALUES (new.article_id); END",
        # What a copy repeats can turn out to be the same article, without a new version.
        "CREATE TRIGGER article_folded AFTER UPDATE OF is_folded ON article"
        " WHEN old.is_folded <> new.is_folded BEGIN"
        " INSERT INTO unindexed (article_id) VALUES (new.article_id); END",
    ),
    "postgresql": (
        "DROP TABLE IF EXISTS article_text",
        "DROP TRIGGER IF EXISTS version_written ON version",
        "DROP TRIGGER IF EXISTS article_folded ON article",
        "CREATE TABLE article_text (rowid BIGINT PRIMARY KEY, words TSVECTOR NOT NULL)",
        "CREATE INDEX article_text_words ON article_text USING gin (words)",
        "CREATE OR REPLACE FUNCTION mark_unindexed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO unindexed (article_id) VALUES (NEW.article_id); RETURN NULL; END $$",
        "CREATE TRIGGER version_written AFTER INSERT OR UPDATE OF record ON version"
        " FOR EACH ROW EXECUTE FUNCTION mark_unindexed()",
        "CREATE TRIGGER article_folded AFTER UPDATE OF is_folded ON article"
        " FOR EACH ROW WHEN (OLD.is_folded <> NEW.is_folded) EXECUTE FUNCTION mark_unindexed()",
    ),
}


def create_index(connection: Connection) -> None:
    """Make the index, in the place of one that is there, with a mark for every article."""
    metadata.drop_all(connection)
    metadata.create_all(connection)
    for statement in _DDL[connection.dialect.name]:
        connection.execute(text(statement))
    ids = select(article.c.article_id).order_by(article.c.number)
    connection.execute(insert(unindexed).from_select(["article_id"], ids))
