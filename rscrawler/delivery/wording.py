"""Texts for people, made from untrusted text of pages.

Every text and link in a mail, a chat or a feed passes through `one_line` or `safe_link` first, so
it contains no control character, line break or direction override.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rscrawler import PACKAGE_DIR
from rscrawler.clock import to_the_minute

if TYPE_CHECKING:
    from jinja2 import Environment

TITLE_LIMIT = 300
SUBJECT_LIMIT = 120
QUOTE_LIMIT = 600
TEXT_WIDTH = 76
# Addresses and ids are not broken.
wrap = partial(textwrap.wrap, width=TEXT_WIDTH, break_long_words=False, break_on_hyphens=False)

# Left-to-right and right-to-left marks, embeddings, overrides and isolates.
_DIRECTION_CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# Control characters, line separators, lone surrogates and code points that XML forbids.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufff9-\uffff\U000e0001]"
)
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"


def one_line(text: str | None, limit: int = TITLE_LIMIT) -> str:
    """`text` on one line, cut to `limit` characters, without control or direction characters."""
    if not text:
        return ""
    # Text far beyond the limit is not processed.
    shown = _DIRECTION_CONTROLS.sub("", text[: 4 * limit])
    shown = " ".join(_UNPRINTABLE.sub(" ", shown).split())
    return shown if len(shown) <= limit else _truncated(shown, limit - 1) + "…"


def _truncated(text: str, limit: int) -> str:
    """At most the first `limit` characters, up to the end of a word.

    In text without spaces, up to the end of a letter with its marks.
    """
    words = text[: limit + 1].rpartition(" ")[0].rstrip(" ,;:–—…")
    if len(words) > limit // 2:
        return words
    while limit > 0 and (
        unicodedata.combining(text[limit])
        or text[limit] in "\u200d\ufe0f"
        or text[limit - 1] == "\u200d"
    ):
        limit -= 1
    return text[:limit].rstrip()


def isolated(text: str) -> str:
    """`text`, isolated if right-to-left letters in it could reorder the line around it."""
    if any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in text):
        return f"{_FIRST_STRONG_ISOLATE}{text}{_POP_ISOLATE}"
    return text


def safe_link(url: str | None) -> str | None:
    """The address if it is a plain http or https address, else None; it can stand in quotes."""
    if not url or _UNPRINTABLE.search(url) or _DIRECTION_CONTROLS.search(url):
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or any(c in url for c in ' <>"`\\'):
        return None
    return url.replace("'", "%27")  # some chats and readers end a link at an apostrophe


def shown_host(url: str) -> str:
    """The host of an address without `www.`; empty if the address is not a safe link."""
    link = safe_link(url)
    return (urlsplit(link).hostname or "").removeprefix("www.") if link else ""


def words_of_slug(slug: str) -> str:
    """`middle-east` as `Middle East`."""
    return " ".join(part.capitalize() for part in one_line(slug, 80).split("-") if part)


def date_in_words(moment: datetime | None) -> str:
    """`21 June 2022, 14:05 UTC`; `date not given` without one."""
    if moment is None:
        return "date not given"
    moment = moment.astimezone(UTC)
    return f"{day_in_words(moment)}, {moment:%H:%M} UTC"


def day_in_words(moment: datetime) -> str:
    """`21 June 2022`."""
    return f"{moment.day} {moment:%B %Y}"


@cache
def country_name(code: str) -> str:
    """The English name for an ISO 3166 code; the code itself if it is unknown."""
    from rscrawler.topics.salience import states

    return states().get(code, [one_line(code, 40)])[0]


def rendered(template: str, **values: Any) -> str:
    """Render a template of messages; HTML and Atom are escaped."""
    return _environment().get_template(template).render(values)


def compile_templates() -> None:
    """Compile every template of messages, for this process and its forks."""
    for name in _environment().list_templates():
        _environment().get_template(name)


@cache
def _environment() -> Environment:
    return templates("delivery", wrapped=_wrapped, isolated=isolated, minute=to_the_minute)


def templates(package: str, **filters: Any) -> Environment:
    """The Jinja environment of a subpackage; a variable that is not defined raises."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=FileSystemLoader(PACKAGE_DIR / package / "templates"),
        autoescape=select_autoescape(enabled_extensions=("html.j2", "xml.j2", "atom.j2")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters |= {"date": date_in_words, "host": shown_host, "words": ", ".join}
    environment.filters |= filters
    return environment


def _wrapped(text: str, indent: str = "", hanging: str = "") -> str:
    """Wrap a text at `TEXT_WIDTH`; lines after the first are indented by `indent` + `hanging`."""
    return "\n".join(wrap(text, initial_indent=indent, subsequent_indent=indent + hanging))
