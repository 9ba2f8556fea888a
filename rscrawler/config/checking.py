"""Files of the operator, and one line for each thing that is wrong in them."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from rscrawler.errors import ConfigurationError

ModelT = TypeVar("ModelT", bound=BaseModel)


def read_text(path: Path) -> str:
    """What a file of the operator says, without the mark that some editors put before it.

    Raises:
        ConfigurationError: it cannot be read or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8").removeprefix("\ufeff")
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
    return parse_toml(read_text(path), path)


def parse_toml(text: str, path: Path) -> dict[str, Any]:
    """The table in the text of a TOML file; `path` is named in what is wrong with it.

    Raises:
        ConfigurationError: it is not TOML.
    """
    try:
        return tomllib.loads(text)
    except ValueError as error:  # also for a number of more digits than Python reads
        raise ConfigurationError(f"{path}: is not valid TOML: {error}") from error


def toml_files(folder: Path, name: str) -> list[Path]:
    """The TOML files in a folder, in order; `name` is what named it, such as a file and its key.

    Raises:
        ConfigurationError: it is no folder that can be read.
    """
    try:
        return sorted(path for path in folder.iterdir() if path.match("*.toml"))
    except OSError as error:
        raise ConfigurationError(
            f"{name}: {folder}: cannot be read: {error.strerror}; allowed: a folder that is there"
        ) from error


def checked(
    model: type[ModelT],
    values: object,
    name: str,
    environment: Mapping[str, Any] = {},
    table: str = "",
) -> ModelT:
    """`values` as a `model`.

    Args:
        model: what they should be.
        values: what a file says, with the environment on top.
        name: of the file that they came from, but for those of `environment`.
        environment: what the environment says of them.
        table: the table of the file that holds them, if not the file as a whole.

    Raises:
        ConfigurationError: one line for each problem: file, key, what is wrong, what is allowed.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigurationError(*_lines(model, error, name, environment, table)) from None


def typed(model: type[BaseModel], environment: Mapping[str, Any]) -> dict[str, Any]:
    """What the environment says of a `model`, with the types that a file has.

    The environment is text alone: a list or a table in it is JSON, a boolean a word. What is
    neither stays text, and is found to be wrong later.
    """
    fields = model.model_fields
    return {
        name: _typed(fields[name].annotation, value) if name in fields else value
        for name, value in environment.items()
    }


_BOOLEANS = dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(
    ("false", "no", "off", "0"), False
)


def _typed(annotation: Any, value: object) -> object:
    kinds = list(_kinds(annotation))
    if isinstance(value, str) and bool in kinds:
        return _BOOLEANS.get(value.lower(), value)
    if isinstance(value, str) and any(kind in (list, dict) or _is_model(kind) for kind in kinds):
        try:
            found = json.loads(value)
        except ValueError:
            return value
        return found if isinstance(found, list | dict) else value
    if isinstance(value, dict):
        for each in _members(annotation):
            if _is_model(each):
                return typed(each, value)
            if get_origin(each) is dict:
                return {key: _typed(get_args(each)[1], under) for key, under in value.items()}
    return value


def _members(annotation: Any) -> Iterator[Any]:
    """The members of a union, without what is annotated to them; else the annotation itself."""
    if get_origin(annotation) is Annotated:
        yield from _members(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for each in get_args(annotation):
            yield from _members(each)
    else:
        yield annotation


def _kinds(annotation: Any) -> Iterator[Any]:
    return (get_origin(each) or each for each in _members(annotation))


def _is_model(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _lines(
    model: type[BaseModel],
    error: ValidationError,
    name: str,
    environment: Mapping[str, Any],
    table: str,
) -> list[str]:
    """One line for each wrong key; what the members of a union allow is told together."""
    wrong: list[tuple[str, dict[str, Any]]] = [
        (_key(found["loc"]), dict(found)) for found in error.errors()
    ]
    told: dict[str, list[str]] = {}
    for key, found in wrong:
        if any(other.startswith(f"{key}.") for other, _ in wrong):
            continue  # the member of a union that the value is not meant for
        origin = _origin(name, environment, found["loc"])
        if table:
            origin = f"{origin}: {table}"
        told.setdefault(f"{origin}: {key or '(whole file)'}{_shown(found)}", []).append(
            _message(model, found)
        )
    return [
        f"{head}: " + ", or ".join([first, *(each.removeprefix(_ALLOWED) for each in rest)])
        for head, (first, *rest) in told.items()
    ]


def _origin(name: str, environment: Mapping[str, Any], location: Sequence[int | str]) -> str:
    """Where a wrong value came from; a table can be of both."""
    if not holds(environment, location):
        return name
    current: object = environment
    for part in location:
        current = current.get(part) if isinstance(current, dict) else current
    is_of_both = isinstance(current, dict) and name != "environment"
    return f"{name} and environment" if is_of_both else "environment"


def holds(values: Mapping[str, Any], location: Sequence[int | str]) -> bool:
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
        for word in ("password", "secret", "channels", "url", "users", "webhooks")
    )
    # An address can hold a password wherever it stands.
    is_secret = is_secret or "://" in str(shown)
    is_plain = isinstance(shown, str | int | float)
    # A text in the place of a whole table is one, in a spelling that is not understood.
    is_secret = is_secret or (_is_of_table(found) and not str(shown).isalnum())
    if not is_plain or is_secret or found["type"] in ("extra_forbidden", "missing"):
        return ""
    return f": {str(shown).lower() if isinstance(shown, bool) else repr(shown)}"


def _is_of_table(found: dict[str, Any]) -> bool:
    return found["type"] in ("model_type", "dict_type")


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
