"""`rscrawler explain`, `history`, `reparse`: parse a page, show versions, parse archived pages."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from rich.text import Text
from typer import Argument, Option

from rscrawler.cli.inputs import ConfigOption, JsonOption, SinceOption, SitesArgument, opened_store
from rscrawler.cli.output import console, counted, print_json, say, tracked
from rscrawler.config import Config
from rscrawler.delivery.jsonl import deliver_jsonl
from rscrawler.delivery.wording import one_line
from rscrawler.errors import ConfigurationError
from rscrawler.extensions.archive import archive_files
from rscrawler.extraction.label import KEPT
from rscrawler.identity.addresses import address_key, canonical_url
from rscrawler.identity.changes import Change, ChangeKind
from rscrawler.items import Article, TopicFlag, fields_on_page, rfc3339
from rscrawler.maintenance.reparsing import Reparsed, ReparsedPage, recorded, reparse
from rscrawler.probing.explaining import Explanation, explain
from rscrawler.sites import chosen_sites, load_sites
from rscrawler.spiders.session import CrawlSession, new_run_id
from rscrawler.store import Store
from rscrawler.store.database import NoDatabase
from rscrawler.topics import usable_flagger
from rscrawler.web.texts import Version, shortened, version_changes

_IN_WORDS = {
    Reparsed.UNCHANGED: "unchanged",
    Reparsed.CHANGED: "changed",
    Reparsed.NEW: "an article now",
    Reparsed.LOST: "no longer an article",
    Reparsed.REJECTED: "no article, as before",
    Reparsed.WORSE: "read only by a fallback, before by selectors",
    Reparsed.OVERTAKEN: "overtaken by a later visit, which is not archived",
    Reparsed.UNREADABLE: "unreadable",
}
_AS_BEFORE = (Reparsed.UNCHANGED, Reparsed.REJECTED)
_CONTRIBUTIONS = 10  # features shown for each flag: those that changed its score most


def explain_command(
    config: ConfigOption,
    page: Annotated[
        str,
        Argument(
            metavar="PAGE",
            help="An address, the file of a saved page, or a stored article: its article_id, "
            "record_id or path.",
        ),
    ],
    site: Annotated[str | None, Option(help="The site whose profile to use.")] = None,
    url: Annotated[str | None, Option("--url", help="The address of a saved page.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the record that a page would give, where each field came from, and why it is flagged."""
    if not page.startswith(("http://", "https://")):
        page, site = _file_or_stored(config, page, site)
    explanation = explain(config, page, site=site, url=url)
    if as_json:
        print_json(explanation.to_json())
    else:
        _print_explanation(explanation)


def _file_or_stored(config: Config, named: str, site: str | None) -> tuple[str, str | None]:
    """(page, site): the file `named`, else the address and site of the stored article `named`."""
    reason = "is a folder"
    try:
        if not Path(named).is_dir():
            Path(named).stat()
            return named, site
    except OSError as error:
        reason = str(error.strerror)
    with suppress(NoDatabase), opened_store(config, must_exist=True) as store:
        article_id = _stored_article(config, store, named, site)
        if article_id and (found := store.articles.latest_record(article_id)):
            return found.url, site or found.site
    raise ConfigurationError(
        f"{named}: {reason}; allowed: an address (https://…), the file of a saved page, or a "
        "stored article's article_id, record_id or path"
    )


def _print_explanation(explanation: Explanation) -> None:
    article = explanation.article
    record = article.to_record()
    for name in [*fields_on_page(), "word_count"]:
        if name == "body":  # it is printed below
            continue
        value = record[name]
        shown = json.dumps(value, ensure_ascii=False) if value is not None else "(not found)"
        origin = article.extraction.provenance.get(name, "")
        say(Text.assemble((f"{name:18}", "bold"), shown, (f"  {origin}".rstrip(), "dim")))
    for warning in article.extraction.warnings:
        say(f"warning: {warning}", style="yellow")
    for flag in article.topics:
        _print_flag(flag, explanation)
    if not article.topics:
        say("\nflagged on no topic", style="bold")
    say()
    for paragraph in article.paragraphs:
        say(f"{paragraph}\n")
    for block in explanation.blocks:
        if block.label not in KEPT:
            rule = f" ({block.rule})" if block.rule else ""
            say(f"left out as {block.label}{rule}: {block.text}", style="dim")


def _print_flag(flag: TopicFlag, explanation: Explanation) -> None:
    countries = f" ({', '.join(flag.countries)})" if flag.countries else ""
    say(f"\n{flag.topic}: {flag.level}, score {flag.score:.2f}{countries}", style="bold")
    for found in flag.evidence:
        where = found.field if found.paragraph is None else f"paragraph {found.paragraph + 1}"
        quote = Text(found.quote, style="default")
        quote.highlight_words([found.term], style="reverse")
        # In a pipe nothing is highlighted, so the term is named, too.
        named = found.entity if found.term == found.entity else f"{found.term}: {found.entity}"
        say(Text.assemble((f"  {where}: ", "dim"), quote, (f"  [{named}]", "dim")))
    say("  what moved the score most (+1 multiplies the odds by 2.7):", style="dim")
    for each in explanation.contributions.get(flag.topic, [])[:_CONTRIBUTIONS]:
        say(f"  {each.share:+.2f}  {each.meaning} ({each.value:g})", style="dim")


def history_command(
    config: ConfigOption,
    article: Annotated[
        str, Argument(metavar="ARTICLE", help="An article_id, record_id, address or path.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Show every version of an article, and word by word what each changed."""
    with opened_store(config, must_exist=True) as store:
        article_id = _stored_article(config, store, article)
        if article_id is None:
            none = "no stored article has this article_id, record_id, address or path"
            raise ConfigurationError(f"{one_line(article)}: {none}")
        history = store.articles.history(article_id)
    versions = list(version_changes(history))
    if as_json:
        latest, parts = history[-1].to_record(), [_version_json(each) for each in versions]
        named = {name: latest[name] for name in ("article_id", "site", "url", "title")}
        print_json({**named, "versions": parts})
        return
    _print_heading(history[-1])
    for each in versions:
        shown, read_at = each.article, rfc3339(each.article.fetched_at)
        say(f"\nversion {shown.version}  {read_at}  {shown.event}", style="bold")
        _print_changes(each)


def _stored_article(
    config: Config, store: Store, named: str, site: str | None = None
) -> str | None:
    """The id of the article of this article_id, record_id, address or path (on `site`), if any."""
    if found := store.browsing.article_of(named):
        return found
    found_on: dict[str, str] = {}  # article ids by site
    for name, profile in load_sites(config).items():
        address = f"{profile.base_url.rstrip('/')}{named}" if named.startswith("/") else named
        if site in (None, name) and canonical_url(address, profile) is not None:
            key = address_key(address, profile)
            known = store.discovery.addresses(name, [key]).get(key)
            if known and known.article_id:
                found_on[name] = known.article_id
    if len(found_on) > 1:
        ids = ", ".join(f"{article_id} ({name})" for name, article_id in found_on.items())
        raise ConfigurationError(
            f"{one_line(named)}: is on several sites; give an article_id: {ids}"
        )
    return next(iter(found_on.values()), None)


def _version_json(version: Version) -> dict[str, Any]:
    record = version.article.to_record()
    names = ("record_id", "version", "event", "fetched_at", "title")
    changes = {
        field: [asdict(change) for change in found] for field, found in version.changes.items()
    }
    return {**{name: record[name] for name in names}, "changes": changes}


def _print_heading(article: Article) -> None:
    say(one_line(article.title) or "(without a title)", style="bold")
    say(f"{one_line(article.url)}  {article.article_id}", style="dim")


def _print_changes(version: Version) -> None:
    for field, changes in version.changes.items():
        say(Text.assemble((f"{field}: ", "dim"), _diff(shortened(changes))))
    if version.lacks_text:
        say("its text or the one before was deleted by rscrawler prune", style="dim")


def _diff(changes: Sequence[Change]) -> Text:
    """The changes in colours on a terminal, as `[-removed-] {+added+}` elsewhere."""
    line = Text()
    for change in changes:
        if change.kind is ChangeKind.SAME:
            line.append(change.text)
        elif console().is_terminal and console().color_system is not None:
            line.append(change.text, "strike red" if change.kind is ChangeKind.REMOVED else "green")
        else:
            bare = change.text.rstrip()
            shown = f"[-{bare}-]" if change.kind is ChangeKind.REMOVED else f"{{+{bare}+}}"
            line.append(shown + change.text[len(bare) :])
    return line


def reparse_command(
    config: ConfigOption,
    sites: SitesArgument = None,
    since: SinceOption = None,
    apply: Annotated[bool, Option("--apply", help="Record the changes; alert nobody.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Parse archived pages again with today's site profiles, without requests.

    `--since` compares with the time when a page was fetched.
    """
    profiles = chosen_sites(load_sites(config), sites or [])
    files = _files(config, profiles, is_named=bool(sites))
    flagger, run_id = usable_flagger(config), new_run_id()
    counts: Counter[Reparsed] = Counter()
    beside: Counter[str] = Counter()
    changes: list[dict[str, Any]] = []
    with opened_store(config, must_exist=not apply) as store:
        for site, paths in files.items():
            session = CrawlSession(config, site, profiles[site], store, flagger, run_id=run_id)
            readings = reparse(session, tracked(paths, len(paths), "files", what=site), since)
            for reading in recorded(session, readings) if apply else readings:
                counts[reading.result] += 1
                beside.update(reading.beside)
                if reading.result in _AS_BEFORE:
                    continue
                if as_json:
                    changes.append({"site": site, **_reading_json(reading)})
                else:
                    _print_reading(reading)
        if apply and not config.uses_workers:
            deliver_jsonl(config, store)
    if as_json:
        verdicts = {str(verdict): counts[verdict] for verdict in Reparsed}
        summary = {"applied": apply, "pages": counts.total(), **verdicts}
        print_json({**summary, "beside_the_text": dict(beside), "changes": changes})
    else:
        _print_summary(counts, beside, is_applied=apply)


def _files(config: Config, sites: Iterable[str], *, is_named: bool) -> dict[str, list[Path]]:
    """The archive's files of each site; every site that was named must have some."""
    folder = config.archive_folder
    files = {name: archive_files(folder, name) for name in sites}
    missing = [name for name, found in files.items() if not found]
    if missing and (is_named or len(missing) == len(files)):
        raise ConfigurationError(
            f"{folder}: holds no archived page of {', '.join(missing)}; with archive.enabled = "
            "true, later crawls archive pages"
        )
    return files


def _reading_json(reading: ReparsedPage) -> dict[str, Any]:
    article, change = reading.article, reading.change
    return {
        "verdict": reading.result,
        "url": reading.url,
        "article_id": article.article_id if article else None,
        "title": article.title if article else None,
        "version": article.version if article and reading.outcome else None,
        "fields": list(change.fields) if change else [],
        "words_added": change.words_added if change else 0,
        "words_removed": change.words_removed if change else 0,
        "levels": {topic: {"before": a, "now": b} for topic, (a, b) in reading.levels.items()},
        "reason": reading.reason,
    }


def _print_reading(reading: ReparsedPage) -> None:
    article, change = reading.article, reading.change
    if article:
        _print_heading(article)
    else:
        say(one_line(reading.url), style="dim")
    result, details = _IN_WORDS[reading.result], one_line(reading.reason)
    if change:
        words = f"{change.words_added} words added, {change.words_removed} removed"
        details = f"{', '.join(change.fields)}; {words}"
    elif reading.result is Reparsed.NEW and article:
        details = f"{article.word_count} words"
    say(f"{result}: {details}" if details else result)
    if reading.result is Reparsed.CHANGED and article and reading.before and change:
        *_, latest = version_changes([reading.before, article])
        _print_changes(latest)
    for topic, (before, now) in reading.levels.items():
        say(f"{topic}: {before} → {now}")
    say()


def _print_summary(
    counts: Counter[Reparsed], beside: Mapping[str, int], *, is_applied: bool
) -> None:
    found = ", ".join(f"{counts[each]} {_IN_WORDS[each]}" for each in Reparsed if counts[each])
    say(f"{counted(counts.total(), 'page')} read from the archive: {found or 'none'}")
    if beside:
        names = ", ".join(f"{name} ({count})" for name, count in sorted(beside.items()))
        say(f"pages with the same text differ in {names}; that alone makes no version")
    versions = counted(counts[Reparsed.CHANGED] + counts[Reparsed.NEW], "version")
    if is_applied:
        say(f"{versions} recorded, nobody alerted")
    elif counts[Reparsed.CHANGED] + counts[Reparsed.NEW]:
        say(f"nothing was recorded; --apply records {versions}")
