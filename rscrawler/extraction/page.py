"""What extraction is given, and the two ways in which a page can be no article.

RscrawlerError
└── PageError
    ├── NotAnArticle     the page is fine, and is something else
    └── IncompletePage   the page is cut off, empty or garbage: try again later
"""

from codecs import BOM_UTF8
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from charset_normalizer import from_bytes
from lxml import etree
from lxml.etree import _Element as Element
from w3lib.encoding import (
    html_body_declared_encoding,
    html_to_unicode,
    http_content_type_encoding,
    to_unicode,
)

from rscrawler.errors import RscrawlerError

_ENDS = (b"</html", b"</body")
_BOXES = (b"div", b"article", b"main", b"section")
_EMPTY_PAGE = b"<html><body></body></html>"
_BROKEN = "\ufffd"  # what stands for bytes that are no character
# What sites of and about the region were written in before UTF-8. Guessing among all there
# are makes Shift JIS of a Russian page.
_OLD_ENCODINGS = ["cp1252", "cp1251", "koi8-r", "cp1254"]
# So many whole characters for each broken one make a text; of what a page claims, fewer: excerpts
# of other pieces may be cut in the middle of one.
_WHOLE, _CLAIMED_WHOLE = 1.0, 0.25


class PageError(RscrawlerError):
    """No article comes of a page; `url` is its address and `reason` says why."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url}: {reason}")
        self.url = url
        self.reason = reason


class NotAnArticle(PageError):
    """The page is a listing, a static page, a donation page: nothing to record."""


class IncompletePage(PageError):
    """The page is cut off, empty or garbage; asking again later may help."""


@dataclass(frozen=True)
class Page:
    """One fetched page.

    `url` is the final address, after redirects. `root` is its parsed tree, handed over:
    extraction removes from it what is not the article's own. `published_at` is what the feed
    entry that led to the page says; None where it is silent.
    """

    url: str
    root: Element
    fetched_at: datetime
    published_at: datetime | None
    is_cut_off: bool

    @classmethod
    def of(
        cls,
        url: str,
        body: bytes,
        content_type: str | None,
        fetched_at: datetime,
        published_at: datetime | None = None,
    ) -> Self:
        """The page of what an address answered: its bytes and its Content-Type header."""
        root = parse_page(body, content_type)
        return cls(url, root, fetched_at, published_at, looks_cut_off(body))


def parse_page(body: bytes, content_type: str | None = None) -> Element:
    """The tree of a page, without comments and processing instructions.

    What reads as UTF-8 is UTF-8. Else the encoding is that of the byte order mark, of
    `content_type` (a Content-Type header) or of the page's own declaration, whichever the bytes
    bear out, else a guess. Never fails: what is no HTML gives an empty page.
    """
    data = _as_utf8(body, content_type).replace(b"\x00", b"").strip() or _EMPTY_PAGE
    parser = etree.HTMLParser(
        recover=True, encoding="utf8", huge_tree=True, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        root = None
    return root if root is not None else etree.fromstring(_EMPTY_PAGE, parser=parser)


def looks_cut_off(body: bytes) -> bool:
    """Whether the bytes of a page begin as an HTML document and stop within it.

    Many whole pages lack their end tags, but do not stop in a text or tag, or leave boxes open.
    """
    page = body.lower()
    if b"<html" not in page[:2048] or any(end in page[-4096:] for end in _ENDS):
        return False
    unclosed = sum(page.count(b"<" + box) - page.count(b"</" + box) for box in _BOXES)
    return unclosed > 0 or not page.rstrip().endswith(b">")


def _as_utf8(body: bytes, content_type: str | None) -> bytes:
    if not body.isascii() and _is_text(text := body.decode("utf-8", "replace")):
        return (body if _BROKEN not in text else text.encode()).removeprefix(BOM_UTF8)
    encoding = "cp1252"
    for claim in (http_content_type_encoding(content_type), html_body_declared_encoding(body)):
        if claim is not None and _is_text(to_unicode(body, claim), _CLAIMED_WHOLE):
            encoding = claim
            break
    else:
        if guess := from_bytes(body, cp_isolation=_OLD_ENCODINGS).best():
            encoding = guess.encoding
    return html_to_unicode(f"text/html; charset={encoding}", body)[1].encode("utf8", "replace")


def _is_text(decoded: str, whole: float = _WHOLE) -> bool:
    """Whether bytes that gave this are text, be it with a broken character here and there.

    Of the characters beyond ASCII, more than `whole` for each broken one must be whole.
    """
    broken = decoded.count(_BROKEN)
    if not broken:
        return True
    beyond = len(decoded) - len(decoded.encode("ascii", "ignore"))
    return beyond - broken > whole * broken
