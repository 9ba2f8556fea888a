"""`rscrawler history`: every version of a piece, and what each changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.text import Text

from rscrawler.cli.common import (
    ConfigOption,
    JsonOption,
    out,
    print_json,
    read_config,
)
from rscrawler.cli.reading import existing_store
from rscrawler.config import Config
from rscrawler.delivery.wording import one_line
from rscrawler.errors import RscrawlerError
from rscrawler.identity.addresses import address_key, canonical_url
from rscrawler.identity.changes import Change, Kind
from rscrawler.items import Article, rfc3339
from rscrawler.sites import load_sites
from rscrawler.store import Store
from rscrawler.web.versions import VersionChanges, shortened, version_changes


class UnknownArticle(RscrawlerError):
    """The store knows no piece of that name."""


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command("history")(history_command)


def history_command(
    article: Annotated[
        str, typer.Argument(metavar="ARTICLE", help="An article_id, a record_id or an address.")
    ],
    config_path: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show every version of a piece, and word by word what each changed."""
    config = read_config(config_path)
    with existing_store(config) as store:
        history = store.articles.history(find_article(config, store, article))
    versions = list(version_changes(history))
    if as_json:
        print_json(_history_json(history[-1], versions))
    else:
        _print_history(history[-1], versions)


def find_article(config: Config, store: Store, named: str) -> str:
    """The id of the piece that an article id, a record id or any of its addresses names.

    Raises:
        UnknownArticle: there is none.
    """
    found = store.browsing.article_of(named)
    if found is not None:
        return found
    for site, profile in load_sites(config).items():
        if canonical_url(named, profile) is not None:
            known = store.articles.by_addresses(site, [address_key(named, profile)])
            if known is not None:
                return known.article_id
    raise UnknownArticle(
        f"{one_line(named)}: no stored piece has this article_id, record_id or address"
    )


def _history_json(latest: Article, versions: Sequence[VersionChanges]) -> dict[str, Any]:
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
                    field.field: [
                        {"kind": change.kind, "text": change.text} for change in field.changes
                    ]
                    for field in each.fields
                },
            }
            for each in versions
        ],
    }


def _print_history(latest: Article, versions: Sequence[VersionChanges]) -> None:
    out.print(Text(one_line(latest.title) or "(without a title)", style="bold"))
    out.print(Text(f"{one_line(latest.url)}  {latest.article_id}", style="dim"))
    for each in versions:
        read_at = rfc3339(each.article.fetched_at)
        out.print(
            Text(f"\nversion {each.article.version}  {read_at}  {each.article.event}", "bold")
        )
        for field in each.fields:
            out.print(
                Text.assemble((f"{field.field}: ", "dim"), diff_text(shortened(field.changes)))
            )


def diff_text(changes: Sequence[Change]) -> Text:
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
