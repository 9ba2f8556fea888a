"""The configuration: `rscrawler.toml` and the environment, validated.

Every model forbids unknown keys, and `checked` turns pydantic's errors into one line
for each problem, with the file, the key and what is allowed. Site profiles, watch-lists
and schedules are read through the same functions.
"""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial, wraps
from pathlib import Path
from typing import Any, TypeVar

from rscrawler.config.checking import checked as checked
from rscrawler.config.checking import merged as merged
from rscrawler.config.checking import origin_of
from rscrawler.config.checking import read_text as read_text
from rscrawler.config.checking import read_toml as read_toml
from rscrawler.config.checking import toml_files as toml_files
from rscrawler.config.models import DEFAULT_CONFIG_NAME
from rscrawler.config.models import Config as Config
from rscrawler.config.models import format_duration as format_duration
from rscrawler.config.models import is_web_address as is_web_address
from rscrawler.errors import ConfigurationError

ResultT = TypeVar("ResultT")

_PREFIX = "RSCRAWLER_"
CONFIG_VARIABLE = f"{_PREFIX}CONFIG"  # names the file; no configuration key
_handed_down: str | None = None  # in a run of a service: the text of the file
_cached_for: Config | None = None
_cached: dict[object, Any] = {}  # results by function, for that configuration


def find_config(named: Path | None) -> Path | None:
    """The configuration file: the one named, `$RSCRAWLER_CONFIG`, `./rscrawler.toml` or none.

    A link stays one: a later reload follows it to where it then leads.

    Raises:
        ConfigurationError: a named file does not exist, or may not be accessed.
    """
    origin = "--config"
    if named is None and (from_environment := os.environ.get(CONFIG_VARIABLE)):
        named, origin = Path(from_environment), CONFIG_VARIABLE
    if named is None:
        default = DEFAULT_CONFIG_NAME
        return Path(default).absolute() if os.path.lexists(default) else None
    try:
        is_there = named.is_file()
    except OSError as error:  # such as a folder on the way without permission
        raise ConfigurationError(f"{named}: cannot be read: {error.strerror} ({origin})") from error
    if not is_there and _handed_down is None:
        raise ConfigurationError(f"{named}: no such file ({origin}); `rscrawler init` writes one")
    return named.absolute()


def load_config(path: Path | None, text: str | None = None) -> Config:
    """The configuration in `path` (None: the defaults), overridden by the environment.

    `text` is the content of `path`, if it has been read already; None stands for the text that
    was handed down to this process, else for the file as it is now.

    Raises:
        ConfigurationError: with every problem found, one a line.
    """
    values = read_toml(path, _handed_down if text is None else text) if path else {}
    name = str(path) if path else "environment"
    # Path.resolve() raises RuntimeError if links lead in a circle.
    folder = Path(os.path.realpath(path)).parent if path else Path.cwd()
    environment = _environment()
    origin = partial(origin_of, name, environment)
    config = checked(Config, merged(values, environment), origin, folder)
    config._origin, config._environment = name, environment
    return config


def hand_down(text: str | None) -> None:
    """Let this process, and those forked from it, read `text` in place of their configuration file.

    So the runs of a service use the text that it validated, even if the file changes.
    """
    global _handed_down
    _handed_down = text


def _environment() -> dict[str, Any]:
    """The values in `RSCRAWLER_…` variables as nested tables; lists and tables are JSON."""
    values: dict[str, Any] = {}
    # Kubernetes sets some for each service, perhaps one named rscrawler: such as
    # `RSCRAWLER_SERVICE_HOST`, which each has, and `RSCRAWLER_PORT_8000_TCP`.
    services = [name.removesuffix("HOST") for name in os.environ if name.endswith("_SERVICE_HOST")]
    foreign = (*services, *(each.removesuffix("SERVICE_") + "PORT" for each in services))
    for name in sorted(os.environ):
        if name.startswith(_PREFIX) and name != CONFIG_VARIABLE and not name.startswith(foreign):
            # A secret made by `echo`, and a file with Windows line ends, leave some behind a value.
            value: Any = os.environ[name].rstrip("\r\n")
            if value.startswith(("[", "{")):
                with suppress(ValueError):
                    value = json.loads(value)
            for key in reversed(name.removeprefix(_PREFIX).lower().split("__")):
                value = {key: value}
            values = merged(values, value)
    return values


def cache_for(config: Config) -> None:
    """From now on, cache results of `cached` functions for `config`: for a process of one run.

    Results cached for an equal configuration before this process was forked stay.
    """
    global _cached_for, _cached
    if config != _cached_for:
        _cached_for, _cached = config, {}


def cached(read: Callable[[Config], ResultT]) -> Callable[[Config], ResultT]:
    """Cache the result of `read` for the configuration of `cache_for`; else read each time."""

    @wraps(read)
    def reading(config: Config) -> ResultT:
        if _cached_for is None or config != _cached_for:
            return read(config)
        if read not in _cached:
            _cached[read] = read(config)
        found: ResultT = _cached[read]
        return found

    return reading
