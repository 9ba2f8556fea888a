"""What should happen, decided over plain values with the time handed in.

Nothing here reads a clock, a file or a database: the pipelines and the spider
ask, and carry the answers out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from rscrawler.items import Article, Event, Level, Novelty, TopicFlag

_LONGEST_TRUST = timedelta(days=1)  # in a server that says "not modified"
# In the place of `last_modified`: the rules are others than when the page was read.
READ_ANEW = ""


@dataclass(frozen=True, slots=True)
class KnownArticle:
    """What the store knows of an article, as far as decisions need it."""

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
    """What a freshly read page is: new, updated, or None for unchanged.

    An article that comes back after it was recorded as removed is an update.
    """
    if known is None:
        return Event.NEW
    if known.removed_at is not None or known.text_digest != digest:
        return Event.UPDATED
    return None


def is_overtaken(known: KnownArticle, fetched_at: datetime, page_digest: str) -> bool:
    """Whether an archived page is older than what is known of its article from a later visit."""
    if known.removed_at is not None:
        return fetched_at < known.removed_at
    return known.page_digest != page_digest and fetched_at < known.fetched_at


_METHODS = ("structured", "fallback", "profile")  # of extraction, the best last


def is_mere_degradation(before: Article, after: Article) -> bool:
    """Whether a changed text says more of the reading than of the article.

    A page that the profile's selectors read before and now fail on has a new layout; what
    a fallback makes of it is no edit, and neither is a text that is gone from a page that stays.
    The drift is reported, and the stored text stays.
    """
    ranks = [_METHODS.index(each.extraction.method) for each in (before, after)]
    return ranks[1] < ranks[0] or bool(before.body and not after.body)


def novelty_of(
    published_at: datetime | None, first_seen_at: datetime, max_age: timedelta, *, in_baseline: bool
) -> Novelty:
    """Whether an article is news. One without a date counts as published when it was first seen."""
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
    """The flags of this version that somebody should be told of; empty: nobody.

    A new article alerts when it is news; an updated one when its level rises to
    `minimum` or above. `levels_before` are the levels of the text before, judged by
    the present watch-list, so that a changed watch-list alone never alerts. Nobody is told
    of one article twice on one topic. A duplicate alerts where it says more than `repeated`,
    the flags of what it repeats. An article that was a copy before (`was_copy`) alerts as a new
    one would: its level before was told to nobody.
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
    """Those flags that say more than others do: a higher level on the topic, or another country."""
    known, beyond = list(others), []
    for flag in flags:
        alerted = [each for each in known if each.topic == flag.topic]
        countries = {country for each in alerted for country in each.countries}
        highest = max((each.level.rank for each in alerted), default=0)
        if flag.level.rank > highest or not countries.issuperset(flag.countries):
            beyond.append(flag)
    return beyond


def is_folded(article: Article, repeated: Iterable[TopicFlag]) -> bool:
    """Whether a duplicate says no more than what it repeats, and is shown under that alone."""
    return article.duplicate_of is not None and not flags_beyond(article.topics, repeated)


def next_check(
    first_seen_at: datetime,
    now: datetime,
    recheck_after: Sequence[timedelta],
    dated_at: datetime | None = None,
) -> datetime | None:
    """When a page is requested again on an ageing schedule; None: no more by age.

    A visit that comes late takes the place of every check that it has passed. A visit for which a
    source's date (`dated_at`) was the reason is followed by one at the next age of that, too: the
    page may have come from a cache that is older, and what a day dates may change on that day.
    """
    since = [first_seen_at] if dated_at is None else [first_seen_at, dated_at]
    checks = (start + age for start in since for age in recheck_after)
    return min((check for check in checks if check > now), default=None)


def is_dated_later(known: KnownArticle, dated_at: datetime | None, before: datetime | None) -> bool:
    """Whether a feed's or sitemap's date says that the stored version is out of date.

    Compared with the date that the same signals gave `before`; failing that, with the page's
    own dates; failing those, with the time of the fetch.
    """
    reference = before or known.modified_at or known.published_at or known.fetched_at
    return dated_at is not None and dated_at > reference


# Clocks of two machines may differ by this much.
CLOCK_TOLERANCE = timedelta(minutes=1)
# A host that asks for more is asked again then, whether it still wants it.
LONGEST_PAUSE = timedelta(days=1)


def requested_pause(not_before: datetime | None, now: datetime) -> datetime | None:
    """Until when a host has asked to be left alone, as it is stored.

    A pause that would still last longer than any was stored by a clock that was ahead, and
    counts for nothing.
    """
    if not_before is None or not_before > now + LONGEST_PAUSE + CLOCK_TOLERANCE:
        return None
    return not_before


LONGEST_RETRY = timedelta(hours=6)
_MOST_PAGES = 50  # of a listing, on any run but a first or a full one
_PATIENCE = timedelta(minutes=10)  # a short outage costs a due page no cycle


def recheck_at(known: KnownArticle, now: datetime) -> datetime:
    """When a known page that could not be fetched is requested again.

    With the next cycle while it has been due for less than 10 min; then after as long again
    as it has been out of reach, 10 min at least and a day at most.
    """
    due_at = min(known.next_check_at or now, now)
    if now - due_at < _PATIENCE:
        return due_at
    return now + min(max(now - known.fetched_at, _PATIENCE), timedelta(days=1))


def are_rewritten(changed: int, known: int) -> bool:
    """Whether a source dates so many of its known articles later that it says nothing of them.

    Some sites write the present time beside every address of a sitemap, each time.
    """
    return changed > 20 and 2 * changed > known


@dataclass(frozen=True, slots=True)
class GoneDecision:
    """What to do about an article whose page answers 404 or 410."""

    record_removal: bool
    gone_at: datetime
    next_check_at: datetime | None


def after_gone(known: KnownArticle, now: datetime, removal_after: timedelta) -> GoneDecision:
    """Removed once two checks, at least `removal_after` apart, both found it gone."""
    if known.removed_at is not None:
        return GoneDecision(False, known.gone_at or now, None)
    if known.gone_at is not None and now - known.gone_at >= removal_after:
        return GoneDecision(True, known.gone_at, None)
    first = known.gone_at or now
    return GoneDecision(False, first, first + removal_after)


def retry_at(attempts: int, now: datetime) -> datetime:
    """When an address that could not be fetched is tried again.

    After the first attempt with the next cycle; then after 1 min, doubling, up to 1 h; after
    about two days in vain every 6 h.
    """
    if attempts <= 1:
        return now
    if attempts > 50:
        return now + LONGEST_RETRY
    doublings = min(attempts - 2, 6)  # more pass the limit, and then all bounds
    return now + min(timedelta(minutes=2**doublings), timedelta(hours=1))


def is_surely_an_article(hint: datetime | None, found_at: datetime, now: datetime) -> bool:
    """Whether a page that looks like none is one all the same, and asked for until it does.

    Feeds carry articles, with their dates; but some a podcast or a film too, and some an
    address that was never there.
    """
    return hint is not None and now - found_at < timedelta(days=2)


# Ages of an address, since it was found, at which a page that was no article is looked at again:
# a consent wall or a notice of maintenance stands in an article's place for a while.
SECOND_LOOKS = (
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=8),
    timedelta(days=1),
    timedelta(days=2),
    timedelta(days=7),
)


def next_look(found_at: datetime, now: datetime, *, was_out_of_reach: bool) -> datetime | None:
    """When a page that was no article is looked at again; None: no more.

    Once, a day later, where it could not be had until its looks had passed: after an outage a
    site may come back with a notice in the place of its pages.
    """
    by_age = next_check(found_at, now, SECOND_LOOKS)
    return now + timedelta(days=1) if by_age is None and was_out_of_reach else by_age


def walks_on(
    *,
    page: int,
    max_pages: int,
    must_reach: int,
    is_first_run: bool,
    is_full: bool,
    has_links: bool,
    has_news: bool,
) -> bool:
    """Whether a listing is followed to its next page.

    A site may name further pages that no walk has read yet, its whole archive: it is not read.

    `has_links`: the page shows an article at all that this walk has not shown before;
    `has_news`: it shows one that was unknown, or that others have told of since the listing was
    last read; `must_reach`: the page that an earlier, unfinished walk was about to read (0: none).
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
    """Whether what a mere day dates may have changed after it was read: the day was not over.

    Somewhere a day lasts for 14 h longer than in UTC.
    """
    return dated_at.time() == time.min and read_at < dated_at + timedelta(days=1, hours=14)


def trusts_not_modified(read_at: datetime | None, now: datetime) -> bool:
    """Whether a source may be asked conditionally: not if its text was not seen for a day.

    A server that answers "not modified" to everything can so hide news for a day, no more.
    """
    return read_at is not None and now - read_at < _LONGEST_TRUST
