"""The configuration that a command works with: which file, and the environment on top."""

import json
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from rscrawler.config.checking import checked, merged, read_toml
from rscrawler.config.models import DEFAULT_CONFIG_NAME, Config
from rscrawler.errors import ConfigurationError

ResultT = TypeVar("ResultT")
logger = logging.getLogger(__name__)

# A service hands the text of its file on to its runs in this, so that all of them work with what
# it has checked, whatever becomes of the file. No key, and not for anybody else to set.
_PREFIX = "RSCRAWLER_"
_TEXT = f"{_PREFIX}CONFIG_TEXT"
_LONGEST_TEXT_KIB = 120  # Linux gives a variable 128 KiB


def find_config(named: Path | None) -> Path | None:
    """The configuration file: the one named, `$RSCRAWLER_CONFIG`, `./rscrawler.toml` or none.

    Raises:
        ConfigurationError: a file was named and is not there, or out of reach.
    """
    origin = "--config"
    if named is None and (from_environment := os.environ.get("RSCRAWLER_CONFIG")):
        named, origin = Path(from_environment), "RSCRAWLER_CONFIG"
    if named is not None:
        try:
            is_there = named.is_file()
        except OSError as error:  # a folder on the way that may not be looked into
            raise ConfigurationError(
                f"{named}: cannot be read: {error.strerror} ({origin})"
            ) from error
        if not is_there and _handed_down() is None:
            raise ConfigurationError(
                f"{named}: no such file ({origin}); `rscrawler init` writes one"
            )
        return named.resolve()
    default = Path(DEFAULT_CONFIG_NAME)
    return default.resolve() if default.is_file() else None


def load_config(path: Path | None, text: str | None = None) -> Config:
    """The configuration in `path` (None: the defaults), with the environment on top.

    `text`: what `path` says, if that is known; else what the service that started this
    process read there, or what is there now.

    Raises:
        ConfigurationError: with every problem found, one a line.
    """
    if text is None:
        text = _handed_down()
    values = read_toml(path, text) if path else {}
    name, folder = (str(path), path.parent) if path else ("environment", Path.cwd())
    environment = _environment()
    config = checked(Config, merged(values, environment), name, environment, folder=folder)
    config._origin, config._environment = name, environment
    return config


def handed_on(text: str, path: Path | None) -> dict[bytes, bytes]:
    """The environment of a run that is to work with `text`, the content of `path`.

    As bytes, since the encoding of the environment is not always UTF-8. Where it is too long for
    that, the run reads the file itself.
    """
    value = text.encode()
    if len(value) > _LONGEST_TEXT_KIB * 1024:
        logger.warning(
            "%s: is larger than %s KiB, so that each run reads it anew; what it says of sites can "
            "be in files of sites_dir",
            path,
            _LONGEST_TEXT_KIB,
        )
        return {}
    return {os.fsencode(_TEXT): value}


def _handed_down() -> str | None:
    value = os.environb.get(os.fsencode(_TEXT))
    return None if value is None else value.decode()


def _environment() -> dict[str, Any]:
    """What the environment says, table by table; a list or table in it is JSON."""
    values: dict[str, Any] = {}
    for name in sorted(os.environ):
        if name.startswith(_PREFIX) and name not in (f"{_PREFIX}CONFIG", _TEXT):
            keys = name.removeprefix(_PREFIX).lower().split("__")
            said: Any = _read(os.environ[name])
            for key in reversed(keys):
                said = {key: said}
            values = merged(values, said)
    return values


def _read(text: str) -> object:
    """A list or table in JSON as such; all else as text."""
    if text.startswith(("[", "{")):
        with suppress(ValueError):
            return json.loads(text)
    return text


class _Kept:
    """Nothing is kept, until `keep` says for which configuration."""

    config: Config | None = None
    values: dict[object, Any] = {}


def keep(config: Config) -> None:
    """From now on, read what belongs to `config` once: for a process that does one thing.

    What was kept for it already, before this process was forked, stays.
    """
    if config != _Kept.config:
        _Kept.config, _Kept.values = config, {}


def kept(read: Callable[[Config], ResultT]) -> Callable[[Config], ResultT]:
    """`read`, whose results are kept while `keep` says so; else it reads each time."""

    @wraps(read)
    def reading(config: Config) -> ResultT:
        if _Kept.config is None or config != _Kept.config:
            return read(config)
        if read not in _Kept.values:
            _Kept.values[read] = read(config)
        found: ResultT = _Kept.values[read]
        return found

    return reading
