"""What an article's address looks like, learnt from a few of them."""

from __future__ import annotations

import re

import pytest

from rscrawler.probing.paths import article_patterns, learn_links, likely_articles


@pytest.mark.parametrize(
    ("paths", "patterns"),
    [
        (
            ["/2026/11/grain-route/", "/2026/9/salt-works/", "/2025/10/ferry/"],
            [r"^/\d{4}/\d{1,2}/[^/]+/?$"],
        ),
        (["/news/48213-ferry", "/news/48212-mill", "/news/48211-dam"], [r"^/news/\d+-[^/]+/?$"]),
        (["/a/ferry/33790412.html", "/a/dam/33790413.html", "/a/mill/33790414.html"],
         [r"^/a/[^/]+/\d+\.html$"]),
        # All of one month, or of one day: the next one's have the same pattern.
        (["/en/2026-12/30/c_13.htm", "/en/2026-12/30/c_14.htm", "/en/2026-12/31/c_15.htm"],
         [r"^/en/\d[\w.-]+\d/\d{1,2}/[^/]+\.htm$"]),
        (["/31-Dec-2026/ferry", "/31-Dec-2026/dam", "/31-Dec-2026/mill"],
         [r"^/\d[\w.-]+\d/[^/]+/?$"]),
        (["/kazakhstan/ferry/", "/kyrgyzstan/mill/", "/tajikistan/dam/"], ["^/[^/]+/[^/]+/?$"]),
        (["/ferry-2657538411/", "/dam/", "/mill/"], ["^/[^/]+/?$"]),
        ([], []),
        (["/"], []),
    ],
)  # fmt: skip
def test_words_become_wildcards_and_numbers_and_endings_stay(
    paths: list[str], patterns: list[str]
) -> None:
    assert article_patterns(paths) == patterns
    assert all(any(re.search(p, path) for p in patterns) for path in paths if path != "/")


def test_a_stray_address_among_many_gives_no_pattern_of_its_own() -> None:
    paths = [f"/news/{number}-title" for number in range(1000, 1040)]
    assert article_patterns([*paths, "/special/2026/x/y/z.html"]) == [r"^/news/\d+-[^/]+/?$"]


def test_of_a_sitemap_the_many_that_are_alike_are_taken_for_articles() -> None:
    stories = [f"/stories/title-{letter}" for letter in "abcdefgh"]
    others = ["/", "/about", "/tag/water", "/tag/gas", "/category/x/", "/newsletters", "/who"]
    assert likely_articles([*others, *stories]) == stories


def test_a_sitemap_may_hold_articles_under_several_sections() -> None:
    paths = [f"/{section}/title-{n}" for section in ("politics", "culture") for n in range(6)]
    assert likely_articles([*paths, "/imprint", "/some/lonely/page"]) == paths


def test_numbered_addresses_are_articles_in_every_section_however_few_it_has() -> None:
    news = [f"/news/title-{n}.html" for n in range(10_000, 10_020)]
    reviews = [f"/reviews/title-{n}.html" for n in (20_001, 20_002)]
    assert likely_articles([*news, *reviews, "/some/lonely/page"]) == [*news, *reviews]


def test_dated_addresses_of_a_sitemap_are_articles_in_every_section_however_few_it_has() -> None:
    news = [f"/news/2026/07/{day}/title" for day in range(10, 30)]
    sport = ["/sport/2026/07/11/title", "/sport/2026/07/12/title"]
    mapped = [*news, *sport, "/imprint", "/some/lonely/page"]
    links = learn_links([], mapped, [], [], frame=[], within="")
    assert [path for path in mapped if links.is_article_path(path)] == [*news, *sport]


@pytest.mark.parametrize(
    ("fed", "is_article"),
    [
        (["/posts/ferry", "/tags/water"], False),
        (["/tags/ferry", "/tags/mill"], True),
        (["/tags/ferry"], True),
    ],
)
def test_addresses_like_those_of_tags_are_articles_only_if_a_feed_names_more_than_a_stray_one(
    fed: list[str], is_article: bool
) -> None:
    links = learn_links(fed, [], [], [], frame=[], within="")
    assert links.is_article_path("/tags/dam") is is_article
