"""Detects a changed layout by comparing a cycle's counts with the site's own past.

"Nothing found" is not "nothing new": a cycle that read no page tells nothing, and one whose
pages lack what the site's pages have had is drift. A single odd page is not: what pages have
lacked before must be missing more often than chance explains.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from math import comb
from statistics import median
from typing import NamedTuple

from rscrawler.items import EMPTY
from rscrawler.monitoring.observation import BODY, CONTAINER, FIELDS, Observation
from rscrawler.sites import path_of
from rscrawler.store.discovery import SourceState

# Parts of a site that can drift, besides each source by its address.
ARTICLES, LISTINGS, DEAD_LINKS = "articles", "listings", "dead links"
_READING = "reading"  # prefix of a part: before the address of a source that cannot be read

RECENT_PAGES = 5  # cycles with fewer pages are judged together with those before them
USUAL_PAGES = 200  # past pages to compare with
USUAL_READINGS = 20  # past readings of a source to compare with
READINGS_FOR_GOOD = 200  # nearly three days, if each cycle of 20 minutes reads it
UNLIKELY = 0.0001  # a lack that is less probable than this is not by chance
# Past pages after which a lack that none of them had is drift at its first appearance …
ENOUGH_FOR_STRUCTURE = 5  # … in the article's container and text
ENOUGH_FOR_FIELDS = 20  # … in any other field
FEW_PAGES = 3  # if fewer pages lack a field, they may simply have none: an author, a picture
REPORTED_PARTS = 5  # of a site, in a message
LASTING_FAILURES = 3  # of a source, in a row
FEW_LINKS = 4  # a source that led to fewer may lose half of them

# A site may stop showing these; a profile says so without selectors, wherever they came from.
_DISPENSABLE = frozenset({"authors", "sections", "tags", "image"})
_PROFILE = "profile: "
_FALLBACK, _FEED, _NONE = "fallback", "feed", "nothing"
_MARKUP = "markup"
_KINDS = {"profile": _MARKUP, "hint": _FEED} | dict.fromkeys(
    ("meta", "json-ld", "html"), "metadata"
)


class Lack(NamedTuple):
    """On how many of the observed pages something was missing."""

    misses: int
    pages: int


LackOf = Callable[[Observation], Lack]
IsOfPage = Callable[[str], bool]  # decided by a field's origin on a page


@dataclass(frozen=True, slots=True)
class Observations:
    """The present cycle, the recent cycles with it, and the usual ones before those."""

    now: Observation
    recent: Observation
    usual: Observation

    @classmethod
    def of(cls, now: Observation, past: Sequence[Observation]) -> Observations:
        """`past` is newest first; article pages of a cycle that drifted are not usual."""
        recent, rest = now, list(past)
        while (
            recent.pages < RECENT_PAGES
            and sum(each.pages for each in rest[1:]) >= ENOUGH_FOR_FIELDS
            and rest[0].pages <= RECENT_PAGES
        ):
            recent = recent.plus(rest.pop(0))
        usual = Observation()
        for each in rest:
            if usual.pages >= USUAL_PAGES:
                break
            if ARTICLES not in each.findings:
                usual = usual.plus(each)
        return cls(now, recent, usual)

    def is_broken(self, lack_of: LackOf, at_once_after: int | None = None) -> bool:
        """Whether at least half of this cycle's pages show a lack that usual pages do not explain.

        A lack that none of at least `at_once_after` usual pages had counts at its first appearance.
        """
        lack, usual = lack_of(self.now), lack_of(self.usual)
        if not lack.misses or 2 * lack.misses < lack.pages:
            return False
        if at_once_after is not None and not usual.misses and usual.pages >= at_once_after:
            return True
        return is_unlikely(lack, usual) or is_unlikely(lack_of(self.recent), usual)


def find_drift(
    now: Observation,
    past: Sequence[Observation],
    past_pages: Sequence[Observation],
    *,
    selectors: Mapping[str, Sequence[str]],
    source_failures: Mapping[str, str],
    addresses: Collection[str],
) -> dict[str, str]:
    """The drift of each part of a site: `articles`, `listings`, or a source by its address.

    Args:
        now: the observation of this cycle.
        past: those of earlier cycles, newest first.
        past_pages: those of earlier cycles that read article pages, newest first.
        selectors: the profile's, for each field, in order of preference.
        source_failures: what `source_failure` says of the sources, by address.
        addresses: those of the sources in the present profile.

    Returns:
        A message for each part; a part that this cycle did not observe keeps its last one.
    """
    found: dict[str, str] = {}
    judged = set(now.links)
    if now.holds_pages:
        judged.add(ARTICLES)
        if messages := list(_article_findings(Observations.of(now, past_pages), selectors)):
            found[ARTICLES] = "; ".join(messages)
    if now.links:
        judged.add(LISTINGS)
        found |= _listing_findings(now.links, past)
    carried = {
        part: message
        for part, message in (past[0].findings if past else {}).items()
        if part not in judged and (part in (ARTICLES, LISTINGS) or part in addresses)
    }
    return carried | found | {f"{_READING} {url}": words for url, words in source_failures.items()}


def as_message(findings: Mapping[str, str]) -> str:
    """All findings as one message; those about articles come first."""
    parts = sorted(findings, key=lambda part: part != ARTICLES)
    reported = [findings[part] for part in parts[:REPORTED_PARTS]]
    left = len(parts) - len(reported)
    return "; ".join([*reported, f"and {left} more"] if left else reported)


def source_failure(state: SourceState, *, kind: str, is_answered: bool) -> str | None:
    """Why a source that failed in this cycle cannot be read; None if it may be a passing fault.

    `is_answered`: it sent pages in this cycle, and none could be parsed.
    """
    path, why = path_of(state.url), f": {state.last_error}" if state.last_error else ""
    if is_answered and state.read_at is not None:
        return f"{path} no longer answers with a {kind}{why}"
    if state.failures >= LASTING_FAILURES:
        return f"{path} could not be read in {state.failures} cycles{why}"
    return None


def is_unlikely(lack: Lack, usual: Lack) -> bool:
    """Whether so many pages lack something that this is hardly by chance.

    The chance is the binomial probability of at least so many misses at the rate of the usual
    pages; half a miss is added to these, so that "never" is not "impossible".
    """
    rate = (usual.misses + 0.5) / (usual.pages + 1)
    chance = sum(
        comb(lack.pages, count) * rate**count * (1 - rate) ** (lack.pages - count)
        for count in range(lack.misses, lack.pages + 1)
    )
    return chance < UNLIKELY


# Article pages.


def _article_findings(seen: Observations, selectors: Mapping[str, Sequence[str]]) -> Iterator[str]:
    now, recent, usual = seen.now, seen.recent, seen.usual
    if not usual.pages:
        return
    # In this cycle alone: one page that was taken down, with a notice in its place, comes again.
    unread, usually = (Lack(each.unread, each.pages + each.unread) for each in (now, usual))
    if 2 * unread.misses >= unread.pages > 0 and is_unlikely(unread, usually):
        yield f"{now.unread} of {now.pages + now.unread} pages hold no article that can be read"
    least = FEW_PAGES
    for name in FIELDS:  # the structure first: if it changed, one page without a field is enough
        if finding := _field_finding(seen, name, selectors[name], least):
            yield finding
            least = 1 if name in (CONTAINER, BODY) else least
    if usual.pages < ENOUGH_FOR_FIELDS:
        return

    def misdated(each: Observation) -> Lack:
        return Lack(each.misdated, each.pages)

    def odd_lengths(each: Observation) -> Lack:
        return _odd_lengths(each, usual)

    for lack_of, words in (
        (odd_lengths, "the text of {} of {} pages is far from its usual length"),
        (misdated, "published_at of {} of {} pages is not the date in the feed"),
    ):
        if lack_of(recent).misses >= FEW_PAGES and seen.is_broken(lack_of):
            yield words.format(*lack_of(now))


def _field_finding(
    seen: Observations, name: str, selectors: Sequence[str], least: int
) -> str | None:
    """The drift of one field; for fields other than structure, only if `least` pages lack it."""
    usual = _usual_origin(seen.usual, name)
    is_structure = name in (CONTAINER, BODY)
    if not usual or not (is_structure or seen.usual.pages >= ENOUGH_FOR_FIELDS):
        return None  # this site's pages never have it, or too few of them are known
    if not selectors and (usual.startswith(_PROFILE) or name in _DISPENSABLE):
        return None  # the profile no longer expects it
    if _kind(usual) == _FEED and _FEED in map(_kind, seen.recent.origins.get(name, {})):
        return None  # a feed has only its latest articles
    if name == "sections" and _kind(usual) == _FALLBACK:
        return None  # guessed from links to the profile's sections, in which not every article is
    # One page without text may be a video or photo essay; several at once have lost their text.
    is_emptied = _lack(name, lambda origin: origin.endswith(EMPTY))(seen.recent).misses >= FEW_PAGES

    def is_replaced(origin: str) -> bool:
        # What a selector finds now is no fault, wherever it was before.
        return _kind(origin) not in (_kind(usual), _MARKUP, _NONE)

    def is_absent(origin: str) -> bool:
        return not origin or (is_emptied and origin.endswith(EMPTY))

    def is_second_choice(origin: str) -> bool:
        return _rank(origin, selectors) > _rank(usual, selectors) >= 0

    def is_moved(origin: str) -> bool:
        return is_replaced(origin) or is_absent(origin)

    lost = _lack(name, lambda origin: is_moved(origin) or is_second_choice(origin))
    absent, second = _lack(name, is_absent), _lack(name, is_second_choice)
    if is_structure:
        least, faults = 1, [(_lack(name, is_moved), ENOUGH_FOR_STRUCTURE), (second, None)]
    else:
        # A page without the field does not say where the field would come from.
        replaced = _lack(name, is_replaced, among=bool)
        faults = [(replaced, ENOUGH_FOR_FIELDS), (absent, None), (second, None)]
    for lack, at_once in faults:  # each by itself: a site's pages may often have no author
        if lack(seen.recent).misses >= least and seen.is_broken(lack, at_once):
            return _lost(seen.now, name, usual, lost(seen.now))
    return None


def _lost(now: Observation, name: str, usual: str, lack: Lack) -> str:
    """The message: which origin no longer gives a field, on how many pages, what does instead."""
    hits = lack.pages - lack.misses
    share = f"only {hits} of {lack.pages} pages" if hits else f"no page of {lack.pages}"
    is_selector = usual.startswith(_PROFILE)
    source = f"{usual.removeprefix(_PROFILE)} matches" if is_selector else f"from {usual} is on"
    others = Counter(now.origins.get(name, {}))
    del others[usual]
    origin = next((origin for origin, _ in others.most_common(1)), "")
    origin = "" if origin.endswith(EMPTY) else origin
    instead = f" ({origin.removeprefix(_PROFILE) or 'nothing'} stands in)"
    if name == CONTAINER and _kind(origin) == _FALLBACK:
        instead = "; articles read by fallback"
    return f"{name} {source} {share}{instead}"


def _odd_lengths(seen: Observation, usual: Observation) -> Lack:
    """Bodies with less than half, or more than double, the words of nearly all usual ones."""
    powers = sorted(Counter(usual.lengths).elements())
    trimmed = powers[len(powers) // 20 : len(powers) - len(powers) // 20]
    if not trimmed:
        return Lack(0, seen.pages)
    usual_powers = range(trimmed[0] - 1, trimmed[-1] + 2)
    odd = sum(count for power, count in seen.lengths.items() if power not in usual_powers)
    return Lack(odd, seen.pages)


def _kind(origin: str) -> str:
    """The kind of an origin: markup, metadata, feed, `fallback` for a guess, `nothing` if empty."""
    return _KINDS.get(origin.partition(":")[0], _FALLBACK) if origin else _NONE


def _rank(origin: str, selectors: Sequence[str]) -> int:
    """The place of an origin among the profile's selectors; -1 if it is none of them."""
    selector = origin.removeprefix(_PROFILE)
    return selectors.index(selector) if selector in selectors else -1


def _usual_origin(usual: Observation, name: str) -> str:
    """The most frequent origin of a field, of its most frequent kind; "" without any."""
    origins = {
        origin: count
        for origin, count in usual.origins.get(name, {}).items()
        if origin and not origin.endswith(EMPTY)
    }
    kinds: Counter[str] = Counter()
    for origin, count in origins.items():
        kinds[_kind(origin)] += count
    return max(origins, key=lambda each: (kinds[_kind(each)], origins[each]), default="")


def _lack(name: str, is_lacking: IsOfPage, among: IsOfPage | None = None) -> LackOf:
    """A function that counts the pages of an observation on which a field is missing.

    `among`: which origins are those of the pages that count, if not all do.
    """

    def lack_of(seen: Observation) -> Lack:
        origins = seen.origins.get(name, {})
        misses = sum(count for origin, count in origins.items() if is_lacking(origin))
        if among is None:
            return Lack(misses, seen.pages)
        return Lack(misses, sum(count for origin, count in origins.items() if among(origin)))

    return lack_of


# Sources.


def _listing_findings(links: Mapping[str, float], past: Sequence[Observation]) -> dict[str, str]:
    if not any(links.values()) and not any(count for each in past for count in each.links.values()):
        return {LISTINGS: f"no source leads to an article, of {len(links)} that could be read"}
    found = {}
    for url, count in links.items():
        if is_deserted(count, readings := usual_readings(url, past)):
            usual = median(readings)
            found[url] = f"{path_of(url)} leads to {count:g} articles a page, usually {usual:g}"
    return found


def usual_readings(url: str, past: Sequence[Observation]) -> list[float]:
    """How many articles a source led to at its last readings without drift, newest first.

    If all of `READINGS_FOR_GOOD` in a row led to fewer, but to some, it has changed for good.
    """
    read = [each for each in past if url in each.links]
    odd = list(takewhile(lambda each: url in each.findings, read))[:READINGS_FOR_GOOD]
    is_for_good = len(odd) == READINGS_FOR_GOOD and all(each.links[url] for each in odd)
    usual = odd if is_for_good else [each for each in read if url not in each.findings]
    return [each.links[url] for each in usual[:USUAL_READINGS]]


def is_deserted(count: float, readings: Sequence[float]) -> bool:
    """Whether a source leads to no article, or to less than half of the fewest so far.

    "No article" counts if the fewest was 2 or more, "half" if it was `FEW_LINKS` or more.
    """
    fewest = min(readings, default=0)
    if count == 0:
        return fewest >= 2
    return fewest >= FEW_LINKS and count < fewest / 2
