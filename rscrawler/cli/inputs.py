"""Input of the commands: options that several share, the configuration and its store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from rscrawler.config import Config, find_config, load_config
from rscrawler.errors import ConfigurationError, RscrawlerError

if TYPE_CHECKING:
    from rscrawler.store import Store


def _moment(text: str, option: str, *, is_end: bool = False) -> datetime:
    """Parse a day (`2026-11-24`; `is_end`: its end) or time (`2026-11-24T08:00:00Z`), in UTC."""
    try:
        moment = datetime.fromisoformat(text)
        if is_end and len(text) <= len("2026-11-24"):
            moment += timedelta(days=1)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"{option}: {text!r} is not a date; allowed: 2026-11-24 or 2026-11-24T08:00:00Z"
        ) from None


_CONFIG_HELP = "Default: $RSCRAWLER_CONFIG, else ./rscrawler.toml."
ConfigPath = Annotated[Path | None, Option("--config", metavar="FILE", help=_CONFIG_HELP)]
ConfigOption = Annotated[
    Config,
    Option(
        "--config",
        metavar="FILE",
        help=_CONFIG_HELP,
        parser=lambda text: load_config(find_config(Path(text) if text else None)),
        default_factory=str,
        show_default=False,
    ),
]
JsonOption = Annotated[bool, Option("--json", help="Print one JSON object and nothing else.")]
SitesArgument = Annotated[
    list[str] | None,
    Argument(metavar="SITE", help="Default: every enabled site.", show_default=False),
]
SinceOption = Annotated[
    datetime | None,
    Option(
        "--since",
        metavar="DATE",
        help="From this day on, or from a moment such as 2026-11-24T08:00:00Z.",
        parser=lambda text: _moment(text, "--since"),
    ),
]
UntilOption = Annotated[
    datetime | None,
    Option(
        "--until",
        metavar="DATE",
        help="Up to the end of this day, or up to this moment.",
        parser=lambda text: _moment(text, "--until", is_end=True),
    ),
]


@contextmanager
def opened_store(config: Config, *, must_exist: bool = False) -> Iterator[Store]:
    """The store of a configuration, rebuilt first if it was lost; closed at the end.

    With `must_exist`, none is created where there is no JSONL to rebuild it from: NoDatabase.
    """
    from rscrawler.maintenance.recovery import has_records, open_store
    from rscrawler.store.database import DamagedDatabase, require_existing

    if must_exist and not has_records(config):
        require_existing(config.database)
    with closing(open_store(config)) as store:
        try:
            yield store
        except DamagedDatabase:
            store.close()
            open_store(config).close()  # set aside and rebuilt now, for the next command
            raise


def open_existing(config: Config) -> Store:
    """The store for the dashboard, which neither creates nor rebuilds it.

    Raises:
        ConfigurationError: the database URL is invalid.
        StoreError: there is no store yet, or it is damaged.
    """
    from rscrawler.store import Store
    from rscrawler.store.database import require_existing

    require_existing(config.database)
    return Store.open(config.database)


@contextmanager
def usable(path: Path, *, to_be: str, option: str = "") -> Iterator[None]:
    """Turn an OSError within into a line that says which file cannot be `read` or `written`.

    Raises:
        ConfigurationError: `path`, or another file that the OSError names, cannot be used.
        RscrawlerError: `path` was opened, but not written to its end, as on a full disk.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        kind = RscrawlerError if error.filename is None else ConfigurationError
        wrong = f"{option}{error.filename or path}: cannot be {to_be}: {error.strerror}"
        raise kind(wrong) from error
