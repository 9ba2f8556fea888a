"""Scrapy's settings. What a site or a user may set comes from profile and configuration."""

from __future__ import annotations

BOT_NAME = "rscrawler"
SPIDER_MODULES = ["rscrawler.spiders"]


ROBOTSTXT_OBEY = True
ROBOTSTXT_USER_AGENT = BOT_NAME
DOWNLOAD_VERIFY_CERTIFICATES = True
COOKIES_ENABLED = False
METAREFRESH_ENABLED = False
REFERER_ENABLED = True
DOWNLOAD_DELAY_JITTER = 0  # else half of the delay that the profile promises will do
LOG_LEVEL = "WARNING"
RETRY_GIVE_UP_LOG_LEVEL = "DEBUG"  # the spider tells why
LOG_VERSIONS: list[str] = []
STATS_DUMP = False
# Else Scrapy parses the source of the callback for every answer; the type checker sees as much.
WARN_ON_GENERATOR_RETURN_VALUE = False

# Scrapy starts so many tasks for each response; our pipelines do not wait for anything.
CONCURRENT_ITEMS = 2

DOWNLOADER_MIDDLEWARES = {
    "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
    "rscrawler.middlewares.hosts.SiteHostsMiddleware": 50,
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    "rscrawler.middlewares.robots.RobotsRulesMiddleware": 100,
    "rscrawler.middlewares.robots.RobotsCacheMiddleware": 540,
    "rscrawler.middlewares.retry_after.RetryAfterMiddleware": 560,
}
SPIDER_MIDDLEWARES = {
    # Nothing here uses what they count or check.
    "scrapy.spidermiddlewares.depth.DepthMiddleware": None,
    "scrapy.spidermiddlewares.metacopy.MetaCopyDetectionMiddleware": None,
    "scrapy.spidermiddlewares.urllength.UrlLengthMiddleware": None,
}
ITEM_PIPELINES = {
    "rscrawler.pipelines.dedupe.DedupePipeline": 200,
    "rscrawler.pipelines.store.StorePipeline": 400,
}
# Scrapy's own extensions, without those that nothing here uses: one that is only switched off
# is imported all the same, and the console and remote control take a tenth of a second.
EXTENSIONS_BASE = {
    "scrapy.extensions.corestats.CoreStats": 0,
    "scrapy.extensions.logcount.LogCount": 0,
    "scrapy.extensions.memusage.MemoryUsage": 0,
    "scrapy.extensions.closespider.CloseSpider": 0,
    "scrapy.extensions.feedexport.FeedExporter": 0,
}
EXTENSIONS = {
    "rscrawler.archiving.ArchiveExtension": 400,
    "rscrawler.monitoring.cycle.CycleExtension": 500,
    "rscrawler.extensions.JsonlExtension": 600,
}
