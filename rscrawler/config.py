"""The configuration: `rscrawler.toml` and the environment, validated.

Every model forbids unknown keys, and `checked` turns what pydantic finds wrong
into one line for each problem that names the file, the key and what is allowed.
Site profiles, watch-lists and schedules are read through the same two functions.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import time, timedelta
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import parseaddr
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PrivateAttr,
    SecretStr,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from rscrawler import __version__
from rscrawler.errors import ConfigurationError
from rscrawler.items import Level

DEFAULT_CONFIG_NAME = "rscrawler.toml"
PACKAGE_DIR = Path(__file__).parent
_SQLITE_FILE = re.compile(r"sqlite(?:\+pysqlite)?:///(?!:memory:$)(.+)")
_ENVIRONMENT_PREFIX = "RSCRAWLER_"
_SECONDS_PER_UNIT = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LONGEST_SECONDS = 5_000 * _SECONDS_PER_UNIT["w"]
_LONGEST_TIME_OUT = timedelta(days=1)
ModelT = TypeVar("ModelT", bound=BaseModel)


def parse_duration(value: object) -> timedelta:
    """`"90s"`, `"20m"`, `"6h"`, `"7d"`, `"2w"` as a time span.

    Raises:
        ValueError: anything else.
    """
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhdw])", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('allowed: a number and a unit, such as "90s", "20m", "6h", "7d", "2w"')
    seconds = float(match[1]) * _SECONDS_PER_UNIT[match[2]]
    if seconds > _LONGEST_SECONDS:
        raise ValueError('allowed: at most "5000w"')
    return timedelta(seconds=seconds)


def format_duration(span: timedelta) -> str:
    """The shortest text that `parse_duration` reads back as `span`."""
    seconds = span.total_seconds()
    for unit in ("w", "d", "h", "m"):
        if seconds and seconds % _SECONDS_PER_UNIT[unit] == 0:
            return f"{int(seconds // _SECONDS_PER_UNIT[unit])}{unit}"
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"


def _time_out(span: timedelta) -> timedelta:
    if not timedelta(0) < span <= _LONGEST_TIME_OUT:
        raise ValueError('allowed: more than "0s", at most "1d"')
    return span


def _time_of_day(value: object) -> time:
    if isinstance(value, time):
        return value  # TOML's own, which has no offset
    if isinstance(value, str) and re.fullmatch(r"\d\d:\d\d(?::\d\d)?", value):
        with suppress(ValueError):
            return time.fromisoformat(value)
    raise ValueError('allowed: a time of day, such as "07:00"')


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError('allowed: an IANA time zone, such as "UTC" or "Asia/Almaty"') from None
    return name


def _mail_address(written: str) -> str:
    try:
        name, address = parseaddr(written)
        # Refuses what no header could hold, such as `desk..@example.org`.
        parts = Address(display_name=name, addr_spec=address)
    except (ValueError, IndexError, HeaderParseError):
        parts = Address()
    known = f"{parts.display_name}{parts.addr_spec}"
    if not (parts.username and parts.domain and parts.addr_spec.isascii() and known.isprintable()):
        raise ValueError('allowed: "desk@example.org" or "Name <desk@example.org>"')
    return written


def _host_name(written: str) -> str:
    try:
        written.encode("idna")  # as a look-up will
    except UnicodeError:
        raise ValueError('allowed: a host name, such as "smtp.example.org"') from None
    return written


def _ascii(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().isascii():
        raise ValueError("allowed: ASCII characters; a login by SMTP carries no others")
    return secret


def checked_web_address(url: str) -> str:
    """`url` as it is.

    Raises:
        ValueError: it is not an http or https address with a host.
    """
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:  # a bracket or a port that is none
        is_address = False
    if not is_address:
        raise ValueError("allowed: an http or https address")
    return url


def _secret_web_address(url: SecretStr) -> SecretStr:
    checked_web_address(url.get_secret_value())
    return url


def _with_home(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("allowed: a path, which holds no null character")
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError("allowed: a path; of that user no home folder is known") from None


def _with_home_of_file(url: SecretStr) -> SecretStr:
    file = _SQLITE_FILE.fullmatch(url.get_secret_value())
    return url if file is None else SecretStr(f"sqlite:///{_with_home(Path(file[1]))}")


HostName = Annotated[str, Field(min_length=1), AfterValidator(_host_name)]
MailAddress = Annotated[str, AfterValidator(_mail_address)]
WebAddress = Annotated[SecretStr, AfterValidator(_secret_web_address)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_with_home_of_file)]
UserPath = Annotated[Path, AfterValidator(_with_home)]
Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["90s", "20m", "6h", "7d"]}),
]
TimeOut = Annotated[Duration, AfterValidator(_time_out)]
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]
TimeZoneName = Annotated[str, AfterValidator(_known_zone)]


class Model(BaseModel):
    """A validated, frozen value that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class EmailSettings(Model):
    """Where alert mails go and how they get there."""

    host: HostName = Field(description="the SMTP server")
    port: int = Field(default=587, ge=1, le=65_535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = Field(default=None, pattern=r"^[\x20-\x7e]+$")
    password: Annotated[SecretStr, AfterValidator(_ascii)] = SecretStr("")
    sender: MailAddress = Field(description='"Name <address>" or an address')
    recipients: list[MailAddress] = Field(min_length=1)
    digest: Literal["cycle", "daily"] = Field(
        default="cycle", description="one mail for each cycle, or one a day"
    )
    digest_at: TimeOfDay = Field(default=time(7, 0), description="when the daily mail goes out")
    timezone: TimeZoneName = "UTC"
    timeout: TimeOut = Field(default=timedelta(seconds=30), description="for each SMTP step")
    ca_file: UserPath | None = Field(
        default=None, description="PEM file of the authority to trust instead of the system's"
    )


class QuietHours(Model):
    """A span of the day in which alerts wait; may pass midnight. Nothing is dropped."""

    start: TimeOfDay
    end: TimeOfDay
    timezone: TimeZoneName = "UTC"

    @model_validator(mode="after")
    def _not_the_whole_day(self) -> QuietHours:
        if self.start == self.end:
            raise ValueError("start and end must differ, or no alert would ever go out")
        return self


class WebhookSettings(Model):
    """A signed JSON webhook: the record, with an HMAC-SHA256 of the body."""

    url: WebAddress
    secret: SecretStr = Field(min_length=1, description="the key of the signature")
    timeout: TimeOut = timedelta(seconds=15)


class OpsSettings(Model):
    """Who hears of trouble: mail addresses and names of `alerts.channels`."""

    recipients: list[MailAddress] = []
    channels: list[str] = []


class AlertSettings(Model):
    """What is worth an alert, and who is told."""

    topics: list[str] = Field(default=["central-asia"], description="names of watch-lists")
    min_level: Literal["primary", "substantial", "mention"] = "substantial"
    max_age_days: float = Field(
        default=14,
        gt=0,
        le=36_500,
        description="older than this when first seen: backfill, not news",
    )
    flood_limit: int = Field(
        default=20, ge=1, description="more alerts than this in one cycle become one summary"
    )
    quiet_hours: QuietHours | None = None
    email: EmailSettings | None = None
    channels: dict[str, SecretStr | Annotated[list[SecretStr], Field(min_length=1)]] = Field(
        default={}, description="Apprise addresses, by name"
    )
    webhooks: dict[str, WebhookSettings] = Field(default={}, description="signed, by name")
    ops: OpsSettings = OpsSettings()

    @model_validator(mode="after")
    def _ops_can_be_reached(self) -> AlertSettings:
        unknown = [name for name in self.ops.channels if name not in self.channels]
        if unknown:
            known = ", ".join(sorted(self.channels)) or "none"
            # An address in the place of a name holds a token.
            named = "an address" if "://" in unknown[0] else repr(unknown[0])
            raise ValueError(
                f"ops.channels names {named}, which is not in alerts.channels ({known})"
            )
        if self.ops.recipients and self.email is None:
            raise ValueError("ops.recipients needs alerts.email to send through")
        return self

    @property
    def minimum(self) -> Level:
        """`min_level` as a `Level`."""
        return Level(self.min_level)

    @property
    def alert_channels(self) -> tuple[str, ...]:
        """The outbox channels that an alert goes to: `email`, `channel:NAME`, `webhook:NAME`."""
        return (
            *(["email"] if self.email else []),
            *(f"channel:{name}" for name in self.channels if name not in self.ops.channels),
            *(f"webhook:{name}" for name in self.webhooks),
        )

    def channel_addresses(self, name: str) -> list[str]:
        """The Apprise addresses under `name`, as plain text: they hold tokens, never log them."""
        value = self.channels[name]
        secrets = value if isinstance(value, list) else [value]
        return [secret.get_secret_value() for secret in secrets]


class CrawlSettings(Model):
    """How a cycle behaves, whatever the site."""

    recheck_after: list[Duration] = Field(
        default=[timedelta(hours=1), timedelta(hours=6), timedelta(days=1), timedelta(days=7)],
        description="ages, counted from first sight, at which a piece is asked for again",
    )
    removal_after: Duration = Field(
        default=timedelta(hours=1),
        description="time between the two checks that must both find a piece gone",
    )
    retries: int = Field(default=2, ge=0, le=10, description="after a 5xx, 429 or time-out")
    timeout: TimeOut = Field(default=timedelta(seconds=30), description="for one response")
    retry_after_limit: Duration = Field(
        default=timedelta(minutes=2),
        description="a longer Retry-After ends this cycle's requests to the host",
    )
    max_response_mib: float = Field(default=16, gt=0)


class SchedulingSettings(Model):
    """How the service runs its jobs."""

    executor: Literal["process", "procrastinate"] = Field(
        default="process",
        description="procrastinate: crawls go to `rscrawler worker` through the PostgreSQL",
    )
    time_limit: TimeOut = Field(
        default=timedelta(minutes=30), description="a crawl that runs longer is ended"
    )
    misfire_grace: Duration = Field(
        default=timedelta(days=1), description="a run missed by less than this is caught up once"
    )


class MonitoringSettings(Model):
    """Signs of life for the operator."""

    heartbeat_url: WebAddress | None = Field(
        default=None, description="requested after each good cycle; with /fail after a bad one"
    )
    weekly_mail: bool = Field(default=False, description="one a week, to say that all is well")
    metrics_file: UserPath | None = Field(default=None, description="Prometheus text, each cycle")
    silent_after_factor: float = Field(
        default=4.0, gt=1, description="times the longest usual gap between pieces"
    )
    overdue_after: Duration = Field(
        default=timedelta(days=1), description="since the last good cycle of an enabled site"
    )


class ArchiveSettings(Model):
    """Article pages kept as they were fetched, for `rscrawler reparse`."""

    enabled: bool = False
    folder: UserPath | None = Field(default=None, description="default: archive in output_dir")
    keep_days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description="`rscrawler prune` deletes older files; default: never",
    )


class Config(BaseSettings):
    """Everything `rscrawler.toml` can say. Paths are absolute once loaded."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix=_ENVIRONMENT_PREFIX,
        env_nested_delimiter="__",
    )

    output_dir: UserPath = Path("output")
    database_url: DatabaseUrl | None = Field(
        default=None, description="sqlite:///… or postgresql+psycopg://…; default: in output_dir"
    )
    contact: str | None = Field(default=None, description="goes into the User-Agent")
    sites_dir: UserPath | None = Field(default=None, description="further site profiles")
    topics_dir: UserPath | None = Field(default=None, description="further watch-lists")
    schedules_dir: UserPath | None = Field(default=None, description="further schedules")
    sites: dict[str, dict[str, Any]] = Field(
        default={}, description="keys that override the profile of that name"
    )
    alerts: AlertSettings = AlertSettings()
    crawl: CrawlSettings = CrawlSettings()
    scheduling: SchedulingSettings = SchedulingSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    archive: ArchiveSettings = ArchiveSettings()

    @model_validator(mode="after")
    def _workers_can_be_reached(self) -> Config:
        if not self.uses_workers:
            return self
        if not self.database.startswith("postgresql"):
            raise ValueError(
                'scheduling.executor "procrastinate" needs a database_url of PostgreSQL: '
                "postgresql+psycopg://user:password@host/database"
            )
        if find_spec("procrastinate") is None:
            raise ValueError(
                'scheduling.executor "procrastinate" needs the package procrastinate; '
                'install it with pip install "rscrawler[workers]"'
            )
        return self

    @property
    def uses_workers(self) -> bool:
        """Whether crawls are run by workers, which leave all delivery to the service."""
        return self.scheduling.executor == "procrastinate"

    _origin: str = PrivateAttr(default=DEFAULT_CONFIG_NAME)

    @property
    def origin(self) -> str:
        """The file that this was read from, for messages; `environment` without one."""
        return self._origin

    @property
    def user_agent(self) -> str:
        """Who we say we are, with the operator's contact."""
        contact = f"; {self.contact}" if self.contact else ""
        return f"rscrawler/{__version__} (news monitor{contact})"

    @property
    def database(self) -> str:
        """The database URL as plain text: it may hold a password, never log it."""
        if self.database_url is None:
            return f"sqlite:///{quote(str(self.output_dir / 'rscrawler.db'))}"
        return self.database_url.get_secret_value()

    @property
    def archive_folder(self) -> Path:
        """Where article pages are archived, whether or not they are now."""
        return self.archive.folder or self.output_dir / "archive"


def find_config(named: Path | None) -> Path | None:
    """The configuration file: the one named, `$RSCRAWLER_CONFIG`, `./rscrawler.toml` or none.

    Raises:
        ConfigurationError: a file was named and is not there.
    """
    origin = "--config"
    if named is None and (from_environment := os.environ.get("RSCRAWLER_CONFIG")):
        named, origin = Path(from_environment), "RSCRAWLER_CONFIG"
    if named is not None:
        if not named.is_file():
            raise ConfigurationError(
                f"{named}: no such file ({origin}); `rscrawler init` writes one"
            )
        return named.resolve()
    default = Path(DEFAULT_CONFIG_NAME)
    return default.resolve() if default.is_file() else None


def load_config(path: Path | None) -> Config:
    """The configuration in `path` (None: the defaults), with the environment on top.

    Raises:
        ConfigurationError: with every problem found, one a line.
    """
    _check_environment_names()
    values = read_toml(path) if path else {}
    name = str(path) if path else "environment"
    environment = _environment()
    config = checked(Config, merged(values, environment), name, environment)
    config = _with_absolute_paths(config, path.parent if path else Path.cwd())
    config._origin = name
    return config


def _environment() -> dict[str, Any]:
    source = EnvSettingsSource(
        Config, env_prefix=_ENVIRONMENT_PREFIX, env_nested_delimiter="__", env_ignore_empty=False
    )
    try:
        return source()
    except SettingsError as error:
        field = re.search(r'field "(\w+)"', str(error))
        name = _ENVIRONMENT_PREFIX + (field[1].upper() if field else "")
        raise ConfigurationError(
            f"environment: {name}…: is not valid JSON; lists and tables are written as JSON, "
            """such as '["central-asia"]'"""
        ) from None


def read_text(path: Path) -> str:
    """What a file of the operator says.

    Raises:
        ConfigurationError: it cannot be read or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{path}: is not UTF-8 (byte {error.start}); save it as UTF-8"
        ) from error


def read_toml(path: Path) -> dict[str, Any]:
    """The table in a TOML file.

    Raises:
        ConfigurationError: the file cannot be read or is not TOML.
    """
    text = read_text(path)
    try:
        return tomllib.loads(text)
    except ValueError as error:  # also for a number of more digits than Python reads
        raise ConfigurationError(f"{path}: is not valid TOML: {error}") from error


def checked(
    model: type[ModelT], values: object, name: str, environment: Mapping[str, Any] = {}
) -> ModelT:
    """`values` as a `model`; `name` is the file they came from, but for those of `environment`.

    Raises:
        ConfigurationError: one line for each problem: file, key, what is wrong, what is allowed.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigurationError(*_lines(model, error, name, environment)) from None


def _lines(
    model: type[BaseModel], error: ValidationError, name: str, environment: Mapping[str, Any]
) -> list[str]:
    """One line for each wrong key; what the members of a union allow is told together."""
    wrong: list[tuple[str, dict[str, Any]]] = [
        (_key(found["loc"]), dict(found)) for found in error.errors()
    ]
    told: dict[str, list[str]] = {}
    for key, found in wrong:
        if any(other.startswith(f"{key}.") for other, _ in wrong):
            continue  # the member of a union that the value is not meant for
        origin = "environment" if _holds(environment, found["loc"]) else name
        told.setdefault(f"{origin}: {key or '(whole file)'}{_shown(found)}", []).append(
            _message(model, found)
        )
    return [
        f"{head}: " + ", or ".join([first, *(each.removeprefix(_ALLOWED) for each in rest)])
        for head, (first, *rest) in told.items()
    ]


def _holds(values: Mapping[str, Any], location: Sequence[int | str]) -> bool:
    """Whether nested `values` say anything at `location`, or at a key on the way to it."""
    current: object = values
    for part in location:
        if not isinstance(current, dict):
            break
        if part not in current:
            return False
        current = current[part]
    return bool(values)


def _key(location: Sequence[int | str]) -> str:
    """The key as the file has it: without the names that pydantic gives to members of unions."""
    parts = [str(part) for part in location]
    return ".".join(
        part for part in parts if "[" not in part and not part.startswith("constrained-")
    )


_ALLOWED = "allowed: "
_NUMBER, _WHOLE_NUMBER, _TABLE = "a number", "a whole number", "a table"
_TIME, _DAY = 'a time of day, such as "07:00"', "a day, such as 2026-11-24"
# What is allowed, by pydantic's type of error; the names in braces are of its context.
_ALLOWED_BY_TYPE = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "date_from_datetime_inexact": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_parsing": _DAY,
    "date_type": _DAY,
    "dict_type": _TABLE,
    "enum": "{expected}",
    "finite_number": _NUMBER,
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "{ge:g} or more",
    "int_from_float": _WHOLE_NUMBER,
    "int_parsing": _WHOLE_NUMBER,
    "int_type": _WHOLE_NUMBER,
    "less_than_equal": "{le:g} or less",
    "list_type": "a list, in […] or as tables under [[…]]",
    "literal_error": "{expected}",
    "model_type": _TABLE,
    "path_type": "a path in quotes",
    "string_pattern_mismatch": "text that fits the pattern {pattern}",
    "string_too_long": "a length of at most {max_length}",
    "string_too_short": "a length of at least {min_length}",
    "string_type": "text in quotes",
    "time_parsing": _TIME,
    "time_type": _TIME,
    "too_short": "a length of at least {min_length}",
}


def _message(model: type[BaseModel], found: dict[str, Any]) -> str:
    if found["type"] == "extra_forbidden":
        allowed = ", ".join(sorted(_keys_beside(model, found["loc"])))
        return f"unknown key; allowed here: {allowed}" if allowed else "unknown key"
    if found["type"] == "missing":
        return "is missing"
    if wording := _ALLOWED_BY_TYPE.get(found["type"]):
        return _ALLOWED + wording.format(**found.get("ctx", {}))
    return str(found["msg"].removeprefix("Value error, "))


def _shown(found: dict[str, Any]) -> str:
    """The value that is wrong, after a colon; nothing where it is long or may be a secret."""
    shown = found["input"]
    is_secret = any(
        word in str(part).lower()
        for part in found["loc"]
        for word in ("password", "secret", "channels", "url", "webhooks")
    )
    # An address can hold a password wherever it stands.
    is_secret = is_secret or "://" in str(shown)
    is_plain = isinstance(shown, str | int | float)
    if not is_plain or is_secret or found["type"] in ("extra_forbidden", "missing"):
        return ""
    return f": {str(shown).lower() if isinstance(shown, bool) else repr(shown)}"


def _keys_beside(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys that the table holding `location` may have, as far as they can be told."""
    current: type[BaseModel] | None = model
    for part in location[:-1]:
        if current is None:
            return []
        info = current.model_fields.get(str(part))
        if info is None:
            continue  # a list index, a name in a mapping, or a union member's tag
        current = _model_within(info.annotation)
    return list(current.model_fields) if current else []


def _model_within(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if (found := _model_within(argument)) is not None:
            return found
    return None


def _check_environment_names() -> None:
    allowed = {name.upper() for name in Config.model_fields} | {"CONFIG"}
    problems = [
        f"environment: {name}: unknown key; allowed: {_ENVIRONMENT_PREFIX} with one of "
        + ", ".join(sorted(allowed))
        for name in sorted(os.environ)
        if name.startswith(_ENVIRONMENT_PREFIX)
        and name.removeprefix(_ENVIRONMENT_PREFIX).split("__")[0] not in allowed
    ]
    if problems:
        raise ConfigurationError(*problems)


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """`above` laid over `below`, table by table."""
    result = dict(below)
    for key, value in above.items():
        beneath = result.get(key)
        if isinstance(value, dict) and isinstance(beneath, dict):
            result[key] = merged(beneath, value)
        else:
            result[key] = value
    return result


def _with_absolute_paths(config: Config, folder: Path) -> Config:
    def absolute(path: Path | None) -> Path | None:
        return None if path is None else (folder / path).resolve()

    changes: dict[str, Any] = {
        name: absolute(getattr(config, name))
        for name in ("output_dir", "sites_dir", "topics_dir", "schedules_dir")
    }
    url = config.database_url.get_secret_value() if config.database_url else ""
    if file := _SQLITE_FILE.fullmatch(url):
        changes["database_url"] = SecretStr(f"sqlite:///{absolute(Path(file[1]))}")
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
