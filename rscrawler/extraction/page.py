"""A fetched page, how it is parsed, and the two errors for a page that gives no article.

RscrawlerError
└── PageError
    ├── NotAnArticle     the page is whole, and is something else
    └── IncompletePage   the page is truncated, empty or garbage: request it again later
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

_ENDS, _LAST = (b"</html", b"</body"), (b"</script>", b"</style>")
_BOXES = (b"div", b"article", b"main", b"section")
_EMPTY_PAGE = b"<html><body></body></html>"
_NOT_ASCII = (b"\x00", b"\x1b")  # in UTF-16 and ISO-2022-JP, whose bytes may all be ASCII
_BROKEN = "\ufffd"  # replaces bytes that cannot be decoded
# The encodings of sites of and about the region before UTF-8. A guess among all encodings may take
# a Russian page for Shift JIS.
_OLD_ENCODINGS = ["cp1252", "cp1251", "koi8-r", "cp1254"]
# Text has more than this many whole characters for each broken one. A declared encoding needs
# fewer: excerpts of other articles may be cut inside a character.
_WHOLE, _CLAIMED_WHOLE = 1.0, 0.25


class PageError(RscrawlerError):
    """A page gives no article; `url` is its address and `reason` says why."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)  # a pickle of the error holds what it was given
        self.url = url
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.url}: {self.reason}"


class NotAnArticle(PageError):
    """The page is a listing, a static page or a donation page: nothing to record."""


class IncompletePage(PageError):
    """The page is truncated, empty or garbage; a later request may give the article."""


@dataclass(frozen=True)
class Page:
    """One fetched page.

    `url` is the final address, after redirects. `root` is its parsed tree. `published_at` is the
    date of publication by the source (feed, news sitemap) of its address, None without one;
    `needs_sign`: that date alone does not make the page an article.
    """

    url: str
    root: Element
    fetched_at: datetime
    published_at: datetime | None
    is_truncated: bool
    needs_sign: bool = False

    @classmethod
    def of(
        cls,
        url: str,
        body: bytes,
        content_type: str | None,
        fetched_at: datetime,
        published_at: datetime | None = None,
        *,
        needs_sign: bool = False,
    ) -> Self:
        """Parse the page in a response's body, with its Content-Type header."""
        root = parse_page(body, content_type)
        return cls(url, root, fetched_at, published_at, looks_truncated(body), needs_sign)


def parse_page(body: bytes, content_type: str | None = None) -> Element:
    """The tree of a page, without comments and processing instructions.

    Bytes that decode as UTF-8 are UTF-8. Else the encoding is that of the byte order mark, else the
    first that fits the bytes: of `content_type` (a Content-Type header), of the page's own
    declaration, or a guess. Never fails: bytes that are not HTML give an empty page.
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


def looks_truncated(body: bytes) -> bool:
    """Whether the bytes of a page begin an HTML document and stop within it.

    Many whole pages lack their end tags, but they end with a script, or with a tag and no open box.
    """
    page = body.lower().rstrip()
    if b"<html" not in page[:2048] or any(end in page[-4096:] for end in _ENDS):
        return False
    unclosed = sum(page.count(b"<" + box) - page.count(b"</" + box) for box in _BOXES)
    return not page.endswith(_LAST) and (unclosed > 0 or not page.endswith(b">"))


def whole_utf8(body: bytes) -> bytes | None:
    """UTF-8 whose broken characters, if any, are replaced; None if the bytes are not UTF-8."""
    is_coded = body.isascii() and any(sign in body for sign in _NOT_ASCII)
    if is_coded or not _is_text(text := body.decode("utf-8", "replace")):
        return None
    return (body if _BROKEN not in text else text.encode()).removeprefix(BOM_UTF8)


def _as_utf8(body: bytes, content_type: str | None) -> bytes:
    if (whole := whole_utf8(body)) is not None:
        return whole
    claims = (http_content_type_encoding(content_type), html_body_declared_encoding(body))
    fitting = (each for each in claims if each and _is_text(_decoded(body, each), _CLAIMED_WHOLE))
    encoding = next(fitting, None)
    if encoding is None:
        guess = from_bytes(body, cp_isolation=_OLD_ENCODINGS).best()
        encoding = guess.encoding if guess else "cp1252"
    return html_to_unicode(f"text/html; charset={encoding}", body)[1].encode("utf8", "replace")


def _decoded(body: bytes, encoding: str) -> str:
    """The text of `body`; nothing but broken characters if Python has no text for `encoding`."""
    try:
        return to_unicode(body, encoding)
    except (LookupError, UnicodeError):  # Python has codecs called undefined, base64 and idna
        return _BROKEN


def _is_text(decoded: str, whole: float = _WHOLE) -> bool:
    """Whether decoded bytes are text, perhaps with some broken characters.

    For each broken character, more than `whole` other non-ASCII characters must be whole.
    """
    broken = decoded.count(_BROKEN)
    if not broken:
        return True
    beyond = len(decoded) - len(decoded.encode("ascii", "ignore"))
    return beyond - broken > whole * broken
