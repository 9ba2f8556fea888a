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
    return "\n".join([*_head(profile, finding, day), *_links(profile), *_markup(profile), ""])


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
        yield f"# {each}"
        yield "[[sources]]"
        yield f"kind = {quoted(each.source.kind)}"
        yield f"path = {quoted(each.source.path)}"
        if each.source.kind != "sitemap" and each.source.page_parameter != "page":
            yield f"page_parameter = {quoted(each.source.page_parameter or '')}"


def _links(profile: SiteProfile) -> Iterator[str]:
    if profile.links == Links():
        return
    yield ""
    yield "[links]"
    for name in ("article", "not_article"):
        patterns = getattr(profile.links, name)
        if patterns == getattr(Links(), name):
            continue
        yield f"{name} = ["
        yield from (f"  {quoted(pattern)}," for pattern in patterns)
        yield "]"


def _markup(profile: SiteProfile) -> Iterator[str]:
    changed = {
        name: value
        for name, value in profile.markup.model_dump().items()
        if value != getattr(Markup(), name)
    }
    yield ""
    if not changed:
        yield "# No selectors of its own: what the pages declare, and their structure, serve."
        return
    yield "[markup]"
    for name, value in changed.items():
        yield f"{name} = {_list(value)}"


def _list(values: list[str]) -> str:
    return "[" + ", ".join(quoted(value) for value in values) + "]"


def quoted(text: str) -> str:
    """`text` as a TOML string: literal where a backslash would have to be doubled."""
    if "\\" in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _one_line(text: str) -> str:
    return " ".join(text.split())
