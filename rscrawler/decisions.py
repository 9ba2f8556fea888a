"""Decides what should happen, from plain values and the given time.

Nothing here reads a clock, a file or a database: the spider and the pipelines call
these functions and carry out the decisions. In order: what to record, whether to alert, when to
request a page again, what a source says, which requests and crawls must wait.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from rscrawler.items import Article, Event, Level, Novelty, TopicFlag

# Stored as `last_modified`: parse the page again, though it may be as it was.
PARSE_AGAIN = ""
# Clocks of two machines may differ by this much.
CLOCK_TOLERANCE = timedelta(minutes=1)
# A longer Retry-After is cut to this; then the host is requested again.
LONGEST_PAUSE = timedelta(days=1)
# Of a service at once: each has some 40 MiB, and all jobs are due after a pause.
MOST_CRAWLS = 16
MAX_ATTEMPTS = 3  # at an address that responds 404 or 410, or redirects to another site
LONGEST_RETRY = timedelta(hours=6)
_PATIENCE = timedelta(minutes=10)  # for this long, every cycle requests a due page
_MOST_PAGES = 50  # of a listing, except on a first or full run
_LONGEST_TRUST = timedelta(days=1)  # in a server that responds "not modified"
_METHODS = ("structured", "fallback", "profile")  # of extraction, the best one last


@dataclass(frozen=True, slots=True)
class KnownArticle:
    """The stored state of an article, as far as decisions need it."""

    article_id: str
    url: str
    version: int
    novelty: Novelty
    first_seen_at: datetime
    fetched_at: datetime
    text_digest: str
    page_digest: str
    modified_at: datetime | None = None
    published_at: datetime | None = None
    etag: str | None = None
    last_modified: str | None = None
    duplicate_of: str | None = None
    follows: str | None = None
    next_check_at: datetime | None = None
    gone_at: datetime | None = None
    removed_at: datetime | None = None


def event_of(known: KnownArticle | None, digest: str) -> Event | None:
    """The event of a newly fetched page: new, updated, or None for unchanged.

    An article that returns after its removal was recorded is an update.
    """
    if known is None:
        return Event.NEW
    if known.removed_at is not None or known.text_digest != digest:
        return Event.UPDATED
    return None


def is_overtaken(known: KnownArticle, fetched_at: datetime, page_digest: str) -> bool:
    """Whether a later visit to its article has made an archived page out of date."""
    if known.removed_at is not None:
        return fetched_at < known.removed_at
    return known.page_digest != page_digest and fetched_at < known.fetched_at


_BY_SOURCE = "hint"  # begins the origin of a date that a source gave
_NOT_OWN = ("fallback", _BY_SOURCE)  # any page may print a date, or link to the site's sections


def own_signs(article: Article, provenance: Mapping[str, str]) -> list[str]:
    """The fields by which a page shows that it is an article, as far as it gives them itself."""
    return [
        name
        for name in ("published_at", "authors", "sections", "tags")
        if getattr(article, name) and not provenance.get(name, _BY_SOURCE).startswith(_NOT_OWN)
    ]


def reading_hints(before: Article | None, hint: datetime | None) -> tuple[datetime | None, bool]:
    """The date that a source gave for a page, and whether the page needs a sign of its own.

    It does if its record `before` has one: else a notice in the article's place would be an edit.
    """
    if before is None:
        return hint, False
    origins = before.extraction.provenance
    is_by_source = origins.get("published_at", _BY_SOURCE).startswith(_BY_SOURCE)
    date = hint or (before.published_at if is_by_source else None)
    return date, bool(own_signs(before, origins))


def is_mere_degradation(before: Article, after: Article) -> bool:
    """Whether a text changed because extraction got worse, not because the article was edited.

    If the profile's selectors no longer match, the layout has changed, and the text of a fallback
    is not an edit; nor is an empty body on a page that had one. The stored text stays, and the
    drift is reported.
    """
    ranks = [_METHODS.index(each.extraction.method) for each in (before, after)]
    return ranks[1] < ranks[0] or bool(before.body and not after.body)


def novelty_of(
    published_at: datetime | None, first_seen_at: datetime, max_age: timedelta, *, in_baseline: bool
) -> Novelty:
    """The novelty of an article. Without a date, it counts as published when first seen."""
    if in_baseline:
        return Novelty.BASELINE
    if published_at is not None and first_seen_at - published_at > max_age:
        return Novelty.BACKFILL
    return Novelty.NEW


def topics_to_alert(
    article: Article,
    *,
    levels_before: dict[str, Level],
    already_alerted: Iterable[str],
    topics: Sequence[str],
    minimum: Level,
    was_copy: bool = False,
    repeated: Iterable[TopicFlag] = (),
) -> list[TopicFlag]:
    """The flags of this version that warrant an alert; empty if none does.

    A new article alerts if it is news; an updated one if its level rises to `minimum` or above.
    `levels_before` are the highest levels of earlier versions; that of the previous text is by the
    present watch-list, so a changed watch-list alone never alerts. No article alerts twice on one
    topic. A duplicate alerts where it adds to `repeated`, the flags of what it repeats. A former
    copy (`was_copy`) alerts like a new article, since its earlier level alerted nobody.

    After a lost database, `delivery.messages.alert_unalerted` decides by rules of its own.
    """
    if article.event is Event.REMOVED:
        return []
    if article.event is Event.NEW and article.novelty is not Novelty.NEW:
        return []
    alerted = set(already_alerted)
    if was_copy and article.novelty is Novelty.NEW:
        levels_before = {}
    flags = article.topics
    if article.duplicate_of is not None:
        flags = flags_beyond(flags, repeated)
    return [
        flag
        for flag in flags
        if flag.topic in topics
        and flag.topic not in alerted
        and flag.level.reaches(minimum)
        and not levels_before.get(flag.topic, Level.NONE).reaches(minimum)
    ]


def flags_beyond(flags: Iterable[TopicFlag], others: Iterable[TopicFlag]) -> list[TopicFlag]:
    """The flags that add to others: a higher level on their topic, or a further country."""
    known, beyond = list(others), []
    for flag in flags:
        alerted = [each for each in known if each.topic == flag.topic]
        countries = {country for each in alerted for country in each.countries}
        highest = max((each.level.rank for each in alerted), default=0)
        if flag.level.rank > highest or not countries.issuperset(flag.countries):
            beyond.append(flag)
    return beyond


def is_folded(article: Article, repeated: Iterable[TopicFlag]) -> bool:
    """Whether a duplicate adds nothing to what it repeats, and is listed only under that."""
    return article.duplicate_of is not None and not flags_beyond(article.topics, repeated)


def next_check(
    first_seen_at: datetime,
    now: datetime,
    recheck_after: Sequence[timedelta],
    dated_at: datetime | None = None,
) -> datetime | None:
    """When to request a page again by its age; None after the last age of `recheck_after`.

    A late visit replaces every check that was due before it. If a source's date (`dated_at`) was
    the reason for a visit, the ages count from that date, too: a cache may have returned an older
    page, and a page that is dated by a day alone may still change on that day.
    """
    since = [first_seen_at] if dated_at is None else [first_seen_at, dated_at]
    checks = (start + age for start in since for age in recheck_after)
    return min((check for check in checks if check > now), default=None)


def is_dated_later(known: KnownArticle, dated_at: datetime | None, before: datetime | None) -> bool:
    """Whether a feed's or sitemap's date says that the stored version is out of date.

    Compares with the date that the sources gave `before`; without it, with the page's own dates;
    without those, with the time of the fetch.
    """
    reference = before or known.modified_at or known.published_at or known.fetched_at
    return dated_at is not None and dated_at > reference


def recheck_at(known: KnownArticle, now: datetime) -> datetime:
    """When to request a known page again that could not be fetched.

    With the next cycle while it has been due for less than 10 min. After that, the delay is the
    time since its last fetch, at least 10 min and at most a day.
    """
    due_at = min(known.next_check_at or now, now)
    if now - due_at < _PATIENCE:
        return due_at
    return now + min(max(now - known.fetched_at, _PATIENCE), timedelta(days=1))


def retry_at(attempts: int, now: datetime) -> datetime:
    """When to retry an address that could not be fetched.

    After the first attempt with the next cycle; then after 1 min, doubling, up to 1 h; after
    50 attempts (about two days) every 6 h.
    """
    if attempts <= 1:
        return now
    if attempts > 50:
        return now + LONGEST_RETRY
    doublings = min(attempts - 2, 6)  # more would exceed the limit, and finally overflow
    return now + min(timedelta(minutes=2**doublings), timedelta(hours=1))


def after_gone(
    known: KnownArticle, now: datetime, removal_after: timedelta
) -> tuple[bool, datetime, datetime | None]:
    """Whether to record the removal of a page that is gone, since when it is, and its next check.

    It is removed once two checks, at least `removal_after` apart, found it gone.
    """
    gone_at = known.gone_at or now
    if known.removed_at is not None:
        return False, gone_at, None
    is_removed = known.gone_at is not None and now - gone_at >= removal_after
    return is_removed, gone_at, None if is_removed else gone_at + removal_after


def is_surely_an_article(hint: datetime | None, found_at: datetime, now: datetime) -> bool:
    """Whether a page is an article though it does not look like one, and must be retried.

    Feeds date their articles (`hint`); but some list podcasts, films or dead addresses as well, so
    a date counts for two days only.
    """
    return hint is not None and now - found_at < timedelta(days=2)


# Ages of an address, since it was found, at which to request a page again that was not an article:
# a consent wall or a maintenance notice may have replaced the article for a while.
_HOURS = (1, 3, 8, 24, 2 * 24, 7 * 24)
CHECKS_OF_REJECTED = (timedelta(minutes=10), *(timedelta(hours=each) for each in _HOURS))


def next_check_of_rejected(
    found_at: datetime, now: datetime, *, was_out_of_reach: bool
) -> datetime | None:
    """When to request a page again that was not an article; None for never.

    By its age. Once more, a day later, if it could not be fetched until the last age had passed:
    after an outage, a site may first show a notice in place of its pages. Never after two weeks.
    """
    by_age = next_check(found_at, now, CHECKS_OF_REJECTED)
    if by_age is None:
        is_late = now - found_at > 2 * CHECKS_OF_REJECTED[-1]
        return now + timedelta(days=1) if was_out_of_reach and not is_late else None
    # A clock that was ahead may have found it.
    return min(by_age, now + CHECKS_OF_REJECTED[-1])


def are_rewritten(changed: int, known: int) -> bool:
    """Whether a source gives so many known pages a later date that its dates mean nothing.

    Some sites write the current time beside every address of a sitemap.
    """
    return changed > 20 and 2 * changed > known


def follows_pagination(
    *,
    page: int,
    max_pages: int,
    must_reach: int,
    is_first_run: bool,
    is_full: bool,
    has_links: bool,
    has_news: bool,
) -> bool:
    """Whether to follow a listing to its next page.

    Pagination may lead through a site's whole archive, which only a full crawl reads.

    `has_links`: the page shows an article that no earlier page of this cycle has shown;
    `has_news`: it shows an address that is unknown, or that was found since the listing was last
    read to its end; `must_reach`: the next page of an earlier, unfinished pagination (0: none).
    """
    if page < must_reach:
        return True
    if not has_links:
        return False
    if is_full:
        return True
    if is_first_run:
        return page < max_pages
    return has_news and page < _MOST_PAGES


def was_read_too_soon(dated_at: datetime, read_at: datetime) -> bool:
    """Whether something may have changed after it was read, without a later date.

    A date by a day alone counts until that day is over: in the westernmost time zone, UTC-12, it
    ends 12 h later than in UTC.
    """
    is_day = dated_at.time() == time.min
    return read_at < dated_at + (timedelta(days=1, hours=12) if is_day else CLOCK_TOLERANCE)


def trusts_not_modified(read_at: datetime | None, now: datetime) -> bool:
    """Whether to request a source conditionally: only if its content was read within a day.

    So a server that always responds "not modified" hides news for at most a day, also if a clock
    that was ahead read the content.
    """
    return read_at is not None and -CLOCK_TOLERANCE <= now - read_at < _LONGEST_TRUST


def requested_pause(not_before: datetime | None, now: datetime) -> datetime | None:
    """The stored end of the pause that a host asked for; None if there is none.

    An end further ahead than the longest pause was stored by a clock that was ahead, and is
    ignored.
    """
    if not_before is None or not_before > now + LONGEST_PAUSE + CLOCK_TOLERANCE:
        return None
    return not_before


def lacks_place(
    running: Set[str], failing: Set[str], job_id: str, at_once: int = MOST_CRAWLS
) -> bool:
    """Whether a service runs so many crawls that this job must wait; all are ids of jobs.

    A crawl of a site that does not answer takes minutes; many must not hold up the others. So jobs
    whose last run failed, `failing`, take at most half of the places.
    """
    is_failing = job_id in failing
    most_failing = max(1, at_once // 2)
    return len(running) >= at_once or (is_failing and len(running & failing) >= most_failing)
