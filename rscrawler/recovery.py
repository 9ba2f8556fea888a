"""A lost or damaged database is set aside and rebuilt from the JSONL.

What the JSONL holds is every version of every piece, so what was seen stays seen.
What it does not hold (validators, who was mailed) is met with caution: the rebuilt
site is in baseline mode, in which nobody is alerted.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rscrawler import decisions
from rscrawler.config import Config
from rscrawler.delivery.ops import notices
from rscrawler.errors import StoreError
from rscrawler.extraction.addresses import address_key, slug_stem
from rscrawler.items import Article
from rscrawler.pipelines.dedupe import fingerprint_of
from rscrawler.sites import SiteProfile, load_sites
from rscrawler.store import Store
from rscrawler.store.articles import Recording, Visit
from rscrawler.store.database import DamagedDatabase, set_aside
from rscrawler.store.tables import ARTICLES_CHANNEL

logger = logging.getLogger(__name__)

RUN_ID = "rebuilt"


def open_store(config: Config) -> Store:
    """The store of a configuration; a damaged or missing one is rebuilt from the JSONL first.

    Raises:
        ConfigurationError: the database URL or a site profile is of no use.
        StoreError: the database cannot be used, and cannot be set aside.
    """
    aside: Path | None = None
    try:
        store = Store.open(config.database)
    except DamagedDatabase as error:
        logger.warning("%s", error)
        aside = set_aside(config.database, datetime.now(UTC))
        store = Store.open(config.database)
    if store.articles.is_empty() and _has_lines(config.output_dir):
        count = rebuild(config, store)
        _tell(config, store, count, aside)
    return store


def _has_lines(output_dir: Path) -> bool:
    files = (output_dir / ARTICLES_CHANNEL).glob("*.jsonl")
    return any(path.stat().st_size for path in files)


def rebuild(config: Config, store: Store) -> int:
    """Record every version in the JSONL as known, handing nothing on; gives their number."""
    sites = load_sites(config)
    count = 0
    for record in _records(config.output_dir / ARTICLES_CHANNEL):
        article = Article.from_record(record)
        profile = sites.get(article.site)
        if profile is None:
            logger.warning("%s: site %r has no profile: not rebuilt", article.url, article.site)
            continue
        store.articles.restore(_recording(config, article, profile))
        count += 1
    return count


def _records(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("*.jsonl")):
        with path.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    yield json.loads(line)
                except json.JSONDecodeError:
                    logger.warning("%s: line %d is not whole: left out", path, number)


def _recording(config: Config, article: Article, profile: SiteProfile) -> Recording:
    if article.first_seen_at is None:
        raise StoreError(f"{article.record_id}: first_seen_at is missing in the JSONL")
    minimum = config.alerts.minimum
    addresses = {address_key(url, profile): url for url in (article.url, *article.aliases)}
    return Recording(
        article=article,
        fingerprint=fingerprint_of(article, slug_stem(article.url, profile)),
        visit=Visit(
            run_id=RUN_ID,
            address_keys=tuple(addresses.items()),
            page_digest="",
            next_check_at=decisions.next_check(
                article.first_seen_at, datetime.now(UTC), config.crawl.recheck_after
            ),
        ),
        recorded_at=article.fetched_at,
        channels=(),
        # Whoever was mailed is not known any more: better nobody than somebody twice.
        alerted_topics=tuple(flag.topic for flag in article.topics if flag.level.reaches(minimum)),
    )


def _tell(config: Config, store: Store, count: int, aside: Path | None) -> None:
    cause = f"was damaged and is now {aside}" if aside else "was missing or empty"
    text = (
        f"The database {cause}. It has been rebuilt from the JSONL: {count} versions. "
        "The next cycle is a baseline: what it finds is recorded, and nobody is alerted."
    )
    logger.warning("%s", text)
    now = datetime.now(UTC)
    for message in notices(
        config.alerts, "Database rebuilt", text, key=f"rebuilt {now.isoformat()}", kind="ops",
        now=now,
    ):  # fmt: skip
        store.outbox.add(message)
