"""Does reading a page of twice the size take at most twice the time, whatever it is made of?

    python -m benchmarks.bench_linear [--size BYTES] [--repeats N] [--kind WORD]

Each kind of page has one thing again and again: links in a paragraph, captions, widgets, what
stands behind the article, JSON-LD, marks on a letter. It is read at half the size and at the whole,
by turns, by the generic profile and by that of the shipped site; a figure is processor time, the
least of its repetitions. Twice the time is 2.0; a step for each pair of things would be 4.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable
from contextlib import suppress

import rscrawler
from benchmarks.measure import SITE, progress, table

MIB = 2**20
URL = "https://responsiblestatecraft.org/a-page-of-one-thing/"
SENTENCE = "The council of the lower valley met again on Monday and put off what it had to decide. "
TEXT = "".join(f"<p>{SENTENCE * 3}Number {number} of them.</p>" for number in range(6))


def page(inside: str = "", behind: str = "", head: str = "", before: str = "") -> bytes:
    """A page as the shipped site has it: an article, with something in it or around it."""
    return (
        f"<!DOCTYPE html><html lang=en><head><title>A page of one thing</title>{head}</head><body>"
        f'{before}<div data-source="current_post"><article class="page-article">'
        '<h1 class="widget__headline">A page of one thing</h1>'
        '<span class="social-date__text">Nov 24, 2026</span>'
        f'<div class="body-description">{TEXT}{inside}{TEXT}</div></article></div>'
        f"{behind}</body></html>"
    ).encode()


def many(unit: str, size: int) -> str:
    """So many of `unit`, numbered at `#`, as make up `size` characters."""
    return "".join(unit.replace("#", str(number)) for number in range(size // len(unit)))


def _json_ld(value: str) -> str:
    return f'<script type="application/ld+json">{value}</script>'


CARD = (
    '<div class="related-posts"><h3><a href="/another-article-#/">Another article, number #</a>'
    "</h3><p>What it says in a few words of its own.</p></div>"
)
TEASER = f'<article class="image-article"><h2><a href="/o-#/">Other #</a></h2>{CARD}</article>'
COPY = "<div data-source=current_post><article class=page-article># </article></div>"
BLOCK = COPY.replace("page-article>", "'page-article post-1'><p class=body-description>Text, ")
KINDS: dict[str, Callable[[int], bytes]] = {
    "links in a paragraph": lambda n: page(f"<p>{many('<a href=/a-#/>word #</a>, ', n)}.</p>"),
    "links of nothing": lambda n: page(f"<p>{many('<a>#</a>', n)}</p>"),
    "captions in a paragraph": lambda n: page(
        f"<p>{many('<span class=caption>A picture, #</span> ', n)}</p>"
    ),
    "pictures with captions": lambda n: page(
        many("<figure><img src=/#.jpg><figcaption>A picture of #</figcaption></figure>", n)
    ),
    "small print": lambda n: page(many("<small class=image-media>Photo: # / Agency</small>", n)),
    "widgets": lambda n: page(many(CARD, n)),
    "siblings behind the article": lambda n: page(behind=many("<div><p>Words, #.</p></div>", n)),
    "articles behind the article": lambda n: page(behind=many(TEASER, n)),
    "articles before the article": lambda n: page(before=many(TEASER, n)),
    "articles in the article": lambda n: page(many(TEASER, n)),
    "bodies": lambda n: page(many("<div class=body-description><p>Text, #.</p></div>", n)),
    "containers": lambda n: page(behind=many(COPY, n)),
    "blocks of the post": lambda n: page(behind=many(BLOCK, n)).replace(
        b'"page-article"', b'"page-article post-1"', 1
    ),
    "nested articles": lambda n: page("<article>" * (n // 19) + "</article>" * (n // 19)),
    "numbers in JSON-LD": lambda n: page(head=_json_ld(f'{{"x": [{many("#,", n)}0]}}')),
    "brackets in JSON-LD": lambda n: page(head=_json_ld("{" * n)),
    "nodes in JSON-LD": lambda n: page(
        head=_json_ld(f'[{many(_NODE + ",", n)}{_NODE}]')
    ),
    "authors in JSON-LD": lambda n: page(
        head=_json_ld(f'{{"@type": "NewsArticle", "author": [{many(_PERSON + ",", n)}{_PERSON}]}}')
    ),
    "marks on a letter": lambda n: page(f"<p>a{chr(0x301) * (n // 2)}</p>"),
    "marks on letters": lambda n: page(f"<p>{('e' + chr(0x301) * 60) * (n // 121)}</p>"),
    "nested headings": lambda n: page("<div><h2>" * (n // 19) + "a" + "</h2></div>" * (n // 19)),
    "nested boxes": lambda n: page("<div>" * (n // 11) + SENTENCE + "</div>" * (n // 11)),
    "nested lists": lambda n: page("<ul><li>" * (n // 18) + "a" + "</li></ul>" * (n // 18)),
    "headings": lambda n: page(many("<h2>A heading of number #</h2>", n)),
    "headlines": lambda n: page(many("<h1>A page of one thing #</h1>", n)),
    "linked headlines": lambda n: page(many("<h3><a href=/x-#/>A headline of #</a></h3>", n)),
    "letters in bold": lambda n: page(f"<p>{many('<b>a</b>', n)}</p>"),
    "lines": lambda n: page(f"<p>{many('A line of number #<br>', n)}</p>"),
    "open paragraphs": lambda n: page(many("<p>A paragraph of number #, open.", n)),
    "cells": lambda n: page(f"<table>{many('<tr><td>a<td>b #</tr>', n)}</table>"),
    "items": lambda n: page(f"<ul>{many('<li><a href=/a-#/>An item of #</a></li>', n)}</ul>"),
    "requests": lambda n: page(many("<p>Subscribe to our newsletter # and donate today!</p>", n)),
    "headings over requests": lambda n: page(
        many("<h3>Before you go #</h3><p>Sign up for our newsletter!</p><p>Words, #.</p>", n)
    ),
    "reprint lines": lambda n: page(
        many("<p>This article # was republished with permission from The Paper.</p>", n)
    ),
    "pointers": lambda n: page(many("<p>Read also: <a href=/a-#/>A headline of #</a></p>", n)),
    "names of authors": lambda n: page(
        many('<a class="social-author__name" href=/author/a#/>Ann Lee #</a>', n)
    ),
    "one long byline": lambda n: page(
        f'<div class="social-author__name">By {many("Ann Lee #, ", n)} and Bo Chan</div>'
    ),
    "one long byline with a date": lambda n: page().replace(
        b"</h1>",
        f"</h1><p class=author><a href=/a/>1 May 2024 by {'on ' * (n // 3)}x</a></p>".encode(),
    ),
    "times": lambda n: page(many('<time datetime="2026-11-#">a day</time> ', n)),
    "sections and tags": lambda n: page(many('<a class=widget__section href="/tag/t#/">t#</a>', n)),
    "meta elements": lambda n: page(head=many('<meta property="og:x#" content="a">', n)),
    "declared authors": lambda n: page(head=many('<meta name=author content="Ann Lee #">', n)),
    "a long declared headline": lambda n: page(
        head=f'<meta property="og:title" content="{many("word# ", n)}">'
    ),
    "a long headline": lambda n: page(f"<h1>{many('word# ', n)}</h1>"),
    "names of classes": lambda n: page(f'<div class="{many("c# ", n)}"><p>{SENTENCE}</p></div>'),
    "one word": lambda n: page(f"<p>{'a' * n}</p>"),
    "one sentence": lambda n: page(f"<p>{many('word # ', n)}.</p>"),
    "quotation marks": lambda n: page(f"<p>{many('“a”, ', n)}</p>"),
    "white space": lambda n: page(f"<p>a{' ' * n}b</p>"),
    "sources of a picture": lambda n: page(f'<img srcset="{many("/#.jpg #w, ", n)}">'),
    "an embedded picture": lambda n: page(f'<img srcset="data:image/png;base64,{"A" * n}">'),
    "bars in a title": lambda n: page(
        head=f'<meta property="og:site_name" content="The Paper"><title>A {"|" * n} x</title>'
    ),
    "comments": lambda n: page(many("<!-- # -->", n)),
    "comments in a text": lambda n: page(f"<p>{many('word <!-- # -->', n)}</p>"),
    "processing instructions": lambda n: page(many("<?a #?>", n)),
}  # fmt: skip
_NODE = '{"@type": "NewsArticle", "headline": "A page of one thing", "author": {"name": "#"}}'
_PERSON = '{"@type": "Person", "name": "Ann Lee #"}'


def read(body: bytes, site: str | None) -> float:
    """The processor time, in seconds, in which a page is read, or found to be no article.

    Without the garbage collector, whose passes over all there is come now and then.
    """
    gc.disable()
    started = time.process_time()
    try:
        with suppress(rscrawler.PageError):
            rscrawler.extract_page(body, URL, site=site)
        return time.process_time() - started
    finally:
        gc.enable()


def least(kind: str, size: int, repeats: int, site: str | None) -> tuple[float, float]:
    """The least times for half of `size` and for the whole, measured by turns."""
    half, whole = KINDS[kind](size // 2), KINDS[kind](size)
    times = [(read(half, site), read(whole, site)) for _ in range(repeats)]
    return min(each for each, _ in times), min(each for _, each in times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=MIB)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--kind", default="", help="those whose name has this in it")
    options = parser.parse_args()
    read(page(), None), read(page(), SITE)  # what is made once for a process
    rows = []
    for kind in (kind for kind in KINDS if options.kind in kind):
        progress(kind)
        figures = [least(kind, options.size, options.repeats, site) for site in (None, SITE)]
        cells = [f"{value:.2f}" for half, whole in figures for value in (whole, whole / half)]
        rows.append([kind, *cells])
    head = ["a page full of", "generic, s", "÷ half the size", "with profile, s", "÷ half"]
    print(table(head, rows))


if __name__ == "__main__":
    main()
