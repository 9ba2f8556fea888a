"""A profile as TOML that a person can read and go on with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date

from rscrawler.probing.finding import Finding
from rscrawler.sites import Links, Markup, SiteProfile


def profile_toml(profile: SiteProfile, finding: Finding, day: date) -> str:
    """`profile` as a commented TOML file; what is as by default is left out.

    It is neither enabled nor verified: both are for a person to say.
    """
    return "\n".join([*_head(profile, finding, day), *_tables(profile), ""])


def _head(profile: SiteProfile, finding: Finding, day: date) -> Iterator[str]:
    yield f"# {profile.title or profile.base_url}: proposed by `rscrawler sites add`."
    yield "# Read a few articles with `rscrawler sites check` and `rscrawler explain` first."
    for note in finding.notes:
        yield f"# Note: {_one_line(note)}"
    if profile.title:
        yield f"title = {quoted(profile.title)}"
    yield f"base_url = {quoted(profile.base_url)}"
    if profile.hosts:
        yield f"hosts = {_list(profile.hosts)}"
    yield "enabled = false                       # true: crawled when no site is named"
    yield "verified = false                      # true when you have seen it read pages well"
    yield f"reviewed_on = {day.isoformat()}"
    for each in finding.sources:
        yield ""
        yield f"# {_one_line(str(each))}"
        yield "[[sources]]"
        yield f"kind = {quoted(each.source.kind)}"
        yield f"path = {quoted(each.source.path)}"
        if each.source.kind != "sitemap" and each.source.page_parameter != "page":
            yield f"page_parameter = {quoted(each.source.page_parameter or '')}"


def _tables(profile: SiteProfile) -> Iterator[str]:
    """What is set in `[links]`, a pattern a line, and in `[markup]`."""
    for table, value, usual in (
        ("links", profile.links, Links()),
        ("markup", profile.markup, Markup()),
    ):
        changed = {k: v for k, v in value.model_dump().items() if v != getattr(usual, k)}
        if changed:
            yield f"\n[{table}]"
        for name, values in changed.items():
            lines = "".join(f"  {quoted(each)},\n" for each in values)
            yield f"{name} = [\n{lines}]" if table == "links" else f"{name} = {_list(values)}"
    if profile.markup == Markup():
        yield "\n# No selectors of its own: what the pages declare, and their structure, serve."


def _list(values: list[str]) -> str:
    return "[" + ", ".join(quoted(value) for value in values) + "]"


def quoted(text: str) -> str:
    """`text` as a TOML string: literal where a backslash would have to be doubled."""
    if "\\" in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _one_line(text: str) -> str:
    return " ".join(text.split())
