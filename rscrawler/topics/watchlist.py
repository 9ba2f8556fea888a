"""Watch-lists: a topic's names, the contexts in which they count, the thresholds of levels.

A watch-list is a TOML file that an analyst edits; `docs/watch-lists.md` explains each
key. The models here validate it and give its JSON Schema (`WatchList.model_json_schema()`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

from pydantic import Field, model_validator

from rscrawler.config import Config, cached, checked, read_toml, toml_files
from rscrawler.config.models import Model, key, matching
from rscrawler.errors import ConfigurationError
from rscrawler.topics.matcher import fold

SHIPPED_DIR = Path(__file__).parent
# The world's towns of 15,000 people or more by main name, without names that occur in two
# states; `python -m benchmarks.make_towns` writes it from GeoNames. Alternate names are left out:
# most are surnames, towns elsewhere or airport codes, not names in use.
_TOWNS = SHIPPED_DIR / "data" / "towns.tsv"
Country = Annotated[str, *matching("^[A-Z]{2}$", 'an ISO 3166 code, such as "KZ"')]
EntityKind = Literal[
    "state", "people", "place", "region", "person", "organisation", "project", "format"
]
# More than blanks, dashes and dots; neither a star at the beginning nor two in a row.
_SPELLING = matching(
    r"^(?![\s-]*\*|[\s\S]*\*\*)[\s\S]*[^\s*.\u2010-\u2026-][\s\S]*$",
    'a name or word; one * at the end of a word ("Kaz*")',
)
Spelled = list[Annotated[str, *_SPELLING]]
Share = Annotated[float, Field(ge=0, le=1)]
CONTEXT_KEYS = ("needs", "unless", "passing_with", "despite")  # of an entity: names of contexts


class Context(Model):
    """A context that a name needs, or that rules it out.

    It holds if `at_least` of these stand near the name: `words`, sure names of other
    entities of `countries` (`"*"`: of any in this watch-list), sure names of `entities`.
    """

    words: Spelled = key([], "any case; a * at the end of a word matches any ending")
    countries: list[Country | Literal["*"]] = []
    entities: list[str] = key([], "entities whose sure names count")
    against: Spelled = key([], "words that must be fewer than the above")
    within: Annotated[int, Field(ge=1, le=100_000)] | Literal["paragraph", "lead", "text"] = key(
        "text", "distance in words, or where; lead: up to paragraph 1"
    )
    side: Literal["before", "after", "either"] = "either"
    unbroken: bool = key(False, "with a number in `within`: no punctuation or possessive between")
    at_least: int = key(1, "how many of them must be found", ge=1)

    @model_validator(mode="after")
    def _names_something(self) -> Context:
        if not self.words and not self.countries and not self.entities:
            raise ValueError("needs words, countries or entities, or it could never hold")
        return self

    def asks_for(self, entity: Entity) -> bool:
        """Whether a sure name of `entity` counts for the context."""
        is_of_country = not {"*", *entity.countries}.isdisjoint(self.countries)
        return is_of_country or entity.name in self.entities


class Entity(Model):
    """An entity that belongs to the topic (or only looks like it), and its spellings.

    Two blocks may have the same `name` if their spellings need different rules.
    """

    name: str = Field(min_length=1)
    kind: EntityKind
    country: Country | list[Country] = key([], "ISO 3166; none: the region")
    spellings: Spelled = key(..., "a * at the end of a word matches any ending", min_length=1)
    weight: float = key(1.0, "how sure a sign of the topic", gt=0, le=1)
    case: Literal["any", "capital", "exact"] = key(
        "any", "capital: starts with one if the spelling does; exact: as spelled"
    )
    counts: Literal["full", "passing", "never"] = key(
        "full", "passing: hardly more than a mention; never: a lookalike"
    )
    needs: list[str] = key([], "contexts, one of which must hold")
    unless: list[str] = key([], "contexts that rule it out")
    passing_with: list[str] = key([], "contexts that make it a mention")
    despite: list[str] = key([], "contexts that overrule the two above")

    @cached_property
    def countries(self) -> tuple[str, ...]:
        """`country` as a tuple: one code, several, or none."""
        return (self.country,) if isinstance(self.country, str) else tuple(self.country)


class PlaceRules(Model):
    """Which towns of the states to add, and how much their names count."""

    min_population: int = Field(default=15_000, ge=15_000)
    min_length: int = key(5, "letters in a name", ge=3)
    exclude: list[str] = key([], "names that mean something else")
    context: str = key(..., "the context that each of these names needs")
    weight: float = Field(default=0.6, gt=0, le=1)


class Levels(Model):
    """Thresholds: from which score a level begins, and which states a flag names."""

    substantial: Share = key(0.5, "the score from which a text is flagged")
    primary: Share = key(0.5, "how sure the model must be that it is primary")
    country_of_leader: Share = key(0.38, "a state needs this share of the leading one's count")
    country_of_region: Share = key(0.9, "the leading state must exceed this share of the region's")


class WatchList(Model):
    """A topic. `states` maps the ISO codes that a flag may name to their names."""

    title: str = Field(min_length=1)
    description: str = ""
    states: dict[Country, str] = key({}, "none: a topic of plain names")
    context: dict[str, Context] = key({}, "by name")
    entity: list[Entity] = Field(min_length=1)
    places: PlaceRules | None = key(None, "towns from GeoNames")
    levels: Levels = Levels()
    name: str = key("", "the file's name; not a key to write", exclude=True)

    @model_validator(mode="after")
    def _names_are_known(self) -> WatchList:
        for entity in self.entity:
            for field in CONTEXT_KEYS:
                named = getattr(entity, field)
                _check(f"entity {entity.name!r}: {field}", named, self.context, "contexts")
            _check(f"entity {entity.name!r}: country", entity.countries, self.states, "states")
        names = {entity.name for entity in self.entity}
        for name, context in self.context.items():
            _check(f"context {name!r}: entities", context.entities, names, "entities")
            _check(f"context {name!r}: countries", context.countries, {*self.states, "*"}, "states")
        if self.places is not None:
            _check("places.context", [self.places.context], self.context, "contexts")
        return self

    @cached_property
    def entities(self) -> tuple[Entity, ...]:
        """The entities in the file, then the towns that `places` selects."""
        return (*self.entity, *(self._towns(self.places) if self.places else ()))

    def _towns(self, rules: PlaceRules) -> Iterator[Entity]:
        """The towns of the states that no entity names yet, sorted by code and name."""
        named = (spelling for entity in self.entity for spelling in entity.spellings)
        taken = set(map(fold, [*named, *rules.exclude]))
        trust = {"case": "capital", "weight": rules.weight, "needs": [rules.context]}
        for line in _TOWNS.read_text(encoding="utf-8").splitlines():
            if line[:2] not in self.states:
                continue
            country, population, name = line.split("\t")
            is_large = int(population) >= rules.min_population
            if is_large and len(name) >= rules.min_length and fold(name) not in taken:
                town = {"name": name, "kind": "place", "country": country, "spellings": [name]}
                yield Entity.model_validate(town | trust)


def _check(key: str, named: Iterable[str], known: Collection[str], of: str) -> None:
    for name in named:
        if name not in known:
            allowed = ", ".join(sorted(known)) or "none"
            raise ValueError(f"{key}: {name!r}: allowed: one of the {of} ({allowed})")


def read_watchlist(file: Path) -> WatchList:
    """Read a watch-list; its name is that of the file.

    Raises:
        ConfigurationError: with every problem, each naming file and key.
    """
    values = read_toml(file)
    if "name" in values:
        raise ConfigurationError(f"{file}: name: the file's own name is the topic's; remove it")
    return checked(WatchList, values, str(file)).model_copy(update={"name": file.stem})


@dataclass(frozen=True, slots=True)
class Topics:
    """The usable watch-lists, and the problems of wrong files; both by name, in order."""

    lists: dict[str, WatchList]
    problems: dict[str, tuple[str, ...]]


# Shipped files do not change while a process lives.
_read_shipped = cache(read_watchlist)


def _read(file: Path) -> WatchList:
    return (_read_shipped if file.parent == SHIPPED_DIR else read_watchlist)(file)


def _files(config: Config | None) -> dict[str, Path]:
    """The shipped watch-lists and the configuration's, which win over shipped ones by name."""
    files = toml_files(SHIPPED_DIR, "shipped watch-lists")
    files += config.own_files("topics_dir") if config else []
    return dict(sorted({file.stem: file for file in files}.items()))


def _read_all(config: Config | None) -> Topics:
    topics = Topics({}, {})
    for name, file in _files(config).items():
        try:
            topics.lists[name] = _read(file)
        except ConfigurationError as error:
            topics.problems[name] = tuple(error.problems)
    return topics


def load_watchlists(config: Config | None = None) -> dict[str, WatchList]:
    """Every watch-list by name, in order: the shipped ones, and those of a configuration.

    Raises:
        ConfigurationError: the folder cannot be read, or a file is wrong; with every problem.
    """
    topics = _read_all(config)
    if topics.problems:
        raise ConfigurationError(*chain.from_iterable(topics.problems.values()))
    return topics.lists


def load_watchlist(topic: str, config: Config) -> WatchList:
    """The watch-list called `topic`.

    Raises:
        ConfigurationError: there is no such watch-list, or it is wrong.
    """
    files = _files(config)
    if topic in files:
        return _read(files[topic])
    raise ConfigurationError(f"topic {topic!r} is not known; allowed: {', '.join(files)}")


@cached
def usable_topics(config: Config) -> Topics:
    """The usable watch-lists, and problems: a wrong file affects its own topic alone.

    A wrong file's last good copy (`keep_good_copies`) is used, else the shipped file.

    Raises:
        ConfigurationError: the folder cannot be read.
    """
    topics = _read_all(config)
    for name, problems in topics.problems.items():
        instead = "nothing is flagged on its topic"
        for kind, folder in {"shipped": SHIPPED_DIR, "last good": _good_copies(config)}.items():
            with suppress(ConfigurationError):
                topics.lists[name] = _read(folder / f"{name}.toml")
                instead = f"the {kind} one is used"
        topics.problems[name] = tuple(f"{problem} ({instead})" for problem in problems)
    return Topics(dict(sorted(topics.lists.items())), topics.problems)


def keep_good_copies(config: Config) -> None:
    """Copy each of the operator's own watch-lists that is valid, in case its file becomes wrong.

    The copied bytes are validated here: the file may have changed since `usable_topics` read it.
    """
    for file in config.own_files("topics_dir"):
        copy, text = _good_copies(config) / file.name, file.read_bytes()
        if copy.exists() and copy.read_bytes() == text:
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        # In a folder of its own: other crawls may copy the same file now.
        with TemporaryDirectory(dir=copy.parent) as folder, suppress(ConfigurationError):
            part = Path(folder, copy.name)
            part.write_bytes(text)
            read_watchlist(part)
            part.replace(copy)


def _good_copies(config: Config) -> Path:
    return config.output_dir / "watch-lists"


def check_alerted(config: Config) -> None:
    """Check that every topic of `alerts.topics` has a file; a wrong file is another problem.

    Raises:
        ConfigurationError: a topic has no watch-list, or the folder cannot be read.
    """
    key, known = config.place_of("alerts.topics"), _files(config)
    if unknown := [topic for topic in config.alerts.topics if topic not in known]:
        refusal = f"is not a watch-list; allowed: {', '.join(known)}"
        raise ConfigurationError(*(f"{key}: {topic!r} {refusal}" for topic in unknown))
