"""JSON endpoints, such as WordPress' `/wp-json/wp/v2/posts`; `paths` locate the fields."""

import json
import re
from datetime import datetime
from html import unescape
from itertools import islice
from typing import Any

from rscrawler.identity.addresses import web_address
from rscrawler.spiders.sources.content import (
    Entry,
    SourceContent,
    SourcePage,
    UnreadableSource,
    moment_of,
)

MAX_ENTRIES = 1_000  # as of a feed: the newest come first
_NEXT = re.compile(r"<([^<>]+)>[^<,]*;\s*rel\s*=\s*\"?next\b", re.IGNORECASE)  # RFC 8288


def read(page: SourcePage) -> SourceContent:
    """The articles in the list, and the next page that the response or its header names."""
    paths = page.source.paths
    try:
        answer = json.loads(page.body)
    except (ValueError, RecursionError):
        raise UnreadableSource("is not JSON") from None
    listed = _at(answer, paths.entries)
    if not isinstance(listed, list):
        raise UnreadableSource(f"has no list at {paths.entries!r}; see paths.entries")
    entries = []
    for item in islice(listed, MAX_ENTRIES):
        if url := web_address(_text(item, paths.address), page.url):
            published = _date(item, paths.published)
            title = unescape(_text(item, paths.title)).strip() or None
            entries.append(Entry(url, _date(item, paths.modified) or published, published, title))
    header = _NEXT.search(page.link_header or "")
    following = _text(answer, paths.next) or (header[1] if header else "")
    return SourceContent(tuple(entries), next_url=web_address(following, page.url))


def _at(value: Any, path: str) -> Any:
    """The value at a path such as `title.rendered` or `0.link`; None if there is none."""
    for name in filter(None, path.split(".")):
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def _text(value: Any, path: str) -> str:
    found = _at(value, path) if path else None
    return found if isinstance(found, str) else ""


def _date(value: Any, path: str) -> datetime | None:
    found = _at(value, path) if path else None
    return moment_of(str(found)) if isinstance(found, str | int | float) else None
