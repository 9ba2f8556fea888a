"""Each shipped site profile has a stored page and the record that must come of it."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from rscrawler.config import Config
from rscrawler.extraction import Page, extract
from rscrawler.sites import load_sites

STORED = Path(__file__).parents[1] / "sites"
SITES = load_sites(Config())


@pytest.mark.parametrize("site", SITES)
def test_the_stored_page_of_a_site_gives_the_expected_record(site: str) -> None:
    folder = STORED / site
    pages = sorted(folder.glob("*.html"))
    assert pages, f"{folder} holds no stored page for the shipped profile {site!r}"
    for path in pages:
        expected: dict[str, Any] = json.loads(
            path.with_name(path.name.replace("page", "expected")).with_suffix(".json").read_text()
        )
        fetched_at = datetime.fromisoformat(expected["fetched_at"])
        body, kind = path.read_bytes(), "text/html; charset=utf-8"
        page = Page.of(expected["fetched_from"], body, kind, fetched_at)
        article = extract(page, SITES[site], site)
        record = article.to_record() | {"paragraphs": article.paragraphs}
        assert {key: record[key] for key in expected["record"]} == expected["record"]
