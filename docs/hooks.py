"""Hooks of the documentation's build: they generate the reference from the code.

A line `{{ name }}` on a page is replaced by the result of `GENERATED[name]`. The README is the
first page. Every other file of the repository that a page links to becomes a page too, so that
no link leads out of the built site.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page
from pydantic import BaseModel

import rscrawler
from rscrawler import cli
from rscrawler.cli.records import schema_of
from rscrawler.config import Config
from rscrawler.monitoring.metrics import METRICS
from rscrawler.sites import SiteProfile

ROOT = Path(__file__).parents[1]
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#\s]*)(#[^)\s]*)?\)")
_SHOWN = ".shown.md"  # appended to the name of a file that is shown as it is
_ELSEWHERE = re.compile("[a-z]+:")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the README as the first page, and every linked file of the repository."""
    for path in _linked_files(f"docs/{file.src_uri}" for file in files.documentation_pages()):
        text = (ROOT / path).read_text(encoding="utf-8")
        content = text if path.endswith(".md") else f"# {path}\n\n```\n{text.rstrip()}\n```\n"
        file = File.generated(
            config, _uri(path), content=content, inclusion=InclusionLevel.NOT_IN_NAV
        )
        files.append(file)
    return files


def _linked_files(pages: Iterable[str]) -> list[str]:
    """The files outside docs/ that the navigation names or pages link to."""
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    found = ["README.md", *re.findall(r"project/(\S+\.md)", navigation)]
    waiting = [*pages, *found]
    while waiting:
        page = waiting.pop()
        if not page.endswith(".md"):
            continue
        for target in _targets((ROOT / page).read_text(encoding="utf-8")):
            linked = _joined(page, target)
            if not linked.startswith("docs/") and linked not in found:
                found.append(linked)
                waiting.append(linked)
    return found


def _targets(markdown: str) -> Iterator[str]:
    for link in _LINK.finditer(markdown):
        if link[3] and not _ELSEWHERE.match(link[3]):
            yield link[3]


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Insert the generated parts, and turn links to files into links to pages of the site."""
    here = page.file.src_uri

    def relinked(link: re.Match[str]) -> str:
        mark, text, target, anchor = link.groups("")
        if not target or _ELSEWHERE.match(target):
            return link[0]
        uri = _uri(_joined(_path(here), target))
        return f"{mark}[{text}]({posixpath.relpath(uri, posixpath.dirname(here) or '.')}{anchor})"

    filled = re.sub(r"^\{\{ (\w+) \}\}$", lambda found: GENERATED[found[1]](), markdown, flags=re.M)
    return _LINK.sub(relinked, filled)


def _joined(path: str, target: str) -> str:
    """The file of the repository that a link on a page names."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), target))


def _uri(path: str) -> str:
    """The page of the site for a file of the repository."""
    if path == "README.md":
        return "index.md"
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return f"project/{path}" if path.endswith(".md") else f"project/{path}{_SHOWN}"


def _path(uri: str) -> str:
    """The file of the repository that a page of the site was made from."""
    if uri == "index.md":
        return "README.md"
    if uri.startswith("project/"):
        return uri.removeprefix("project/").removesuffix(_SHOWN)
    return f"docs/{uri}"


# The reference.


def _table(headings: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [headings, tuple("---" for _ in headings), *rows]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in lines
    )


def commands() -> str:
    """Every command by its group, with arguments and options."""
    parts = []
    for group, named in cli.GROUPS.items():
        parts.append(f"## {group}")
        for name in named:
            parts.extend(_command(f"rscrawler {name}", cli.load_command(name)))
    return "\n\n".join(parts)


def _command(name: str, command: Any) -> Iterator[str]:
    if inner := getattr(command, "commands", None):
        for each in inner.values():
            yield from _command(f"{name} {each.name}", each)
        return
    context = command.make_context(name, [], resilient_parsing=True)
    usage = " ".join(command.collect_usage_pieces(context))
    rows = [each.get_help_record(context) for each in command.params]
    yield f"### {name}"
    yield inspect.cleandoc(command.help or "")
    yield f"```text\n{name} {usage}\n```"
    shown = [(f"`{row[0]}`", row[1]) for row in rows if row and row[0] != "--help"]
    if shown:
        yield _table(("", ""), iter(shown))


def configuration() -> str:
    """Every key of `rscrawler.toml`, by its table."""
    return "\n\n".join(_keys(Config))


def site_profile() -> str:
    """Every key of a site profile, by its table."""
    return "\n\n".join(_keys(SiteProfile))


def _keys(model: type[BaseModel], name: str = "", heading: str = "") -> Iterator[str]:
    """A table of keys for a table of a file, and for each table in it."""
    if heading:
        yield f"## {heading}\n\n{inspect.cleandoc(model.__doc__ or '')}"
    tables = {key: inner for key in model.model_fields if (inner := _table_in(model, key))}
    schema = model.model_json_schema()
    yield _table(
        ("key", "value", "default", "means"),
        (
            (
                f"`{key}`",
                _value(schema["properties"][key], schema.get("$defs", {})),
                "" if info.default_factory else _default(schema["properties"][key].get("default")),
                info.description or "",
            )
            for key, info in model.model_fields.items()
            if key not in tables
        ),
    )
    for key, inner in tables.items():
        kind = schema["properties"][key].get("type")
        path = f"{name}{key}" + (".NAME" if kind == "object" else "")
        yield from _keys(inner, f"{path}.", f"[[{path}]]" if kind == "array" else f"[{path}]")


def _table_in(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    """The model of a key that is a table or an array of tables; None for any other key."""

    def models(annotation: Any) -> Iterator[type[BaseModel]]:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation
        for argument in get_args(annotation):
            yield from models(argument)

    return next(models(model.model_fields[key].annotation), None)


def _value(value: Mapping[str, Any], models: Mapping[str, Any]) -> str:
    """The type or choices of a value in words, from its JSON Schema."""
    if "$ref" in value:
        return _value(models[value["$ref"].rpartition("/")[2]], models)
    if "enum" in value:
        return " or ".join(f"`{choice}`" for choice in value["enum"])
    if "anyOf" in value:
        kinds = (_value(each, models) for each in value["anyOf"] if each.get("type") != "null")
        return " or ".join(dict.fromkeys(kinds))
    if value.get("type") == "array":
        return f"list of {_value(value.get('items', {}), models)}"
    kinds = value.get("type", "string")
    kind = str(kinds[0] if isinstance(kinds, list) else kinds)
    return _WORDS.get(value.get("format", ""), _WORDS.get(kind, kind))


_WORDS = {
    "string": "text",
    "integer": "whole number",
    "boolean": "true or false",
    "object": "table",
    "path": "path",
    "time-of-day": "time of day",
    "date": "date",
    "date-time": "time",
}


def _default(value: object) -> str:
    return "" if value in (None, {}, [], "") else f"`{json.dumps(value, ensure_ascii=False)}`"


def record() -> str:
    """Every field of a record."""
    schema = schema_of("article")
    return _table(
        ("field", "type", "means"),
        (
            (f"`{name}`", _value(value, schema["$defs"]), value.get("description", ""))
            for name, value in schema["properties"].items()
        ),
    )


def metrics() -> str:
    """Every metric."""
    return _table(
        ("metric", "labels", "means"),
        (
            (f"`rscrawler_{name}`", ", ".join(f"`{label}`" for label in labels.split()), what)
            for name, labels, what in METRICS
        ),
    )


def python() -> str:
    """The public names in Python: signature, fields and docstring."""
    parts = []
    for name in sorted(rscrawler.__all__):
        thing = getattr(rscrawler, name)
        parts.append(f"## {name}")
        if not inspect.isclass(thing):
            shown = re.sub(r"(: |-> )'([^']*)'", r"\1\2", str(inspect.signature(thing)))
            parts.append(f"```python\n{name}{shown}\n```")
        parts.append(_sections(inspect.getdoc(thing) or ""))
        if dataclasses.is_dataclass(thing):
            rows = ((f"`{each.name}`", f"`{each.type}`") for each in dataclasses.fields(thing))
            parts.append(_table(("field", "type"), rows))
    return "\n\n".join(parts)


def _sections(docstring: str) -> str:
    """A docstring in Google's style as Markdown."""
    return re.sub(r"^(Raises|Args|Returns):$", r"**\1**\n", docstring, flags=re.M)


GENERATED: dict[str, Callable[[], str]] = {
    "commands": commands,
    "configuration": configuration,
    "site_profile": site_profile,
    "record": record,
    "metrics": metrics,
    "python": python,
}
