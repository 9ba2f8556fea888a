"""Types of configuration values: time spans, sizes, addresses, names of hosts and time zones."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import time, timedelta
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import parseaddr
from ipaddress import IPv6Address
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    ValidationInfo,
    WithJsonSchema,
)

_SQLITE_FILE = re.compile(r"sqlite(?:\+pysqlite)?:///(?!:memory:$)([^?]+)(.*)")
_PASSWORD_HASH = re.compile(r"scrypt\$\d{4,7}\$\d{1,3}\$\d{1,3}\$[\w+/=]{16,}\$[\w+/=]{16,}")
_SECONDS_PER_UNIT = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_BYTES_PER_UNIT = {"MiB": 2**20, "GiB": 2**30}
_LONGEST_SECONDS = 5_000 * _SECONDS_PER_UNIT["w"]


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


def parse_size(value: object) -> int:
    """`"512MiB"`, `"2GiB"` as bytes.

    Raises:
        ValueError: anything else.
    """
    match = re.fullmatch(r"(\d{1,6}) ?(MiB|GiB)", value) if isinstance(value, str) else None
    if match is None or not int(match[1]):
        raise ValueError('allowed: a number and a unit, such as "512MiB" or "2GiB"')
    return int(match[1]) * _BYTES_PER_UNIT[match[2]]


def _only(is_allowed: Callable[[Any], object], allowed: str) -> AfterValidator:
    """A validator that refuses values for which `is_allowed` is false or raises ValueError."""

    def check(value: Any) -> Any:
        with suppress(ValueError):
            if is_allowed(value):
                return value
        raise ValueError(f"allowed: {allowed}")

    return AfterValidator(check)


def _time_of_day(value: object) -> time:
    if isinstance(value, time):
        return value  # TOML's own, which has no offset
    if isinstance(value, str) and re.fullmatch(r"\d\d:\d\d(?::\d\d)?", value):
        with suppress(ValueError):
            return time.fromisoformat(value)
    raise ValueError('allowed: a time of day, such as "07:00"')


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _is_mail_address(written: str) -> bool:
    try:
        name, address = parseaddr(written)
        # Refuses what no header could hold, such as `desk..@example.org`.
        parts = Address(display_name=name, addr_spec=address)
    except (IndexError, HeaderParseError):
        return False
    is_plain = f"{written}{parts.display_name}{parts.addr_spec}".isprintable()
    return bool(parts.username and parts.domain and is_plain and parts.addr_spec.isascii())


def is_web_address(url: str) -> bool:
    """Whether it is an http or https address with a host."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:  # an invalid bracket or port
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _is_bare_web_address(url: str) -> bool:
    parts = urlsplit(url)
    rest = parts.path.strip("/") or parts.query or parts.fragment
    return is_web_address(url) and not rest and parts.username is None


def checked_user_name(name: str) -> str:
    """`name`, unchanged.

    Raises:
        ValueError: `name` is not a valid user name.
    """
    if re.fullmatch(r"[\w.@-]{1,64}", name) is None:
        raise ValueError("allowed: up to 64 letters, digits and . @ - _")
    return name


def _absolute(path: Path, info: ValidationInfo) -> Path:
    """`path` without `~`, resolved against the context's folder, such as that of its file."""
    try:
        path = path.expanduser()
    except RuntimeError:
        raise ValueError("allowed: a path; no home folder is known for that user") from None
    return path if info.context is None else (info.context / path).resolve()


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
        lambda name: IPv6Address(name) if ":" in name else name.encode("idna"),
        'a host name alone, such as "smtp.example.org"; the port is a key of its own',
    ),
]
OneLine = Annotated[str, _only(str.isprintable, "one line of text")]
MailAddress = Annotated[
    str, _only(_is_mail_address, '"desk@example.org" or "Name <desk@example.org>"')
]
WebAddress = Annotated[str, _only(is_web_address, "an http or https address")]
SecretWebAddress = Annotated[
    SecretStr,
    _only(lambda url: is_web_address(url.get_secret_value()), "an http or https address"),
]
BareWebAddress = Annotated[
    str,
    _only(_is_bare_web_address, 'scheme and host alone, such as "https://monitor.example.org"'),
    AfterValidator(lambda url: url.rstrip("/")),
]
PasswordHash = Annotated[
    SecretStr,
    _only(
        lambda hashed: _PASSWORD_HASH.fullmatch(hashed.get_secret_value()),
        "a line that `rscrawler web --add-user NAME` writes",
    ),
]
UserName = Annotated[str, AfterValidator(checked_user_name)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_with_absolute_file)]
AsciiSecret = Annotated[
    SecretStr,
    _only(
        lambda secret: secret.get_secret_value().isascii(),
        "ASCII characters; a login by SMTP carries no others",
    ),
]
UserPath = Annotated[Path, AfterValidator(_absolute)]
Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["90s", "20m", "6h", "7d"]}),
]
Size = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(lambda size: f"{size // 2**20}MiB", return_type=str),
    WithJsonSchema({"type": "string", "examples": ["512MiB", "2GiB"]}),
]
TimeOut = Annotated[
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
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]
TimeZoneName = Annotated[str, _only(_is_zone, 'an IANA time zone, such as "UTC" or "Asia/Almaty"')]


class Model(BaseModel):
    """A validated, frozen value that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
