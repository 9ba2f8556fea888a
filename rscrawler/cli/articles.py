"""`rscrawler explain` and `history`: one article, as it would be recorded, and as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from rich.table import Table
from rich.text import Text
from typer import Argument, Option

from rscrawler.cli.common import out, print_json
from rscrawler.cli.inputs import ConfigOption, JsonOption, open_existing
from rscrawler.config import Config
from rscrawler.delivery.wording import one_line
from rscrawler.errors import ConfigurationError, RscrawlerError
from rscrawler.extraction.label import KEPT
from rscrawler.identity.addresses import address_key, canonical_url
from rscrawler.identity.changes import Change, Kind
from rscrawler.items import Article, Evidence, TopicFlag, fields_on_page, rfc3339
from rscrawler.probing.explaining import Explanation, explain
from rscrawler.sites import load_sites
from rscrawler.store import Store
from rscrawler.web.texts import Version, shortened, version_changes

_CONTRIBUTIONS = 10  # features shown of each flag: those that moved its score most


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
    site: Annotated[str | None, Option(help="The site whose profile reads it.")] = None,
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
    """The file of that name; else the address of the stored article of that name, and its site."""
    allowed = (
        "allowed: an address (https://…), the file of a saved page, or a stored article's "
        "article_id, record_id or path"
    )
    try:
        if not Path(named).is_dir():
            Path(named).stat()
            return named, site
        reason = "is a folder"
    except OSError as error:
        reason = str(error.strerror)
    try:
        with closing(open_existing(config)) as store:
            found = store.articles.latest_record(find_article(config, store, named))
    except RscrawlerError:
        found = None
    if found is None:
        raise ConfigurationError(f"{named}: {reason}; {allowed}")
    return found.url, site or found.site


def _print_explanation(explanation: Explanation) -> None:
    article = explanation.article
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column("field")
    table.add_column("value", overflow="fold")
    record = article.to_record()
    for name in [*fields_on_page(), "word_count"]:
        if name == "body":  # it is printed below
            continue
        value = record[name]
        shown = Text(json.dumps(value, ensure_ascii=False) if value is not None else "(not there)")
        if origin := explanation.provenance.get(name):
            shown.append(f"  {origin}", style="dim")
        table.add_row(Text(name, style="bold"), shown)
    out.print(table)
    for warning in article.extraction.warnings:
        out.print(f"warning: {warning}", style="yellow")
    for flag in article.topics:
        _print_flag(flag, explanation)
    if not article.topics:
        out.print("\nflagged on no topic", style="bold")
    out.print()
    for paragraph in article.paragraphs:
        out.print(f"{paragraph}\n")
    for block in explanation.blocks:
        if block.label not in KEPT:
            rule = f" ({block.rule})" if block.rule else ""
            out.print(f"left out as {block.label}{rule}: {block.text}", style="dim")


def _print_flag(flag: TopicFlag, explanation: Explanation) -> None:
    countries = f" ({', '.join(flag.countries)})" if flag.countries else ""
    out.print(f"\n{flag.topic}: {flag.level}, score {flag.score:.2f}{countries}", style="bold")
    for evidence in flag.evidence:
        out.print(_highlighted(evidence))
    for each in explanation.contributions.get(flag.topic, [])[:_CONTRIBUTIONS]:
        out.print(f"  {each.share:+.2f}  {each.meaning} ({each.value:g})", style="dim")


def _highlighted(evidence: Evidence) -> Text:
    where = evidence.field if evidence.paragraph is None else f"paragraph {evidence.paragraph + 1}"
    quote = Text(evidence.quote, style="default")
    quote.highlight_words([evidence.term], style="reverse")
    return Text.assemble((f"  {where}: ", "dim"), quote, (f"  [{evidence.entity}]", "dim"))


def history_command(
    config: ConfigOption,
    article: Annotated[
        str, Argument(metavar="ARTICLE", help="An article_id, record_id, address or path.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Show every version of an article, and word by word what each changed."""
    with closing(open_existing(config)) as store:
        history = store.articles.history(find_article(config, store, article))
    versions = list(version_changes(history))
    if as_json:
        print_json(_history_json(history[-1], versions))
    else:
        _print_history(history[-1], versions)


def find_article(config: Config, store: Store, named: str) -> str:
    """The id of the article that an article id, a record id, an address or its path names.

    Raises:
        RscrawlerError: there is none, or several sites have that path.
    """
    found = store.browsing.article_of(named)
    if found is not None:
        return found
    matching = dict(_by_address(config, store, named))
    if not matching:
        raise RscrawlerError(
            f"{one_line(named)}: no stored article has this article_id, record_id, address or path"
        )
    if len(matching) > 1:
        raise RscrawlerError(f"{one_line(named)}: is on several sites: {', '.join(matching)}")
    return next(iter(matching.values()))


def _by_address(config: Config, store: Store, named: str) -> Iterator[tuple[str, str]]:
    """The address and id of each stored article with that address, or that path on its site."""
    for site, profile in load_sites(config).items():
        address = f"{profile.base_url.rstrip('/')}{named}" if named.startswith("/") else named
        if canonical_url(address, profile) is not None:
            known = store.articles.by_addresses(site, [address_key(address, profile)])
            if known is not None:
                yield address, known.article_id


def _history_json(latest: Article, versions: Sequence[Version]) -> dict[str, Any]:
    return {
        "article_id": latest.article_id,
        "site": latest.site,
        "url": latest.url,
        "title": latest.title,
        "versions": [
            {
                "record_id": each.article.record_id,
                "version": each.article.version,
                "event": each.article.event,
                "fetched_at": rfc3339(each.article.fetched_at),
                "title": each.article.title,
                "changes": {
                    field: [asdict(change) for change in changes]
                    for field, changes in each.changes.items()
                },
            }
            for each in versions
        ],
    }


def _print_history(latest: Article, versions: Sequence[Version]) -> None:
    print_heading(latest)
    for each in versions:
        article, read_at = each.article, rfc3339(each.article.fetched_at)
        out.print(f"\nversion {article.version}  {read_at}  {article.event}", style="bold")
        print_changes(each)


def print_heading(article: Article) -> None:
    """The title, and the address with the article's id."""
    out.print(one_line(article.title) or "(without a title)", style="bold")
    out.print(f"{one_line(article.url)}  {article.article_id}", style="dim")


def print_changes(version: Version) -> None:
    """What a version changed, field by field."""
    for field, changes in version.changes.items():
        out.print(Text.assemble((f"{field}: ", "dim"), _diff(shortened(changes))))


def _diff(changes: Sequence[Change]) -> Text:
    """The changes in colours on a terminal, as `[-gone-]{+new+}` elsewhere."""
    line = Text()
    for change in changes:
        if change.kind is Kind.SAME:
            line.append(change.text)
        elif out.is_terminal and out.color_system is not None:
            line.append(change.text, "strike red" if change.kind is Kind.REMOVED else "green")
        else:
            line.append(_bracketed(change))
    return line


def _bracketed(change: Change) -> str:
    """The change in brackets, with the white space at its end behind them."""
    bare = change.text.rstrip()
    behind = change.text[len(bare) :]
    return f"[-{bare}-]{behind}" if change.kind is Kind.REMOVED else f"{{+{bare}+}}{behind}"
