"""What is said of one page is what a crawl would record."""

from __future__ import annotations

from pathlib import Path

import pytest

from rscrawler.config import Config
from rscrawler.errors import ConfigurationError
from rscrawler.probing.explaining import explain
from tests.probing.server import BASE, Reply, SmallSite, page

TEXT = "The delegation spent two days in the capital and met three of the ministers there. " * 3
DATE = '<meta property="article:published_time" content="2026-11-20T10:00:00Z">'
STORY = f"<html><head>{DATE}</head><body><h1>Talks</h1><p>{TEXT}</p></body></html>"


def test_an_address_that_leads_on_to_an_article_is_an_alias_of_it() -> None:
    pages = {
        "/news/talks/": page(STORY),
        "/news/talks": Reply(status=301, location=f"{BASE}/news/talks/"),
        "/2026/talks/": Reply(status=301, location=f"{BASE}/news/talks/?utm_source=old"),
        "/news/talks/?utm_source=old": page(STORY),
    }
    with SmallSite(pages) as site:
        sources = [{"kind": "feed", "path": "/feed/"}]
        sites = {"small": {"base_url": site.base_url, "sources": sources}}
        for requested, aliases in (
            ("/2026/talks/", [f"{site.base_url}/2026/talks/"]),
            ("/news/talks", []),
        ):
            address = f"{site.base_url}{requested}"
            article = explain(Config(sites=sites), address, site="small").article
            assert (article.url, article.aliases) == (f"{site.base_url}/news/talks/", aliases)


def test_a_page_of_a_site_without_a_profile_is_read_by_the_generic_rules(tmp_path: Path) -> None:
    with SmallSite({"/news/talks/": page(STORY)}) as site:
        address = f"{site.base_url}/news/talks/"
        fetched = explain(Config(), address).article
    file = tmp_path / "page.html"
    file.write_text(STORY, "utf-8")
    saved = explain(Config(), str(file), url=address).article
    for article in (fetched, saved):
        assert (article.title, article.body, article.url) == ("Talks", TEXT.strip(), address)
        assert article.site == "generic"


def test_a_saved_page_without_an_address_needs_a_site_if_several_are_enabled(
    tmp_path: Path,
) -> None:
    file = tmp_path / "page.html"
    file.write_text(STORY, "utf-8")
    enabled = {"enabled": True, "base_url": "https://paper.example"}
    config = Config(sites={"first-paper": enabled, "second-paper": enabled})
    with pytest.raises(ConfigurationError, match="--site: is missing, and 3 sites"):
        explain(config, str(file))


@pytest.mark.parametrize(
    ("second", "site"),
    [
        ({"links": {"article": ["^/opinion/"]}}, "first"),
        ({"links": {"article": ["^/news/"]}}, None),
        ({"links": {"article": ["^/news/"]}, "enabled": False}, "first"),
    ],
)
def test_of_two_sites_on_one_host_the_one_that_reads_the_page_is_taken_or_none(
    tmp_path: Path, second: dict[str, object], site: str | None
) -> None:
    file = tmp_path / "page.html"
    file.write_text(STORY, "utf-8")
    own = {"base_url": "https://paper.example", "enabled": True}
    config = Config(sites={"aside": own | second, "first": own})
    url = "https://paper.example/news/talks/"
    if site is None:
        with pytest.raises(ConfigurationError, match=f"have the address {url}; .*: aside, first"):
            explain(config, str(file), url=url)
    else:
        assert explain(config, str(file), url=url).article.site == site
