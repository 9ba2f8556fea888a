"""Every article of the sample site is read right, also when its markup drifts."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from rscrawler.extraction.article import extract
from rscrawler.extraction.page import Page
from tests.extraction.pages import PROFILE
from tests.sample_site.pages import render_article
from tests.sample_site.state import SiteState
from tests.sample_site.stories import Story

BASE = "http://127.0.0.1:8099"
NOW = datetime(2024, 12, 14, tzinfo=UTC)
SITE = PROFILE.model_copy(update={"base_url": BASE})


def _without_classes(html: str) -> str:
    return re.sub(r' (?:class|data-[a-z-]+)="[^"]*"', "", html)


DRIFTS: dict[str, Callable[[str], str]] = {
    "none": lambda html: html,
    "no data-source": lambda html: re.sub(r' data-source="[^"]*"', "", html),
    "every block says current_post": lambda html: html.replace("all_posts", "current_post"),
    "every article is a page-article": lambda html: html.replace("image-article", "page-article"),
    "every article is an image-article": lambda html: html.replace("page-article", "image-article"),
    "no metadata": lambda html: re.sub(r"<meta property[^>]*>|<link rel[^>]*>", "", html),
    "no body class": lambda html: html.replace("body-description", "x").replace("js-exp", "x"),
    "no article elements and no classes": lambda html: _without_classes(
        re.sub(r"<(/?)article", r"<\1div", html)
    ),
    "headlines that link nowhere": lambda html: re.sub(
        r'<a (class="widget__headline-text") href="[^"]*">(.*?)</a>', r"<span \1>\2</span>", html
    ),
}


@pytest.fixture(scope="module")
def pages() -> dict[str, tuple[Story, str]]:
    """The articles and their pages, by the address of the page."""
    state = SiteState(60, 11, lambda: NOW)
    state.base_url = BASE
    return {BASE + each.path: (each, render_article(state, each)) for each in state.stories}


@pytest.mark.parametrize("drift", DRIFTS)
def test_every_article_is_read_right(pages: dict[str, tuple[Story, str]], drift: str) -> None:
    for url, (story, html) in pages.items():
        page = Page.of(url, DRIFTS[drift](html).encode(), "text/html; charset=utf-8", NOW)
        article = extract(page, SITE, "sample")
        assert article.paragraphs == list(story.paragraphs), story.slug
        assert article.title == story.title
        assert article.subtitle == story.subtitle
        assert article.authors == list(story.authors)
        assert article.sections == list(story.sections)
        assert article.tags == list(story.tags)
        assert article.republished_from == story.republished_from
        assert article.url == url
