"""Learns which addresses of a site are articles, from the paths of some of them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from rscrawler.sites import LISTING_PATHS, STATIC_PATHS, Links

_WORD = r"[^/]+"
_LEAST_SHARE = 0.05  # of the addresses must have a form, else it is a stray one
_LEAST_ALIKE = 3  # addresses must share a word, else it becomes a wildcard
_MOST_WORDS = 4  # in the name of a section or a static page
_FILE_NAME = re.compile(r"(.+)(\.[a-z]{2,5})")
_LEAST_AGAINST = 0.2  # share of a feed's paths; a default rule that excludes so many is dropped
_KIND_OF_PAGE = re.compile(r"stor(?:y|ies)|articles?|posts?|archives?|node|item", re.IGNORECASE)
# A segment's shape → the pattern for that shape; slugs are last segments, without file ending.
_YEAR = r"(?:19|20)\d\d"
_NUMBERS = [
    (rf"{_YEAR}-\d\d-\d\d", r"\d{4}-\d{2}-\d{2}"),
    (r"\d+[._-](?:(?:\d+|[A-Za-z]{3})[._-])?\d+", r"\d[\w.-]+\d"),  # 2026-12, 31-Dec-2026
    (_YEAR, r"\d{4}"),
    (r"\d{1,2}", r"\d{1,2}"),
    (r"\d+", r"\d+"),
    (r"jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec", "[a-z]{3}"),
]
_SLUGS = [
    (r"index", "index"),
    (r"\d+", r"\d+"),
    (r"\d{3,}-.+", rf"\d+-{_WORD}"),
    (rf".+-(?!{_YEAR}$)\d{{4,}}", rf"{_WORD}-\d+"),
    (r".+-n\d{4,}", rf"{_WORD}-n\d+"),
]

_Paths = Sequence[str]
_Run = tuple[str | None, list[str]]  # (pattern, [segment]), or (None, segments of plain words)


def learn_links(
    fed: _Paths, mapped: _Paths, shown: _Paths, listed: _Paths, *, frame: _Paths, within: str
) -> Links:
    """The patterns of article paths, without pages in menus (`frame`), below the path `within`.

    Learnt from the paths in feeds, in sitemaps, on the front page and on listings.
    """
    usual = _usual_exclusions(fed)
    sure = [path for path in fed if not any(re.search(rule, path) for rule in usual)]
    likely = [path for path in mapped if path.startswith(within)]
    if not sure and not likely:
        likely = [path for path in shown if path not in frame or looks_like_article(path)]
    sure = sure or likely_articles(likely)
    article = article_patterns(sure)
    # A feed, its newest articles or most of a site may be of one section: add similar paths.
    known = Links(article=article, not_article=usual)
    others = alike(dict.fromkeys([*shown, *listed, *likely]), sure)
    others = [p for p in others if p.startswith(within) and not known.rules_out(p)]
    article += article_patterns(path for path in others if not known.is_article_path(path))
    article = article or ([f"^{re.escape(within)}/.+"] if within else Links().article)
    # Pages in menus that the patterns match, unless they look like articles.
    shaped = Links(article=article)
    plain = (path for path in frame if not looks_like_article(path))
    odd = sorted({path.strip("/") for path in plain if shaped.is_article_path(path)})
    menus = "|".join(re.escape(path).replace(r"\-", "-") for path in odd)
    return Links(article=article, not_article=[*usual, *([f"^/(?:{menus})/?$"] if odd else [])])


def _usual_exclusions(paths: Sequence[str]) -> list[str]:
    """The default rules of what is no article, without those that exclude many of these paths.

    One of several is not many: a feed may name a tag.
    """
    # At the path of the front page, only the query distinguishes articles from other pages.
    paths = [path for path in paths if path != "/"]
    many = min(max(1, len(paths)), max(2, _LEAST_AGAINST * len(paths)))
    rules = Links().not_article
    return [rule for rule in rules if sum(bool(re.search(rule, path)) for path in paths) < many]


def article_patterns(paths: Iterable[str]) -> list[str]:
    r"""Patterns of `paths`, (nearly) all of which lead to articles.

    Words that differ between paths become wildcards; numbers, file endings and words that all
    paths of a form share stay. `/2026/11/grain-route/` gives `^/\d{4}/\d{1,2}/[^/]+/?$`, and
    articles only under `/news/` give `^/news/…`. Empty if no form is common enough.
    """
    split = [runs for path in paths if (runs := _runs(path))]
    forms: defaultdict[object, list[list[_Run]]] = defaultdict(list)
    for runs in split:
        parts = tuple(part for part, _ in runs)
        # If all segments are words, their number distinguishes articles from sections.
        count = sum(len(words) for _, words in runs)
        forms[parts, count if {None, _WORD}.issuperset(parts) else None].append(runs)
    patterns: dict[str, list[str]] = {}
    for found in sorted(forms.values(), key=len, reverse=True):
        if len(found) >= _LEAST_SHARE * len(split):
            texts = ["".join(f"/{word}" for _, words in runs for word in words) for runs in found]
            patterns[_pattern(found)] = texts
    return [
        pattern
        for pattern, matched in patterns.items()
        if not any(
            other != pattern and all(re.search(other, path) for path in matched)
            for other in patterns
        )
    ]


def likely_articles(paths: Sequence[str]) -> list[str]:
    """The paths of a sitemap or listing that probably lead to articles.

    Others lead to sections, tags and static pages. Articles are the dated, numbered and long
    paths, if there are a few of them, else all; and of these the largest groups of similar ones.
    """
    others = f"{LISTING_PATHS}|{STATIC_PATHS}"
    usual = [path for path in paths if path.strip("/") and not re.search(others, path)]
    likely = [path for path in usual if looks_like_article(path)]
    groups: defaultdict[object, list[str]] = defaultdict(list)
    for path in likely if len(likely) >= _LEAST_ALIKE else usual:
        runs = _runs(path)
        parts = [part for part, _ in runs]
        # Words with a number are an article's name in any section.
        is_numbered = parts[-1] is not None and _WORD in parts[-1] and r"\d" in parts[-1]
        first = runs[0][1][0] if parts[0] is None and not is_numbered else None
        groups[first, *parts].append(path)
    most = max(map(len, groups.values()), default=0)
    return [path for found in groups.values() if 4 * len(found) >= most for path in found]


def alike(paths: Iterable[str], known: Iterable[str]) -> list[str]:
    """The `paths` with dates or numbers in the same places as a known path, whatever the words."""
    forms = {_form(path) for path in known}
    return [path for path in paths if _form(path) in forms and any(_form(path)[:-1])]


def _form(path: str) -> tuple[str | None, ...]:
    return tuple(part for part, _ in _runs(path))


def looks_like_article(path: str) -> bool:
    """Whether the path alone shows that it is an article's: dated, numbered or of many words."""
    return bool(re.search(r"\d{3}", path)) or path.rstrip("/").rpartition("/")[2].count("-") >= (
        _MOST_WORDS
    )


def _runs(path: str) -> list[_Run]:
    segments = [segment for segment in path.split("/") if segment]
    runs: list[_Run] = []
    for segment in segments[:-1]:
        part = _shape(segment, _NUMBERS)
        if part is None and _KIND_OF_PAGE.fullmatch(segment):
            part = _escaped(segment)
        if part is None and runs and runs[-1][0] is None:
            runs[-1][1].append(segment)
        else:
            runs.append((part, [segment]))
    for last in segments[-1:]:
        match = _FILE_NAME.fullmatch(last)
        stem, ending = match.groups() if match else (last, "")
        runs.append(((_shape(stem, _SLUGS) or _WORD) + re.escape(ending), [last]))
    return runs


def _shape(segment: str, shapes: list[tuple[str, str]]) -> str | None:
    return next((pattern for shape, pattern in shapes if re.fullmatch(shape, segment)), None)


def _pattern(found: list[list[_Run]]) -> str:
    """The pattern that matches paths of one form."""
    pattern = "^"
    for column in zip(*found, strict=True):
        part, words = column[0][0], [words for _, words in column]
        least, most = min(map(len, words)), max(map(len, words))
        if part is not None:
            pattern += f"/{part}"
        elif least < most:
            pattern += f"(?:/{_WORD}){{{least},{most}}}"
        else:
            for same in zip(*words, strict=True):
                is_one = len(set(same)) == 1 and len(same) >= _LEAST_ALIKE
                pattern += f"/{_escaped(same[0]) if is_one else _WORD}"
    return pattern + ("$" if _FILE_NAME.search(found[0][-1][1][0]) else "/?$")


def _escaped(word: str) -> str:
    return re.escape(word).replace(r"\-", "-")
