"""A Scrapy project that reads and judges pages by rscrawler."""
