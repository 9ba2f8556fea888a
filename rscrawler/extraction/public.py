"""`rscrawler.extract_page`: one page read without a crawl."""

from functools import lru_cache
from urllib.parse import urlsplit

from rscrawler.clock import utc_now
from rscrawler.config import find_config, is_web_address, load_config
from rscrawler.errors import ConfigurationError
from rscrawler.extraction.article import extract
from rscrawler.extraction.page import Page
from rscrawler.items import Article
from rscrawler.sites import SiteProfile, load_sites


def extract_page(page: bytes, url: str, *, site: str | None = None) -> Article:
    """Extract the article on a page; without network, and nothing is stored.

    `page` is the page as fetched and `url` its address after redirects. `site` names a profile:
    a shipped one, or one of the configuration that the commands would find. Without it, the page
    counts as an article, and the generic profile is used. Identity, topics and novelty are not set.

    Raises:
        NotAnArticle: the page is a listing, a static page or a donation page.
        IncompletePage: the page is cut off, empty or garbage.
        ConfigurationError: `site` has no profile, or `url` is no web address.
    """
    if not isinstance(url, str) or not is_web_address(url):
        raise ConfigurationError(f"{url!r}: is no web address; allowed: https://host/path")
    profile = _generic_profile(url) if site is None else _profile_named(site)
    fetched = Page.of(url, page, None, utc_now())
    return extract(fetched, profile, site or "generic", is_article=site is None)


def _generic_profile(url: str) -> SiteProfile:
    parts = urlsplit(url)
    return SiteProfile(base_url=f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")


def _profile_named(site: str) -> SiteProfile:
    sites = _profiles()
    if site not in sites:
        raise ConfigurationError(f"site {site!r} is not known; allowed: {', '.join(sorted(sites))}")
    return sites[site]


@lru_cache(maxsize=1)
def _profiles() -> dict[str, SiteProfile]:
    return load_sites(load_config(find_config(None)))
