"""One extractor over stored pages, in whatever environment has it.

    python extract_pages.py EXTRACTOR PAGES.json

`PAGES.json` is a list of [address, HTML]. Prints a JSON object: the processor seconds that
the pages took, and the body found in each. The extractors are called as their documentation
shows; whatever fetches pictures is told not to.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

Extract = Callable[[str, str], str]


def ours() -> Extract:
    from rscrawler.clock import utc_now
    from rscrawler.config import Config
    from rscrawler.extraction.article import extract
    from rscrawler.extraction.page import Page
    from rscrawler.sites import load_sites

    name = "responsiblestatecraft"
    profile = load_sites(Config())[name]
    profiles = {}

    def body(url: str, html: str) -> str:
        base = "/".join(url.split("/")[:3])
        if base not in profiles:
            profiles[base] = profile.model_copy(update={"base_url": base, "hosts": []})
        page = Page.of(url, html.encode(), "text/html; charset=utf-8", utc_now())
        return extract(page, profiles[base], name).body

    return body


def news_please() -> Extract:
    from newsplease import NewsPlease  # type: ignore[import-not-found]

    def body(url: str, html: str) -> str:
        return NewsPlease.from_html(html, url=url, fetch_images=False).maintext or ""

    return body


def newspaper4k() -> Extract:
    import newspaper  # type: ignore[import-not-found]

    def body(url: str, html: str) -> str:
        article = newspaper.Article(url, fetch_images=False, language="en")
        article.download(input_html=html)
        article.parse()
        return article.text or ""

    return body


def trafilatura() -> Extract:
    from trafilatura import extract

    def body(url: str, html: str) -> str:
        return extract(html, url=url, include_comments=False) or ""

    return body


def readability() -> Extract:
    from lxml.html import fromstring
    from readability import Document  # type: ignore[import-not-found]

    def body(url: str, html: str) -> str:
        return str(fromstring(Document(html, url=url).summary()).xpath("string()"))

    return body


EXTRACTORS = {
    "rscrawler": ours,
    "news-please": news_please,
    "newspaper4k": newspaper4k,
    "trafilatura": trafilatura,
    "readability-lxml": readability,
}


def main() -> None:
    name, file = sys.argv[1:]
    pages = json.loads(Path(file).read_text(encoding="utf-8"))
    extract = EXTRACTORS[name]()
    extract(*pages[0])  # whatever is loaded at the first page is not counted
    bodies = []
    started = time.process_time()
    for url, html in pages:
        bodies.append(extract(url, html))
    seconds = time.process_time() - started
    sys.stdout.write(json.dumps({"seconds": seconds, "bodies": bodies}) + "\n")


if __name__ == "__main__":
    main()
