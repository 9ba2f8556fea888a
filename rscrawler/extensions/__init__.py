"""Scrapy extensions: the JSONL and the exporters of `scrapy crawl`, the archive of pages."""
