"""Extensions of Scrapy: the JSONL of a plain `scrapy crawl`, the archive of fetched pages."""
