"""A Scrapy project that uses rscrawler to extract and judge articles."""
