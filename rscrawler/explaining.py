"""One page, read as a crawl would read it, with nothing stored."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from protego import Protego
from w3lib.url import safe_url_string

from rscrawler import decisions
from rscrawler.config import Config
from rscrawler.errors import ConfigurationError, RscrawlerError
from rscrawler.extraction import Page, extract
from rscrawler.extraction.addresses import address_key
from rscrawler.extraction.page import looks_cut_off, parse_page
from rscrawler.items import Article
from rscrawler.pipelines.normalize import normalize_article
from rscrawler.sites import SiteProfile, load_sites
from rscrawler.topics import FlaggableText, Flagger, load_watchlists


class PageUnavailable(RscrawlerError):
    """The page could not be fetched or read."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The record that a page would give, and where each field came from."""

    article: Article

    @property
    def provenance(self) -> dict[str, str]:
        """What gave each field that is there."""
        return self.article.extraction.provenance

    def to_json(self) -> dict[str, Any]:
        """Record, provenance, and the flags with their evidence."""
        record = self.article.to_record()
        return {"record": record, "provenance": self.provenance, "topics": record["topics"]}


def explain(
    config: Config, page: str, *, site: str | None = None, url: str | None = None
) -> Explanation:
    """Fetch (or read) one page and say what it would be recorded as.

    Raises:
        ConfigurationError: the site is not known, or cannot be told from the address.
        PageUnavailable: the page cannot be fetched or read, or robots.txt forbids it.
        NotAnArticle, IncompletePage: no article comes of it.
    """
    sites = load_sites(config)
    is_address = page.startswith(("http://", "https://"))
    if is_address:
        page = _sendable(page)
    address = page if is_address else url
    name = _site_named(site, sites) if site else _site_of(address, sites)
    profile = sites[name]
    if is_address:
        body, content_type, final_url = _fetch(page, config)
    else:
        body, content_type = _read(Path(page)), None
        final_url = url or f"{profile.base_url}/"
    now = datetime.now(UTC)
    root, is_cut_off = parse_page(body, content_type), looks_cut_off(body)
    article = extract(Page(final_url, root, now, is_cut_off=is_cut_off), profile, name)
    normalize_article(article)
    article.article_id = decisions.new_article_id(name, address_key(article.url, profile))
    article.version = 1
    article.record_id = decisions.new_record_id(article.article_id, 1)
    article.first_seen_at = now
    flagger = Flagger(load_watchlists(None, config.topics_dir).values())
    article.topics = flagger.flag(FlaggableText.from_article(article))
    return Explanation(article)


def _site_named(name: str, sites: dict[str, SiteProfile]) -> str:
    if name not in sites:
        known = ", ".join(sorted(sites))
        raise ConfigurationError(f"--site: {name!r} is not known; allowed: {known}")
    return name


def _site_of(address: str | None, sites: dict[str, SiteProfile]) -> str:
    """The site whose host an address has; with no address, the only enabled site."""
    if address is not None:
        host = urlsplit(address).netloc
        for name, profile in sites.items():
            if host in profile.all_hosts:
                return name
    enabled = [name for name, profile in sites.items() if profile.enabled]
    if address is None and len(enabled) == 1:
        return enabled[0]
    known = ", ".join(sorted(sites))
    raise ConfigurationError(
        f"{address or 'the page'}: belongs to no known site; name one with --site ({known})"
    )


def _sendable(address: str) -> str:
    """An address as a request can carry it: spaces and letters beyond ASCII are encoded."""
    try:
        encoded = safe_url_string(address)
        if urlsplit(encoded).hostname:
            return encoded
    except ValueError:
        pass
    raise ConfigurationError(f"{address}: is not an address; allowed: https://host/path")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PageUnavailable(f"{path}: cannot be read: {error.strerror}") from error


def _fetch(url: str, config: Config) -> tuple[bytes, str | None, str]:
    parts = urlsplit(url)
    try:
        robots, _, _ = _get(f"{parts.scheme}://{parts.netloc}/robots.txt", config)
        rules = robots.decode("utf-8", "replace")
    except HTTPError as error:
        rules = "" if error.code < 500 else "User-agent: *\nDisallow: /"
    except (URLError, OSError, HTTPException) as error:
        raise PageUnavailable(f"{url}: cannot be reached: {_cause(error)}") from error
    if not Protego.parse(rules).can_fetch(url, "rscrawler"):
        raise PageUnavailable(f"{url}: robots.txt forbids it")
    try:
        return _get(url, config)
    except HTTPError as error:
        raise PageUnavailable(f"{url}: answers {error.code}") from error
    except (URLError, OSError, HTTPException) as error:
        raise PageUnavailable(f"{url}: cannot be reached: {_cause(error)}") from error


def _get(url: str, config: Config) -> tuple[bytes, str | None, str]:
    limit = int(config.crawl.max_response_mib * 2**20)
    headers = {"User-Agent": config.user_agent, "Accept": "text/html,*/*"}
    request = Request(url, headers=headers)  # noqa: S310 - it is http(s)
    timeout = config.crawl.timeout.total_seconds()
    with urlopen(request, timeout=timeout, context=ssl.create_default_context()) as answer:  # noqa: S310
        body = answer.read(limit + 1)
        if len(body) > limit:
            raise PageUnavailable(f"{url}: is larger than crawl.max_response_mib allows")
        return body, answer.headers.get("Content-Type"), answer.url


def _cause(error: Exception) -> str:
    return str(getattr(error, "reason", None) or error)
