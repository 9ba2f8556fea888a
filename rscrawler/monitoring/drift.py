"""Has a site's layout changed? Decided over counts, against the site's own past.

"Nothing found" is not "nothing new": a cycle that read no page says nothing, and
one that read pages and found less on them than this site's pages have shown is
drift. A single odd page is neither: what pages have lacked before has to be lacking
more often than chance would have it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import comb
from statistics import median
from urllib.parse import urlsplit

from rscrawler.items import EMPTY
from rscrawler.monitoring.observation import BODY, CONTAINER, FIELDS, Observation
from rscrawler.store.discovery import SourceState

# Parts of a site that can drift, besides each source by its address.
ARTICLES, LISTINGS = "articles", "listings"
_READING = "reading"  # before the address of a source that cannot be read

RECENT_PAGES = 5  # cycles with fewer pages are judged together with those before them
USUAL_PAGES = 200  # of the past that the present is compared with
USUAL_READINGS = 20  # of a source, likewise
UNLIKELY = 0.0001  # chance from which a lack is no chance
# Pages after which what none of them has shown is drift at its first appearance …
ENOUGH_FOR_STRUCTURE = 5  # … in the article's container and text
ENOUGH_FOR_FIELDS = 20  # … in any other field
FEW_PAGES = 3  # a field that fewer pages lack is theirs to lack: an author, a picture
TOLD_PARTS = 5  # of a site, in a message
LASTING_FAILURES = 3  # of a source, in a row
FEW_LINKS = 4  # a source that leads to fewer is not missed by half


@dataclass(frozen=True, slots=True)
class Lack:
    """On how many of the pages seen something was lacking."""

    misses: int
    pages: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The present cycle, it together with the last ones, and the past before them."""

    now: Observation
    recent: Observation
    usual: Observation

    @classmethod
    def of(cls, now: Observation, past: Sequence[Observation]) -> Comparison:
        """`past` is newest first; cycles that showed drift are no measure for others."""
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


def find_drift(
    now: Observation,
    past: Sequence[Observation],
    *,
    selectors: Mapping[str, Sequence[str]],
    troubles: Mapping[str, str],
    addresses: Collection[str],
) -> dict[str, str]:
    """What is wrong with each part of a site: `articles`, `listings`, a source's address.

    Args:
        now: what the cycle saw.
        past: what earlier cycles saw, newest first.
        selectors: the profile's, for each field, in order of preference.
        troubles: what `source_trouble` says of the sources, by address.
        addresses: of the sources that the profile names now.

    Returns:
        A message for each part. One that this cycle told nothing of stays as it was.
    """
    found: dict[str, str] = {}
    judged = set(now.links)
    if now.pages or now.unread or _is_first(now, past):
        judged.add(ARTICLES)
        if messages := list(_article_findings(Comparison.of(now, past), selectors)):
            found[ARTICLES] = "; ".join(messages)
    if now.links:
        judged.add(LISTINGS)
        found |= _listing_findings(now.links, past)
    carried = {
        part: message
        for part, message in (past[0].findings if past else {}).items()
        if part not in judged and (part in (ARTICLES, LISTINGS) or part in addresses)
    }
    return carried | found | {f"{_READING} {url}": words for url, words in troubles.items()}


def in_words(findings: Mapping[str, str]) -> str:
    """All findings as one message; what is wrong with the articles comes first."""
    parts = sorted(findings, key=lambda part: part != ARTICLES)
    told = [findings[part] for part in parts[:TOLD_PARTS]]
    left = len(parts) - len(told)
    return "; ".join([*told, f"and so with {left} more sources"] if left else told)


def is_lost(findings: Mapping[str, str]) -> bool:
    """Whether a first cycle with these findings has found nothing at all."""
    return not {ARTICLES, LISTINGS}.isdisjoint(findings)


def source_trouble(
    state: SourceState, *, path: str, kind: str, is_answered: bool, is_absent: bool
) -> str | None:
    """What keeps a source from being read, other than a passing fault; None if nothing does.

    `is_answered`: it sent pages in this cycle, and none of them could be read. `is_absent`: the
    site said that it is not there; of a source that never was, the failures are of an outage.
    """
    if not state.failures or (is_absent and state.read_at is None):
        return None
    if is_answered and state.read_at is not None:
        return f"{path} answers with what is no {kind} any more"
    if state.failures >= LASTING_FAILURES:
        why = f": {state.last_error}" if state.last_error else ""
        return f"{path} could not be read in {state.failures} cycles{why}"
    return None


def is_unlikely(lack: Lack, usual: Lack) -> bool:
    """Whether chance alone would hardly make so many pages lack what is usual.

    The chance that at least so many of so many pages lack it, if each does as often as
    the usual ones did; half a page is added to these, so that "never" is not "impossible".
    """
    rate = (usual.misses + 0.5) / (usual.pages + 1)
    chance = sum(
        comb(lack.pages, count) * rate**count * (1 - rate) ** (lack.pages - count)
        for count in range(lack.misses, lack.pages + 1)
    )
    return chance < UNLIKELY


def _is_first(now: Observation, past: Sequence[Observation]) -> bool:
    return now.rejected > 0 and not any(each.pages for each in past)


# Article pages.

LackOf = Callable[[Observation], Lack]


def _article_findings(seen: Comparison, selectors: Mapping[str, Sequence[str]]) -> Iterator[str]:
    now = seen.now
    if not seen.usual.pages:
        if not now.pages and now.rejected:
            yield f"none of {now.rejected} pages could be read as an article"
        return
    if _is_broken(seen, _unread, at_once_after=ENOUGH_FOR_STRUCTURE):
        yield f"{now.unread} of {now.pages + now.unread} pages hold no article that can be read"
    is_rebuilt = False
    for name in (CONTAINER, BODY, *(name for name in FIELDS if name not in (CONTAINER, BODY))):
        findings = list(
            _field_findings(
                seen, name, selectors.get(name, ()), least=1 if is_rebuilt else FEW_PAGES
            )
        )
        is_rebuilt = is_rebuilt or (name in (CONTAINER, BODY) and bool(findings))
        yield from findings
    if seen.usual.pages < ENOUGH_FOR_FIELDS:
        return
    if _odd_lengths(seen.recent, seen.usual).misses >= FEW_PAGES and _is_broken(
        seen, lambda each: _odd_lengths(each, seen.usual)
    ):
        odd = _odd_lengths(now, seen.usual)
        yield f"the text of {odd.misses} of {odd.pages} pages is far from its usual length"
    if seen.recent.misdated >= FEW_PAGES and _is_broken(
        seen, lambda each: Lack(each.misdated, each.pages)
    ):
        yield f"published_at of {now.misdated} of {now.pages} pages is not the date in the feed"


def _field_findings(
    seen: Comparison, name: str, selectors: Sequence[str], *, least: int
) -> Iterator[str]:
    """What is wrong with one field; any but the structure only if `least` pages lack it."""
    usual = _usual_origin(seen.usual, name)
    is_structure = name in (CONTAINER, BODY)
    if not usual or not (is_structure or seen.usual.pages >= ENOUGH_FOR_FIELDS):
        return  # this site's pages never have it, or too few of them are known

    def is_replaced(origin: str) -> bool:
        return _kind(origin) not in (_kind(usual), _NONE)

    empty = _lack(seen.recent, name, lambda origin: origin.endswith(EMPTY)).misses

    def is_absent(origin: str) -> bool:
        # A video or a photo essay has no text; several at once have lost it.
        return not origin or (empty >= FEW_PAGES and origin.endswith(EMPTY))

    def is_second_choice(origin: str) -> bool:
        return _rank(origin, selectors) > _rank(usual, selectors) >= 0

    def is_lost(origin: str) -> bool:
        return is_replaced(origin) or is_absent(origin) or is_second_choice(origin)

    def is_broken(is_lacking: Callable[[str], bool], at_once_after: int | None = None) -> bool:
        return _is_broken(
            seen, lambda each: _lack(each, name, is_lacking), at_once_after=at_once_after
        )

    if not is_structure and _lack(seen.recent, name, is_lost).misses < least:
        return
    if is_structure:
        is_told = is_broken(
            lambda origin: is_replaced(origin) or is_absent(origin), ENOUGH_FOR_STRUCTURE
        )
    else:
        is_told = is_broken(is_replaced, ENOUGH_FOR_FIELDS) or is_broken(is_absent)
    if is_told or is_broken(is_second_choice):
        yield _lost(seen, name, usual, _lack(seen.now, name, is_lost))


def _is_broken(seen: Comparison, lack_of: LackOf, *, at_once_after: int | None = None) -> bool:
    """Whether this cycle shows a lack, and one that the site's usual pages do not explain.

    What not one of at least `at_once_after` usual pages lacked counts at its first appearance.
    """
    lack, usual = lack_of(seen.now), lack_of(seen.usual)
    if not lack.misses or 2 * lack.misses < lack.pages:
        return False
    if at_once_after is not None and not usual.misses and usual.pages >= at_once_after:
        return True
    return is_unlikely(lack, usual) or is_unlikely(lack_of(seen.recent), usual)


def _lost(seen: Comparison, name: str, usual: str, lack: Lack) -> str:
    """What no longer gives a field, on how many pages, and what does instead."""
    hits = lack.pages - lack.misses
    share = f"only {hits} of {lack.pages} pages" if hits else f"no page of {lack.pages}"
    is_selector = usual.startswith(_PROFILE)
    source = f"{_named(usual)} matches" if is_selector else f"from {usual} is on"
    return f"{name} {source} {share}{_instead(seen.now, name, usual)}"


def _instead(now: Observation, name: str, usual: str) -> str:
    others = Counter(now.origins.get(name, {}))
    del others[usual]
    origin = next((origin for origin, _ in others.most_common(1)), "")
    origin = "" if origin.endswith(EMPTY) else origin
    if name == CONTAINER and _kind(origin) == _FALLBACK:
        return "; articles read by fallback"
    return f" ({_named(origin)} stands in)" if origin else " (nothing stands in)"


def _named(origin: str) -> str:
    return origin.removeprefix(_PROFILE)


def _unread(seen: Observation) -> Lack:
    return Lack(seen.unread, seen.pages + seen.unread)


def _odd_lengths(seen: Observation, usual: Observation) -> Lack:
    """Bodies of less than half, or more than double, the words that nearly all usual ones have."""
    powers = sorted(Counter(usual.lengths).elements())
    trimmed = powers[len(powers) // 20 : len(powers) - len(powers) // 20]
    if not trimmed:
        return Lack(0, seen.pages)
    shortest, longest = trimmed[0] - 1, trimmed[-1] + 1
    odd = sum(n for power, n in seen.lengths.items() if not shortest <= power <= longest)
    return Lack(odd, seen.pages)


_PROFILE = "profile: "
_FALLBACK, _NONE = "fallback", "nothing"
_KINDS = {
    "profile": "markup",
    "meta": "metadata",
    "json-ld": "metadata",
    "html": "metadata",
    "hint": "feed",
}


def _kind(origin: str) -> str:
    """Which of markup, metadata and feed an origin belongs to; `fallback` for a guess."""
    return _KINDS.get(origin.partition(":")[0], _FALLBACK) if origin else _NONE


def _rank(origin: str, selectors: Sequence[str]) -> int:
    """The place of an origin among the profile's selectors; -1 if it is none of them."""
    selector = _named(origin)
    return selectors.index(selector) if selector in selectors else -1


def _usual_origin(usual: Observation, name: str) -> str:
    """What gave a field most often, of the kind that gave it most often; "" for nothing."""
    origins = Counter(usual.origins.get(name, {}))
    for lacking in [origin for origin in origins if not origin or origin.endswith(EMPTY)]:
        del origins[lacking]
    kinds: Counter[str] = Counter()
    for origin, count in origins.items():
        kinds[_kind(origin)] += count
    return max(origins, key=lambda each: (kinds[_kind(each)], origins[each]), default="")


def _lack(seen: Observation, name: str, is_lacking: Callable[[str], bool]) -> Lack:
    origins = seen.origins.get(name, {})
    return Lack(sum(count for origin, count in origins.items() if is_lacking(origin)), seen.pages)


# Sources.


def _listing_findings(links: Mapping[str, float], past: Sequence[Observation]) -> dict[str, str]:
    if not any(links.values()) and not any(count for each in past for count in each.links.values()):
        return {LISTINGS: f"none of its {len(links)} sources leads to an article"}
    found = {}
    for url, count in links.items():
        readings = [
            each.links[url] for each in past if url in each.links and url not in each.findings
        ][:USUAL_READINGS]
        if is_deserted(count, readings):
            found[url] = (
                f"{path_of(url)} leads to {count:g} articles a page, usually {median(readings):g}"
            )
    return found


def is_deserted(count: float, readings: Sequence[float]) -> bool:
    """Whether a source leads to none, or to less than half, of the articles that it always did."""
    fewest = min(readings, default=0)
    if count == 0:
        return fewest >= 2
    return fewest >= FEW_LINKS and count < fewest / 2


def path_of(url: str) -> str:
    """An address without its host."""
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")
