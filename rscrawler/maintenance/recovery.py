"""Sets a damaged database aside, and rebuilds a lost one from the JSONL.

The JSONL has every version of every article, so known articles stay known. Pending alerts
are in the spool. The rest is lost (validators, who was mailed), so a rebuilt site starts in
baseline mode: nobody is alerted, except for one summary of newer articles
(`delivery.messages.alert_unalerted`).
"""

import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

from rscrawler import decisions
from rscrawler.clock import utc_now
from rscrawler.config import Config
from rscrawler.delivery.channels import message_channels
from rscrawler.delivery.jsonl import output_errors, output_lock
from rscrawler.delivery.ops import DATABASE_SUBJECT, notice_of
from rscrawler.delivery.records import day_files, day_lines
from rscrawler.delivery.spool import spool_folder, spooled_count, spooled_record_ids
from rscrawler.delivery.wording import one_line, rendered
from rscrawler.errors import OutputError
from rscrawler.identity.addresses import address_key, slug_stem
from rscrawler.identity.fingerprints import fingerprint_of
from rscrawler.items import Article, Novelty, TopicFlag
from rscrawler.sites import SiteProfile, load_sites
from rscrawler.store import Store
from rscrawler.store.articles import Recording, Visit
from rscrawler.store.damage import damage_mark, is_damaged, is_suspect, set_aside
from rscrawler.store.database import DamagedDatabase, sqlite_file
from rscrawler.store.health import Problem, ProblemCode
from rscrawler.store.tables import ARTICLES_CHANNEL, FLAGGED_CHANNEL

logger = logging.getLogger(__name__)

RUN_ID = "rebuilt"
UNCERTAIN = timedelta(days=1)  # before a loss; operators get a list of what was flagged in it
_FILES_OF_TWO_DAYS = 4  # each day has a file, and perhaps a compressed one


def open_store(config: Config) -> Store:
    """Open the store of a configuration; rebuild a damaged or missing one from the JSONL first.

    Raises:
        ConfigurationError: the database URL or a site profile is invalid.
        StoreError: the database cannot be used, and cannot be set aside.
        OutputError: the JSONL from which it is to be rebuilt cannot be read.
    """
    path = sqlite_file(config.database)
    if path is None or not is_suspect(path):
        with suppress(DamagedDatabase):
            store = Store.open(config.database)
            if not _must_be_rebuilt(config, store):
                return store
            store.close()
    return _repaired_store(config)


def has_records(config: Config) -> bool:
    """Whether the JSONL holds records, from which a store can be rebuilt."""
    return any(path.stat().st_size for path in day_files(config.output_dir / ARTICLES_CHANNEL))


class StoreKeeper:
    """The store of a long-lived process, which can reopen it when the file has been replaced.

    When a SQLite file is replaced or moved away, a process that has the old file open would
    go on with a database that nobody else sees.

    Raises:
        ConfigurationError, StoreError: as `opening`.
    """

    def __init__(self, config: Config, opening: Callable[[Config], Store] = open_store) -> None:
        self._config = config
        self._opening = opening
        self._path = sqlite_file(config.database)
        self.store = opening(config)
        self._opened = self._present_file()

    def _present_file(self) -> os.stat_result | None:
        """The identity and size of the database file; None without one, as for PostgreSQL."""
        with suppress(FileNotFoundError):
            return self._path.stat() if self._path else None
        return None

    @property
    def is_lost(self) -> bool:
        """Whether the open database was replaced, moved away, emptied or damaged.

        Only SQLite may open the file here: closing any other descriptor of it drops this process's
        POSIX locks; another process then takes itself for the last one, and removes the WAL.
        """
        opened, present = self._opened, self._present_file()
        if self._path is None or opened is None or present is None:
            return opened is not present
        # An empty file passes for intact, but nobody can fill it while this process has it open.
        if not os.path.samestat(opened, present) or opened.st_size > present.st_size == 0:
            return True
        self._opened = present
        is_to_check = present.st_size < opened.st_size or damage_mark(self._path).exists()
        return is_to_check and is_damaged(self._path)

    def reopen(self) -> Store:
        """Close the store, and open it again.

        Raises:
            ConfigurationError, StoreError: as `opening`; the next call tries again.
        """
        # First: SQLite deletes a WAL by name, and would delete that of a new database.
        self.store.close()
        self.store = self._opening(self._config)
        self._opened = self._present_file()
        return self.store

    def close(self) -> None:
        """Close the open store."""
        self.store.close()


# Rebuilding.


def _must_be_rebuilt(config: Config, store: Store) -> bool:
    """Whether the store is empty, but the JSONL is not."""
    return store.articles.is_empty() and has_records(config)


def _repaired_store(config: Config) -> Store:
    """Open the store while nobody writes lines: set a damaged one aside, rebuild a lost one."""
    with output_errors(config.output_dir), output_lock(config.output_dir):
        path = sqlite_file(config.database)
        aside = set_aside(path, utc_now()) if path and is_damaged(path) else None
        store = Store.open(config.database)
        try:
            if _must_be_rebuilt(config, store):
                # One transaction: after a kill, the next start begins again.
                count = store.articles.restore(_recordings(config, load_sites(config)))
                _report_rebuilt(config, store, count, aside)
            elif aside:
                logger.warning("the database was damaged and is now %s: a new one is used", aside)
        except BaseException:
            store.close()  # the caller does not get it, and cannot close it
            raise
    return store


def _recordings(config: Config, sites: Mapping[str, SiteProfile]) -> Iterator[Recording]:
    """Every version in the JSONL, as a recording that alerts nobody."""
    flagged = {each.record_id for each in _articles(day_files(config.output_dir / FLAGGED_CHANNEL))}
    flags_by_article: dict[str, list[TopicFlag]] = {}  # without the evidence
    recheck_after, minimum = config.crawl.recheck_after, config.alerts.minimum
    for article in _articles(day_files(config.output_dir / ARTICLES_CHANNEL)):
        flags = [replace(flag, evidence=()) for flag in article.topics]
        flags_by_article[article.article_id] = flags
        profile = sites.get(article.site)
        if profile is None:
            _warn(f"site {article.site!r} has no profile: its articles are not rebuilt")
            continue
        first_seen_at = article.first_seen_at = article.first_seen_at or article.fetched_at
        addresses = {address_key(url, profile): url for url in (article.url, *article.aliases)}
        yield Recording(
            article=article,
            fingerprint=fingerprint_of(article, slug_stem(article.url, profile)),
            visit=Visit(
                addresses=addresses,
                page_digest="",
                next_check_at=decisions.next_check(first_seen_at, utc_now(), recheck_after),
            ),
            run_id=RUN_ID,
            recorded_at=article.fetched_at,
            # The feeds are made from the rows of this channel.
            channels=(FLAGGED_CHANNEL,) if article.record_id in flagged else (),
            # Who was mailed is no longer known: better no alert than a second one.
            alerted_topics=tuple(flag.topic for flag in flags if flag.level.reaches(minimum)),
            is_folded=decisions.is_folded(
                article, flags_by_article.get(article.duplicate_of or "", [])
            ),
        )


def _articles(files: Iterable[Path]) -> Iterator[Article]:
    for path in files:
        try:
            for number, line in enumerate(day_lines(path), start=1):
                try:
                    yield Article.from_json(line.decode(errors="replace"))
                except ValueError:
                    _warn(f"{path}: line {number} is not a complete record: left out")
        except OSError as error:
            raise OutputError(
                f"{path}: cannot be read: {error.strerror}; the database is rebuilt from it: "
                "repair it, or move it away"
            ) from error


@cache
def _warn(line: str) -> None:
    """Log a line once, however often files are read and rebuilding is tried."""
    logger.warning("%s", line)


def _flagged_before(config: Config) -> list[tuple[str, str]]:
    """(title, url) of articles flagged in the last day before a loss and not in the spool."""
    files = day_files(config.output_dir / FLAGGED_CHANNEL)[-_FILES_OF_TWO_DAYS:]
    last = deque(_articles(files), 20)
    newest = max((each.fetched_at for each in last), default=None)
    spooled = spooled_record_ids(config)
    return [
        (one_line(each.title), each.url)
        for each in last
        if newest
        and each.fetched_at > newest - UNCERTAIN
        and each.novelty is Novelty.NEW  # others alert nobody
        and each.record_id not in spooled
    ]


def _report_rebuilt(config: Config, store: Store, count: int, aside: Path | None) -> None:
    """Raise the problem, and notify the operators at once of what was or may be lost."""
    now, cause = utc_now(), f"was damaged and is now {aside}" if aside else "was missing or empty"
    text = f"The database {cause}. It has been rebuilt from the JSONL: {count} versions."
    logger.warning("%s", text)
    store.health.raise_problem(DATABASE_SUBJECT, ProblemCode.REBUILT, text, now)
    problem = Problem(DATABASE_SUBJECT, ProblemCode.REBUILT, text, now)
    notice_text = rendered(
        "rebuilt.txt.j2",
        text=text,
        folder=spool_folder(config),
        spooled=spooled_count(config),
        last_at=store.history.last_recorded_at(),
        flagged=_flagged_before(config),
    ).strip()
    notice = notice_of("Problem", [problem], notice_text, now)
    if messages := message_channels(config).notices(notice):
        store.health.notify_start([problem], messages, now)
