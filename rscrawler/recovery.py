"""A lost or damaged database is set aside and rebuilt from the JSONL.

What the JSONL holds is every version of every piece, so what was seen stays seen.
What it does not hold (validators, who was mailed) is met with caution: the rebuilt
site is in baseline mode, in which nobody is alerted.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from rscrawler import decisions
from rscrawler.clock import utc_now
from rscrawler.config import Config
from rscrawler.delivery.jsonl import day_files, day_lines
from rscrawler.delivery.ops import notices
from rscrawler.errors import OutputError
from rscrawler.items import Article
from rscrawler.sites import SiteProfile, load_sites
from rscrawler.store import Store
from rscrawler.store.articles import Recording, Visit
from rscrawler.store.database import DamagedDatabase, set_aside, sqlite_file
from rscrawler.store.tables import ARTICLES_CHANNEL

logger = logging.getLogger(__name__)

RUN_ID = "rebuilt"


def open_store(config: Config, *, is_damaged: bool = False) -> Store:
    """The store of a configuration; a damaged or missing one is rebuilt from the JSONL first.

    `is_damaged`: it is known to be, though it may well open.

    Raises:
        ConfigurationError: the database URL or a site profile is of no use.
        StoreError: the database cannot be used, and cannot be set aside.
        OutputError: the JSONL from which it is to be rebuilt cannot be read.
    """
    aside: Path | None = None
    if is_damaged:
        aside = set_aside(config.database, utc_now())
    try:
        store = Store.open(config.database)
    except DamagedDatabase as error:
        logger.warning("%s", error)
        aside = set_aside(config.database, utc_now())
        store = Store.open(config.database)
    try:
        if store.articles.is_empty() and _has_lines(config.output_dir):
            count = rebuild(config, store)
            _tell(config, store, count, aside)
    except BaseException:
        store.close()  # nobody will have it to close
        raise
    return store


class StoreKeeper:
    """The store of a process that lives long: it is opened anew when its file is another one.

    Who replaces a SQLite database, or moves it away, does not reach a process that has
    the former file open: it would go on with what nobody else sees.

    Raises:
        ConfigurationError, StoreError: as `opening`.
    """

    def __init__(self, config: Config, opening: Callable[[Config], Store] = open_store) -> None:
        self._config = config
        self._opening = opening
        self._path = sqlite_file(config.database)
        self.store = opening(config)
        self._file = self._present_file()

    def _present_file(self) -> tuple[int, int] | None:
        if self._path is None:
            return None
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    @property
    def is_lost(self) -> bool:
        """Whether the store that is open is no longer the one of the configuration."""
        return self._present_file() != self._file

    def reopen(self, *, is_damaged: bool = False) -> Store:
        """Another store in the place of the one that is open.

        Raises:
            ConfigurationError, StoreError: as `opening`; it is tried again with the next call.
        """
        # First, while SQLite can tell whose its files are: by name it would delete the new ones.
        self.store.close()
        self.store = (
            open_store(self._config, is_damaged=True) if is_damaged else self._opening(self._config)
        )
        self._file = self._present_file()
        return self.store

    def close(self) -> None:
        """Close the store that is open."""
        self.store.close()


def _has_lines(output_dir: Path) -> bool:
    return any(path.stat().st_size for path in day_files(output_dir / ARTICLES_CHANNEL))


def rebuild(config: Config, store: Store) -> int:
    """Record every version in the JSONL as known, handing nothing on; gives their number.

    All or nothing: a rebuilding that is killed begins anew with the next start.
    """
    return store.articles.restore(_recordings(config, load_sites(config)))


def _recordings(config: Config, sites: Mapping[str, SiteProfile]) -> Iterator[Recording]:
    for article, first_seen_at in _articles(config.output_dir / ARTICLES_CHANNEL):
        if profile := sites.get(article.site):
            yield _recording(config, article, first_seen_at, profile)
        else:
            logger.warning("%s: site %r has no profile: not rebuilt", article.url, article.site)


def _articles(folder: Path) -> Iterator[tuple[Article, datetime]]:
    """Each recorded version, and when its piece was first seen."""
    for path in day_files(folder):
        for number, line in enumerate(_lines(path), start=1):
            try:
                article = Article.from_record(json.loads(line.decode(errors="replace")))
            except (ValueError, KeyError, TypeError, AttributeError):
                logger.warning("%s: line %d is no whole record: left out", path, number)
                continue
            if article.first_seen_at is None:
                logger.warning("%s: line %d: no first_seen_at: left out", path, number)
            else:
                yield article, article.first_seen_at


def _lines(path: Path) -> Iterator[bytes]:
    try:
        yield from day_lines(path)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be read: {error.strerror}; the database is rebuilt from it: mend it, "
            "or move it away"
        ) from error


def _recording(
    config: Config, article: Article, first_seen_at: datetime, profile: SiteProfile
) -> Recording:
    # Only here: whoever opens a store that is well need not know how a page is read.
    from rscrawler.extraction.addresses import address_key, slug_stem
    from rscrawler.spiders.reading import fingerprint_of

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
                first_seen_at, utc_now(), config.crawl.recheck_after
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
    now = utc_now()
    for message in notices(
        config.alerts, "Database rebuilt", text, key=f"rebuilt {now.isoformat()}", kind="ops",
        now=now,
    ):  # fmt: skip
        store.outbox.add(message)
