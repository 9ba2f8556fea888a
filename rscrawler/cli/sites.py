"""`rscrawler sites`: the site profiles, a new one for a site, and whether one holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from rscrawler.cli.common import (
    EXIT_FAILED,
    ConfigOption,
    JsonOption,
    complain,
    counted,
    err,
    out,
    print_json,
    read_config,
    readable,
)
from rscrawler.config import Config
from rscrawler.errors import ConfigurationError
from rscrawler.probing import Proposal, SiteCheck, Visitor, check_live, check_stored, propose_site
from rscrawler.probing.proposal import address_to_ask, name_of
from rscrawler.sites import chosen_sites, load_sites

app = typer.Typer(help="The site profiles: list them, add one, check whether one holds.")


def register(root: typer.Typer) -> None:
    """Add this module's commands."""
    root.add_typer(app, name="sites")


@app.command("list")
def list_command(config_path: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show every site profile, shipped and own."""
    rows = [
        {
            "site": name,
            "title": profile.title,
            "enabled": profile.enabled,
            "verified": profile.verified,
            "reviewed_on": profile.reviewed_on.isoformat() if profile.reviewed_on else None,
            "base_url": profile.base_url,
        }
        for name, profile in sorted(load_sites(read_config(config_path)).items())
    ]
    if as_json:
        print_json({"sites": rows})
        return
    lines = [("site", "enabled", "verified", "address", "title")]
    for row in rows:
        verified = f"{'yes' if row['verified'] else 'no'}, {row['reviewed_on'] or 'no date'}"
        enabled = "yes" if row["enabled"] else "no"
        lines.append(
            (str(row["site"]), enabled, verified, str(row["base_url"]), str(row["title"] or ""))
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        out.print(Text("  ".join(cells).rstrip()))


@app.command("add")
def add_command(
    url: Annotated[str, typer.Argument(help="The site's front page, or that of a part of it.")],
    name: Annotated[
        str | None, typer.Option("--name", help="Of the profile; else from the host's name.")
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="DIR", help="Save the profile here (your sites_dir)."),
    ] = None,
    delay: Annotated[
        float, typer.Option("--delay", min=0, help="Seconds between two requests.")
    ] = 1.0,
    config_path: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look at a site and propose a profile: feeds, sitemaps, sections, and what it would read."""
    config = read_config(config_path)
    _check_before_asking(url, name, write)
    if not as_json:
        err.print(Text(f"asking {url} for a few pages, {delay:g} s apart …", style="dim"))
    proposal = propose_site(url, Visitor(config, delay=delay), name)
    path = _save(proposal, write) if write is not None else None
    if as_json:
        print_json(proposal.to_json() | {"written": str(path) if path else None})
    else:
        _show_proposal(proposal)
        if path is not None:
            out.print(Text(f"wrote {path}{_how_to_load(config, path)}"))
    for problem in proposal.problems:
        complain(f"{proposal.name}: {problem}")
    if proposal.problems:
        raise typer.Exit(EXIT_FAILED)


def _check_before_asking(url: str, name: str | None, folder: Path | None) -> None:
    """Find out what would be in vain while it costs the site nothing."""
    address = address_to_ask(url, name)
    if folder is None:
        return
    path = folder / f"{name or name_of(address)}.toml"
    with readable("--write"):
        is_there, is_free = path.exists(), folder.is_dir() or not folder.exists()
    if is_there:
        raise _taken(path)
    if not is_free:
        raise ConfigurationError(f"--write: {folder}: is a file; allowed: a folder")


def _taken(path: Path) -> ConfigurationError:
    return ConfigurationError(f"{path}: is there already; remove it, or choose another --name")


def _save(proposal: Proposal, folder: Path) -> Path:
    path = folder / f"{proposal.name}.toml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(proposal.text)
    except FileExistsError:
        raise _taken(path) from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror}") from error
    return path


def _how_to_load(config: Config, path: Path) -> str:
    folder = path.parent.resolve()
    if config.sites_dir is not None and config.sites_dir.resolve() == folder:
        return f"; next: rscrawler sites check {path.stem}"
    return f'; to use it, set sites_dir = "{folder}"'


def _show_proposal(proposal: Proposal) -> None:
    for sample in proposal.samples:
        shown = sample.to_json()
        out.print(Text(str(shown["url"]), style="bold"))
        if not shown["read"]:
            out.print(Text(f"  not read: {shown['reason']}"))
            continue
        out.print(Text(f"  title    {shown['title'] or '(not there)'}"))
        out.print(Text(f"  date     {shown['published_at'] or '(not there)'}"))
        out.print(Text(f"  authors  {', '.join(shown['authors']) or '(not there)'}"))
        out.print(Text(f"  {shown['words']} words: {shown['first_words']} …"))
        for warning in shown["warnings"]:
            out.print(Text(f"  warning: {warning}", style="yellow"))
    out.print()
    out.print(Text(proposal.text.rstrip()))
    err.print(Text(counted(proposal.requests, "request"), style="dim"))


@app.command("check")
def check_command(
    sites: Annotated[
        list[str] | None, typer.Argument(metavar="[SITE]…", help="Else all enabled ones.")
    ] = None,
    pages: Annotated[
        Path | None,
        typer.Option("--pages", metavar="DIR", help="Saved pages instead of live ones."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Article pages of each site.")] = 5,
    config_path: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold profiles against live or saved pages, and say field by field what holds."""
    config = read_config(config_path)
    checks: list[SiteCheck] = []
    for name, profile in chosen_sites(load_sites(config), sites or []).items():
        if pages is not None:
            with readable("--pages"):
                checks.append(check_stored(name, profile, pages, limit))
            continue
        visitor = Visitor(
            config,
            delay=profile.download_delay,
            most=limit + 3 * len(profile.sources) + 5,
            hosts=profile.all_hosts,
        )
        checks.append(check_live(name, profile, visitor, limit))
    if as_json:
        holds = not any(check.failures for check in checks)
        print_json({"holds": holds, "sites": {check.site: check.to_json() for check in checks}})
    for check in checks:
        if not as_json:
            _show_check(check)
        for failure in check.failures:
            complain(f"{check.site}: {failure}")
    if any(check.failures for check in checks):
        raise typer.Exit(EXIT_FAILED)


def _show_check(check: SiteCheck) -> None:
    out.print(Text(check.site, style="bold"))
    for source in check.sources:
        out.print(Text(f"  {source.source.kind} {source.source.path}: {source}"))
    for sample in check.samples:
        if sample.article is None:
            out.print(Text(f"  not read: {sample.page.url}: {sample.trouble}", style="yellow"))
    table = Table(box=None, pad_edge=False, show_header=False)
    for each in check.fields:
        by = ", ".join(
            origin if len(each.origins) == 1 else f"{origin} ({count})"
            for origin, count in each.origins.items()
        )
        holds = each.found == each.pages and each.pages > 0
        table.add_row(
            "  " + each.name + ("*" if each.is_essential else ""),
            Text(f"{each.found} of {each.pages}", style="" if holds else "yellow"),
            Text(by, style="dim"),
        )
    out.print(table)
    for key, selectors in check.unmatched.items():
        out.print(Text(f"  matches nothing: {key}: {', '.join(selectors)}", style="dim"))
    out.print(Text("  (* essential)", style="dim"))
