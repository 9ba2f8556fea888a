"""Extracts a single page as a crawl would, without storing anything."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rscrawler.clock import utc_now
from rscrawler.config import Config, is_web_address
from rscrawler.errors import ConfigurationError
from rscrawler.extraction.article import GENERIC, extract, generic_profile, labelled_blocks
from rscrawler.extraction.blocks import Block
from rscrawler.extraction.page import NotAnArticle, PageError
from rscrawler.identity.addresses import address_key, canonical_url, is_article_address
from rscrawler.identity.fingerprints import new_article_id, new_record_id
from rscrawler.items import Article
from rscrawler.probing.visitor import Response, Visitor
from rscrawler.sites import SiteProfile, chosen_sites, host_of, load_sites
from rscrawler.topics import Contribution, FlaggableText, usable_flagger


@dataclass(frozen=True, slots=True)
class Explanation:
    """The record that a page would give, where each field came from, and why it is flagged.

    `blocks` are the blocks of the article, each with its label and the rule that gave it;
    `contributions` says, by topic that the article mentions, what each feature adds to the score.
    """

    article: Article
    blocks: list[Block]
    contributions: dict[str, list[Contribution]]

    def to_json(self) -> dict[str, Any]:
        """Record, provenance, flags with their evidence, blocks, and contributions to scores."""
        record, shown = self.article.to_record(), ("label", "rule", "tag", "text")
        contributions = self.contributions.items()
        return {
            "record": record,
            "provenance": record["extraction"]["provenance"],
            "topics": record["topics"],
            "blocks": [{name: getattr(each, name) for name in shown} for each in self.blocks],
            "contributions": {topic: list(map(asdict, found)) for topic, found in contributions},
        }


def explain(
    config: Config, page: str, *, site: str | None = None, url: str | None = None
) -> Explanation:
    """Fetch one page, or read a saved one, and return the record that it would give.

    Raises:
        ConfigurationError: the site is not known; a file has neither site nor address, and not
            one site is enabled; several sites have the address; `url` or `page` is no address.
        PageUnavailable: the page cannot be fetched, or robots.txt forbids it.
        OSError: the file cannot be read.
        NotAnArticle, IncompletePage: the page gives no article.
    """
    sites = load_sites(config)
    is_address = page.startswith(("http://", "https://"))
    if is_address and url is not None:
        raise ConfigurationError(f"--url: is only for a saved page; {page} is an address itself")
    address = page if is_address else url
    if address is not None and not is_web_address(address):
        named = page if is_address else f"--url: {url}"
        raise ConfigurationError(f"{named}: is not an address; allowed: https://host/path")
    name = site or _site_of(address, sites)
    profile = chosen_sites(sites, [name])[name] if name else generic_profile(address or "")
    if is_address:
        hosts = {host_of(urlsplit(page)), *profile.all_hosts}
        response = Visitor(config, delay=0, hosts=hosts).get(page)
    else:
        response = Response(url or f"{profile.base_url}/", Path(page).read_bytes(), None)
    now = utc_now()
    try:
        read = response.page(now)
        article = extract(read, profile, name or GENERIC, is_article=name is None)
    except PageError as error:
        if is_address:
            raise
        # The error names the file: its address may be made up.
        is_guessed = url is None and isinstance(error, NotAnArticle)
        hint = "; give the page's address with --url" if is_guessed else ""
        raise type(error)(page, error.reason + hint) from error
    if is_address and (requested := canonical_url(page, profile)):
        others = {address_key(each, profile): each for each in (requested, *article.aliases)}
        others.pop(address_key(article.url, profile), None)
        article.aliases = list(others.values())
    elif url is None:
        article.aliases = []  # a file has no address of its own
    article.normalize()
    article.article_id = new_article_id(article.site, address_key(article.url, profile))
    article.version = 1
    article.record_id = new_record_id(article.article_id, 1)
    article.first_seen_at = now
    flagger = usable_flagger(config)
    text = FlaggableText.from_article(article)
    article.topics = flagger.flag(text)
    return Explanation(article, labelled_blocks(read, profile), flagger.explain(text))


def _site_of(address: str | None, sites: dict[str, SiteProfile]) -> str | None:
    """The site whose host an address has, if any; with no address, the only enabled site.

    Of several sites on one host, that which takes the address for an article's, and is enabled.
    """
    if address is not None:
        on_host = [name for name, each in sites.items() if canonical_url(address, each)]
        fitting = [name for name in on_host if is_article_address(address, sites[name])]
        crawled = [name for name in fitting if sites[name].enabled]
        named = crawled or fitting or on_host
        if len(named) > 1:
            raise ConfigurationError(
                f"--site: is missing, and several sites have the address {address}; allowed: "
                f"{', '.join(sorted(named))}"
            )
        return named[0] if named else None
    enabled = [name for name, profile in sites.items() if profile.enabled]
    if len(enabled) != 1:
        raise ConfigurationError(
            f"--site: is missing, and {len(enabled)} sites are enabled; allowed: "
            f"{', '.join(sorted(sites))}; or give the address of the page with --url"
        )
    return enabled[0]
