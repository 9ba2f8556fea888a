"""How well feeds and sitemaps of real sites are read, against what their XML says.

    python -m benchmarks.bench_real_sources

`$REAL_SOURCES` names a folder with copies of public repositories (git directories `NAME/repo`): of
feed readers and sitemap parsers, which store files of real sites, and copies of whole sites. Those
stay out of this one. Each well-formed file is read by `read_source`, and plainly, by its elements.
"""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urljoin

from lxml import etree
from w3lib.url import safe_url_string

from benchmarks.measure import progress
from rscrawler.sites import Source, SourceKind
from rscrawler.spiders.sources import SourceContent, SourcePage, UnreadableSource, read_source

URL = "https://site.example/feed/"
ROOTS = dict.fromkeys(("rss", "feed", "RDF"), SourceKind.FEED)
ROOTS |= dict.fromkeys(("urlset", "sitemapindex"), SourceKind.SITEMAP)
ADDRESSES = ("origLink", "link", "guid", "loc")  # the first that is there
DATES = ("pubDate", "published", "issued", "date", "lastmod")
FIGURES = ("files", "entries", "missed", "other", "dates", "missing", "wrong")


def sources(repository: Path) -> Iterator[tuple[SourceKind, bytes, etree._Element]]:
    """The feeds and sitemaps in the newest commit of a git directory, each content once."""
    git = ("git", "-C", str(repository))
    listed = subprocess.check_output([*git, "ls-tree", "-r", "HEAD"])
    lines = (line.split(b"\t") for line in listed.splitlines())
    ends = (b".xml", b".rss", b".atom", b".rdf", b"feed/index.html")
    blobs = dict.fromkeys(meta.split()[2] for meta, path in lines if path.endswith(ends))
    for blob in list(blobs)[:400]:  # a copy of a site has a feed for each tag
        shown = subprocess.run([*git, "cat-file", "blob", blob], capture_output=True, check=False)
        with suppress(etree.XMLSyntaxError):
            root = etree.fromstring(shown.stdout, etree.XMLParser(huge_tree=True))
            if kind := ROOTS.get(etree.QName(root).localname):
                yield kind, shown.stdout, root


def declared(entry: etree._Element) -> tuple[str, datetime | None]:
    """The address and the date that an entry's own elements give."""
    found: dict[str, str] = {}
    for part in entry.iterchildren("{*}*"):
        if part.get("rel", "alternate") == "alternate" and part.get("isPermaLink") != "false":
            text = part.get("href") or str(part.xpath("string()")).strip()
            found.setdefault(etree.QName(part).localname, text)
    address = next((found[name] for name in ADDRESSES if found.get(name)), "")
    return address, moment(next((found[name] for name in DATES if name in found), ""))


def moment(text: str) -> datetime | None:
    """A date to the minute, if the standard library reads it."""
    with suppress(ValueError):
        at = (datetime.fromisoformat if text[:4].isdigit() else parsedate_to_datetime)(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).replace(second=0, microsecond=0)
    return None


def compared(kind: SourceKind, body: bytes, root: etree._Element) -> Counter[str]:
    """What was read of one file, against what it says."""
    entries = map(declared, root.iter("{*}item", "{*}entry", "{*}url", "{*}sitemap"))
    wanted = {safe_url_string(urljoin(URL, url)): at for url, at in entries if url}
    content = SourceContent(())
    with suppress(UnreadableSource):
        content = read_source(SourcePage("", URL, body, None, Source(kind=kind, path="/")))
    found = {safe_url_string(each.url): each for each in (*content.entries, *content.sitemaps)}
    missed, other = wanted.keys() - found.keys(), found.keys() - wanted.keys()
    counts = Counter(files=1, entries=len(wanted), missed=len(missed), other=len(other))
    for each, at in ((found[url], at) for url, at in wanted.items() if at and url in found):
        read = each.published_hint if kind is SourceKind.FEED else each.dated_at
        counts["dates"] += 1
        counts["missing"] += read is None
        counts["wrong"] += read is not None and read.replace(second=0) != at
    return counts


def main() -> None:
    if not (folder := os.environ.get("REAL_SOURCES")):
        progress("REAL_SOURCES is not set: nothing is measured; see benchmarks/README.md")
        return
    totals: dict[SourceKind, Counter[str]] = {kind: Counter() for kind in ROOTS.values()}
    for repository in sorted(Path(folder).glob("*/repo")):
        for kind, body, root in sources(repository):
            totals[kind] += compared(kind, body, root)
    print(f"| | {' | '.join(FIGURES)} |\n| --- |{' ---: |' * len(FIGURES)}")
    for kind, counts in totals.items():
        print(f"| {kind}s | {' | '.join(str(counts[name]) for name in FIGURES)} |")


if __name__ == "__main__":
    main()
