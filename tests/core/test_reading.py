"""What the first page takes is done before there is one."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from rscrawler.config import Config
from rscrawler.sites import load_sites
from rscrawler.spiders.outcomes import FetchedArticle
from rscrawler.spiders.reading import ArticleToRead, PageReader
from rscrawler.topics import shipped_flagger
from tests.sample_site.pages import render_article
from tests.sample_site.state import SiteState

NAME = "responsiblestatecraft"
NOW = datetime(2024, 12, 14, tzinfo=UTC)
LONG = 1_000  # characters: to compile such a pattern takes milliseconds


def test_no_page_waits_for_a_long_pattern_to_be_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = PageReader({NAME: load_sites(Config())[NAME]}, shipped_flagger())
    reader.prepare(10.0)
    compiled: list[str] = []
    compile_pattern = re.compile

    def noted(pattern: Any, *flags: Any) -> Any:
        compiled.append(str(pattern))
        return compile_pattern(pattern, *flags)

    monkeypatch.setattr(re, "compile", noted)
    site = SiteState(60, 11, lambda: NOW)
    site.base_url = "https://responsiblestatecraft.org"
    for story in site.stories:
        page = render_article(site, story).encode()
        url = site.base_url + story.path
        read = reader.read(ArticleToRead(NAME, url, page, "text/html; charset=utf-8", NOW))
        assert isinstance(read, FetchedArticle), story.slug
    assert [pattern for pattern in compiled if len(pattern) > LONG] == []
