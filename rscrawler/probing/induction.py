"""Finds selectors for a site in a few of its article pages.

The generic profile extracts most pages well, and then a selector adds no text: it states what the
profile relies on, so that drift is detected when it no longer matches. So candidates are made from
the names of the elements that hold what the generic profile extracted, and one is accepted only
if every sample still gives the same article. A site may have several layouts: selectors are added
until each sample has a match, or no candidate is left.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice, product
from typing import Any

from lxml import etree
from lxml.etree import _Element as Element

from rscrawler.clock import utc_now
from rscrawler.extraction.article import extract, labelled_blocks
from rscrawler.extraction.blocks import Block
from rscrawler.extraction.byline import author_text, split_names
from rscrawler.extraction.dates import read_date
from rscrawler.extraction.label import KEPT
from rscrawler.extraction.page import Page, PageError
from rscrawler.extraction.selectors import select
from rscrawler.extraction.text import text_of
from rscrawler.identity.fingerprints import normalized
from rscrawler.items import Article
from rscrawler.probing.visitor import PageUnavailable, Visitor
from rscrawler.sites import Markup, SiteProfile
from rscrawler.spiders.sources import Entry

_HOLDER_SHARE = 0.8  # share of a body's blocks that the element that holds it must have
_MOST_ADDED, _MOST_OMITTED = 0.05, 0.15  # share of a text: added in short lines, and omitted
_MOST_TRIES = 12  # candidates for a step; each costs extracting all samples again
_MOST_SELECTORS = 3  # for each of container and body, of one page, when pairs are tried
_MOST_LEADS, _LONGEST_LEAD = 2, 400  # of a lead above the body: blocks, characters
_MOST_AROUND = 3  # elements, from a block's own outwards, that may have a name for it
_MOST_ELEMENTS = 20  # of a page that are tried for a field
_SHOWN = ("url", "title", "published_at", "authors", "sections", "tags")
_FIRST_WORDS = 30  # of a text, shown
_LONGEST_NAME = 6  # words
_LONGEST_LINE = 80  # characters of a byline or date line
_NEAR = timedelta(days=1)  # between a declared and a printed date, whose time zones may differ
# Class names of columns and grids, which say where an element stands, not what it is.
_LAYOUT = re.compile(
    r"^(?:row|col(?:umns?)?(?:-.*)?|container|wrapper|inner|outer|clearfix|grid|flex|main|content"
    r"|left|right|center|hentry|type-.*|status-.*|category-.*|tag-.*|format-.*|has-.*|is-.*)$"
)
# Names that last: without numbers, and without the hash of a build (`Body_root__aB`).
_LASTING = re.compile(r"(?!.*__[a-z]{0,2}[A-Z])[A-Za-z][A-Za-z_-]{2,}")
# The steps, each with the fields for which it looks for selectors. If a body is in no container
# that the generic profile knows, a selector for it fits only together with one for its container.
_STEPS = (
    ("title",), ("body",), ("body", "container"), ("container",), ("authors",), ("published_text",),
)  # fmt: skip
_EXPECTED_NAMES = {
    name: re.compile(pattern, re.IGNORECASE)
    for name, pattern in {
        "container": "news|article|entry|post|story|content|page|asset|item|main",
        "body": "body|text|news|article|entry|post|story|content",
        "title": "title|head",
        "authors": "author|byline|writer|contributor|creator",
        "published_text": "date|time|publish|posted|created",
    }.items()
}
# Common selectors for fields that the generic profile did not find, in order of preference.
_COMMON: dict[str, tuple[str, ...]] = {
    "sections": (
        "a[rel~='category']", ".cat-links a", ".post-categories a", ".category a", ".section a",
        "a.section", ".breadcrumb a:last-of-type",
    ),
    "subtitle": (
        ".subtitle", ".standfirst", ".dek", ".deck", ".entry-subtitle", ".article-subtitle",
        ".field--name-field-subtitle", ".lead",
    ),
    "tags": (
        "a[rel='tag']", ".tags a", ".tag-links a", ".post-tags a", ".field--name-field-tags a",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sample:
    """An article page and its article by a profile; `trouble` says why there is no article."""

    page: Page
    article: Article | None
    trouble: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields, the first words, warnings and where fields came from."""
        article = self.article
        if article is None:
            return {"url": self.page.url, "read": False, "reason": self.trouble, "warnings": []}
        record = article.to_record()
        return {
            **{name: record[name] for name in _SHOWN},
            "read": True,
            "reason": None,
            "words": article.word_count,
            "first_words": " ".join(article.body.split()[:_FIRST_WORDS]),
            "warnings": list(article.extraction.warnings),
            "provenance": article.extraction.provenance,
        }


def read_sample(page: Page, profile: SiteProfile, site: str, *, is_article: bool = False) -> Sample:
    """Extract a page with `profile`; `is_article`: it needs no date, author or section."""
    try:
        return Sample(page, extract(page, profile, site, is_article=is_article))
    except PageError as error:
        return Sample(page, None, error.reason)


def read_samples(
    entries: Iterable[Entry], visitor: Visitor, profile: SiteProfile, site: str, missed: list[str]
) -> Iterator[Sample]:
    """Fetch and extract pages one after the other; errors in fetching are added to `missed`."""
    for entry in entries:
        try:
            page = visitor.get(entry.url).page(utc_now(), entry.published_hint)
        except PageUnavailable as error:
            missed.append(str(error))
            continue
        yield read_sample(page, profile, site)


def induce_markup(samples: Sequence[Sample], profile: SiteProfile, site: str) -> Markup:
    """The markup of `profile` with selectors found in the samples, which all have an article."""
    induction = _Induction(samples, profile, site)
    for step in (*_STEPS, *((name,) for name in _COMMON)):
        induction.take(step)
    return induction.with_added(induction.added).markup


_Chosen = tuple[tuple[str, str], ...]  # (field, selector)


class _Induction:
    """Adds selectors, step by step, as long as every sample gives the same article."""

    def __init__(self, samples: Sequence[Sample], profile: SiteProfile, site: str) -> None:
        self._profile, self._site, self._generic = profile, site, samples
        self._samples, self.added = samples, _Chosen()

    def take(self, step: tuple[str, ...]) -> None:
        """Add selectors for the fields of a step until each sample has a match."""
        wanted = {*range(len(self._samples))}
        if step[0] in _COMMON:  # not each has a subtitle: those that had one before
            wanted = {n for n in wanted if getattr(self._generic[n].article, step[0])} or wanted
        missing = wanted - _found(step, self.added, self._samples)
        for selectors in islice(_candidates(step, self._samples, self._profile), _MOST_TRIES):
            if not missing:
                break
            added = tuple(dict.fromkeys([*self.added, *selectors]))
            after = self._read(added)
            if "body" in step and (completed := self._with_cut_and_lead(added, after)) != added:
                added, after = completed, self._read(completed)
            found = _found(step, added, after)
            is_enough = found >= wanted if step[0] in _COMMON else found & missing
            if is_enough and all(map(_is_same, self._generic, after)):
                self.added, self._samples = added, after
                missing -= found

    def with_added(self, added: _Chosen) -> SiteProfile:
        """The profile with selectors ahead of its own."""
        usual = self._profile.markup
        found = {name: [s for field, s in added if field == name] for name, _ in added}
        for name, selectors in found.items():
            selectors += [each for each in getattr(usual, name) if each not in selectors]
        return self._profile.model_copy(update={"markup": usual.model_copy(update=found)})

    def _read(self, added: _Chosen) -> list[Sample]:
        profile = self.with_added(added)
        pages = (sample.page for sample in self._generic)
        return [read_sample(page, profile, self._site, is_article=True) for page in pages]

    def _with_cut_and_lead(self, added: _Chosen, after: Sequence[Sample]) -> _Chosen:
        """`added` with selectors that cut extra blocks in a body, and find a lead above it."""
        profile, pairs = self.with_added(added), [*added]
        for one, other in zip(self._generic, after, strict=True):
            if one.article and other.article:
                old, new = _kept(one.page, self._profile), _kept(other.page, profile)
                # A block that repeats the headline, such as a sticky bar, is no lead.
                title = one.article.title or one.page.url
                leads = [block for block in old[:_MOST_LEADS] if title not in block.text]
                for name, blocks, others in (("cut", new, old), ("subtitle", leads, new)):
                    found = _selectors_of_extra(blocks, others, one.page.root)
                    pairs += [(name, selector) for selector in found]
        return tuple(dict.fromkeys(pairs))


def _found(step: tuple[str, ...], added: _Chosen, samples: Sequence[Sample]) -> set[int]:
    """The numbers of the samples in which added selectors gave each field of a step."""
    return {
        number
        for number, each in enumerate(samples)
        if all(any(_gives(f, s, each) for f, s in added if f == name) for name in step)
    }


def _selectors_of_extra(
    blocks: Sequence[Block], others: Sequence[Block], root: Element
) -> list[str]:
    """Selectors for elements with `blocks` whose text `others` lack, and with none of `others`."""
    texts = {block.text for block in others}
    held = {block.region.element for block in others}
    found: list[str] = []
    for element in (block.region.element for block in blocks if block.text not in texts):
        around = islice((element, *element.iterancestors()), _MOST_AROUND)
        names = (name for each in around for name in _names(each))
        own = (n for n in names if all(held.isdisjoint(each.iter()) for each in select(root, n)))
        found += islice(own, 1)
    return found


def _kept(page: Page, profile: SiteProfile) -> list[Block]:
    return [block for block in labelled_blocks(page, profile) if block.label in KEPT]


def _gives(name: str, selector: str, sample: Sample) -> bool:
    """Whether the selector gave the field."""
    if sample.article is None:
        return False
    if name == "published_text":
        first = next(iter(select(sample.page.root, selector)), None)
        return first is not None and _is_date_line(first, sample.article)
    origin = sample.article.extraction.provenance.get(name, "")
    return origin.removesuffix(", beside the container") == f"profile: {selector}"


def _is_same(before: Sample, after: Sample) -> bool:
    """Whether a page gives the same article, except for a lead, short lines and embedded text."""
    one, other = before.article, after.article
    if one is None or other is None or normalized(one.title or "") != normalized(other.title or ""):
        return False
    if one.published_at not in (None, other.published_at):
        return False
    named = [name for name in other.authors if name not in one.authors]
    if not set(one.authors) <= set(other.authors) or not all(map(_is_name, named)):
        return False
    leads = [text for text in one.paragraphs[:_MOST_LEADS] if len(text) <= _LONGEST_LEAD]
    more = [len(text) for text in other.paragraphs if text not in one.paragraphs]
    less = sum(len(t) for t in one.paragraphs if t not in other.paragraphs and t not in leads)
    return (
        max(more, default=0) <= _LONGEST_LINE
        and sum(more) <= max(_LONGEST_LINE, _MOST_ADDED * len(one.body))
        and less <= max(_LONGEST_LINE, _MOST_OMITTED * len(one.body))
    )


def _is_name(name: str) -> bool:
    return len(name.split()) <= _LONGEST_NAME and not re.search(r"\d", name)


# The elements that hold a field, and selectors for them.


def _candidates(
    step: tuple[str, ...], samples: Sequence[Sample], profile: SiteProfile
) -> Iterable[_Chosen]:
    """The candidates, each with a selector for every field of a step; the most frequent first."""
    if step[0] in _COMMON:
        is_known = any(getattr(each.article, step[0]) for each in samples)
        return [] if is_known else [((step[0], selector),) for selector in _COMMON[step[0]]]
    counts: Counter[_Chosen] = Counter()
    for sample in samples:
        columns = []
        for name in step:
            elements = islice(_elements(name, sample, profile), _MOST_ELEMENTS)
            found = dict.fromkeys((name, s) for each in elements for s in _selectors(each, name))
            columns.append(islice(found, _MOST_SELECTORS if len(step) > 1 else None))
        counts.update(product(*columns))
    return [selectors for selectors, _ in counts.most_common()]


def _elements(name: str, sample: Sample, profile: SiteProfile) -> Iterator[Element]:
    """The elements of a page that hold a field, the likeliest first."""
    root, article = sample.page.root, sample.article
    assert article is not None
    if name in ("authors", "published_text"):
        holds = _is_byline if name == "authors" else _is_date_line
        for element in root.iter(etree.Element):
            if next(_selectors(element, name), None) and holds(element, article):
                yield element
        return
    headline = next((h for h in root.iter("h1", "h2") if text_of(h) == article.title), None)
    if name == "title":
        yield from [] if headline is None else [headline]
        return
    above = [] if headline is None else [*headline.iterancestors()]
    held = _holder(sample.page, profile)
    for element in [] if held is None else [held, *held.iterancestors()]:
        if element.tag in ("body", "html"):
            break
        if (element in above) is (name == "container") or (element is held and name == "body"):
            yield element


def _holder(page: Page, profile: SiteProfile) -> Element | None:
    """The innermost element that holds most blocks of the text."""
    kept = _kept(page, profile)
    around = [[b.region.element, *b.region.element.iterancestors()] for b in kept]
    held = Counter(element for each in around for element in each)
    holders = [element for element, count in held.items() if count >= _HOLDER_SHARE * len(kept)]
    return max(holders, key=lambda e: sum(1 for _ in e.iterancestors()), default=None)


def _is_byline(element: Element, article: Article) -> bool:
    """Whether an element names one of the known authors or, if none is known, anybody."""
    text = author_text(element)
    names = split_names(text) if 0 < len(text) <= _LONGEST_LINE else ()
    is_known = not article.authors or not set(names).isdisjoint(article.authors)
    return bool(names) and is_known and all(map(_is_name, names))


def _is_date_line(element: Element, article: Article) -> bool:
    """Whether an element prints the known date or, if none is known, any date."""
    text, known = text_of(element), article.published_at
    found = read_date(text) if len(text) <= _LONGEST_LINE else None
    return found is not None and (known is None or abs(found.at - known) <= _NEAR)


def _selectors(element: Element, name: str) -> Iterator[str]:
    """Selectors for an element: its own names, or its tag inside a parent with a name."""
    tag = element.tag if name == "title" else ""
    yield from (f"{tag}{each}" for each in _names(element) if _EXPECTED_NAMES[name].search(each))
    parent = element.getparent()
    if name != "container" and parent is not None:
        for each in _names(parent):
            if _EXPECTED_NAMES[name].search(each):
                yield f"{each} > {element.tag}"


def _names(element: Element) -> Iterator[str]:
    if itemprop := element.get("itemprop"):
        yield f"[itemprop='{itemprop}']"
    for name in (element.get("class") or "").split():
        if _LASTING.fullmatch(name) and not _LAYOUT.match(name):
            yield f".{name}"
    identity = element.get("id") or ""
    if _LASTING.fullmatch(identity):
        yield f"#{identity}"
