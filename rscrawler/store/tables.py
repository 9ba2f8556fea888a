"""The complete current schema.

A new database is created from this module; an older one is migrated by the
numbered steps in `migrations.py`. Times are text (`Moment`), so that SQLite and
PostgreSQL store and sort them alike.
"""

import sqlite3
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    column,
    func,
    insert,
    select,
    table,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from rscrawler.items import parse_rfc3339

metadata = MetaData()


# Each waits for one of PostgreSQL's advisory locks, and holds it until its transaction ends.
MIGRATION_LOCK = select(func.pg_advisory_xact_lock(7_226_104_115))
INDEX_LOCK = select(func.pg_advisory_xact_lock(7_226_104_116))


class Moment(TypeDecorator[datetime]):
    """A UTC time as `2026-11-24T13:21:39.000000Z`: fixed width, so it sorts as text."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """The text for the database; a time without a zone is a bug, and raises ValueError."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        # Takes a third of the time of `strftime`.
        return value.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """The time in UTC; text without a zone bypassed this type: a bug, and raises ValueError."""
        return None if value is None else parse_rfc3339(value)


# SQLite numbers rows automatically only in a column that is declared INTEGER.
RowNumber = BigInteger().with_variant(Integer, "sqlite")

schema_version = Table(
    "schema_version",
    metadata,
    Column("version", Integer, primary_key=True),
    Column("applied_at", Moment, nullable=False),
)

site = Table(
    "site",
    metadata,
    Column("name", String, primary_key=True),
    Column("baseline_at", Moment),  # end of the first successful cycle; NULL: not yet
    Column("last_run_at", Moment),
    Column("last_success_at", Moment),
    Column("not_before", Moment),  # no requests until then, after a long Retry-After
    Column("rules_digest", String(32)),  # of the profile's rules in the last cycle
)

# A host's robots.txt as last fetched.
robots = Table(
    "robots",
    metadata,
    Column("host", String, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("fetched_at", Moment, nullable=False),
    Column("etag", Text),
    Column("last_modified", Text),
)

source = Table(
    "source",
    metadata,
    Column("site", String, primary_key=True),
    Column("url", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("body_digest", String(32)),  # of its first page; NULL: not read by the present rules
    Column("read_at", Moment),  # when its pagination last ended; NULL: never
    Column("requested_at", Moment),  # last success, "not modified" included
    Column("dated_at", Moment),  # a sitemap's date in its index
    Column("pagination_cursor", Integer),  # page that pagination must reach; NULL: it ended
    Column("failures", Integer, nullable=False, default=0),  # in a row
    Column("failed_at", Moment),  # last failure; kept after a success, as is its error
    Column("last_error", Text),
)

article = Table(
    "article",
    metadata,
    Column("number", RowNumber, primary_key=True, autoincrement=True),
    Column("article_id", String(20), nullable=False, unique=True),
    Column("site", String, nullable=False),
    Column("url", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("novelty", String, nullable=False),
    Column("published_at", Moment),
    Column("modified_at", Moment),
    Column("first_seen_at", Moment, nullable=False),
    Column("fetched_at", Moment, nullable=False),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("page_digest", String(32), nullable=False),  # of the bytes: equal ones are not parsed
    Column("text_digest", String(32), nullable=False),  # of the normalized title, subtitle and body
    Column("body_digest", String(32)),  # of the normalized body; NULL: too short to compare
    Column("slug_stem", Text, nullable=False),
    Column("signature", LargeBinary),  # MinHash, 128 × uint32; NULL: too short to compare
    Column("duplicate_of", String(20)),
    Column("next_check_at", Moment),  # NULL: requested only if a source dates it later
    Column("gone_at", Moment),  # first check that found it gone; NULL: it is there
    Column("removed_at", Moment),  # recorded as removed
    Column("follows", String(20)),  # the article whose story it continues
    # 1: merged, or a duplicate that adds nothing to what it repeats; listed only under its site
    Column("is_folded", Integer, nullable=False, default=0, server_default="0"),
    # 1: merged into another article; its text is no candidate for duplicates any more
    Column("is_merged", Integer, nullable=False, default=0, server_default="0"),
    Index("article_due", "site", "next_check_at"),
    Index("article_body", "body_digest"),
    Index("article_stem", "site", "slug_stem"),
    Index("article_published", "site", "first_seen_at"),
    Index("article_dated", "site", "published_at", "first_seen_at"),
    Index("article_copies", "duplicate_of", sqlite_where=text("duplicate_of IS NOT NULL")),
)

# Every address ever discovered, so that none is fetched twice, and none is forgotten.
address = Table(
    "address",
    metadata,
    Column("site", String, primary_key=True),
    Column("key", String, primary_key=True),  # see identity.addresses.address_key
    Column("url", Text, nullable=False),
    # pending: to be requested · skipped: in a site's archive, requested only by a full crawl
    # · known: leads to an article · rejected: not an article, gone or off site
    Column("state", String, nullable=False),
    Column("article_id", String(20)),
    Column("seen_at", Moment, nullable=False),
    Column("seen_in", Text, nullable=False, default=""),  # paths of sources, one a line
    Column("dated_at", Moment),  # the latest date that a feed or sitemap gave
    Column("published_hint", Moment),  # first publication date that a source gave
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_try_at", Moment),
    Column("over_limit", Boolean),  # true: its page exceeded its limits; else NULL
    Index("address_pending", "site", "state", "next_try_at"),
    Index("address_over_limit", "site", sqlite_where=text("over_limit IS NOT NULL")),
    Index("address_article", "article_id"),
)

version = Table(
    "version",
    metadata,
    Column("record_id", String(32), primary_key=True),
    Column("article_id", String(20), nullable=False),
    Column("version", Integer, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("event", String, nullable=False),
    Column("record", Text, nullable=False),  # the line of the JSONL, without its line feed
    UniqueConstraint("article_id", "version"),
    Index("version_recorded", "recorded_at"),
)
LAST_VERSION = and_(
    version.c.article_id == article.c.article_id, version.c.version == article.c.version
)

# The keys of a fingerprint (see identity.fingerprints): similar texts share at least one.
band = Table(
    "band",
    metadata,
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    Column("article", RowNumber, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

# The level of an article's last version on a topic, and when the article was alerted on it.
flag = Table(
    "flag",
    metadata,
    Column("article_id", String(20), primary_key=True),
    Column("topic", String, primary_key=True),
    Column("level", String, nullable=False),
    Column("alerted_at", Moment),
)

# People's judgements of flags. Append-only: the last one of an article and topic holds.
judgement = Table(
    "judgement",
    metadata,
    Column("number", RowNumber, primary_key=True, autoincrement=True),
    Column("article_id", String(20), nullable=False),
    Column("record_id", String(32), nullable=False),  # the version that was judged
    Column("topic", String, nullable=False),
    Column("flagged_level", String, nullable=False),  # of the flag when it was judged
    Column("flagged_countries", Text, nullable=False),  # codes, separated by spaces
    Column("verdict", String, nullable=False),  # right · wrong
    Column("level", String, nullable=False),  # the correct one
    Column("countries", Text, nullable=False),
    Column("note", Text, nullable=False, default=""),
    Column("judged_by", String, nullable=False),
    Column("judged_at", Moment, nullable=False),
    Index("judgement_article", "article_id", "topic", "number"),
    Index("judgement_topic", "topic", "judged_at"),
)

ARTICLES_CHANNEL = "articles"
FLAGGED_CHANNEL = "flagged"
JSONL_CHANNELS = (ARTICLES_CHANNEL, FLAGGED_CHANNEL)

# Deliveries, pending and done. A row is one record for one channel:
# `articles` and `flagged` (the JSONL files), `email`, `channel:NAME`, `webhook:NAME`.
outbox = Table(
    "outbox",
    metadata,
    Column("number", RowNumber, primary_key=True, autoincrement=True),
    Column("channel", String, nullable=False),
    Column("record_id", String(32), nullable=False),
    Column("run_id", String(32), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("state", String, nullable=False),  # pending · done
    Column("message_id", String),  # NULL: in no message yet, or a JSONL row
    Column("file", String),  # JSONL rows: the file under output_dir that has the line
    UniqueConstraint("channel", "record_id"),
    Index("outbox_pending", "state", "channel", "number"),
    # Partial: nearly all rows are those of the JSONL.
    Index("outbox_message", "message_id", sqlite_where=text("message_id IS NOT NULL")),
    Index("outbox_record", "record_id"),
    Index("outbox_run", "run_id", "state", sqlite_where=text("message_id IS NOT NULL")),
)

# The committed size of each JSONL file. Beyond it, whole lines are kept, a torn one is removed.
jsonl_file = Table(
    "jsonl_file",
    metadata,
    Column("file", String, primary_key=True),
    Column("committed_bytes", BigInteger, nullable=False),
)

# A message as it is sent: its bytes never change, so a resend is identical.
message = Table(
    "message",
    metadata,
    Column("message_id", String, primary_key=True),
    Column("channel", String, nullable=False),
    Column("kind", String, nullable=False),  # alert · summary · ops · weekly
    Column("created_at", Moment, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("state", String, nullable=False),  # pending · done · failed
    Column("claimed_by", String),
    Column("claimed_until", Moment),
    Index("message_state", "state", "channel"),
    Index("message_composed", "kind", "created_at"),
)

# One recipient of a message: pending and refused are retried, failed is given up, done is never
# sent again, cancelled was dropped by a user, by pruning or for an address that replaces it.
recipient = Table(
    "recipient",
    metadata,
    Column("message_id", ForeignKey("message.message_id"), primary_key=True),
    Column("address", String, primary_key=True),
    Column("state", String, nullable=False),  # pending · refused · done · failed · cancelled
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_try_at", Moment, nullable=False),
    Column("last_error", Text),
    Index("recipient_due", "state", "next_try_at"),
    Index("recipient_served", "address", "state", "next_try_at"),
)

problem = Table(
    "problem",
    metadata,
    Column("subject", String, primary_key=True),  # a site, `outbox/email`, `disk` …
    Column("code", String, primary_key=True),
    Column("message", Text, nullable=False),
    Column("since", Moment, nullable=False),
    Column("notified_at", Moment),  # of the operators; NULL: not yet
    Column("ended", Integer, nullable=False, default=0),  # 1: it is over; nobody notified yet
)

run = Table(
    "run",
    metadata,
    Column("run_id", String(32), primary_key=True),
    Column("site", String, primary_key=True),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("succeeded", Integer),
    Column("counters", Text),  # JSON
    # JSON, see monitoring.observation; NULL: the cycle failed, or saw nothing of the layout
    Column("observation", Text),
    Index("run_site", "site", "started_at"),
)

# Counters summed over all cycles of a site; they are kept when runs are deleted.
total = Table(
    "total",
    metadata,
    Column("site", String, primary_key=True),
    Column("name", String, primary_key=True),  # a counter, `cycles/succeeded`, `dropped/REASON`
    Column("value", BigInteger, nullable=False),
)

lease = Table(
    "lease",
    metadata,
    Column("name", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("expires_at", Moment, nullable=False),
)

# A job of the schedules: when it fires next, and the outcome of its last run.
job = Table(
    "job",
    metadata,
    Column("job_id", String, primary_key=True),
    Column("definition", Text, nullable=False),  # its schedule; a new one sets next_fire_at anew
    Column("next_fire_at", Moment, nullable=False),
    Column("last_fired_at", Moment),
    Column("last_outcome", Text),
    Column("failures", Integer, nullable=False, default=0),  # in a row
)

# Each run of a job by its fire time: of several services, only one can insert the row.
fired = Table(
    "fired",
    metadata,
    Column("job_id", String, primary_key=True),
    Column("fire_at", Moment, primary_key=True),
    Column("fired_by", String, nullable=False),  # see store.leases.process_identity
    Column("fired_at", Moment, nullable=False),
    Column("ended_at", Moment),  # NULL: it runs, or its service died
    Column("outcome", Text),
    Index("fired_running", "ended_at", "job_id"),
)


def prepare_for_postgresql() -> None:
    """Make partial indexes partial in PostgreSQL, too; this imports the whole dialect."""
    for each in metadata.tables.values():
        for index in each.indexes:
            index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]


# The search index of the dashboard, see `store.index`. It is derived from the records, so it is not
# copied with a store.
index_metadata = MetaData()

unindexed = Table(
    "unindexed",
    index_metadata,
    Column("number", RowNumber, primary_key=True, autoincrement=True),
    Column("article_id", String(20), nullable=False),
)

entry = Table(
    "entry",
    index_metadata,
    Column("number", RowNumber, primary_key=True, autoincrement=False),  # the article's
    Column("article_id", String(20), nullable=False),
    Column("site", String, nullable=False),
    Column("age", Moment, nullable=False),  # publication; first sight if undated or earlier
    Column("first_seen_at", Moment, nullable=False),
    Column("novelty", String, nullable=False),
    Column("is_folded", Integer, nullable=False),  # as the article's
    Index("entry_age", "age", "number"),
    Index("entry_site", "site", "age"),
)

# The values by which articles are filtered: level/TOPIC, country/TOPIC, section, author.
facet = Table(
    "facet",
    index_metadata,
    Column("name", String, primary_key=True),
    Column("value", String, primary_key=True),
    Column("article", BigInteger, primary_key=True, autoincrement=False),
    Index("facet_article", "article"),
    sqlite_with_rowid=False,
)

article_text = table("article_text", column("rowid"), column("words"))  # see _INDEX_DDL
# The texts are in the records, so the index keeps none. Before SQLite 3.43 it must keep them, since
# rows cannot be deleted otherwise.
_CONTENT = (
    ", content = '', contentless_delete = 1" if sqlite3.sqlite_version_info >= (3, 43) else ""
)
_MARK = " BEGIN INSERT INTO unindexed (article_id) VALUES (new.article_id); END"
_INDEX_DDL = {
    "sqlite": (
        "DROP TABLE IF EXISTS article_text",
        "DROP TRIGGER IF EXISTS version_inserted",
        "DROP TRIGGER IF EXISTS version_updated",
        "DROP TRIGGER IF EXISTS article_folded",
        "CREATE VIRTUAL TABLE article_text USING fts5("
        f"words, tokenize = 'unicode61 remove_diacritics 0'{_CONTENT})",
        f"CREATE TRIGGER version_inserted AFTER INSERT ON version{_MARK}",
        f"CREATE TRIGGER version_updated AFTER UPDATE OF record ON version{_MARK}",
        # A copy is unfolded without a new version when its original is merged into it.
        "CREATE TRIGGER article_folded AFTER UPDATE OF is_folded ON article"
        f" WHEN old.is_folded <> new.is_folded{_MARK}",
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
    """Create the search index, replacing an existing one, with a mark for every article."""
    index_metadata.drop_all(connection)
    index_metadata.create_all(connection)
    for statement in _INDEX_DDL[connection.dialect.name]:
        connection.execute(text(statement))
    ids = select(article.c.article_id).order_by(article.c.number)
    connection.execute(insert(unindexed).from_select(["article_id"], ids))
