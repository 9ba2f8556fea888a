"""Reads and validates the operator's files; an error has one line for each problem."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from rscrawler.errors import ConfigurationError

ModelT = TypeVar("ModelT", bound=BaseModel)
Location = Sequence[int | str]  # of a value: the keys that lead to it, and indexes in lists


def read_text(path: Path) -> str:
    """The text of one of the operator's files, without a byte order mark.

    Raises:
        ConfigurationError: the file cannot be read or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8").removeprefix("\ufeff")
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{path}: is not UTF-8 (byte {error.start}); save it as UTF-8"
        ) from error


def read_toml(path: Path, text: str | None = None) -> dict[str, Any]:
    """The table in a TOML file; `text` is its content, if it has been read already.

    Raises:
        ConfigurationError: the file cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(read_text(path) if text is None else text)
    except ValueError as error:  # also for a number with more digits than Python parses
        raise ConfigurationError(f"{path}: is not valid TOML: {error}") from error


def toml_files(folder: Path, name: str) -> list[Path]:
    """The TOML files in a folder, sorted; errors begin with `name`, the file and key that name it.

    Without hidden files: Emacs keeps a link `.#x.toml` to nowhere while `x.toml` is edited.

    Raises:
        ConfigurationError: the folder cannot be read.
    """
    try:
        return sorted(path for path in folder.iterdir() if path.match("[!.]*.toml"))
    except OSError as error:
        raise ConfigurationError(
            f"{name}: {folder}: cannot be read: {error.strerror}; allowed: an existing folder"
        ) from error


def checked(
    model: type[ModelT],
    values: object,
    origin: str | Callable[[Location], str],
    folder: Path | None = None,
    table: str = "",
) -> ModelT:
    """Validate `values` as a `model`.

    Args:
        model: the model to validate against.
        values: the values of a file, overridden by those of the environment.
        origin: the file that they come from, or a function that names the origin of each.
        folder: the base of relative paths; None leaves them relative.
        table: the table of the file that holds `values`; begins the keys in errors.

    Raises:
        ConfigurationError: one line for each problem: file, key, what is wrong, what is allowed.
    """
    try:
        return model.model_validate(values, context=folder)
    except ValidationError as error:
        errors: list[dict[str, Any]] = [dict(found) for found in error.errors()]
    wrong = [(_key(found["loc"], values), found) for found in errors]
    messages: dict[str, list[str]] = {}
    for key, found in wrong:
        if any(other.startswith(f"{key}.") for other, _ in wrong):
            continue  # the error of a union member that the value is not meant for
        place = origin if isinstance(origin, str) else origin(found["loc"])
        named = ".".join(filter(None, (table, key)))
        head = f"{place}: {named}{_shown(found)}" if named else place
        messages.setdefault(head, []).append(_message(model, found))
    raise ConfigurationError(
        # What the members of a union allow is joined in one line.
        *(
            f"{head}: " + ", or ".join([first, *(each.removeprefix(_ALLOWED) for each in rest)])
            for head, (first, *rest) in messages.items()
        )
    )


def origin_of(name: str, environment: Mapping[str, Any], location: Location) -> str:
    """The origin of a value: the file `name`, `environment` or, for a table, perhaps both."""
    value: Any = environment
    for part in location:
        if not isinstance(value, dict):
            break
        value = value.get(part)
    if value in (None, {}):
        return name
    is_of_both = isinstance(value, dict) and name != "environment"
    return f"{name} and environment" if is_of_both else "environment"


def _key(location: Location, values: Any) -> str:
    """The key as in the file, without pydantic's names of union members: `entity.3 ('Osh').kind`.

    A table in a list is also named, since nobody counts to the 200th.
    """
    parts: list[str] = []
    for part in location:
        if isinstance(part, str) and ("[" in part or part.startswith("constrained-")):
            continue
        name = None
        if isinstance(values, dict):
            values = values.get(part)
        elif isinstance(values, list) and isinstance(part, int):
            values = values[part]
            name = values.get("name", values.get("id")) if isinstance(values, dict) else None
        is_named = isinstance(name, str) and not _may_be_secret(location, name)
        parts.append(f"{part} ({name!r})" if is_named else str(part))
    return ".".join(parts)


_ALLOWED = "allowed: "
# What is allowed, by pydantic's error type or its first word; names in braces are those in the
# error's context.
_ALLOWED_BY_TYPE = {
    "bool": "true or false",
    "byte": 'a number and a unit, such as "512MiB" or "2GiB"',
    "date": "a day, such as 2026-11-24",
    "dict": "a table, in {{…}} or under […]",
    "enum": "{expected}",
    "finite": "a number",
    "float": "a number",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "{ge:g} or more",
    "int": "a whole number",
    "less_than_equal": "{le:g} or less",
    "list": "a list, in […] or as tables under [[…]]",
    "literal": "{expected}",
    "model": "a table, in {{…}} or under […]",
    "path": "a path in quotes",
    "string": "text in quotes",
    "string_too_long": "text of at most {max_length} characters",
    "string_too_short": "text that is not empty",
    "too_short": "a list that is not empty",
}
_TABLES = ("dict_type", "model_type")


def _message(model: type[BaseModel], found: dict[str, Any]) -> str:
    kind = found["type"]
    if kind == "extra_forbidden":
        allowed = ", ".join(sorted(_keys_beside(model, found["loc"])))
        return f"unknown key; allowed here: {allowed}" if allowed else "unknown key"
    if kind == "missing":
        return "is missing"
    known = _ALLOWED_BY_TYPE.get(kind) or _ALLOWED_BY_TYPE.get(kind.partition("_")[0])
    if known is not None:
        return _ALLOWED + known.format(**found.get("ctx", {}))
    return str(found["msg"].removeprefix("Value error, "))


def _shown(found: dict[str, Any]) -> str:
    """The wrong value, after a colon; "" for a wrong key, a table or list, or a possible secret."""
    shown = found["input"]
    if found["type"] in ("extra_forbidden", "missing") or not isinstance(shown, str | int | float):
        return ""
    # So may be a text in the place of a table.
    is_instead = found["type"] in _TABLES and isinstance(shown, str)
    if is_instead or _may_be_secret(found["loc"], shown):
        return ""
    return f": {str(shown).lower() if isinstance(shown, bool) else repr(shown)}"


def _may_be_secret(location: Location, shown: object) -> bool:
    """Whether a value could be a password, or hold one, as an address under any key may."""
    words = ("password", "secret", "channels", "url", "users", "webhooks")
    keys = ".".join(map(str, location)).lower()
    return "://" in str(shown) or any(word in keys for word in words)


def _keys_beside(model: type[BaseModel], location: Location) -> list[str]:
    """The keys allowed in the table that holds `location`, as far as that is known."""
    table: type[BaseModel] | None = model
    for part in location[:-1]:
        # A list index, a name in a mapping and a union member's tag have no field.
        if table is not None and (info := table.model_fields.get(str(part))) is not None:
            table = _model_within(info.annotation)
    return list(table.model_fields) if table else []


def _model_within(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_within, get_args(annotation))), None)


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """`below` overridden by `above`, table by table."""
    result = dict(below)
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            value = merged(result[key], value)
        result[key] = value
    return result
