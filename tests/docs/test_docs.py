"""The documentation says what is so: its commands, keys, links and examples are checked."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from rscrawler import cli
from rscrawler.config import Config, checked
from rscrawler.items import Article
from rscrawler.scheduling.schedules import ScheduleFile
from rscrawler.sites import SiteProfile, load_sites
from rscrawler.topics import WatchList

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in PAGES}


def command_paths() -> Iterator[tuple[str, ...]]:
    for name in cli.COMMANDS:
        yield (name,)
        yield from ((name, sub) for sub in getattr(cli.load_command(name), "commands", ()))


COMMANDS = set(command_paths())


@pytest.mark.parametrize("page", TEXTS)
def test_every_command_on_a_page_exists(page: str) -> None:
    unknown = [
        found
        for found in re.findall(r"\brscrawler ([a-z][a-z-]*)(?: ([a-z]+))?", TEXTS[page])
        if ((found[0],) not in COMMANDS and f"rscrawler {found[0]}" not in NOT_COMMANDS)
        or ((found[0],) in GROUPS and found[1] and found not in COMMANDS)
    ]
    assert unknown == []


GROUPS = {path[:1] for path in COMMANDS if len(path) == 2}
# "rscrawler" at the beginning of a sentence about the program itself.
NOT_COMMANDS = {
    f"rscrawler {verb}" for verb in ("watches", "is", "and", "runs", "that", "writes", "in", "does")
}


def test_every_command_is_documented() -> None:
    missing = [path for path in COMMANDS if f"rscrawler {path[0]}" not in TEXTS["docs/setup.md"]]
    assert missing == []


@pytest.mark.parametrize("page", TEXTS)
def test_every_local_link_leads_somewhere(page: str) -> None:
    folder = (ROOT / page).parent
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", TEXTS[page])
    local = [link for link in links if not link.startswith(("http:", "https:", "mailto:"))]
    assert [link for link in local if not (folder / link).exists()] == []


def key_paths(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, info in model.model_fields.items():
        inner = next(iter(models_in(info.annotation)), None)
        if inner is None:
            yield prefix + name
        else:
            yield from key_paths(inner, f"{prefix}{name}.")


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from models_in(argument)


def dotted(values: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        yield prefix + key
        if isinstance(value, dict):
            yield from dotted(value, f"{prefix}{key}.")


def keys_shown(page: str) -> set[str]:
    """The keys that a page has in its examples, or between back-ticks."""
    shown = set(re.findall(r"`([a-z_]+(?:\.[A-Za-z_]+)*)(?:\.\*)?(?: = [^`]*)?`", TEXTS[page]))
    for example in re.findall(r"```toml\n(.*?)```", TEXTS[page], re.DOTALL):
        shown.update(dotted(tomllib.loads(example)))
    return shown


PAGE_OF_TABLE = {
    "alerts": "docs/alerts.md",
    "scheduling": "docs/schedules.md",
    "monitoring": "docs/monitoring.md",
    "web": "docs/dashboard.md",
}


def test_every_configuration_key_is_documented_on_the_page_of_its_table() -> None:
    missing = []
    for path in key_paths(Config):
        table, *rest = path.split(".")
        shown = keys_shown(PAGE_OF_TABLE.get(table, "docs/configuration.md"))
        # A table of tables has a name in the middle; prose may leave the table's name out.
        named = re.compile(path.replace(".", r"\.(?:\w+\.)?") + r"(?:\..*)?")
        if not any(map(named.fullmatch, shown)) and (not rest or rest[-1] not in shown):
            missing.append(path)
    assert missing == []


def options_shown() -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Each option that a page shows behind a command: page, command, option."""
    for page, text in TEXTS.items():
        for line in re.findall(r"\brscrawler ([a-z][^\n`|]*)", text):
            words = line.split()
            path = tuple(words[:2]) if tuple(words[:2]) in COMMANDS else tuple(words[:1])
            for option in re.findall(r"(?<![\w-])--[a-z-]+", line.partition("  #")[0]):
                yield page, path, option


def test_every_option_that_a_page_shows_exists() -> None:
    def options_of(path: tuple[str, ...]) -> set[str]:
        command: Any = cli.load_command(path[0])
        for name in path[1:]:
            command = command.commands[name]
        return {option for each in command.params for option in (*each.opts, *each.secondary_opts)}

    shown = set(options_shown())
    assert len(shown) >= 20
    assert {each for each in shown if each[2] not in options_of(each[1])} == set()


def test_every_field_of_the_record_is_documented() -> None:
    page = TEXTS["docs/output.md"]
    record = Article.from_record(EMPTY_RECORD).to_record()
    assert [name for name in record if f"`{name}`" not in page] == []


EMPTY_RECORD = {
    "site": "x", "url": "https://x.example/", "fetched_at": "2026-11-24T00:00:00Z",
    "event": "new", "novelty": "new", "extraction": {"method": "profile", "warnings": []},
}  # fmt: skip


def test_the_first_cycle_is_as_long_as_the_profile_makes_it() -> None:
    profile = load_sites(Config())["responsiblestatecraft"]
    pages = sum(profile.max_pages if source.is_paged else 1 for source in profile.sources)
    minutes = (pages + 10 * pages) * profile.download_delay / 60
    page = " ".join(TEXTS["docs/setup.md"].split())
    assert f"about {pages} pages of its {len(profile.sources)} sources" in page
    assert minutes == pytest.approx(8, abs=0.5)
    assert "ten on a page that no other page shows, that is about eight minutes" in page


def toml_examples() -> Iterator[tuple[str, dict[str, Any]]]:
    for page, text in TEXTS.items():
        for number, example in enumerate(re.findall(r"```toml\n(.*?)```", text, re.DOTALL)):
            yield f"{page}:{number}", tomllib.loads(example)


@pytest.mark.parametrize(("place", "values"), list(toml_examples()))
def test_every_example_in_toml_is_valid(place: str, values: dict[str, Any]) -> None:
    kinds: list[tuple[str, type[BaseModel]]] = [
        ("job", ScheduleFile),
        ("base_url", SiteProfile),
        ("states", WatchList),
        ("entity", WatchList),
    ]
    model = next((model for key, model in kinds if key in values), Config)
    if model is WatchList and "states" not in values:
        pytest.skip("a part of a watch-list; docs/watch-lists.md has its own test")
    if model is Config and "alerts" in values:
        # An example may show one table of several that belong together.
        values = {**values, "alerts": {**AROUND, **values["alerts"]}}
    checked(model, values, place)


AROUND = {
    "email": {
        "host": "smtp.example.org",
        "sender": "a@example.org",
        "recipients": ["b@example.org"],
    },
    "channels": {"ops": ["json://localhost:9000/ops"]},
}


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_layers_of_the_design_are_those_that_imports_keep() -> None:
    contract = PROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    kept = [set(re.findall(r"rscrawler\.(\w+)", layer)) for layer in reversed(contract)]
    table = TEXTS["docs/design.md"].partition("## Layers")[2].partition("## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert [set(re.findall(r"`(\w+)`", row)) for row in rows] == kept


def test_every_dependency_has_its_reason_in_the_design() -> None:
    project, groups = PROJECT["project"], PROJECT["dependency-groups"]
    wanted = [*project["dependencies"], *groups["dev"]]
    wanted += [each for extra in project["optional-dependencies"].values() for each in extra]
    reasons = TEXTS["docs/design.md"].partition("## Dependencies")[2].partition("## ")[0]
    names = (re.match(r"[\w-]+", each) for each in wanted)
    missing = {name[0] for name in names if name and not re.search(rf"\b{name[0]}\b", reasons)}
    assert missing == set()
