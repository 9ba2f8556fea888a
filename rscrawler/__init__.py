"""Watches news sites for coverage of Central Asia.

Two functions are public and stable: `extract_page` reads one page, `flag_text` judges one text.
Everything else is private. They are imported at first use, so that `import rscrawler` stays cheap.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rscrawler.extraction.page import IncompletePage, NotAnArticle, PageError
    from rscrawler.extraction.public import extract_page
    from rscrawler.items import Article
    from rscrawler.topics.public import Flag, flag_text

__version__ = "0.1.0"
__all__ = [
    "Article",
    "Flag",
    "IncompletePage",
    "NotAnArticle",
    "PageError",
    "extract_page",
    "flag_text",
]
PACKAGE_DIR = Path(__file__).parent

_HOMES = {
    "Article": "rscrawler.items",
    "Flag": "rscrawler.topics.public",
    "IncompletePage": "rscrawler.extraction.page",
    "NotAnArticle": "rscrawler.extraction.page",
    "PageError": "rscrawler.extraction.page",
    "extract_page": "rscrawler.extraction.public",
    "flag_text": "rscrawler.topics.public",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
