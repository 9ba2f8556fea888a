"""The documentation says what is so: its commands, keys, links and examples are checked."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

from docs import hooks
from rscrawler import cli
from rscrawler.config import Config, checked
from rscrawler.items import Article
from rscrawler.monitoring.metrics import METRICS
from rscrawler.schedules import ScheduleFile
from rscrawler.schedules.triggers import cron_trigger
from rscrawler.sites import SiteProfile, SourceKind, load_sites
from rscrawler.topics import WatchList

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
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
    f"rscrawler {word}"
    for word in (
        "and", "does", "in", "is", "reads", "rscrawler", "runs", "that", "watches", "writes",
    )
}  # fmt: skip


def commands() -> Iterator[tuple[str, Any]]:
    """Every command with its name, also those in groups."""
    for path in COMMANDS:
        command = cli.load_command(path[0])
        for name in path[1:]:
            command = command.commands[name]
        if not hasattr(command, "commands"):
            yield " ".join(path), command


def test_the_reference_says_what_every_command_and_every_option_does() -> None:
    page = hooks.commands()
    unexplained = [
        f"{name} {each.name}"
        for name, command in commands()
        for each in command.params
        if f"### rscrawler {name}\n" not in page
        or (each.param_type_name == "option" and not each.help)
    ]
    assert unexplained == []


def test_help_lists_the_commands_in_the_groups_of_the_reference() -> None:
    shown = CliRunner().invoke(cli.app, ["--help"]).output
    headings = re.findall(r"^([A-Z][a-z ]+):$", shown, re.MULTILINE)
    assert headings[1:] == re.findall(r"^## (.*)$", hooks.commands(), re.MULTILINE)


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


@pytest.mark.parametrize("model", [Config, SiteProfile])
def test_every_key_of_a_file_is_in_the_reference_with_what_it_means(
    model: type[BaseModel],
) -> None:
    page = hooks.configuration() if model is Config else hooks.site_profile()
    rows = re.findall(r"^\| `(\w+)` \|.*\| *([^|]*?) *\|$", page, re.MULTILINE)
    assert {path.rpartition(".")[2] for path in key_paths(model)} <= {key for key, _ in rows}
    assert [key for key, meaning in rows if not meaning] == []
    assert re.findall(r"<\w+>", re.sub("`[^`]*`", "", page)) == []  # not shown on a page


def test_every_key_of_a_table_with_a_page_of_its_own_is_on_that_page() -> None:
    missing = []
    for path in key_paths(Config):
        table, *rest = path.split(".")
        if table not in PAGE_OF_TABLE:
            continue
        shown = keys_shown(PAGE_OF_TABLE[table])
        # A table of tables has a name in the middle; prose may leave the table's name out.
        named = re.compile(path.replace(".", r"\.(?:\w+\.)?") + r"(?:\..*)?")
        if not any(map(named.fullmatch, shown)) and (not rest or rest[-1] not in shown):
            missing.append(path)
    assert missing == []


def test_every_kind_of_source_is_on_the_page_about_sites() -> None:
    table = TEXTS["docs/sites.md"].partition("\n## Sources\n")[2].partition("\n\n")[0]
    assert [str(kind) for kind in SourceKind if f"`{kind}`" not in table] == []


def options_shown() -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Each option that a page shows behind a command: page, command, option."""
    for page, text in TEXTS.items():
        for line in re.findall(r"\brscrawler ([a-z][^\n`|]*)", text):
            words = line.split()
            path = tuple(words[:2]) if tuple(words[:2]) in COMMANDS else tuple(words[:1])
            for option in re.findall(r"(?<![\w-])--[a-z-]+", line.partition("  #")[0]):
                yield page, path, option


def test_every_option_that_a_page_shows_exists() -> None:
    options = {
        tuple(name.split()): {
            option for each in command.params for option in (*each.opts, *each.secondary_opts)
        }
        for name, command in commands()
    }
    shown = set(options_shown())
    assert len(shown) >= 20
    assert {each for each in shown if each[2] not in options[each[1]]} == set()


def test_the_reference_says_what_every_field_of_the_record_means() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|$", hooks.record(), re.MULTILINE)
    empty = Article.from_json(json.dumps(EMPTY_RECORD))
    assert [name for name, _ in rows] == list(empty.to_record())


EMPTY_RECORD = {
    "site": "x", "url": "https://x.example/", "fetched_at": "2026-11-24T00:00:00Z",
    "event": "new", "novelty": "new", "extraction": {"method": "profile", "warnings": []},
}  # fmt: skip


def test_the_reference_has_every_metric_with_its_labels() -> None:
    listed = re.findall(r"^\| `(\w+)`", hooks.metrics(), re.MULTILINE)
    assert listed == [f"rscrawler_{name}" for name, *_ in METRICS]


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
    if model is WatchList and "title" not in values:
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


def python_examples() -> Iterator[tuple[str, str]]:
    for page in ("docs/recipes.md", "docs/reference/python.md"):
        for number, code in enumerate(re.findall(r"```python\n(.*?)```", TEXTS[page], re.DOTALL)):
            yield f"{page}:{number}", code


@pytest.mark.parametrize(("place", "code"), list(python_examples()))
def test_every_example_in_python_runs(
    place: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, place, "exec"), {"__name__": "__main__"})


def test_the_pipeline_of_the_recipes_gets_each_record_once(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXTS["docs/recipes.md"], re.DOTALL)
    names: dict[str, Any] = {"__name__": "recipe"}
    exec(code, names)
    file, bookmark = tmp_path / "2026-11-24.jsonl", tmp_path / "bookmark.json"

    def read() -> list[int]:
        return [record["n"] for record in names["new_records"](tmp_path, bookmark)]

    file.write_text('{"n": 1}\n{"n": 2}\n')
    assert read() == [1, 2]
    with file.open("a") as lines:
        lines.write('{"n": 3}\n')
    first_of_two = names["new_records"](tmp_path, bookmark)
    assert next(first_of_two)["n"] == 3
    first_of_two.close()
    assert read() == [3]  # it was handed out, and its use did not end
    assert read() == []
    for part, whole in (('{"n":', []), (" 4}", []), ("\n", [4])):  # a line while it is written
        with file.open("a") as lines:
            lines.write(part)
        assert read() == whole


def test_the_cron_lines_of_the_recipes_have_times_and_commands_that_exist() -> None:
    (text,) = re.findall(r"```crontab\n(.*?)```", TEXTS["docs/recipes.md"], re.DOTALL)
    for line in text.splitlines():
        *fields, command = line.split(None, 5)
        cron_trigger(" ".join(fields), "UTC")
        assert (command.split()[1],) in COMMANDS


def test_the_calls_that_a_page_goes_through_are_there() -> None:
    section = TEXTS["docs/design.md"].partition("## Following one page")[2].partition("\n## ")[0]
    called = re.findall(r"`([a-z_]+(?:\.\w+)+)`", section)
    assert len(called) >= 15
    assert [name for name in called if resolve_name(f"rscrawler.{name}") is None] == []


def test_the_words_of_the_glossary_stand_in_order_one_line_each() -> None:
    rows = re.findall(r"^\| (.*?) \| .*\. \|$", TEXTS["docs/glossary.md"], re.MULTILINE)
    assert len(rows) >= 40
    assert rows == sorted(rows, key=str.lower)


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_layers_of_the_design_are_those_that_imports_keep() -> None:
    contract = PROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    kept = [set(re.findall(r"rscrawler\.(\w+)", layer)) for layer in reversed(contract)]
    table = TEXTS["docs/design.md"].partition("## Layers")[2].partition("## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert [set(re.findall(r"`(\w+)`", row)) for row in rows] == kept


def test_every_dependency_has_its_reason_in_the_design() -> None:
    project, groups = PROJECT["project"], PROJECT["dependency-groups"]
    named = [each for group in groups.values() for each in group if isinstance(each, str)]
    wanted = [*project["dependencies"], *named]
    wanted += [each for extra in project["optional-dependencies"].values() for each in extra]
    reasons = TEXTS["docs/design.md"].partition("## Dependencies")[2].partition("## ")[0]
    names = (re.match(r"[\w-]+", each) for each in wanted)
    missing = {name[0] for name in names if name and not re.search(rf"\b{name[0]}\b", reasons)}
    assert missing == set()
