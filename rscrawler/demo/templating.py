"""The sample site's pages and feeds, rendered from the templates beside this file."""

from __future__ import annotations

from email.utils import format_datetime
from pathlib import Path
from random import Random
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from rscrawler.demo.appeals import NEWSLETTER
from rscrawler.demo.bodies import body_parts, image_url, label_of, text_html
from rscrawler.demo.generator import slugify
from rscrawler.demo.state import SiteState, is_dated
from rscrawler.demo.stories import REGIONS, SECTIONS, Story

SITE_NAME = "Sample Statecraft"
STATIC_PAGES = {
    "about": (
        "About us",
        "Sample Statecraft is an invented magazine. It exists so that software can be tried on "
        "something that looks like a news site.",
    ),
    "donate": ("Donate", "There is nothing to donate to. The button below does nothing."),
    "contact": ("Contact", "Letters to the editor will not be answered."),
    "privacy-policy": ("Privacy policy", "No data about readers is kept."),
}


class _JoinedLines(FileSystemLoader):
    """Lines of a template are for its readers: the site puts nothing between its elements."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Any]:
        source, name, is_fresh = super().get_source(environment, template)
        return "".join(map(str.strip, source.splitlines())), name, is_fresh


def _written(text: str, story: Story) -> Markup:
    return Markup(text_html(text, story))  # noqa: S704 - our own markup


def _description_of(site: SiteState, story: Story) -> str:
    parts = body_parts(site.base_url, story)
    # Half of the entries carry the whole text, the others its beginning.
    return "".join(parts if Random(story.slug).random() < 0.5 else parts[:2])


_TEMPLATES = Environment(
    loader=_JoinedLines(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
)
_TEMPLATES.filters |= {
    "label": label_of,
    "slugify": slugify,
    "rfc5322": format_datetime,
    "written": _written,
}
_TEMPLATES.tests["dated"] = is_dated
_TEMPLATES.globals |= {
    "NEWSLETTER": NEWSLETTER,
    "REGIONS": REGIONS,
    "SECTIONS": SECTIONS,
    "SITEMAP": "http://www.sitemaps.org/schemas/sitemap/0.9",
    "SITE_NAME": SITE_NAME,
    "STATIC_PAGES": STATIC_PAGES,
    "description_of": _description_of,
    "image_url": image_url,
}
PARTS: Any = _TEMPLATES.get_template("parts.html.j2").module


def render(template: str, **values: Any) -> str:
    """A page or feed by its template."""
    return _TEMPLATES.get_template(template).render(values)
