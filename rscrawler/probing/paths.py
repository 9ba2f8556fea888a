"""What an article's address looks like on a site, learnt from a few of them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from rscrawler.sites import LISTING_PATHS, STATIC_PATHS

_SLUG = r"[^/]+"
_LEAST_SHARE = 0.05  # of the addresses, from which a form is the site's and no stray one
_LEAST_ALIKE = 3  # addresses, from which a word that they share belongs to their form
_YEAR = re.compile(r"(?:19|20)\d\d")
_FILE_NAME = re.compile(r"(?P<stem>.+)(?P<ending>\.[a-z]{2,5})")

Form = tuple[str | None, ...]  # a regular expression for each segment; None for some word


def article_patterns(paths: Iterable[str]) -> list[str]:
    r"""Patterns that `paths`, all of them articles' (or nearly so), have in common.

    Words that differ from path to path become wildcards; the numbers and file endings in
    them stay. `/2026/11/grain-route/` gives `^/\d{4}/\d{1,2}/[^/]+/?$`, and pieces under
    `/news/` alone give `^/news/…`. Empty if no form is common enough.
    """
    split = [tuple(segment for segment in path.split("/") if segment) for path in paths]
    forms: defaultdict[Form, list[tuple[str, ...]]] = defaultdict(list)
    for segments in split:
        if segments:
            forms[_form(segments)].append(segments)
    total = sum(map(len, forms.values()))
    kept = {form: found for form, found in forms.items() if len(found) >= _LEAST_SHARE * total}
    by_size = sorted(kept.items(), key=lambda item: -len(item[1]))
    patterns: dict[str, list[str]] = {}
    for form, found in by_size:
        patterns[_pattern(form, found)] = ["/" + "/".join(segments) for segments in found]
    return [
        pattern
        for pattern, matched in patterns.items()
        if not any(
            other != pattern and all(re.search(other, path) for path in matched)
            for other in patterns
        )
    ]


def likely_articles(paths: Sequence[str]) -> list[str]:
    """Those of a sitemap's paths that may well be articles: of the forms that most have.

    A sitemap holds sections, tags and static pages as well; articles are the many that are
    alike, and as a rule the deeper ones.
    """
    groups: defaultdict[tuple[object, ...], list[str]] = defaultdict(list)
    for path in paths:
        segments = tuple(segment for segment in path.split("/") if segment)
        if segments and not re.search(LISTING_PATHS, path) and not re.search(STATIC_PATHS, path):
            first = segments[0] if len(segments) > 1 and not segments[0].isdigit() else None
            groups[(first, *_form(segments))].append(path)
    most = max(map(len, groups.values()), default=0)
    return [path for found in groups.values() if 4 * len(found) >= most for path in found]


def _form(segments: tuple[str, ...]) -> Form:
    *parents, slug = segments
    return (*(_number(segment) for segment in parents), _slug(slug))


def _number(segment: str) -> str | None:
    if _YEAR.fullmatch(segment):
        return r"\d{4}"
    if segment.isdigit():
        return r"\d{1,2}" if len(segment) <= 2 else r"\d+"
    return None


def _slug(segment: str) -> str:
    match = _FILE_NAME.fullmatch(segment)
    stem, ending = (match["stem"], re.escape(match["ending"])) if match else (segment, "")
    if stem.isdigit():
        return rf"\d+{ending}"
    if re.match(r"\d{3,}-.", stem):
        return rf"\d+-{_SLUG}{ending}"
    if re.search(r".-\d{4,}$", stem) and not _YEAR.fullmatch(stem.rpartition("-")[2]):
        return rf"{_SLUG}-\d+{ending}"
    return _SLUG + ending


def _pattern(form: Form, found: list[tuple[str, ...]]) -> str:
    parts = []
    for position, part in enumerate(form):
        words = {segments[position] for segments in found}
        if part is not None:
            parts.append(part)
        elif len(words) == 1 and len(found) >= _LEAST_ALIKE:
            parts.append(re.escape(words.pop()).replace(r"\-", "-"))
        else:
            parts.append(_SLUG)
    ending = "$" if "\\." in parts[-1] else "/?$"
    return "^/" + "/".join(parts) + ending
