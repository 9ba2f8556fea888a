"""Every address that a full crawl requests: `python -m benchmarks.requested_addresses FOLDER`.

Crawls what FOLDER/rscrawler.toml says, and prints a JSON object: `requested`, the addresses
in their order, and `articles`, how many articles were recorded.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from scrapy import Request, signals
from scrapy.crawler import Crawler

from rscrawler.config import load_config
from rscrawler.crawling import run_cycle


def main() -> None:
    requested: list[str] = []

    def note(request: Request) -> None:
        requested.append(request.url)

    def watch(_site: str, crawler: Crawler) -> None:
        crawler.signals.connect(note, signals.request_reached_downloader)

    config = load_config(Path(sys.argv[1]) / "rscrawler.toml")
    report = run_cycle(config, [], is_full=True, on_crawler=watch)
    sys.stdout.write(json.dumps({"requested": requested, "articles": report.total("articles_new")}))


if __name__ == "__main__":
    main()
