"""Commands that set up and try out: init, config check, alerts test, demo."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Sized
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from rscrawler import PACKAGE_DIR
from rscrawler.cli.common import (
    EXIT_FAILED,
    ConfigOption,
    JsonOption,
    complain,
    out,
    print_json,
    read_config,
)
from rscrawler.config import DEFAULT_CONFIG_NAME, Config
from rscrawler.errors import ConfigurationError

alerts_app = typer.Typer(help="The alert channels.")
config_app = typer.Typer(help="The configuration.")
TEMPLATE = PACKAGE_DIR / "rscrawler.toml"


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("init")(init_command)
    app.command("demo")(demo_command)
    app.add_typer(alerts_app, name="alerts")
    app.add_typer(config_app, name="config")


def init_command(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path(DEFAULT_CONFIG_NAME),
    force: Annotated[bool, typer.Option("--force", help="Overwrite it if it is there.")] = False,
) -> None:
    """Write a commented configuration file."""
    try:
        if path.exists() and not force:
            raise ConfigurationError(f"{path}: is there already; --force overwrites it")
        path.write_text(TEMPLATE.read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror}") from error
    out.print(f"wrote {path}; edit it, then run: rscrawler config check", markup=False)


@config_app.command("check")
def check_command(config_path: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Validate configuration, site profiles, watch-lists and schedules."""
    config = read_config(config_path)
    problems, counts = check_everything(config)
    if problems:
        raise ConfigurationError(*problems)
    if as_json:
        print_json({"valid": True, **counts})
    else:
        named = (
            f"{count} {kind.removesuffix('s') if count == 1 else kind}"
            for kind, count in counts.items()
        )
        out.print(f"{', '.join(named)}: all valid")


def check_everything(config: Config) -> tuple[list[str], dict[str, int]]:
    """Every problem in any file, and how many of each kind were read."""
    from rscrawler.scheduling.schedules import load_schedules
    from rscrawler.sites import load_sites
    from rscrawler.store.database import check_url
    from rscrawler.topics import load_topics

    problems: list[str] = []
    counts: dict[str, int] = {}

    def read(kind: str, load: Callable[[], Sized]) -> None:
        try:
            counts[kind] = len(load())
        except ConfigurationError as error:
            # Schedules name sites, so what is wrong with a site is found twice.
            problems.extend(each for each in error.problems if each not in problems)

    read("sites", lambda: load_sites(config))
    read("watch-lists", lambda: load_topics(config))
    read("schedules", lambda: load_schedules(config, None).jobs)
    try:
        check_url(config.database)
    except ConfigurationError as error:
        problems.extend(f"{config.origin}: {problem}" for problem in error.problems)
    problems.extend(_useless_settings(config))
    problems.extend(_unknown_channels(config))
    return problems, counts


def _unknown_channels(config: Config) -> Iterator[str]:
    if not config.alerts.channels:
        return
    from rscrawler.delivery.chat import are_known_addresses

    for name in config.alerts.channels:
        if not are_known_addresses(config.alerts.channel_addresses(name)):
            yield f"{config.origin}: alerts.channels.{name}: is not an address that Apprise knows"


def _useless_settings(config: Config) -> Iterator[str]:
    """What is well written and cannot work, on this machine as it is now."""
    if config.output_dir.exists() and not config.output_dir.is_dir():
        origin = config.origin_of("output_dir")
        yield f"{origin}: output_dir: {config.output_dir} is a file; allowed: a folder"
    alerts, email = config.alerts, config.alerts.email
    if alerts.alert_channels and not alerts.topics and not alerts.ops.recipients:
        yield (
            f"{config.origin_of('alerts', 'topics')}: alerts.topics: is empty, so nobody would be "
            "told of anything; allowed: names of watch-lists, as `rscrawler topics list` shows them"
        )
    if email is not None and email.ca_file is not None:
        try:
            ssl.create_default_context(cafile=email.ca_file)
        except OSError as error:  # also ssl.SSLError
            origin = config.origin_of("alerts", "email", "ca_file")
            reason = "holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
            yield (
                f"{origin}: alerts.email.ca_file: {email.ca_file}: {reason}; "
                "allowed: a PEM file of certificates"
            )


@alerts_app.command("test")
def alerts_test_command(config_path: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Send one test alert through every configured channel."""
    from rscrawler.delivery import send_test_alert

    config = read_config(config_path)
    if not config.alerts.alert_channels and not config.alerts.ops.channels:
        raise ConfigurationError(
            "alerts: no channel is configured; add [alerts.email] or [alerts.channels] "
            "(`rscrawler init` writes an example)"
        )
    results = send_test_alert(config)
    if as_json:
        print_json({"channels": [asdict(result) for result in results]})
    for result in results:
        if result.is_ok and not as_json:
            out.print(f"{result.channel}: {result.address}: delivered", markup=False)
        elif not result.is_ok:
            complain(f"{result.channel}: {result.address}: {result.error}")
    if not all(result.is_ok for result in results):
        raise typer.Exit(EXIT_FAILED)


def demo_command(
    folder: Annotated[
        Path, typer.Option("--folder", help="Where the demo's files go; emptied first.")
    ] = Path("demo-output"),
) -> None:
    """Crawl the bundled sample site twice and show what is found, flagged and mailed."""
    from rscrawler.demo.run import run_demo

    run_demo(folder, out)
