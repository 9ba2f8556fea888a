"""What a value may be, and how it is written: time spans, addresses, names of hosts and zones."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import time, timedelta
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import parseaddr
from ipaddress import IPv6Address
from pathlib import Path
from typing import Annotated
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
    WithJsonSchema,
)

_SQLITE_FILE = re.compile(r"sqlite(?:\+pysqlite)?:///(?!:memory:$)([^?]+)(.*)")
_PASSWORD_HASH = re.compile(r"scrypt\$\d{4,7}\$\d{1,3}\$\d{1,3}\$[\w+/=]{16,}\$[\w+/=]{16,}")
_SECONDS_PER_UNIT = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_BYTES_PER_UNIT = {"MiB": 2**20, "GiB": 2**30}
_LONGEST_SECONDS = 5_000 * _SECONDS_PER_UNIT["w"]
_LONGEST_TIME_OUT = timedelta(days=1)


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


def format_size(size: int) -> str:
    """The text that `parse_size` reads back as `size`."""
    return f"{size // 2**20}MiB"


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
    is_plain = written.isprintable() and known.isprintable() and parts.addr_spec.isascii()
    if not (parts.username and parts.domain and is_plain):
        raise ValueError('allowed: "desk@example.org" or "Name <desk@example.org>"')
    return written


def _one_line(written: str) -> str:
    if not written.isprintable():
        raise ValueError("allowed: one line of text")
    return written


def _positive(span: timedelta) -> timedelta:
    if not span:
        raise ValueError('allowed: more than "0s"')
    return span


def _ascending(spans: list[timedelta]) -> list[timedelta]:
    if spans != sorted(set(spans)):
        raise ValueError('allowed: ages that ascend, such as ["1h", "6h", "1d"]')
    return spans


def _host_name(written: str) -> str:
    if ":" in written and not _is_ipv6(written):
        raise ValueError(
            'allowed: a host name alone, such as "smtp.example.org"; the port is a key of its own'
        )
    try:
        written.encode("idna")  # as a look-up will
    except UnicodeError:
        raise ValueError('allowed: a host name, such as "smtp.example.org"') from None
    return written


def _is_ipv6(written: str) -> bool:
    try:
        return bool(IPv6Address(written))
    except ValueError:
        return False


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


def _bare_web_address(url: str) -> str:
    parts = urlsplit(checked_web_address(url))
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None:
        raise ValueError('allowed: scheme and host alone, such as "https://monitor.example.org"')
    return url.rstrip("/")


def checked_user_name(name: str) -> str:
    """`name` as it is.

    Raises:
        ValueError: nobody can be called that.
    """
    if re.fullmatch(r"[\w.@-]{1,64}", name) is None:
        raise ValueError("allowed: up to 64 letters, digits and . @ - _")
    return name


def _password_hash(hashed: SecretStr) -> SecretStr:
    if _PASSWORD_HASH.fullmatch(hashed.get_secret_value()) is None:
        raise ValueError("allowed: a line that `rscrawler web --add-user NAME` writes")
    return hashed


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


def with_sqlite_file(url: SecretStr, change: Callable[[Path], Path]) -> SecretStr:
    """`url` with the path in it changed, if it is that of an SQLite file."""
    match = _SQLITE_FILE.fullmatch(url.get_secret_value())
    if match is None:
        return url
    path, options = match.groups()
    return SecretStr(f"sqlite:///{quote(str(change(Path(unquote(path)))))}{options}")


def _with_home_of_file(url: SecretStr) -> SecretStr:
    return with_sqlite_file(url, _with_home)


HostName = Annotated[str, Field(min_length=1), AfterValidator(_host_name)]
OneLine = Annotated[str, AfterValidator(_one_line)]
MailAddress = Annotated[str, AfterValidator(_mail_address)]
WebAddress = Annotated[SecretStr, AfterValidator(_secret_web_address)]
BareWebAddress = Annotated[str, AfterValidator(_bare_web_address)]
PasswordHash = Annotated[SecretStr, AfterValidator(_password_hash)]
UserName = Annotated[str, AfterValidator(checked_user_name)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_with_home_of_file)]
AsciiSecret = Annotated[SecretStr, AfterValidator(_ascii)]
UserPath = Annotated[Path, AfterValidator(_with_home)]
Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["90s", "20m", "6h", "7d"]}),
]
Size = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(format_size, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["512MiB", "2GiB"]}),
]
TimeOut = Annotated[Duration, AfterValidator(_time_out)]
PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
Ages = Annotated[list[Duration], AfterValidator(_ascending)]
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]
TimeZoneName = Annotated[str, AfterValidator(_known_zone)]


class Model(BaseModel):
    """A validated, frozen value that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
