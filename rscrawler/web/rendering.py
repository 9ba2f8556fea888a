"""Templates to HTML: everything escaped."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from rscrawler import PACKAGE_DIR
from rscrawler.delivery.wording import (
    country_name,
    date_in_words,
    day_in_words,
    host_of,
    in_words,
    one_line,
    safe_link,
    words_of_slug,
)
from rscrawler.items import rfc3339
from rscrawler.web.versions import shortened

_TEMPLATES = PACKAGE_DIR / "web" / "templates"
_RELATIVE_WITHIN = timedelta(days=30)
_UNITS = ((86_400, "day"), (3_600, "h"), (60, "min"))


def render(template: str, **values: Any) -> bytes:
    """A page as UTF-8; a value that a template names and nobody gave is a bug and raises."""
    text = _environment().get_template(template).render(values)
    return text.encode("utf-8", "replace")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {
        "country": country_name,
        "date": date_in_words,
        "day": _day,
        "host": host_of,
        "line": one_line,
        "link": safe_link,
        "relative": relative,
        "rfc3339": rfc3339,
        "shortened": shortened,
        "slug": words_of_slug,
        "span": span_in_words,
        "thousands": "{:,}".format,
        "words": in_words,
    }
    return environment


def _day(moment: datetime | None) -> str:
    return day_in_words(moment) if moment else "date not given"


def relative(moment: datetime, now: datetime) -> str:
    """`3 h ago`, `in 5 min`; the day, when it is more than 30 days away."""
    distance = now - moment
    if abs(distance) > _RELATIVE_WITHIN:
        return day_in_words(moment)
    span = span_in_words(abs(distance))
    if span == "less than a minute":
        return "just now"
    return f"{span} ago" if distance > timedelta(0) else f"in {span}"


def span_in_words(span: timedelta) -> str:
    """`2 days`, `3 h`, `5 min`, to the unit below."""
    seconds = int(span.total_seconds())
    for size, unit in _UNITS:
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if unit == 'day' and count != 1 else ''}"
    return "less than a minute"
