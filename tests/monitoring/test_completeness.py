"""Sources complete each other: what any of them shows is recorded, however much was missed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.crawl.probes import FEW_SOURCES, sources
from tests.sample_site import Fault, SampleSite
from tests.sample_site.stories import Shape, Story
from tests.workspace import Program, Workspace


class Crawled:
    """The sample site, crawled before and after much was published."""

    def __init__(self, folder: Path, program: Program) -> None:
        self.workspace = Workspace(folder, program)
        with SampleSite(stories=12) as site:
            self.workspace.write_config(
                site.base_url, FEW_SOURCES + sources("/media/", "/tag/kazakhstan/")
            )
            self.workspace.crawl()
            template = site.publish()
            self.workspace.crawl()
            self.published = [publish(site, template, f"article-{n}", str(n)) for n in range(75)]
            self.report = self.workspace.crawl()
            # With the sitemap away, each of these is on one source alone.
            site.fail("/sitemap.xml", Fault.SERVER_ERROR)
            site.fail("/feeds/sitemaps", Fault.SERVER_ERROR)
            undated = frozenset({Shape.NO_DATE})
            publish(site, template, "feed-alone", "a", sections=(), tags=())
            publish(site, template, "section-alone", "b", sections=("media",), shapes=undated)
            publish(
                site, template, "tag-alone", "c", sections=(), tags=("kazakhstan",), shapes=undated
            )
            self.workspace.run("crawl", "--json")
            site.heal()
            publish(site, template, "sitemap-alone", "d", sections=(), tags=(), shapes=undated)
            self.workspace.run("crawl", "--json")
        self.records = {slug_of(record): record for record in self.workspace.records()}


def publish(site: SampleSite, template: Story, slug: str, mark: str, **changes: Any) -> Story:
    """An article whose text is that of no other one."""
    plain: dict[str, Any] = {"sections": ("analysis",), "tags": ("africa",), "shapes": frozenset()}
    paragraphs = tuple(f"{mark} {slug} {n} {'word ' * 9}{mark * 3}." for n in range(8))
    number = 2_640_000_000 + sum(ord(letter) * 131**n for n, letter in enumerate(slug)) % 9_999_999
    return site.publish(
        replace(
            template,
            slug=slug,
            post_id=str(number),
            title=f"Of {slug} and {mark}",
            subtitle=None,
            paragraphs=paragraphs,
            kinds=(),
            **(plain | changes),
        )
    )


def slug_of(record: dict[str, Any]) -> str:
    return str(record["url"]).rstrip("/").rpartition("/")[2]


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory, program: Program) -> Crawled:
    return Crawled(tmp_path_factory.mktemp("complete"), program)


def test_75_articles_between_two_polls_of_a_feed_of_30_are_all_recorded(crawled: Crawled) -> None:
    assert crawled.report["articles_new"] == 75
    assert crawled.report["errors"] == 0
    missing = [story.slug for story in crawled.published if story.slug not in crawled.records]
    assert missing == []


def test_each_of_them_is_recorded_once_and_as_news(crawled: Crawled) -> None:
    slugs = [slug_of(record) for record in crawled.workspace.records()]
    assert len(slugs) == len(set(slugs))
    novelties = {crawled.records[story.slug]["novelty"] for story in crawled.published}
    assert novelties == {"new"}


def test_each_says_which_sources_had_shown_it(crawled: Crawled) -> None:
    profile = {"/feeds/feed.rss", "/sitemap.xml", "/analysis/"}
    for story in crawled.published:
        found_in = crawled.records[story.slug]["found_in"]
        assert found_in
        assert set(found_in) <= profile


@pytest.mark.parametrize(
    ("slug", "source"),
    [
        ("feed-alone", "/feeds/feed.rss"),
        ("section-alone", "/media/"),
        ("tag-alone", "/tag/kazakhstan/"),
        ("sitemap-alone", "/sitemap.xml"),
    ],
)
def test_an_article_that_one_source_alone_shows_is_recorded(
    crawled: Crawled, slug: str, source: str
) -> None:
    assert crawled.records[slug]["found_in"] == [source]
