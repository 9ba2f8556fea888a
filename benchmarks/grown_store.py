"""A store with very many known articles, written straight into its tables.

What look-ups and cycles meet is as in a store that grew by crawling: every article has an
address, a version, digests and the keys of a fingerprint, all spread at random over their
indexes. The texts in the records are short (that of an old article can be pruned; nothing here
reads one).

    python -m benchmarks.grown_store DATABASE ARTICLES
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from benchmarks.measure import SITE
from rscrawler.identity.fingerprints import KEYS

# Steps through the keys in an order that spreads an article's over the whole range.
_STRIDE = 7_368_787
_MULTIPLIER = 2_654_435_761
DAYS = 3650


def fill(database: Path, site: str, articles: int) -> None:
    """Add `articles` known articles of `site`, seen in ten years, to a store that has tables."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-1000000"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        parameters = {"site": site, "articles": articles, "days": DAYS}
        for statement in (_NUMBERS, _ARTICLES, _ADDRESSES, _VERSIONS):
            connection.execute(statement, parameters)
        newest = connection.execute("SELECT max(number) FROM article").fetchone()[0]
        connection.execute(
            _BANDS,
            {
                "articles": articles,
                "first": newest - articles + 1,
                "keys": articles * KEYS,
                "step": key_step(articles),
                "stride": _STRIDE,
                "multiplier": _MULTIPLIER,
            },
        )
        connection.execute("DROP TABLE filler")
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode=WAL")


def key_step(articles: int) -> int:
    """The mean distance of two keys: they are spread over 63 bits."""
    return ((1 << 63) - 1) // (articles * KEYS)


def keys_of(articles: int, position: int) -> list[int]:
    """The keys of the article at a position (from 0)."""
    step = key_step(articles)
    inverse = pow(_STRIDE, -1, articles)
    first = position * inverse % articles
    places = (first + turn * articles for turn in range(KEYS))
    return [place * step + place * _MULTIPLIER % step for place in places]


_NUMBERS = """
CREATE TEMP TABLE filler AS
WITH RECURSIVE counting(i) AS (
    SELECT 0 UNION ALL SELECT i + 1 FROM counting WHERE i + 1 < :articles
)
SELECT i, lower(hex(randomblob(8))) AS article_id,
       strftime('%Y-%m-%dT%H:%M:%S.000000Z', 'now',
                '-' || CAST((:articles - i) * 1.0 * :days * 86400 / :articles AS INTEGER)
                || ' seconds') AS moment
FROM counting
"""
_ARTICLES = """
INSERT INTO article (article_id, site, url, version, novelty, published_at, first_seen_at,
                     fetched_at, etag, page_digest, text_digest, body_digest, slug_stem, signature)
SELECT article_id, :site, 'http://127.0.0.1/filler-' || i || '/', 1, 'baseline', moment, moment,
       moment, 'W/"' || lower(hex(randomblob(12))) || '"', lower(hex(randomblob(16))),
       lower(hex(randomblob(16))), lower(hex(randomblob(16))), 'filler-' || i, randomblob(512)
FROM filler ORDER BY i
"""
_ADDRESSES = """
INSERT INTO address (site, key, url, state, article_id, seen_at, seen_in, attempts)
SELECT :site, '/filler-' || i, 'http://127.0.0.1/filler-' || i || '/', 'known', article_id,
       moment, '/analysis/', 0
FROM filler ORDER BY '/filler-' || i
"""
_VERSIONS = """
INSERT INTO version (record_id, article_id, version, recorded_at, event, record)
SELECT article_id || '-1', article_id, 1, moment, 'new',
       '{"title": "' || hex(randomblob(20)) || '", "body": "' || hex(randomblob(150)) || '"}'
FROM filler ORDER BY i
"""
# In the order of the keys, which is how a table of tens of millions of rows is written fast.
_BANDS = """
WITH RECURSIVE counting(i) AS (
    SELECT 0 UNION ALL SELECT i + 1 FROM counting WHERE i + 1 < :keys
)
INSERT OR IGNORE INTO band (key, article)
SELECT i * :step + (i * :multiplier) % :step, :first + (i * :stride) % :articles
FROM counting
"""


if __name__ == "__main__":
    fill(Path(sys.argv[1]), SITE, int(sys.argv[2]))
