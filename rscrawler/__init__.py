"""Watches news sites for coverage of Central Asia.

Three functions are public, with the types that they return: `extract_page` extracts one page,
`flag_text` flags one text, `read_records` reads recorded articles. Everything else is private.
They are imported at first use, so that `import rscrawler` stays fast.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rscrawler.delivery.records import RecordError, read_records
    from rscrawler.errors import ConfigurationError
    from rscrawler.extraction.article import extract_page
    from rscrawler.extraction.page import IncompletePage, NotAnArticle, PageError
    from rscrawler.items import Article, Event, Evidence, Image, Level, Novelty, TopicFlag
    from rscrawler.topics.flagger import Flag, flag_text

__version__ = "0.2.0"
__all__ = [
    "Article",
    "ConfigurationError",
    "Event",
    "Evidence",
    "Flag",
    "Image",
    "IncompletePage",
    "Level",
    "NotAnArticle",
    "Novelty",
    "PageError",
    "RecordError",
    "TopicFlag",
    "extract_page",
    "flag_text",
    "read_records",
]
PACKAGE_DIR = Path(__file__).parent

_HOMES = {
    "delivery.records": ("RecordError", "read_records"),
    "errors": ("ConfigurationError",),
    "extraction.page": ("IncompletePage", "NotAnArticle", "PageError"),
    "extraction.article": ("extract_page",),
    "items": ("Article", "Event", "Evidence", "Image", "Level", "Novelty", "TopicFlag"),
    "topics.flagger": ("Flag", "flag_text"),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"rscrawler.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
