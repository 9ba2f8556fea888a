"""Plots as SVG within the page, drawn by pygal: no script, no style of their own.

Each plot is a picture of the table beside it and hidden from screen readers; its links are
those of the table.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pygal
from lxml import etree
from markupsafe import Markup
from pygal import PluginImportFixer
from pygal.graph.map import BaseMap
from pygal.style import Style

from rscrawler import PACKAGE_DIR
from rscrawler.delivery.wording import country_name

# Pygal's finder of map plug-ins, of which there are none here, lacks what Python 3.11 asks for.
sys.meta_path[:] = [each for each in sys.meta_path if not isinstance(each, PluginImportFixer)]

_MAPS = PACKAGE_DIR / "web" / "maps"
_XLINK = "{http://www.w3.org/1999/xlink}href"
_LEFT_OUT = ("defs", "title")
_OPACITY = re.compile(r"fill-opacity: ([\d.]+)")
# For the room that is left for texts; colours and fonts are those of the style sheet.
_STYLE = Style(label_font_size=13, major_label_font_size=13, legend_font_size=14)
_LABELS_SHOWN = 9


@dataclass(frozen=True, slots=True)
class Series:
    """Values side by side (None: there is none), each with the address of its articles."""

    name: str
    values: Sequence[float | None]
    links: Sequence[str] = field(default=())


def stacked_bars(title: str, labels: Sequence[str], series: Sequence[Series]) -> Markup:
    """A bar for each label, made up of the series."""
    return _drawn(pygal.StackedBar, title, labels, series)


def bars(title: str, labels: Sequence[str], series: Sequence[Series]) -> Markup:
    """Bars side by side for each label."""
    return _drawn(pygal.Bar, title, labels, series)


def lines(title: str, labels: Sequence[str], series: Sequence[Series], *, unit: str = "") -> Markup:
    """A line for each series; where there is no value, it is broken."""
    return _drawn(pygal.Line, title, labels, series, unit=unit)


def _drawn(
    kind: Any, title: str, labels: Sequence[str], series: Sequence[Series], *, unit: str = ""
) -> Markup:
    chart = kind(
        **_common(len(series) > 1),
        height=280,
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
                _value(value, f"{each.name}, {label}: {value:,.10g}{unit}", link)
                if value is not None
                else None
                for value, label, link in zip(each.values, labels, links, strict=True)
            ],
        )
    return _svg(chart, title)


def _value(value: Any, label: str, link: str) -> dict[str, Any]:
    return {
        "value": value,
        "label": label,
        **({"xlink": {"href": link, "target": "_self"}} if link else {}),
    }


def _common(has_legend: bool) -> dict[str, Any]:
    return {
        "js": [],
        "css": [],
        "style": _STYLE,
        "no_prefix": True,
        "width": 640,
        "margin": 6,
        "show_legend": has_legend,
        "legend_at_bottom": True,
        "legend_box_size": 12,
        "dots_size": 3,
    }


# The map.


def has_map(topic: str) -> bool:
    """Whether there are outlines of a topic's countries."""
    return topic in {path.stem for path in _MAPS.glob("*.svg")}


def country_map(
    topic: str, title: str, counts: Mapping[str, int], links: Mapping[str, str]
) -> Markup:
    """The countries of a topic, the darker the more articles; those without any stay empty."""
    chart = _map_of(topic)(**_common(False), height=400)
    chart.add("articles", [(code, count) for code, count in counts.items() if count])
    areas = {
        f"z{code}": (f"{country_name(code)}: {counts.get(code, 0):,}", link)
        for code, link in links.items()
    }
    return _svg(chart, title, areas)


@cache
def _map_of(topic: str) -> type[Any]:
    outlines = (_MAPS / f"{topic}.svg").read_bytes()

    class TopicMap(BaseMap):  # type: ignore[misc]
        kind = "country"
        area_prefix = "z"
        svg_map = outlines
        area_names: Mapping[str, str] = {}

    return TopicMap


# What pygal draws, made fit for the page.


def _svg(chart: Any, title: str, links: Mapping[str, tuple[str, str]] | None = None) -> Markup:
    """The drawing; `links` has title and address for areas of a map, by their class."""
    root = chart.render_tree()
    for element in list(root.iter()):
        if not isinstance(element.tag, str) or _name(element) in _LEFT_OUT:
            _remove(element)
    for element in list(root.iter()):
        if _name(element) == "desc":
            if element.get("class") == "label":
                etree.SubElement(element.getparent(), "title").text = element.text
            _remove(element)
            continue
        if match := _OPACITY.search(element.attrib.pop("style", "")):
            element.set("fill-opacity", match[1])
        if (link := element.attrib.pop(_XLINK, None)) is not None:
            element.set("href", link)
            element.set("tabindex", "-1")
    for name, (text, link) in (links or {}).items():
        for area in root.xpath("//*[starts-with(@class, $name)]", name=f"{name} "):
            anchor = etree.Element("a", href=link, tabindex="-1")
            anchor.extend(list(area))
            etree.SubElement(anchor, "title").text = text
            area.append(anchor)
    root.attrib.pop("id", None)
    root.set("aria-hidden", "true")
    root.set("data-title", title)
    etree.cleanup_namespaces(root)
    # Whatever came from outside was escaped by the library that writes it.
    return Markup(etree.tostring(root, encoding="unicode"))  # noqa: S704


def _name(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _remove(element: Any) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)
