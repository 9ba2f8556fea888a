"""`rscrawler sites`: list site profiles, propose one for a new site, check them."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from rscrawler.cli.inputs import ConfigOption, JsonOption, SitesArgument, usable
from rscrawler.cli.output import conclude, counted, print_json, print_table, say, tracked
from rscrawler.errors import ConfigurationError
from rscrawler.probing.checking import SiteCheck, check_live, check_stored
from rscrawler.probing.proposal import Proposal, name_of, propose_site, whole_address
from rscrawler.probing.visitor import Visitor
from rscrawler.sites import chosen_sites, load_sites

sites_app = typer.Typer()


@sites_app.command("list")
def list_command(config: ConfigOption, as_json: JsonOption = False) -> None:
    """Show every site profile, shipped and own."""
    shown = {"base_url", "title", "enabled", "verified", "reviewed_on"}
    rows = [
        {"site": name, **profile.model_dump(mode="json", include=shown)}
        for name, profile in sorted(load_sites(config).items())
    ]
    if as_json:
        print_json({"sites": rows})
    else:
        headings = ("site", "address", "title", "enabled", "verified", "reviewed on")
        print_table(headings, *(row.values() for row in rows))


@sites_app.command("add")
def add_command(
    config: ConfigOption,
    url: Annotated[
        str, Argument(metavar="ADDRESS", help="The front page of the site, or of a part of it.")
    ],
    name: Annotated[str | None, Option(help="Of the profile; default: from the host.")] = None,
    write: Annotated[
        Path | None, Option(metavar="DIR", help="Save the profile in this folder (sites_dir).")
    ] = None,
    delay: Annotated[float, Option(min=0, help="Seconds between two requests.")] = 1.0,
    as_json: JsonOption = False,
) -> None:
    """Propose a profile for a site (sources, patterns, selectors), and try it on a few articles."""
    _check_arguments(url, name, write)
    if not as_json:
        typer.secho(f"requesting a few pages of {url}, {delay:g} s apart …", err=True, dim=True)
    proposal = propose_site(url, Visitor(config, delay=delay), name)
    path = write / f"{proposal.name}.toml" if write is not None else None
    if path is not None:
        with usable(path, to_be="written"):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(proposal.text)
    if as_json:
        print_json(proposal.to_json() | {"written": str(path) if path else None})
    else:
        _show_proposal(proposal)
        if path is not None:
            folder, following = path.parent.resolve(), f"next: rscrawler sites check {path.stem}"
            if config.sites_dir is None or config.sites_dir.resolve() != folder:
                following = f'to use it, set sites_dir = "{folder}"'
            say(f"wrote {path}; {following}")
    conclude(f"{proposal.name}: {problem}" for problem in proposal.problems)


def _check_arguments(url: str, name: str | None, folder: Path | None) -> None:
    """Check the arguments before the first request, so that the site is not visited in vain."""
    address = whole_address(url, name)
    if folder is None:
        return
    path = folder / f"{name or name_of(address)}.toml"
    with usable(path, to_be="read", option="--write: "):
        if path.exists():
            raise ConfigurationError(f"{path}: already exists; remove it, or choose another --name")
        if folder.exists() and not folder.is_dir():
            raise ConfigurationError(f"--write: {folder}: is a file; allowed: a folder")


def _show_proposal(proposal: Proposal) -> None:
    for sample in proposal.samples:
        shown = sample.to_json()
        say(str(shown["url"]), style="bold")
        if not shown["read"]:
            say(f"  not read: {shown['reason']}")
            continue
        say(f"  title    {shown['title'] or '(not found)'}")
        say(f"  date     {shown['published_at'] or '(not found)'}")
        say(f"  authors  {', '.join(shown['authors']) or '(not found)'}")
        say(f"  {shown['words']} words: {shown['first_words']} …")
        for warning in shown["warnings"]:
            say(f"  warning: {warning}", style="yellow")
    say()
    say(proposal.text.rstrip())
    typer.secho(counted(proposal.requests, "request"), err=True, dim=True)


@sites_app.command("check")
def check_command(
    config: ConfigOption,
    sites: SitesArgument = None,
    pages: Annotated[
        Path | None, Option(metavar="DIR", help="Folder of saved pages, instead of live ones.")
    ] = None,
    limit: Annotated[int, Option("--limit", min=1, help="Article pages to check per site.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """Check profiles against live or saved pages, field by field."""
    checks: list[SiteCheck] = []
    chosen = chosen_sites(load_sites(config), sites or [])
    for name, profile in tracked(chosen.items(), len(chosen), "sites"):
        if pages is not None:
            with usable(pages, to_be="read", option="--pages: "):
                checks.append(check_stored(name, profile, pages, limit))
        else:
            visitor = Visitor(
                config,
                delay=profile.download_delay,
                most=limit + 3 * len(profile.sources) + 5,
                hosts=profile.all_hosts,
            )
            checks.append(check_live(name, profile, visitor, limit))
        if not as_json:  # at once: a site that does not answer takes minutes
            _show_check(checks[-1])
    failures = [f"{check.site}: {failure}" for check in checks for failure in check.failures]
    if as_json:
        shown = {check.site: check.to_json() for check in checks}
        print_json({"holds": not failures, "sites": shown})
    conclude(failures)


def _show_check(check: SiteCheck) -> None:
    say(check.site, style="bold")
    for source in check.sources:
        say(f"  {source.source.kind} {source.source.path}: {source}")
    for sample in check.samples:
        if sample.article is None:
            say(f"  not read: {sample.page.url}: {sample.trouble}", style="yellow")
    rows = [("  (* essential)", "pages", "found by")]
    for name, each in check.fields.items():
        by = (f"{origin} ({count})" for origin, count in each.by.items())
        mark = "*" if each.essential else ""
        rows.append((f"  {name}{mark}", f"{each.found} of {each.pages}", ", ".join(by)))
    print_table(*rows)
    for key, selectors in check.unmatched.items():
        say(f"  matches nothing: {key}: {', '.join(selectors)}", style="dim")
