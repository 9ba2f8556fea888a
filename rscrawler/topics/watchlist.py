"""A watch-list: what a topic is called, where a name misleads, and how levels are drawn.

A watch-list is a TOML file that an analyst edits; `docs/watch-lists.md` explains each
key. The models here check it and give its JSON Schema (`WatchList.model_json_schema()`).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StrictBool, model_validator

from rscrawler import PACKAGE_DIR
from rscrawler.config import Config, Model, checked, kept, read_toml, toml_files
from rscrawler.errors import ConfigurationError
from rscrawler.topics.folding import fold

logger = logging.getLogger(__name__)

SHIPPED_DIR = PACKAGE_DIR / "topics"
# The world's towns of 15,000 people and more by their own names alone, without those that stand
# in two states: `python -m benchmarks.make_towns` writes it from GeoNames. Alternate names are
# surnames, towns elsewhere and airport codes more often than names in use.
_TOWNS = SHIPPED_DIR / "data" / "towns.tsv"
Country = Annotated[str, Field(pattern="^[A-Z]{2}$")]
Kind = Literal["state", "people", "place", "region", "person", "organisation", "project", "format"]
Case = Literal["any", "capital", "exact"]
Counts = Literal["full", "passing", "never"]
Share = Annotated[float, Field(ge=0, le=1)]


class Context(Model):
    """Surroundings that a name needs, or that rule it out.

    It holds where one of `words` stands, or a name of one of `countries` that is
    itself beyond doubt (`"*"`: any such name of this watch-list), or one of `entities`.
    """

    words: list[Annotated[str, Field(min_length=1)]] = Field(
        default=[], description="any case; a final * stands for any ending"
    )
    countries: list[Annotated[str, Field(pattern=r"^([A-Z]{2}|\*)$")]] = []
    entities: list[str] = Field(default=[], description="names of entities beyond doubt")
    against: list[Annotated[str, Field(min_length=1)]] = Field(
        default=[], description="it holds only where there are fewer of these words than of it"
    )
    within: Annotated[int, Field(ge=1)] | Literal["paragraph", "lead", "text"] = Field(
        default="text",
        description="at most so many words away, or where; lead: the headlines and first paragraph",
    )
    side: Literal["before", "after", "either"] = "either"
    unbroken: StrictBool = Field(
        default=False,
        description="with a number in `within`: no punctuation or possessive between, but a comma "
        "before the name of another people",
    )
    at_least: int = Field(default=1, ge=1, description="so many of them")

    @model_validator(mode="after")
    def _names_something(self) -> Context:
        if not self.words and not self.countries and not self.entities:
            raise ValueError("needs words, countries or entities, or it could never hold")
        return self


class Entity(Model):
    """One thing that belongs to the topic (or only looks like it), and its spellings.

    Two blocks may carry the same `name`, where spellings differ in their rules.
    """

    name: str = Field(min_length=1)
    kind: Kind
    country: Country | list[Country] = Field(default=[], description="ISO 3166; none: the region")
    spellings: list[Annotated[str, Field(min_length=1)]] = Field(
        min_length=1,
        description="accents, case and kind of hyphen do not matter; a final * stands for any "
        "ending of the word",
    )
    weight: float = Field(default=1.0, gt=0, le=1, description="how sure a sign of the topic")
    case: Case = Field(
        default="any", description="capital: starts with one; exact: letter by letter"
    )
    counts: Counts = Field(
        default="full",
        description="passing: never more than a mention; never: a lookalike, which also hides "
        "the shorter names inside it",
    )
    needs: list[str] = Field(default=[], description="contexts, one of which must hold")
    unless: list[str] = Field(default=[], description="contexts that rule it out")
    passing_with: list[str] = Field(default=[], description="contexts that make it a mention")
    despite: list[str] = Field(
        default=[], description="contexts that overrule `unless` and `passing_with`"
    )

    @cached_property
    def countries(self) -> tuple[str, ...]:
        """`country` as a tuple: one code, several, or none."""
        return (self.country,) if isinstance(self.country, str) else tuple(self.country)


class PlaceRules(Model):
    """Which towns of the states to take, and how far to trust their names."""

    min_population: int = Field(default=15_000, ge=15_000)
    min_length: int = Field(default=5, ge=3, description="letters in a name")
    exclude: list[str] = Field(default=[], description="names that mean something else")
    context: str = Field(description="the context that each of these names needs")
    weight: float = Field(default=0.6, gt=0, le=1)


class Levels(Model):
    """Where the levels of this topic begin, and which states a flag names."""

    substantial: Share = Field(
        default=0.5, description="the score from which an article is flagged"
    )
    primary: Share = Field(default=0.5, description="how sure the model must be that it is primary")
    country_of_leader: Share = Field(
        default=0.38, description="a state counts with so many of the leading state's sentences"
    )
    country_of_region: Share = Field(
        default=0.9,
        description="the leading state needs more than so many of the sentences on the region",
    )


class WatchList(Model):
    """A topic. `states` maps the ISO codes that a flag may name to their names."""

    title: str = Field(min_length=1)
    description: str = ""
    states: dict[Country, str] = Field(
        default={}, description="none: a topic of plain names and words"
    )
    context: dict[str, Context] = Field(default={}, description="by name")
    entity: list[Entity] = Field(min_length=1)
    places: PlaceRules | None = Field(default=None, description="towns from GeoNames")
    levels: Levels = Levels()
    name: str = Field(default="", exclude=True, description="the file's name; not a key to write")

    @model_validator(mode="after")
    def _names_are_known(self) -> WatchList:
        names = {entity.name for entity in self.entity}
        asked: list[tuple[str, str, Collection[str], str]] = [
            (f"entity {entity.name!r}: {key}", context, self.context, "the contexts")
            for entity in self.entity
            for key in ("needs", "unless", "passing_with", "despite")
            for context in getattr(entity, key)
        ]
        asked += [
            (f"entity {entity.name!r}: country", country, self.states, "the states")
            for entity in self.entity
            for country in entity.countries
        ]
        asked += [
            (f"context {key!r}: entities", name, names, "the entities")
            for key, context in self.context.items()
            for name in context.entities
        ]
        if self.places is not None:
            asked.append(("places.context", self.places.context, self.context, "the contexts"))
        for key, name, known, of in asked:
            if name not in known:
                allowed = ", ".join(sorted(known)) or "none"
                raise ValueError(f"{key} {name!r} is not one of {of} ({allowed})")
        return self

    @cached_property
    def entities(self) -> tuple[Entity, ...]:
        """The entities written in the file, then the towns that `places` asks for."""
        return (*self.entity, *(self._towns(self.places) if self.places else ()))

    def _towns(self, rules: PlaceRules) -> Iterator[Entity]:
        """The towns of the states that no entity names yet, by code and name."""
        taken = {fold(spelling) for entity in self.entity for spelling in entity.spellings}
        taken.update(map(fold, rules.exclude))
        for line in _TOWNS.read_text(encoding="utf-8").splitlines():
            if line[:2] not in self.states:
                continue
            country, population, name = line.split("\t")
            if (
                int(population) >= rules.min_population
                and len(fold(name)) >= rules.min_length
                and fold(name) not in taken
            ):
                yield Entity(
                    name=name,
                    kind="place",
                    country=country,
                    spellings=[name],
                    weight=rules.weight,
                    case="capital",
                    needs=[rules.context],
                )


def load_watchlists(
    extra_dir: Path | None = None, named: str = "topics_dir"
) -> dict[str, WatchList]:
    """All watch-lists by name, in order.

    The shipped folder is read first; a file of the same name in `extra_dir`, which a message
    calls `named`, wins.

    Raises:
        ConfigurationError: the folder is not there, or a file is wrong; with every problem.
    """
    paths = _paths(extra_dir, named)
    problems: list[str] = []
    lists: dict[str, WatchList] = {}
    for name, path in sorted(paths.items()):
        try:
            lists[name] = read_watchlist(path)
        except ConfigurationError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigurationError(*problems)
    return lists


def _paths(extra_dir: Path | None, named: str) -> dict[str, Path]:
    files = toml_files(SHIPPED_DIR, "shipped watch-lists")
    files += toml_files(extra_dir, named) if extra_dir else []
    return {path.stem: path for path in files}


@dataclass(frozen=True, slots=True)
class Topics:
    """The watch-lists that can be used, and what is wrong with files; both by name."""

    lists: Mapping[str, WatchList]
    problems: Mapping[str, tuple[str, ...]]


@kept
def usable_topics(config: Config) -> Topics:
    """The watch-lists that can be used: a wrong file stops its topic, and nothing else.

    Of a file that became wrong the last good copy is used (`keep_good_copies`).

    Raises:
        ConfigurationError: the folder is wrong.
    """
    paths = _paths(config.topics_dir, f"{config.origin_of('topics_dir')}: topics_dir")
    lists: dict[str, WatchList] = {}
    problems: dict[str, tuple[str, ...]] = {}
    for name, path in sorted(paths.items()):
        try:
            lists[name] = read_watchlist(path)
        except ConfigurationError as error:
            instead = "nothing is flagged on its topic"
            with suppress(ConfigurationError):
                lists[name] = read_watchlist(_good_copy(config, name))
                instead = "the last good one is used"
            problems[name] = tuple(f"{problem} ({instead})" for problem in error.problems)
    return Topics(lists, problems)


def usable_watchlists(config: Config) -> Collection[WatchList]:
    """The watch-lists that can be used, with a warning in the log for each wrong file."""
    topics = usable_topics(config)
    for problem in chain.from_iterable(topics.problems.values()):
        logger.warning("%s", problem)
    return topics.lists.values()


def keep_good_copies(config: Config) -> None:
    """Keep a copy of each of the operator's own watch-lists, for when its file becomes wrong.

    What is read here counts: the file may have changed since `usable_topics` read it.
    """
    own = toml_files(config.topics_dir, "topics_dir") if config.topics_dir else []
    for path in own:
        copy, text = _good_copy(config, path.stem), path.read_bytes()
        if copy.exists() and copy.read_bytes() == text:
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        part = copy.with_suffix(".part")
        part.write_bytes(text)
        with suppress(ConfigurationError):
            read_watchlist(part)
            part.replace(copy)
        part.unlink(missing_ok=True)


def _good_copy(config: Config, name: str) -> Path:
    return config.output_dir / "watch-lists" / f"{name}.toml"


def known_topics(config: Config) -> dict[str, WatchList]:
    """Every watch-list by name, shipped and own.

    Raises:
        ConfigurationError: the folder or a file is wrong.
    """
    return load_watchlists(config.topics_dir, f"{config.origin_of('topics_dir')}: topics_dir")


def known_topic(topic: str, config: Config) -> WatchList:
    """The watch-list called `topic`.

    Raises:
        ConfigurationError: there is none, or a file is wrong.
    """
    watchlists = known_topics(config)
    if topic not in watchlists:
        known = ", ".join(watchlists)
        raise ConfigurationError(f"topic {topic!r} is not known; allowed: {known}")
    return watchlists[topic]


def load_topics(config: Config) -> dict[str, WatchList]:
    """As `known_topics`, where those that are alerted must be there.

    Raises:
        ConfigurationError: a file is wrong, or `alerts.topics` names one that is not there.
    """
    watchlists = known_topics(config)
    check_alerted(config, watchlists)
    return watchlists


def check_alerted(config: Config, known: Iterable[str]) -> None:
    """Check that each topic that is alerted has a watch-list.

    Raises:
        ConfigurationError: one has none.
    """
    unknown = [topic for topic in config.alerts.topics if topic not in known]
    if unknown:
        key = f"{config.origin_of('alerts', 'topics')}: alerts.topics"
        allowed = ", ".join(sorted(known))
        raise ConfigurationError(
            *(f"{key}: {topic!r} is not a watch-list; allowed: {allowed}" for topic in unknown)
        )


def read_watchlist(path: str | os.PathLike[str]) -> WatchList:
    """The watch-list in one file; its name is the file's.

    Raises:
        ConfigurationError: with every problem, each naming file and key.
    """
    file = Path(path)
    values = read_toml(file)
    if "name" in values:
        raise ConfigurationError(
            f"{file}: name: the file's own name is the topic's; remove the key"
        )
    return checked(WatchList, values, str(file)).model_copy(update={"name": file.stem})
