"""Scrapy's settings, except those that come from a site's profile or the configuration."""

from rscrawler import __version__

BOT_NAME = "rscrawler"
SPIDER_MODULES = ["rscrawler.spiders.news"]  # given a package, Scrapy imports all its modules

ROBOTSTXT_OBEY = True
ROBOTSTXT_USER_AGENT = BOT_NAME
USER_AGENT = f"{BOT_NAME}/{__version__}"  # a crawl adds the contact
DOWNLOAD_VERIFY_CERTIFICATES = True
TWISTED_DNS_RESOLVER = "scrapy.resolver.CachingHostnameResolver"  # the default finds only IPv4
DOWNLOAD_DELAY_JITTER = 0  # else Scrapy may wait for only half of the profile's delay
LOG_LEVEL = "WARNING"
RETRY_HTTP_CODES = [408, 429, *range(500, 600)]  # Scrapy leaves out Cloudflare's 520 and others
RETRY_GIVE_UP_LOG_LEVEL = "DEBUG"  # the spider logs the reason
LOG_VERSIONS: list[str] = []
STATS_DUMP = False
# Else Scrapy parses the callback's source for every response, to find what the type checker finds.
WARN_ON_GENERATOR_RETURN_VALUE = False

# Scrapy starts this many tasks for each response; one is enough, as our pipelines never wait.
CONCURRENT_ITEMS = 1

# Scrapy's own components, without those that we do not use. Scrapy imports a component even if it
# is disabled; the imports for cookies, console and remote control take 0.2 s.
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
    "rscrawler.middlewares.redirects.RedirectsMiddleware": 700,  # sees a redirect before Scrapy's
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
