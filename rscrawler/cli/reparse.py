"""`rscrawler reparse`: archived pages read again by today's profiles, the differences first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from rscrawler.cli.articles import print_changes, print_heading
from rscrawler.cli.common import counted, out, print_json, tracked
from rscrawler.cli.inputs import (
    ConfigOption,
    JsonOption,
    SinceOption,
    SitesArgument,
    open_existing,
    opened_store,
)
from rscrawler.config import Config
from rscrawler.delivery.jsonl import deliver_jsonl
from rscrawler.delivery.wording import one_line
from rscrawler.errors import ConfigurationError
from rscrawler.extensions.archive import archive_files
from rscrawler.maintenance.reparsing import Reading, Verdict, recorded, reparse
from rscrawler.sites import SiteProfile, chosen_sites, load_sites
from rscrawler.spiders.session import CrawlSession, new_run_id
from rscrawler.store import Store
from rscrawler.topics import Flagger, usable_watchlists
from rscrawler.web.texts import version_changes

_IN_WORDS = {
    Verdict.UNCHANGED: "unchanged",
    Verdict.CHANGED: "changed",
    Verdict.NEW: "an article now",
    Verdict.LOST: "no article any more",
    Verdict.REJECTED: "no article, as before",
    Verdict.WORSE: "read by a fallback only, where selectors read it before",
    Verdict.OVERTAKEN: "overtaken by a later visit, which is not archived",
    Verdict.UNREADABLE: "unreadable",
}
_AS_BEFORE = (Verdict.UNCHANGED, Verdict.REJECTED)


def reparse_command(
    config: ConfigOption,
    sites: SitesArgument = None,
    since: SinceOption = None,
    apply: Annotated[
        bool, Option("--apply", help="Record what has changed; nobody is alerted.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Read archived pages again by today's site profiles, without a request.

    `--since` counts from when a page was fetched.
    """
    profiles = chosen_sites(load_sites(config), sites or [])
    files = _files(config, profiles, is_named=bool(sites))
    counts: Counter[Verdict] = Counter()
    beside: Counter[str] = Counter()
    changes: list[dict[str, Any]] = []
    with opened_store(config) if apply else closing(open_existing(config)) as store:
        for site, reading in _readings(config, store, profiles, files, since, is_applied=apply):
            counts[reading.verdict] += 1
            beside.update(reading.beside)
            if reading.verdict in _AS_BEFORE:
                continue
            if as_json:
                changes.append({"site": site, **_reading_json(reading)})
            else:
                _print_reading(reading)
        if as_json:
            summary: dict[str, Any] = {
                "applied": apply,
                "pages": counts.total(),
                **{verdict: counts[verdict] for verdict in Verdict},
                "beside_the_text": dict(beside),
            }
            print_json({**summary, "changes": changes})
        else:
            _print_summary(counts, beside, is_applied=apply)
        if apply and not config.uses_workers:
            deliver_jsonl(config, store)


def _files(config: Config, sites: Iterable[str], *, is_named: bool) -> dict[str, list[Path]]:
    """The archive's files of each site to read.

    Raises:
        ConfigurationError: nothing is archived, or nothing of a site that was named.
    """
    folder = config.archive_folder
    files = {name: archive_files(folder, name) for name in sites}
    missing = [name for name, found in files.items() if not found]
    if missing and (is_named or len(missing) == len(files)):
        raise ConfigurationError(
            f"{folder}: holds no archived page of {', '.join(missing)}; pages are kept from the "
            f"time on that {config.origin} says `enabled = true` under [archive]"
        )
    return files


def _readings(
    config: Config,
    store: Store,
    profiles: Mapping[str, SiteProfile],
    files: Mapping[str, list[Path]],
    since: datetime | None,
    *,
    is_applied: bool,
) -> Iterator[tuple[str, Reading]]:
    flagger, run_id = Flagger(usable_watchlists(config)), new_run_id()
    for site, paths in files.items():
        session = CrawlSession.open(
            config, site, profiles[site], run_id=run_id, flagger=flagger, store=store
        )
        readings = reparse(session, tracked(paths, len(paths), "files", what=site), since)
        for reading in recorded(session, readings) if is_applied else readings:
            yield site, reading


def _reading_json(reading: Reading) -> dict[str, Any]:
    article, change = reading.article, reading.change
    return {
        "verdict": reading.verdict,
        "url": reading.url,
        "article_id": article.article_id if article else None,
        "title": article.title if article else None,
        "version": article.version if article and reading.item else None,
        "fields": list(change.fields) if change else [],
        "words_added": change.words_added if change else 0,
        "words_removed": change.words_removed if change else 0,
        "levels": {topic: {"before": a, "now": b} for topic, (a, b) in reading.levels.items()},
        "reason": reading.reason,
    }


def _print_reading(reading: Reading) -> None:
    article = reading.article
    if article:
        print_heading(article)
    else:
        out.print(one_line(reading.url), style="dim")
    out.print(_what_happened(reading))
    if reading.verdict is Verdict.CHANGED and article and reading.before and reading.change:
        *_, latest = version_changes([reading.before, article])
        print_changes(latest)
    for topic, (before, now) in reading.levels.items():
        out.print(f"{topic}: {before} → {now}")
    out.print()


def _what_happened(reading: Reading) -> str:
    said = _IN_WORDS[reading.verdict]
    if change := reading.change:
        fields = ", ".join(change.fields)
        return f"{said}: {fields}; {change.words_added} words added, {change.words_removed} removed"
    if reading.verdict is Verdict.NEW and reading.article:
        return f"{said}: {reading.article.word_count} words"
    return f"{said}: {one_line(reading.reason)}" if reading.reason else said


def _print_summary(
    counts: Counter[Verdict], beside: Mapping[str, int], *, is_applied: bool
) -> None:
    found = ", ".join(f"{counts[each]} {_IN_WORDS[each]}" for each in Verdict if counts[each])
    out.print(f"{counted(counts.total(), 'page')} read from the archive: {found or 'none'}")
    if beside:
        names = ", ".join(f"{name} ({count})" for name, count in sorted(beside.items()))
        out.print(f"pages with the same text differ in {names}; that alone makes no version")
    versions = counted(counts[Verdict.CHANGED] + counts[Verdict.NEW], "version")
    if is_applied:
        out.print(f"{versions} recorded, nobody alerted")
    elif counts[Verdict.CHANGED] + counts[Verdict.NEW]:
        out.print(f"nothing was recorded; --apply records {versions}")
