"""Commands that set up and try out: init, config check, alerts test, demo."""

from collections.abc import Callable, Iterator, Sized
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr
from typer import Argument, Option

from rscrawler import PACKAGE_DIR
from rscrawler.cli.inputs import ConfigOption, JsonOption, usable
from rscrawler.cli.output import complain, conclude, counted, print_json, say
from rscrawler.config.models import DEFAULT_CONFIG_NAME, Config
from rscrawler.errors import ConfigurationError

alerts_app = typer.Typer()
config_app = typer.Typer()
TEMPLATE = PACKAGE_DIR / "rscrawler.toml"


def init_command(
    path: Annotated[Path, Argument(metavar="FILE", help="The file to write.")] = Path(
        DEFAULT_CONFIG_NAME
    ),
    force: Annotated[bool, Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Write a commented configuration file."""
    with usable(path, to_be="written"):
        if path.exists() and not path.is_file():  # a folder, a device, a pipe
            raise ConfigurationError(f"{path}: is not a regular file; allowed: a file")
        if path.exists() and not force:
            raise ConfigurationError(f"{path}: already exists; --force overwrites it")
        path.touch(0o600)
        path.chmod(0o600)  # it will hold secrets
        path.write_text(TEMPLATE.read_text(encoding="utf-8"), encoding="utf-8")
    say(f"wrote {path}; edit it, then run: rscrawler config check")


@config_app.command("check")
def check_command(config: ConfigOption, as_json: JsonOption = False) -> None:
    """Validate configuration, site profiles, watch-lists and schedules."""
    counts = _validated(config)
    warnings = list(_warnings(config))
    for warning in warnings:
        complain(f"warning: {warning}")
    if as_json:
        print_json({"valid": True, **counts, "warnings": warnings})
    else:
        names = {"schedules": "job"}  # a file can have several
        named = (counted(n, names.get(kind, kind.removesuffix("s"))) for kind, n in counts.items())
        say(f"{', '.join(named)}: all valid")


def _validated(config: Config) -> dict[str, int]:
    """Validate every file, and count sites, watch-lists and jobs; raises all problems at once."""
    from rscrawler.schedules import load_schedules
    from rscrawler.sites import load_sites
    from rscrawler.topics import load_watchlists

    problems: list[str] = []
    counts: dict[str, int] = {}
    kinds: dict[str, Callable[[Config], Sized]] = {
        "sites": load_sites,
        "watch-lists": load_watchlists,
        "schedules": load_schedules,
    }
    for kind, load in kinds.items():
        try:
            counts[kind] = len(load(config))
        except ConfigurationError as error:
            problems.extend(error.problems)
    problems.extend(_useless_settings(config))
    if problems:
        # Schedules load the sites, too, so an error in a site is found twice.
        raise ConfigurationError(*dict.fromkeys(problems))
    return counts


def _useless_settings(config: Config) -> Iterator[str]:
    """Settings that are valid but cannot work on this machine as it is now."""
    from rscrawler.store.database import parsed_url
    from rscrawler.topics import check_alerted

    alerts, email, place = config.alerts, config.alerts.email, config.place_of
    for check in (
        partial(check_alerted, config),
        partial(parsed_url, config.database, place("database_url")),
        partial(_check_output_dir, config.output_dir, place("output_dir")),
    ):
        try:
            check()
        except ConfigurationError as error:
            yield from error.problems
    if not alerts.topics and not alerts.ops.recipients:
        from rscrawler.delivery.channels import alert_channels

        if alert_channels(config):
            yield (
                f"{place('alerts.topics')}: is empty, so nobody would be alerted; allowed: names "
                "of watch-lists, as `rscrawler topics list` shows them"
            )
    if config.monitoring.weekly_mail and email is None and not alerts.ops.channels:
        yield (
            f"{place('monitoring.weekly_mail')}: would reach nobody; it needs [alerts.email] or "
            "alerts.ops.channels"
        )
    if email is not None:
        from rscrawler.delivery.smtp import tls_context

        try:
            tls_context(email)
        except OSError as error:
            yield f"{place('alerts.email.ca_file')}: {error}; allowed: a PEM file of certificates"
    if alerts.channels:
        from rscrawler.delivery.chat import are_known_addresses

        for name in alerts.channels:
            if not are_known_addresses(alerts.channel_addresses(name)):
                yield (
                    f"{place(f'alerts.channels.{name}')}: is not an address that Apprise knows, or "
                    "lacks a part; https://github.com/caronc/apprise/wiki shows the form of each"
                )


def _check_output_dir(folder: Path, place: str) -> None:
    with usable(folder, to_be="written", option=f"{place}: "):
        if folder.exists() and not folder.is_dir():
            raise ConfigurationError(f"{place}: {folder} is a file; allowed: a folder")


def _warnings(config: Config) -> Iterator[str]:
    """Settings that work but are not safe: secrets that others can read or intercept."""
    from rscrawler.store.database import is_secret, sqlite_file

    file, database, email = Path(config.origin), sqlite_file(config.database), config.alerts.email
    secrets = [*_secrets(config.model_dump(exclude={"database_url"}))]
    secrets += ["database_url"] if is_secret(config.database) else []
    held = [key for key in secrets if not config.place_of(key).startswith("environment: ")]
    if held and file.is_file() and (mode := file.stat().st_mode & 0o077):
        yield (
            f"{file}: holds {held[0]} and can be read by others (mode {0o600 | mode:o}); run "
            f"`chmod 600 {file}`, or give secrets in the environment"
        )
    if database and database.is_file() and database.stat().st_mode & 0o077:
        yield f"{database}: names recipients and can be read by others; run `chmod 600 {database}`"
    if email is not None and email.security == "none" and email.username is not None:
        yield (
            f"{config.place_of('alerts.email.security')}: with "
            f'"none" the password goes to {email.host} in the clear; use "starttls" or "tls"'
        )


def _secrets(value: object, key: str = "") -> Iterator[str]:
    """The dotted keys of the secrets that are set in a configuration."""
    if isinstance(value, SecretStr) and value.get_secret_value():
        yield key
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _secrets(inner, f"{key}.{name}".lstrip("."))
    elif isinstance(value, list):
        for inner in value:
            yield from _secrets(inner, key)


@alerts_app.command("test")
def alerts_test_command(config: ConfigOption, as_json: JsonOption = False) -> None:
    """Send one test alert through every configured channel."""
    from rscrawler.delivery.channels import alert_channels
    from rscrawler.delivery.trial import send_test_alert

    if not alert_channels(config) and not config.alerts.ops.channels:
        raise ConfigurationError(
            "alerts: no channel is configured; add [alerts.email] or [alerts.channels] "
            "(`rscrawler init` writes an example)"
        )
    results = send_test_alert(config)
    if as_json:
        print_json({"channels": [asdict(result) for result in results]})
    else:
        for result in results:
            if result.error is None:
                say(f"{result.channel}: {result.address}: delivered")
    conclude(f"{each.channel}: {each.address}: {each.error}" for each in results if each.error)


def demo_command(
    folder: Annotated[Path, Option(help="Folder for the demo's files; emptied first.")] = Path(
        "demo-output"
    ),
) -> None:
    """Crawl the bundled sample site twice and show what is found, flagged and mailed."""
    from rscrawler.demo.run import run_demo

    run_demo(folder)
