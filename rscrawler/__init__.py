"""Watches news sites for coverage of Central Asia.

Three functions are public, with the types that they return: `extract_page` extracts one page,
`flag_text` flags one text, `read_records` reads recorded articles. Everything else is private.
They are imported at first use, so that `import rscrawler` stays fast.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rscrawler.delivery.records import RecordError as RecordError
    from rscrawler.delivery.records import read_records as read_records
    from rscrawler.errors import ConfigurationError as ConfigurationError
    from rscrawler.extraction.article import extract_page as extract_page
    from rscrawler.extraction.page import IncompletePage as IncompletePage
    from rscrawler.extraction.page import NotAnArticle as NotAnArticle
    from rscrawler.extraction.page import PageError as PageError
    from rscrawler.items import Article as Article
    from rscrawler.items import Event as Event
    from rscrawler.items import Evidence as Evidence
    from rscrawler.items import Image as Image
    from rscrawler.items import Level as Level
    from rscrawler.items import Novelty as Novelty
    from rscrawler.items import TopicFlag as TopicFlag
    from rscrawler.topics.flagger import Flag as Flag
    from rscrawler.topics.flagger import flag_text as flag_text

__version__ = "0.2.0"
PACKAGE_DIR = Path(__file__).parent

_HOMES = {
    "delivery.records": ("RecordError", "read_records"),
    "errors": ("ConfigurationError",),
    "extraction.page": ("IncompletePage", "NotAnArticle", "PageError"),
    "extraction.article": ("extract_page",),
    "items": ("Article", "Event", "Evidence", "Image", "Level", "Novelty", "TopicFlag"),
    "topics.flagger": ("Flag", "flag_text"),
}
__all__ = [name for names in _HOMES.values() for name in names]


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"rscrawler.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
