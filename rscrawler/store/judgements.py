"""People's judgements of flags: right, or wrong with what is correct. Nothing is overwritten."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, TypeAdapter
from sqlalchemy import Row, Select, func, select

from rscrawler.items import Article, Level
from rscrawler.store.database import Part
from rscrawler.store.lookups import among
from rscrawler.store.tables import judgement, version


class Verdict(StrEnum):
    """Whether a flag is right."""

    RIGHT = "right"
    WRONG = "wrong"


# In the database, codes separated by spaces.
_Countries = Annotated[tuple[str, ...], BeforeValidator(str.split), PlainSerializer(" ".join)]


@dataclass(frozen=True, slots=True)
class Judgement:
    """One person's judgement of one flag.

    `flagged_level` and `flagged_countries` are those of the flag on the version `record_id`
    (the level `none` if there was no flag), `level` and `countries` the correct ones.
    """

    article_id: str
    record_id: str
    topic: str
    flagged_level: Level
    flagged_countries: _Countries
    verdict: Verdict
    level: Level
    countries: _Countries
    note: str
    judged_by: str
    judged_at: datetime


_JUDGEMENT = TypeAdapter(Judgement)


class JudgementStore(Part):
    """Judgements in the database."""

    def add(self, new: Judgement) -> None:
        """Store a judgement; it holds from now on, and former ones stay."""
        self._database.execute(judgement.insert().values(_JUDGEMENT.dump_python(new)))

    def history(self, article_id: str) -> list[Judgement]:
        """Every judgement on an article, the newest first."""
        query = select(judgement).filter_by(article_id=article_id)
        rows = self._database.rows(query.order_by(judgement.c.number.desc()))
        return list(map(_judgement_of, rows))

    def of_articles(self, article_ids: Iterable[str]) -> dict[str, list[Judgement]]:
        """The current judgements on these articles, by id."""
        found: dict[str, list[Judgement]] = {}
        query = _current().where(among(judgement.c.article_id, list(article_ids)))
        for row in self._database.rows(query):
            found.setdefault(row.article_id, []).append(_judgement_of(row))
        return found

    def current(self, topic: str) -> list[Judgement]:
        """The current judgements on a topic, the newest first."""
        rows = self._database.rows(_current().where(judgement.c.topic == topic))
        return list(map(_judgement_of, rows))

    def topics(self) -> list[str]:
        """The topics with judgements, sorted."""
        query = select(judgement.c.topic).distinct()
        return self._database.scalars(query.order_by(judgement.c.topic))

    def judged(self, topic: str) -> Iterator[tuple[Judgement, Article]]:
        """The current judgements on a topic, each with the version that was judged."""
        query = (
            _current()
            .add_columns(version.c.record)
            .join(version, version.c.record_id == judgement.c.record_id)
            .where(judgement.c.topic == topic)
        )
        for row in self._database.streamed(query):
            yield _judgement_of(row), Article.from_json(row.record)


def _current() -> Select[Any]:
    """The last judgement of each article and topic, the newest first."""
    last = select(func.max(judgement.c.number)).group_by(judgement.c.article_id, judgement.c.topic)
    return select(judgement).where(judgement.c.number.in_(last)).order_by(judgement.c.number.desc())


def _judgement_of(row: Row[Any]) -> Judgement:
    return _JUDGEMENT.validate_python(dict(row._mapping))
