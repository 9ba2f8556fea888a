"""The models of `rscrawler.toml`, one for each table, and the types of their values."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import time, timedelta
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import parseaddr
from ipaddress import IPv6Address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote, unquote, urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    PlainSerializer,
    PrivateAttr,
    SecretStr,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from rscrawler import __version__
from rscrawler.config.checking import Location, origin_of, toml_files
from rscrawler.items import Level
from rscrawler.text import JOINERS

DEFAULT_CONFIG_NAME = "rscrawler.toml"
_SQLITE_FILE = re.compile(r"sqlite(?:\+pysqlite)?:///(?!:memory:$)([^?]+)(.*)")
_PASSWORD_HASH = re.compile(r"scrypt\$\d{4,7}\$\d{1,3}\$\d{1,3}\$[\w+/=]{16,}\$[\w+/=]{16,}")
USER_NAME, USER_NAMES = re.compile(r"[\w.@-]{1,64}"), "up to 64 letters, digits and . @ - _"
DATABASE_URLS = "sqlite:///path or postgresql+psycopg://user:password@host/name (@ in it: %40)"
_TIME_OF_DAY, _DURATION = r"^\d\d:\d\d(?::\d\d)?$", r"^(\d+(?:\.\d+)?)\s*([smhdw])$"
_SECONDS_PER_UNIT = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LONGEST_SECONDS = 5_000 * _SECONDS_PER_UNIT["w"]


def parse_duration(value: object) -> timedelta:
    """`"90s"`, `"20m"`, `"6h"`, `"7d"`, `"2w"` as a time span.

    Raises:
        ValueError: anything else.
    """
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(_DURATION, value) if isinstance(value, str) else None
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


def _only(is_allowed: Callable[[Any], object], allowed: str) -> AfterValidator:
    """Refuse a value, also a secret one, for which `is_allowed` is false or raises."""

    def check(value: Any) -> Any:
        plain = value.get_secret_value() if isinstance(value, SecretStr) else value
        with suppress(ValueError, LookupError, OSError, HeaderParseError):
            if is_allowed(plain):
                return value
        raise ValueError(f"allowed: {allowed}")

    return AfterValidator(check)


def matching(pattern: str, allowed: str) -> tuple[object, ...]:
    """Annotations of a text that `pattern` matches; `allowed` says so to people."""
    schema = WithJsonSchema({"type": "string", "pattern": pattern})
    return _only(re.compile(pattern).fullmatch, allowed), schema


def _time_of_day(value: object) -> time:
    if isinstance(value, time):
        return value  # TOML's own, which has no offset
    if isinstance(value, str) and re.fullmatch(_TIME_OF_DAY, value):
        with suppress(ValueError):
            return time.fromisoformat(value)
    raise ValueError('allowed: a time of day, such as "07:00"')


def _is_one_line(text: str) -> bool:
    """Whether it has no control character; the joiners of Persian words and emoji are none."""
    return re.sub(f"[{JOINERS}]", "", text).isprintable()


def _is_mail_address(written: str) -> bool:
    name, address = parseaddr(written)
    # Raises for what no header could hold, such as `desk..@example.org`.
    parts = Address(display_name=name, addr_spec=address)
    if written.strip() != address and not written.rstrip().endswith(f"<{address}>"):
        return False  # the first of several addresses
    is_plain = _is_one_line(f"{written}{parts.display_name}{parts.addr_spec}")
    return bool(parts.username and parts.domain and is_plain and parts.addr_spec.isascii())


def is_web_address(url: str) -> bool:
    """Whether it is an http or https address with a host."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:  # an invalid bracket or port
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def is_web_address_without_user(url: str) -> bool:
    """Whether `url` is an absolute http(s) address that holds no user and password."""
    return is_web_address(url) and urlsplit(url).username is None


def _as_sent(host: str) -> str:
    """A host as browsers send it: in lower case, and `xn--…` in another script."""
    return host.lower().encode("idna").decode()


def _is_bare_web_address(url: str) -> bool:
    parts = urlsplit(url)
    rest = parts.path.strip("/") or parts.query or parts.fragment
    return is_web_address_without_user(url) and not rest and bool(_as_sent(parts.hostname or ""))


def _bare(url: str) -> str:
    host = urlsplit(url).hostname or ""
    return url.rstrip("/").lower().replace(host, _as_sent(host))


def _absolute(path: Path, info: ValidationInfo) -> Path:
    """`path` without `~`, resolved against the context's folder, such as that of its file."""
    try:
        path = path.expanduser()
    except RuntimeError:
        raise ValueError("allowed: a path; no home folder is known for that user") from None
    if info.context is None:
        return path
    # Path.resolve() raises RuntimeError if links lead in a circle.
    absolute = os.path.realpath(info.context / path)
    if re.search(r"[\ud800-\udfff]", absolute):  # bytes that the locale's encoding does not have
        raise ValueError(f"allowed: a path in UTF-8, and a locale with it; not {absolute!a}")
    return Path(absolute)


def _with_absolute_file(url: SecretStr, info: ValidationInfo) -> SecretStr:
    match = _SQLITE_FILE.fullmatch(url.get_secret_value())
    if match is None:
        return url
    path, options = match.groups()
    return SecretStr(f"sqlite:///{quote(str(_absolute(Path(unquote(path)), info)))}{options}")


HostName = Annotated[
    str,
    Field(min_length=1),
    _only(
        # An IPv6 address, or a name that a look-up can encode.
        lambda name: (
            IPv6Address(name) if ":" in name else re.fullmatch(r"[\w.-]+", name) and _as_sent(name)
        ),
        'a host name alone, such as "smtp.example.org", without a scheme or port',
    ),
    AfterValidator(_as_sent),
]
OneLine = Annotated[str, _only(_is_one_line, "one line of text")]
MailAddress = Annotated[
    str, _only(_is_mail_address, '"desk@example.org" or "Name <desk@example.org>"')
]
_WITHOUT_USER = _only(
    is_web_address_without_user, "an http or https address without a user and password"
)
_ADDRESS = WithJsonSchema(
    {"type": "string", "pattern": "^[hH][tT][tT][pP][sS]?://[^/?#@]+([/?#]|$)"}
)
WebAddress = Annotated[str, _WITHOUT_USER, _ADDRESS]
SecretWebAddress = Annotated[SecretStr, _WITHOUT_USER, _ADDRESS]
BareWebAddress = Annotated[
    str,
    _only(_is_bare_web_address, 'scheme and host alone, such as "https://monitor.example.org"'),
    AfterValidator(_bare),
]
PasswordHash = Annotated[
    SecretStr,
    _only(_PASSWORD_HASH.fullmatch, "a line that `rscrawler web --add-user NAME` writes"),
]
UserName = Annotated[str, _only(USER_NAME.fullmatch, USER_NAMES)]
DatabaseUrl = Annotated[
    SecretStr,
    _only(re.compile(r"sqlite(\+pysqlite)?:///|postgresql(\+psycopg)?://").match, DATABASE_URLS),
    AfterValidator(_with_absolute_file),
]
_LOGIN = "ASCII characters; a login by SMTP carries no others"
AsciiSecret = Annotated[SecretStr, _only(str.isascii, _LOGIN)]
LoginName = Annotated[str, *matching(r"^[\x20-\x7e]+$", f"{_LOGIN}. No login: leave it out")]
UserPath = Annotated[Path, AfterValidator(_absolute)]
Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": _DURATION, "examples": ["90s", "20m", "6h"]}),
]
Size = Annotated[
    ByteSize,
    _only(lambda size: 2**20 <= size <= 2**50, 'at least "1MiB", at most "1PiB"'),
    PlainSerializer(lambda size: f"{size // 2**20}MiB", return_type=str),
    WithJsonSchema({"type": "string", "examples": ["512MiB", "2GiB"]}),
]
Timeout = Annotated[
    Duration,
    _only(lambda span: timedelta(0) < span <= timedelta(days=1), 'more than "0s", at most "1d"'),
]
PositiveDuration = Annotated[Duration, _only(bool, 'more than "0s"')]
Ages = Annotated[
    list[Duration],
    _only(
        lambda spans: spans == sorted(set(spans)), 'ages that ascend, such as ["1h", "6h", "1d"]'
    ),
]
TimeOfDay = Annotated[
    time,
    BeforeValidator(_time_of_day),
    # JSON Schema's own format "time" needs an offset.
    WithJsonSchema({"type": "string", "format": "time-of-day", "pattern": _TIME_OF_DAY}),
]
TimeZoneName = Annotated[str, _only(ZoneInfo, 'an IANA time zone, such as "UTC" or "Asia/Almaty"')]


class Model(BaseModel):
    """A validated, frozen value that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def key(default: Any, meaning: str, **limits: Any) -> Any:
    """A key with its default (`...`: it is required) as in a file, and its meaning."""
    return Field(default, description=meaning, validate_default=True, **limits)


class EmailSettings(Model):
    """Who gets alert mails, and through which SMTP server."""

    host: HostName = key(..., "the SMTP server")
    port: int = key(587, "usually 587, or 465 for tls", ge=1, le=65_535)
    security: Literal["starttls", "tls", "none"] = key(
        "starttls", "none: in the clear, for a server on the same machine"
    )
    username: LoginName | None = key(None, "without one, there is no login")
    password: AsciiSecret = key(SecretStr(""), "better from the environment")
    sender: MailAddress = key(..., "`Name <address>` or an address")
    recipients: list[MailAddress] = key(..., "who gets the alerts", min_length=1)
    digest: Literal["cycle", "daily"] = key("cycle", "one mail for each cycle, or one a day")
    digest_at: TimeOfDay = key(time(7, 0), "when the daily mail goes out")
    timezone: TimeZoneName = key("UTC", "of digest_at")
    timeout: Timeout = key("30s", "for each SMTP step")
    ca_file: UserPath | None = key(None, "PEM file of the authority to trust, not the system's")


class QuietHours(Model):
    """A span of the day in which mail and chat wait; may pass midnight. Nothing is dropped."""

    start: TimeOfDay = key(..., "from when alerts wait")
    end: TimeOfDay = key(..., "when they go out")
    timezone: TimeZoneName = key("UTC", "of both")

    @model_validator(mode="after")
    def _not_the_whole_day(self) -> QuietHours:
        if self.start == self.end:
            raise ValueError("start and end must differ, or no alert would ever go out")
        return self


class WebhookSettings(Model):
    """A signed JSON webhook: the record, with an HMAC-SHA256 of the body."""

    url: SecretWebAddress = key(..., "receives each record by POST")
    secret: SecretStr = key(..., "the key of the signature", min_length=1)
    timeout: Timeout = key("15s", "for the whole response")


class OpsSettings(Model):
    """Who is notified of problems: mail addresses and names of `alerts.channels`."""

    recipients: list[MailAddress] = key([], "mailed through alerts.email")
    channels: list[str] = key([], "names in alerts.channels")


class AlertSettings(Model):
    """What is worth an alert, and who gets it."""

    topics: list[str] = key(["central-asia"], "names of watch-lists")
    min_level: Literal["primary", "substantial", "mention"] = key(
        "substantial", "an article below it is recorded without an alert"
    )
    max_age_days: float = key(14, "older when first seen: backfill, not news", gt=0, le=36_500)
    flood_limit: int = key(
        20,
        "more alerts than this in one message become a summary; more notices in ten minutes, one",
        ge=1,
    )
    quiet_hours: QuietHours | None = None
    email: EmailSettings | None = None
    channels: dict[str, SecretStr | Annotated[list[SecretStr], Field(min_length=1)]] = key(
        {}, "Apprise addresses, by name"
    )
    webhooks: dict[str, WebhookSettings] = key({}, "signed, by name")
    ops: OpsSettings = OpsSettings()

    @model_validator(mode="after")
    def _ops_can_be_reached(self) -> AlertSettings:
        unknown = [name for name in self.ops.channels if name not in self.channels]
        if unknown:
            known = ", ".join(sorted(self.channels)) or "none"
            # An address in the place of a name may hold a token.
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

    def channel_addresses(self, name: str) -> list[str]:
        """The Apprise addresses under `name`, as plain text: they hold tokens, never log them."""
        value = self.channels[name]
        secrets = value if isinstance(value, list) else [value]
        return [secret.get_secret_value() for secret in secrets]


def usual_readers() -> int:
    """All cores but one, which is left to the process that fetches and records; at least 1."""
    return max(len(os.sched_getaffinity(0)) - 1, 1) if hasattr(os, "sched_getaffinity") else 1


class CrawlSettings(Model):
    """How a cycle behaves, whatever the site."""

    recheck_after: Ages = key(
        ["1h", "6h", "1d", "7d"],
        "ages, counted from first sight, at which an article is requested again",
    )
    removal_after: Duration = key(
        "1h", "time between the two checks that must both find an article gone"
    )
    retries: int = key(2, "after a 5xx, 429 or timeout", ge=0, le=10)
    timeout: Timeout = key("30s", "for one response")
    retry_after_limit: Duration = key(
        "2m", "a longer Retry-After ends this cycle's requests to the host"
    )
    max_response_mib: float = key(16, "a larger response is dropped", gt=0)
    readers: int = Field(
        default_factory=usual_readers,
        ge=0,
        le=64,
        description="processes that read pages; default: cores - 1, at least 1; 0: none",
    )
    page_time_limit: Timeout = key("10s", "a page that takes longer is given up")
    page_memory_limit: Size = key("512MiB", "the same for memory; not with readers = 0")


class SchedulingSettings(Model):
    """How the service runs its jobs."""

    # "procrastinate" is the former name of "workers".
    executor: Literal["process", "workers", "procrastinate"] = key(
        "process", "workers: crawls are run by `rscrawler worker`, on any machine"
    )
    time_limit: Timeout = key("30m", "a crawl that runs longer is ended")
    misfire_grace: Duration = key("1d", "a run missed by less is caught up once")


class MonitoringSettings(Model):
    """Signs of life for the operators, and when a site counts as silent or overdue."""

    heartbeat_url: SecretWebAddress | None = key(
        None, "requested after each cycle; with /fail while `status` is not healthy"
    )
    weekly_mail: bool = key(False, "one a week, to say that all is well")
    metrics_file: UserPath | None = key(None, "Prometheus text, each cycle")
    silent_after_factor: float = key(4.0, "times the longest usual gap between two articles", gt=1)
    overdue_after: PositiveDuration = key("1d", "since the site's last good cycle")


class WebSettings(Model):
    """The dashboard: its address, its host names, and the users who may make changes."""

    url: BareWebAddress | None = key(None, "where people reach it; for links in mails")
    hosts: list[HostName] = key([], "further host names, besides url's and loopback's")
    users: dict[UserName, PasswordHash] = key({}, "as `rscrawler web --add-user NAME` writes them")


class ArchiveSettings(Model):
    """Article pages kept as they were fetched, for `rscrawler reparse`."""

    enabled: bool = key(False, "keep every article page as fetched")
    folder: UserPath | None = key(None, "default: archive in output_dir")
    keep_days: int | None = key(
        None, "`rscrawler prune` deletes older files; default: never", ge=1, le=36_500
    )


class Config(Model):
    """The whole of `rscrawler.toml`. Paths are absolute once loaded."""

    output_dir: UserPath = key("output", "holds records, feeds and the database")
    database_url: DatabaseUrl | None = key(
        None, "sqlite:///… or postgresql+psycopg://…; default: in output_dir"
    )
    contact: OneLine | None = key(None, "goes into the User-Agent")
    sites_dir: UserPath | None = key(None, "further site profiles")
    topics_dir: UserPath | None = key(None, "further watch-lists")
    schedules_dir: UserPath | None = key(None, "further schedules")
    sites: dict[str, dict[str, Any]] = key({}, "keys that override the profile of that name")
    alerts: AlertSettings = AlertSettings()
    crawl: CrawlSettings = CrawlSettings()
    scheduling: SchedulingSettings = SchedulingSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    web: WebSettings = WebSettings()
    archive: ArchiveSettings = ArchiveSettings()
    _origin: str = PrivateAttr(default=DEFAULT_CONFIG_NAME)
    _environment: dict[str, Any] = PrivateAttr(default={})

    @model_validator(mode="after")
    def _workers_can_be_reached(self) -> Config:
        if self.uses_workers and not self.database.startswith("postgresql"):
            raise ValueError(
                f'scheduling.executor "{self.scheduling.executor}" needs a database_url of '
                "PostgreSQL: postgresql+psycopg://user:password@host/database"
            )
        return self

    @property
    def uses_workers(self) -> bool:
        """Whether crawls are run by workers, which leave all delivery to the service."""
        return self.scheduling.executor != "process"

    @property
    def origin(self) -> str:
        """The file that this was read from, for messages; `environment` without one."""
        return self._origin

    def origin_of(self, location: Location) -> str:
        """The origin of a value: the file, `environment` or, for a table, perhaps both."""
        return origin_of(self._origin, self._environment, location)

    def place_of(self, key: str) -> str:
        """The origin of a value and its key, for messages: `FILE: alerts.topics`."""
        return f"{self.origin_of(key.split('.'))}: {key}"

    def own_files(self, key: Literal["sites_dir", "topics_dir", "schedules_dir"]) -> list[Path]:
        """The TOML files in the operator's folder that `key` names; empty if it is not set.

        Raises:
            ConfigurationError: the folder cannot be read.
        """
        folder: Path | None = getattr(self, key)
        return toml_files(folder, self.place_of(key)) if folder else []

    @property
    def user_agent(self) -> str:
        """The User-Agent header, with the operator's contact."""
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
        """The folder of archived article pages, whether or not archiving is enabled."""
        return self.archive.folder or self.output_dir / "archive"
