"""Checks whether a profile fits its site, field by field, on live or saved pages."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from rscrawler.clock import utc_now
from rscrawler.errors import ConfigurationError
from rscrawler.extraction.page import Page
from rscrawler.extraction.selectors import select
from rscrawler.identity.addresses import address_key, article_address, missing_parameters
from rscrawler.items import Article
from rscrawler.probing.finding import FoundSource, newest_first, source_entries
from rscrawler.probing.induction import Sample, read_sample, read_samples
from rscrawler.probing.visitor import PageUnavailable, Visitor
from rscrawler.sites import Markup, SiteProfile, Source, SourceKind
from rscrawler.spiders.sources import Entry, UnreadableSource

ESSENTIAL = ("container", "title", "published_at", "body")
_LOCATING = {"container", "body"}
FIELDS = (
    "container", "title", "subtitle", "authors", "sections", "tags", "language", "published_at",
    "modified_at", "image", "body",
)  # fmt: skip


class FieldCheck(NamedTuple):
    """On how many of the pages a field was found, and from which origins (provenance)."""

    found: int
    pages: int
    essential: bool  # an article without it is of no use
    by: dict[str, int]


@dataclass(slots=True)
class SiteCheck:
    """The result of checking a site's profile: it fits unless there are `failures`, a line each.

    `unmatched` lists the selectors that match nothing on any page, by their key in
    `[markup]`. That is no failure, since a selector may be for older pages.
    """

    site: str
    sources: list[FoundSource] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    fields: dict[str, FieldCheck] = field(default_factory=dict)
    unmatched: dict[str, list[str]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "holds": not self.failures,
            "sources": [each.to_json() | {"trouble": each.trouble} for each in self.sources],
            "pages": [sample.to_json() for sample in self.samples],
            "fields": {name: each._asdict() for name, each in self.fields.items()},
            "unmatched": self.unmatched,
            "failures": self.failures,
        }


def check_live(site: str, profile: SiteProfile, visitor: Visitor, limit: int) -> SiteCheck:
    """Check a profile against its live site: every source, and up to `limit` articles in all.

    The articles are taken round-robin from the sources, so that no source hides another.
    """
    check = SiteCheck(site)
    check.sources = [_read_source(source, profile, visitor) for source in profile.sources]
    turns = chain.from_iterable(zip_longest(*(each.entries for each in check.sources)))
    entries = [(address_key(e.url, profile), e) for e in turns if e is not None]
    dates = {key: e.published_hint for key, e in entries if e.published_hint}
    # A feed's date would hide the page's own; as in a crawl, it counts where the page gives none.
    for key, url in list({key: e.url for key, e in entries}.items())[:limit]:
        for sample in read_samples([Entry(url)], visitor, profile, site, check.failures):
            if key in dates and not (sample.article and sample.article.published_at):
                page = replace(sample.page, published_at=dates[key])
                sample = read_sample(page, profile, site)
            check.samples.append(sample)
    if not any(each.entries for each in check.sources):
        check.failures.append("no source leads to an article; see [[sources]] and links.article")
    for each in check.sources:
        urls = [entry.url for entry in each.entries]
        # On a listing, links that differ in a parameter may choose an order or a page.
        if each.source.kind is SourceKind.FEED and (names := missing_parameters(urls, profile)):
            check.failures.append(
                f"{each.source.path}: addresses that differ only in {', '.join(names)} count as "
                "one article; add to links.parameters what identifies an article"
            )
    _judge(check, profile, is_live=True)
    return check


def check_stored(site: str, profile: SiteProfile, folder: Path, limit: int) -> SiteCheck:
    """Check a profile against saved pages: `folder/SITE/*.html`, else `folder/*.html`.

    A page that declares no address gets one from the name of its file.

    Raises:
        ConfigurationError: there is no such page.
    """
    own = folder / site
    paths = sorted((own if own.is_dir() else folder).glob("*.html"))[:limit]
    if not paths:
        raise ConfigurationError(
            f"--pages: {folder} holds no saved page of {site}; allowed: {site}/*.html or *.html"
        )
    check = SiteCheck(site)
    for path in paths:
        page = Page.of(profile.address(f"/{path.stem}/"), path.read_bytes(), None, utc_now())
        check.samples.append(read_sample(page, profile, site))
    _judge(check, profile, is_live=False)
    return check


def _read_source(source: Source, profile: SiteProfile, visitor: Visitor) -> FoundSource:
    try:
        shown = source_entries(source, profile.address(source.path), profile, visitor)
    except (PageUnavailable, UnreadableSource) as error:
        return FoundSource(source, (), str(error))
    own = tuple(e for e in newest_first(shown) if article_address(e.url, profile))
    found = f"{len(shown)} addresses such as {shown[0].url}" if shown else ""
    trouble = f"shows {found}, none of them an article's" if shown else "is empty"
    return FoundSource(source, own, None if own else trouble)


def _judge(check: SiteCheck, profile: SiteProfile, *, is_live: bool) -> None:
    articles = [sample.article for sample in check.samples if sample.article]
    unread = [sample for sample in check.samples if not sample.article]
    check.unmatched = _unmatched(check.samples, profile.markup)
    # Patterns may match other pages, too: fewer than half of live pages may give no article.
    if not is_live or 2 * len(unread) >= len(check.samples):
        check.failures += [f"{each.page.url}: is not read: {each.trouble}" for each in unread]
    if not articles:
        check.failures.append("no page was read, so no field could be checked")
    for name in FIELDS:
        origins = [(article, _origin(name, article)) for article in articles]
        missing = [article for article, origin in origins if not origin]
        guessed = [a for a, origin in origins if origin and not origin.startswith("profile")]
        by = Counter(origin for _, origin in origins if origin).most_common()
        found = len(articles) - len(missing)
        check.fields[name] = FieldCheck(found, len(articles), name in ESSENTIAL, dict(by))
        if name in ESSENTIAL and missing:
            check.failures.append(f"{name}: not found on {_among(missing, articles)}")
        elif name in _LOCATING & profile.markup.model_fields_set and guessed:
            selectors = ", ".join(getattr(profile.markup, name))
            check.failures.append(
                f"{name}: {selectors} matched nothing on {_among(guessed, articles)}; "
                f"correct markup.{name}"
            )


def _among(some: Sequence[Article], articles: Sequence[Article]) -> str:
    return f"{len(some)} of {len(articles)} pages, such as {some[0].url}"


def _origin(name: str, article: Article) -> str:
    """The origin of a field on a page; "" if the page lacks it."""
    is_there = name == "container" or getattr(article, name)
    return article.extraction.provenance.get(name, "") if is_there else ""


def _unmatched(samples: Sequence[Sample], markup: Markup) -> dict[str, list[str]]:
    unmatched = {
        name: [s for s in getattr(markup, name) if not any(select(e.page.root, s) for e in samples)]
        for name in sorted(markup.model_fields_set - {"cut_text"})
    }
    return {name: selectors for name, selectors in unmatched.items() if selectors}
