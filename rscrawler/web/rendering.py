"""Templates to HTML: everything escaped, the one style sheet inlined."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

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
from rscrawler.web.versions import shortened

_TEMPLATES = PACKAGE_DIR / "web" / "templates"


def render(template: str, **values: Any) -> bytes:
    """A page as UTF-8; a value that a template names and nobody gave is a bug and raises."""
    text = _environment().get_template(template).render(values)
    return text.encode("utf-8", "replace")


@cache
def content_security_policy() -> str:
    """Nothing may be loaded or run but the inlined style sheet, known by its digest."""
    digest = base64.b64encode(hashlib.sha256(_style_sheet().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )


@cache
def _style_sheet() -> str:
    return (_TEMPLATES / "style.css").read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Our own file, and without markup in it.
    environment.globals["style_sheet"] = Markup(_style_sheet())  # noqa: S704
    environment.filters |= {
        "country": country_name,
        "date": date_in_words,
        "day": _day,
        "host": host_of,
        "line": one_line,
        "link": safe_link,
        "shortened": shortened,
        "slug": words_of_slug,
        "words": in_words,
    }
    return environment


def _day(moment: datetime | None) -> str:
    return day_in_words(moment) if moment else "date not given"
