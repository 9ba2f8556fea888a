"""Weeks, and plots as inline SVG, drawn by pygal without scripts or styles.

Each plot shows the table beside it, has the same links, and is hidden from screen readers.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

import pygal
from lxml import etree
from markupsafe import Markup
from pygal import PluginImportFixer
from pygal.style import Style

# Pygal's import finder for map plug-ins, unused here, lacks methods that Python 3.11 calls.
sys.meta_path[:] = [each for each in sys.meta_path if not isinstance(each, PluginImportFixer)]

_XLINK = "{http://www.w3.org/1999/xlink}href"
# Pygal only computes the space for texts from these; the style sheet has colours and fonts.
_STYLE = Style(label_font_size=13, major_label_font_size=13, legend_font_size=14)
_LABELS_SHOWN = 9


def last_weeks(now: datetime, count: int) -> list[date]:
    """The Mondays of the last `count` weeks in UTC, including this week, oldest first."""
    monday = monday_of(now.astimezone(UTC).date())
    return [monday - timedelta(weeks=back) for back in reversed(range(count))]


def monday_of(day: date) -> date:
    """The Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def week_label(monday: date) -> str:
    """`24 Nov`."""
    return f"{monday.day} {monday:%b}"


@dataclass(frozen=True, slots=True)
class Series:
    """Values, one for each label (None if there is none), with the addresses of their articles."""

    name: str
    values: Sequence[float | None]
    links: Sequence[str] = field(default=())


def plot(
    kind: Literal["Bar", "Line", "StackedBar"],
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    unit: str = "",
) -> Markup:
    """A plot of bars or lines over the labels; a missing value breaks a line."""
    chart = getattr(pygal, kind)(
        js=[],
        css=[],
        style=_STYLE,
        no_prefix=True,
        width=640,
        height=280,
        margin=6,
        dots_size=3,
        show_legend=len(series) > 1,
        legend_at_bottom=True,
        legend_box_size=12,
        range=None if any(value for each in series for value in each.values) else (0, 1),
        include_x_axis=True,
        x_labels_major_every=max(1, -(-len(labels) // _LABELS_SHOWN)),
        show_minor_x_labels=False,
        max_scale=6,
        truncate_label=-1,
        value_formatter=lambda value: f"{value:,.10g}{unit}",
        allow_interruptions=True,
    )
    chart.x_labels = list(labels)
    for each in series:
        links = each.links or [""] * len(labels)
        chart.add(
            each.name,
            [
                None
                if value is None
                else {
                    "value": value,
                    "label": f"{each.name}, {label}: {value:,.10g}{unit}",
                    "xlink": link and {"href": link, "target": "_self"},
                }
                for value, label, link in zip(each.values, labels, links, strict=True)
            ],
        )
    return _svg(chart, title)


# Pygal's drawing, adapted to the page.


def _svg(chart: Any, title: str) -> Markup:
    root = chart.render_tree()
    etree.strip_elements(root, etree.Comment, "{*}defs", "{*}title")
    etree.strip_attributes(root, "style", "id")
    for label in root.xpath("//*[local-name()='desc'][@class='label']"):
        etree.SubElement(label.getparent(), "title").text = label.text
    etree.strip_elements(root, "{*}desc")
    for link in root.iter("{*}a"):
        link.set("href", link.attrib.pop(_XLINK))
        link.set("tabindex", "-1")
    etree.cleanup_namespaces(root)
    root.set("aria-hidden", "true")
    root.set("data-title", title)
    # lxml has escaped all texts from outside.
    return Markup(etree.tostring(root, encoding="unicode"))  # noqa: S704
