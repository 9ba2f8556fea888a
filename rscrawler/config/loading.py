"""The configuration that a command works with: which file, and the environment on top."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import Any

from pydantic_settings import EnvSettingsSource, SettingsError

from rscrawler.config.checking import checked, merged, parse_toml, read_text, typed
from rscrawler.config.models import DEFAULT_CONFIG_NAME, ENVIRONMENT_PREFIX, Config
from rscrawler.config.values import with_sqlite_file
from rscrawler.errors import ConfigurationError

logger = logging.getLogger(__name__)

# A service hands the text of its file on to its runs in this, so that all of them work with what
# it has checked, whatever becomes of the file. No key, and not for anybody else to set.
_TEXT = f"{ENVIRONMENT_PREFIX}CONFIG_TEXT"
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
    _check_environment_names()
    if text is None:
        text = _handed_down()
    if text is None and path:
        text = read_text(path)
    values = parse_toml(text, path) if text and path else {}
    name = str(path) if path else "environment"
    environment = _environment()
    config = checked(Config, merged(values, environment), name, environment)
    config = _with_absolute_paths(config, path.parent if path else Path.cwd())
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
    source = EnvSettingsSource(
        Config, env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__", env_ignore_empty=False
    )
    try:
        return typed(Config, source())
    except SettingsError as error:
        field = re.search(r'field "(\w+)"', str(error))
        name = ENVIRONMENT_PREFIX + (field[1].upper() if field else "")
        raise ConfigurationError(
            f"environment: {name}…: is not valid JSON; lists and tables are written as JSON, "
            """such as '["central-asia"]'"""
        ) from None


def _check_environment_names() -> None:
    allowed = {name.upper() for name in Config.model_fields} | {"CONFIG"}
    problems = [
        f"environment: {name}: unknown key; allowed: {ENVIRONMENT_PREFIX} with one of "
        + ", ".join(sorted(allowed))
        for name in sorted(os.environ)
        if name.startswith(ENVIRONMENT_PREFIX)
        and name != _TEXT
        and name.removeprefix(ENVIRONMENT_PREFIX).split("__")[0] not in allowed
    ]
    if problems:
        raise ConfigurationError(*problems)


def _with_absolute_paths(config: Config, folder: Path) -> Config:
    def resolved(path: Path) -> Path:
        return (folder / path).resolve()

    def absolute(path: Path | None) -> Path | None:
        return None if path is None else resolved(path)

    changes: dict[str, Any] = {
        name: absolute(getattr(config, name))
        for name in ("output_dir", "sites_dir", "topics_dir", "schedules_dir")
    }
    if config.database_url is not None:
        changes["database_url"] = with_sqlite_file(config.database_url, resolved)
    if email := config.alerts.email:
        email = email.model_copy(update={"ca_file": absolute(email.ca_file)})
        changes["alerts"] = config.alerts.model_copy(update={"email": email})
    changes["monitoring"] = config.monitoring.model_copy(
        update={"metrics_file": absolute(config.monitoring.metrics_file)}
    )
    changes["archive"] = config.archive.model_copy(
        update={"folder": absolute(config.archive.folder)}
    )
    return config.model_copy(update=changes)
