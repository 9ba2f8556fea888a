"""Proposes a profile for a site from its address, with articles that the profile extracts."""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from rscrawler.clock import utc_now
from rscrawler.config import checked, is_web_address
from rscrawler.delivery.wording import templates
from rscrawler.errors import ConfigurationError
from rscrawler.extraction.context import read_structured
from rscrawler.items import Article
from rscrawler.probing.finding import Finding, find_sources
from rscrawler.probing.induction import Sample, induce_markup, read_sample, read_samples
from rscrawler.probing.visitor import Visitor
from rscrawler.sites import SITE_NAMES, SiteProfile, SourceKind, is_site_name

SAMPLES = 3  # article pages from which selectors are learnt
_MOST_TRIES = 5
_LEAST_TEXT = 200  # characters of a text from which selectors are learnt
_WITH_DATES = (SourceKind.FEED, SourceKind.SITEMAP, SourceKind.JSON)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A profile that fits what was seen of a site."""

    name: str
    profile: SiteProfile
    text: str  # the profile as commented TOML
    finding: Finding
    samples: list[Sample]  # article pages as the profile reads them
    requests: int
    problems: tuple[str, ...]  # why it cannot be relied on yet, a line each

    def to_json(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "name": self.name,
            "base_url": self.profile.base_url,
            "requests": self.requests,
            "sources": [each.to_json() for each in self.finding.sources],
            "notes": self.finding.notes,
            "profile": self.text,
            "samples": [sample.to_json() for sample in self.samples],
            "problems": list(self.problems),
        }


def propose_site(url: str, visitor: Visitor, name: str | None = None) -> Proposal:
    """Propose a profile for a site, or for its part at `url`, with 10 to 20 requests.

    Raises:
        ConfigurationError: as `whole_address`.
        PageUnavailable: the front page cannot be fetched.
    """
    address = whole_address(url, name)
    finding = find_sources(address if urlsplit(address).path else f"{address}/", visitor)
    if finding.sources and not any(each.source.kind in _WITH_DATES for each in finding.sources):
        finding.notes.append("no feed and no sitemap: new articles are found only on listings")
    name = name or name_of(finding.profile.base_url)
    samples: list[Sample] = []
    long_enough: list[Sample] = []
    tried = finding.entries()[:_MOST_TRIES]
    for sample in read_samples(tried, visitor, finding.profile, name, finding.notes):
        samples.append(sample)
        # A text of a line or two shows little of the layout, and may be no article at all.
        if sample.article and len(sample.article.body) >= _LEAST_TEXT:
            long_enough.append(sample)
        if len(long_enough) == SAMPLES:
            break
    if not any(each.article for each in samples):
        # Perhaps they print a date or an author that no selector finds yet.
        pages = (each.page for each in samples)
        samples = [read_sample(p, finding.profile, name, is_article=True) for p in pages]
    learnt = long_enough or [each for each in samples if each.article]
    markup = induce_markup(learnt[:SAMPLES], finding.profile, name)
    # The outlet's name on its article pages, else on its front page.
    plain = finding.profile.model_copy(update={"title": None})
    declared = (read_structured(each.page.root, each.page.url, plain) for each in samples)
    names = (name for each in declared for name in each.site_names)
    title = next(names, finding.profile.title)
    profile = finding.profile.model_copy(update={"markup": markup, "title": title})
    samples = [read_sample(sample.page, profile, name) for sample in samples]
    text = _profile_toml(profile, finding)
    profile = checked(SiteProfile, tomllib.loads(text), f"the proposed profile of {address}")
    problems = tuple(_problems(finding, [sample.article for sample in samples]))
    return Proposal(name, profile, text, finding, samples, visitor.requests, problems)


def whole_address(url: str, name: str | None = None) -> str:
    """`url` as a whole address, with https:// if it has no scheme.

    Raises:
        ConfigurationError: it is not an http(s) address, or `name` cannot be a profile's.
    """
    address = url if "://" in url else f"https://{url}"
    if not is_web_address(address):
        raise ConfigurationError(
            f"{url}: is not an address; allowed: http(s), such as https://example.org/"
        )
    if name is not None and not is_site_name(name):
        raise ConfigurationError(f"--name: {name!r}: allowed: {SITE_NAMES}")
    return address


def name_of(base_url: str) -> str:
    """A profile's name from the host: `https://www.timesca.com` → `timesca`."""
    host = (urlsplit(base_url).hostname or "").removeprefix("www.")
    if not re.fullmatch(r"[\d.]+", host) and "." in host:
        host = host.rpartition(".")[0]
    name = re.sub(r"[^a-z0-9]+", "-", host).strip("-") or "site"
    return name if is_site_name(name) else f"{name}-site"


def _problems(finding: Finding, articles: list[Article | None]) -> Iterator[str]:
    read = [article for article in articles if article]
    if not finding.sources:
        yield "no source of articles was found; give the address of a page that lists articles"
    elif not read:
        yield f"none of {len(articles)} pages could be read; set markup.container by hand"
    for field, key in (("title", "title"), ("published_at", "published_text"), ("body", "body")):
        if missing := sum(1 for article in read if not getattr(article, field)):
            seen = f"{missing} of {len(read)} pages"
            yield f"{field}: not found on {seen}; set markup.{key} by hand"


def _profile_toml(profile: SiteProfile, finding: Finding) -> str:
    """`profile` as commented TOML, without default values; a person has to enable and verify it."""
    environment = templates("probing", quoted=_quoted, line=lambda text: " ".join(text.split()))
    tables = {"links": {}, "markup": {}} | profile.model_dump(
        include={"links", "markup"}, exclude_defaults=True
    )
    template = environment.get_template("profile.toml.j2")
    return template.render(tables, profile=profile, finding=finding, day=utc_now().date())


def _quoted(text: str) -> str:
    """`text` as a TOML string: a literal one if backslashes would have to be doubled."""
    if "\\" in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
