"""`scrapy crawl desk -a site=https://news.example -O articles.jsonl`."""

BOT_NAME = "newsdesk"
SPIDER_MODULES = ["newsdesk.spiders"]
USER_AGENT = "newsdesk (+mailto:desk@example.org)"
ROBOTSTXT_OBEY = True
DOWNLOAD_DELAY = 1.0

ITEM_PIPELINES = {
    "rscrawler.pipelines.topics.TopicsPipeline": 300,  # sets `topics`, drops other items
    "newsdesk.pipelines.TitlePipeline": 500,  # your own
    "rscrawler.pipelines.record.RecordPipeline": 900,  # an Article becomes its record
}
RSCRAWLER_TOPICS = ["central-asia"]
RSCRAWLER_MIN_LEVEL = "substantial"
