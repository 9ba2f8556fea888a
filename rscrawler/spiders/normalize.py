"""One form for every text and date, whatever the page used."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from itemadapter import ItemAdapter

from rscrawler.items import Article
from rscrawler.text import clean

_LINES = ("url", "title", "subtitle", "republished_from")
_LISTS = ("authors", "sections", "tags", "aliases")
_DATES = ("published_at", "modified_at", "fetched_at")


def normalize_article(article: Article) -> None:
    """Bring every text, list and date of an article into its one form, in place."""
    fields = ItemAdapter(article)
    for name in _LINES:
        fields[name] = clean(fields[name] or "") or None
    for name in _LISTS:
        fields[name] = list(dict.fromkeys(filter(None, map(clean, fields[name]))))
    for name in _DATES:
        fields[name] = in_utc(fields[name])
    fields["body"] = clean_body(fields["body"])


def clean_body(body: str) -> str:
    """Each paragraph on one line, a blank line between two, none of them empty."""
    return "\n\n".join(filter(None, map(clean, re.split(r"\n\s*\n", body))))


def in_utc(moment: Any) -> datetime | None:
    """The same moment in UTC; one without a zone is taken as UTC."""
    if not isinstance(moment, datetime):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
