"""The short lines at a headline, for authors and dates that no selector finds; names in bylines."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice, pairwise

from lxml import etree
from lxml.etree import _Element as Element

from rscrawler.extraction.blocks import is_spoken, kind_of
from rscrawler.extraction.container import OwnArticle, text_length
from rscrawler.extraction.dates import without_date
from rscrawler.extraction.text import text_of
from rscrawler.extraction.vocabulary import is_called_author, pattern
from rscrawler.text import clean

# Before two capitalised words, only the sign: "@Ann Lee".
_HANDLE = re.compile(r"^@(?=[^\W\d_a-z]\w+ [^\W\d_a-z])|\s*\(?(?<![\w.])@\w[\w.]*\)?")
_ASIDE = re.compile(r"\s*[•·|]\s*|\s+[—–]\s+")
_AND = re.compile(r"\s+(?:and|&)\s+|\s*[;,]\s*(?:and\s+)?", re.IGNORECASE)
# Only for lines that begin with "by" or the like: elsewhere, "Ortega y Gasset" is one name.
_OTHER_AND = re.compile(r"\s+(?:und|et|y|и)\s+(?=[^\W\d_a-zà-ÿа-я])")
# "Added by: Ann Lee", in any language, of three words at most; or nothing but a label.
_LABEL = re.compile(r"^(?:[^\s:]+\s+){0,2}[^\s:]+:\s+(?=\S)|^[^\s:]+:$")
LONGEST_BYLINE = 100  # characters of a line with author or date
_MOST_ELEMENTS = 2000  # visited before the text
_MOST_MARKED = 50  # elements marked as authors
_STACKED = frozenset({"div", "p", "ul", "ol", "li", "h1", "h2", "h3", "header", "section"})
_NO_BYLINE_TAGS = frozenset({
    "h1", "figure", "figcaption", "blockquote", "q", "cite", "script", "style", "noscript", "nav",
    "form",
})  # fmt: skip
_NO_BYLINE_KINDS = ("related", "comments", "advertising")  # kinds of regions without bylines


def lines_at_headline(own: OwnArticle, first_text: int | None) -> list[Element]:
    """The short lines between headline and text, then those above the headline, nearest first."""
    index, headline = own.context.index, own.headline
    if first_text is None:
        return []
    below, above = list[Element](), list[Element]()
    for part in own.parts:
        for line in _lines(part, own, first_text):
            is_above = headline is not None and index.place(line) < index.place(headline)
            (above if is_above else below).append(line)
    return below + above[::-1]


def _lines(element: Element, own: OwnArticle, first_text: int) -> Iterator[Element]:
    """The outermost short elements before the text."""
    index = own.context.index
    waiting = [element]
    for _ in range(_MOST_ELEMENTS):
        if not waiting:
            break
        element = waiting.pop()
        is_past = index.place(element) >= first_text
        if is_past or element is own.headline or _holds_no_byline(element):
            continue
        is_around = index.end(element) >= first_text or _is_stack(element)
        length = LONGEST_BYLINE + 1 if is_around else text_length(element)
        if length > LONGEST_BYLINE:
            waiting.extend(reversed(element))
        elif length:
            yield element


def _holds_no_byline(element: Element) -> bool:
    """Whether an element holds no byline: a picture, a quotation, a menu, related articles."""
    return element.tag in _NO_BYLINE_TAGS or kind_of(element)[0] in _NO_BYLINE_KINDS


def _is_stack(element: Element) -> bool:
    """Whether an element holds blocks, and no text outside them."""
    texts = (element.text, *(child.tail for child in element))
    holds_blocks = any(child.tag in _STACKED for child in element)
    return holds_blocks and not any(text and text.strip() for text in texts)


def names_in(lines: Iterable[Element], texts: Iterable[str] = ()) -> list[str]:
    """The authors in the lines: in elements marked as authors, else behind or below "by".

    `texts` are those of further lines.
    """
    lines = list(lines)
    for line in lines:
        named = list(islice(filter(is_author, islice(line.iter(), _MOST_ELEMENTS)), _MOST_MARKED))
        around = {ancestor for each in named for ancestor in each.iterancestors()}
        marked = (author_text(each) for each in named if each not in around)
        if names := [n for text in marked for n in names_after_by(text) or _names([text])]:
            return list(dict.fromkeys(names))
    for text, below in pairwise((*map(text_of, lines), *texts, "")):
        is_label = pattern("bylines").fullmatch(f"{text} ") and " " in below and ":" not in below
        if names := _names([below]) if is_label else names_after_by(text):
            return names
    return []


def names_after_by(text: str) -> list[str]:
    """The authors in a line that begins with "by" or the like, or has it beside a date."""
    bare = without_date(text) if len(text) <= LONGEST_BYLINE else text
    match = pattern("bylines").match(bare) or pattern("other_bylines").match(bare)
    if bare != text and (match := match or pattern("dated_bylines").match(bare)):
        return _names([pattern("before_dates").sub("", _ASIDE.split(bare[match.end() :])[0])])
    return _names(_OTHER_AND.split(text[match.end() :])) if match else []


def marked_authors(own: OwnArticle) -> Iterator[Element]:
    """The elements of the article that are marked as authors, in reading order."""
    for part in own.parts:
        outside = {part, *part.iterancestors()}
        for element in islice(filter(is_author, part.iter()), _MOST_MARKED):
            around = (each for each in element.iterancestors() if each not in outside)
            is_foreign = own.is_from_profile and own.is_foreign(element)
            if not is_foreign and not any(map(_holds_no_byline, (element, *around))):
                yield element


def author_text(element: Element) -> str:
    """The text of an element with an author; of microdata on a person, the name alone.

    Words for screen readers are no part of it ("Post author"), unless they begin like a byline.
    """
    is_person = element.get("itemprop") == "author" and "itemscope" in element.attrib
    name = element.find(".//*[@itemprop='name']") if is_person else None
    text = (name is not None and text_of(name)) or text_of(element)
    for spoken in map(text_of, filter(is_spoken, element.iterdescendants(etree.Element))):
        text = text if pattern("bylines").match(spoken) else text.replace(spoken, "", 1).strip()
    return text


def is_author(element: Element) -> bool:
    """Whether an element is marked as an author's name: by `rel`, `itemprop`, class or link."""
    if "author" in (element.get("rel") or "").split() or element.get("itemprop") == "author":
        return True
    if is_called_author(element.get("class") or ""):
        return True
    return pattern("author_pages").match(element.get("href") or "") is not None


def _names(texts: Iterable[str]) -> list[str]:
    names = (name for text in texts for name in split_names(text))
    return list(dict.fromkeys(name for name in names if _is_name(name)))


def _is_name(text: str) -> bool:
    is_long = len(text) > 60 or text.count(" ") > 5
    is_no_name = is_long or is_nobody(text) or pattern("other_work").search(text)
    return not is_no_name and text[0] == text[0].upper()


def is_nobody(name: str) -> bool:
    """Whether a text names no author: an address, "admin", "Staff"."""
    return bool(pattern("no_names").search(name) or pattern("nobodies").fullmatch(name))


@lru_cache(maxsize=128)  # a site's authors recur
def split_names(text: str) -> tuple[str, ...]:
    """The names in a byline: "By Ann Lee, Bo Chan and C. Diaz | The Outlet" has three."""
    bare = _HANDLE.sub("", pattern("bylines").sub("", f"{clean(text)} "))  # "by" alone names nobody
    return next(filter(None, map(_listed_names, _ASIDE.split(bare))), ())


def _listed_names(text: str) -> tuple[str, ...]:
    names: list[str] = []
    for piece in _AND.split(text):
        name = piece.strip(" ,;|·•–—-→")
        if not pattern("other_work").search(name):
            name = _LABEL.sub("", name)
        if not name or pattern("author_links" if " " in name else "no_names").search(name):
            continue
        if names and pattern("postnominals").match(name):
            names[-1] += f", {name}"
        elif not (names and pattern("offices").fullmatch(name)):
            names.append(name)
    return tuple(names)
