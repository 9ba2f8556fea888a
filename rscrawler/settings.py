"""Scrapy's settings. What a site or a user may set comes from profile and configuration."""

from rscrawler import __version__

BOT_NAME = "rscrawler"
SPIDER_MODULES = ["rscrawler.spiders.news"]  # of a package Scrapy imports all modules

ROBOTSTXT_OBEY = True
ROBOTSTXT_USER_AGENT = BOT_NAME
USER_AGENT = f"{BOT_NAME}/{__version__}"  # a crawl adds the contact
DOWNLOAD_VERIFY_CERTIFICATES = True
DOWNLOAD_DELAY_JITTER = 0  # else half of the delay that the profile promises will do
LOG_LEVEL = "WARNING"
RETRY_GIVE_UP_LOG_LEVEL = "DEBUG"  # the spider tells why
LOG_VERSIONS: list[str] = []
STATS_DUMP = False
# Else Scrapy parses the source of the callback for every answer; the type checker sees as much.
WARN_ON_GENERATOR_RETURN_VALUE = False

# Scrapy starts so many tasks for each response; our pipelines do not wait for anything.
CONCURRENT_ITEMS = 1

# Scrapy's own parts, without those that nothing here uses: one that is only switched off is
# imported all the same, and cookies, console and remote control take two tenths of a second.
DOWNLOADER_MIDDLEWARES_BASE = {
    "scrapy.downloadermiddlewares.downloadtimeout.DownloadTimeoutMiddleware": 350,
    "scrapy.downloadermiddlewares.defaultheaders.DefaultHeadersMiddleware": 400,
    "scrapy.downloadermiddlewares.useragent.UserAgentMiddleware": 500,
    "scrapy.downloadermiddlewares.retry.RetryMiddleware": 550,
    "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": 590,
    "scrapy.downloadermiddlewares.redirect.RedirectMiddleware": 600,
    "scrapy.downloadermiddlewares.httpproxy.HttpProxyMiddleware": 750,
    "scrapy.downloadermiddlewares.stats.DownloaderStats": 850,
}
DOWNLOADER_MIDDLEWARES = {
    "rscrawler.middlewares.hosts.SiteHostsMiddleware": 50,
    "rscrawler.middlewares.robots.RobotsMiddleware": 100,
    "rscrawler.middlewares.retry_after.RetryAfterMiddleware": 560,
}
SPIDER_MIDDLEWARES_BASE = {
    "scrapy.spidermiddlewares.start.StartSpiderMiddleware": 25,
    "scrapy.spidermiddlewares.httperror.HttpErrorMiddleware": 50,
    "scrapy.spidermiddlewares.referer.RefererMiddleware": 700,
}
ITEM_PIPELINES = {
    "rscrawler.pipelines.dedupe.DedupePipeline": 200,
    "rscrawler.pipelines.store.StorePipeline": 400,
    "rscrawler.pipelines.record.RecordPipeline": 900,
}
FEED_EXPORTERS = {
    "csv": "rscrawler.extensions.exporters.RecordCsvExporter",
    "xml": "rscrawler.extensions.exporters.RecordXmlExporter",
}
FEED_EXPORT_ENCODING = "utf-8"
SPIDER_CONTRACTS = {"rscrawler.spiders.contracts.SourceContract": 10}
EXTENSIONS_BASE = {
    "scrapy.extensions.corestats.CoreStats": 0,
    "scrapy.extensions.logcount.LogCount": 0,
    "scrapy.extensions.memusage.MemoryUsage": 0,
    "scrapy.extensions.closespider.CloseSpider": 0,
    "scrapy.extensions.feedexport.FeedExporter": 0,
}
EXTENSIONS = {
    "rscrawler.extensions.archive.ArchiveExtension": 400,
    "rscrawler.monitoring.cycle.CycleExtension": 500,
    "rscrawler.extensions.jsonl.JsonlExtension": 600,
}
