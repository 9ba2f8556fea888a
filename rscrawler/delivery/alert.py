"""The content of an alert about one article, shared by mail, chat, feeds and the dashboard."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rscrawler.delivery.wording import (
    QUOTE_LIMIT,
    SUBJECT_LIMIT,
    country_name,
    isolated,
    one_line,
    safe_link,
    shown_host,
    words_of_slug,
)
from rscrawler.items import Article, Event, Level, TopicFlag
from rscrawler.sites import SiteProfile

MAX_PASSAGES = 5
MAX_REPRINTS = 10
_FIELD_TITLES = {"title": "Headline", "subtitle": "Subtitle", "tags": "Tag"}
_LEVELS = {
    Level.PRIMARY: "primary – it is about {}",
    Level.SUBSTANTIAL: "substantial – {} is one of its subjects",
    Level.MENTION: "mention – {} is named in passing",
    Level.NONE: "none",
}


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a text; `entity` is the entity that it names, empty if it is not evidence."""

    text: str
    entity: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """A quotation cut into segments; `where` names its field and is empty for the body."""

    where: str
    segments: tuple[Segment, ...]

    @property
    def text(self) -> str:
        """The quotation as plain text."""
        return "".join(each.text for each in self.segments)

    @property
    def starred(self) -> str:
        """The quotation with its evidence between asterisks."""
        return isolated("".join(f"*{s.text}*" if s.entity else s.text for s in self.segments))


@dataclass(frozen=True, slots=True)
class Alert:
    """One article, ready for display; every text is on one line and safe to show."""

    article_id: str
    title: str
    language: str  # its code, empty if it is not known
    link: str | None
    outlet: str  # the site's title, else its host
    published_at: datetime | None
    authors: tuple[str, ...]
    sections: tuple[str, ...]
    levels: tuple[str, ...]  # one for each topic: "primary – it is about Central Asia"
    level: Level  # the highest
    topics: tuple[str, ...]
    countries: tuple[str, ...]
    passages: tuple[Passage, ...]
    republished_from: str
    reprints: tuple[str, ...] = ()  # other addresses with the same text
    is_update: bool = False
    changed: str = ""
    follows: Alert | None = None  # the earlier article whose story it continues
    page: str | None = None  # its address on the dashboard, where it can be judged


@dataclass(frozen=True, slots=True)
class Interest:
    """Which flags count for an alert, and the titles to display.

    `titles` and `sites` map names to topic titles and site profiles; `dashboard` is its address.
    """

    topics: Sequence[str]
    minimum: Level
    titles: Mapping[str, str]
    sites: Mapping[str, SiteProfile] = field(default_factory=dict)
    dashboard: str | None = None

    @property
    def levels(self) -> list[Level]:
        """The levels that count."""
        return [level for level in Level if level.reaches(self.minimum)]

    def title(self, topic: str) -> str:
        """The display title of a topic."""
        return one_line(self.titles.get(topic), 80) or words_of_slug(topic)


def site_title(article: Article, sites: Mapping[str, SiteProfile]) -> str:
    """The display name of an article's site: the title in its profile, else the host."""
    profile = sites.get(article.site)
    return one_line(profile.title if profile else None, 80) or shown_host(article.url)


def alert_of(
    article: Article,
    interest: Interest,
    *,
    reprints: Sequence[str] = (),
    title_before: str | None = None,
    followed: Article | None = None,
) -> Alert:
    """The alert for one version of an article.

    It shows the flags of interest, or all if the configuration has changed since the article was
    recorded for an alert. `reprints` are addresses with the same text, `title_before` is the
    headline of the previous version, and `followed` is the article whose story this one continues.
    """
    flags = [
        flag
        for flag in article.topics
        if flag.topic in interest.topics and flag.level.reaches(interest.minimum)
    ] or article.topics
    countries = dict.fromkeys(country_name(code) for flag in flags for code in flag.countries)
    return Alert(
        article_id=article.article_id,
        title=one_line(article.title) or "(without a title)",
        language=one_line(article.language, 35),
        link=safe_link(article.url),
        outlet=site_title(article, interest.sites),
        published_at=article.published_at,
        authors=tuple(filter(None, (one_line(name, 120) for name in article.authors[:10]))),
        sections=tuple(filter(None, map(words_of_slug, article.sections[:10]))),
        levels=tuple(_LEVELS[flag.level].format(interest.title(flag.topic)) for flag in flags),
        level=max((flag.level for flag in flags), key=lambda level: level.rank, default=Level.NONE),
        topics=tuple(interest.title(flag.topic) for flag in flags),
        countries=tuple(countries),
        passages=_passages(flags),
        republished_from=one_line(article.republished_from, 120),
        reprints=tuple(filter(None, map(safe_link, reprints[:MAX_REPRINTS]))),
        is_update=article.event is Event.UPDATED,
        changed=_changed(article, title_before),
        follows=alert_of(followed, interest) if followed is not None else None,
        page=f"{interest.dashboard}/articles/{article.article_id}" if interest.dashboard else None,
    )


def _changed(article: Article, title_before: str | None) -> str:
    """What an update changed: `headline was “An older one”; 42 words added in all`."""
    change, parts = article.change, []
    if change is None:
        return ""
    if "title" in change.fields:
        was = one_line(title_before)
        parts.append(f"headline was “{was}”" if was else "new headline")
    if "subtitle" in change.fields:
        parts.append("new subtitle" if article.subtitle else "subtitle gone")
    counted = [(change.words_added, "added"), (change.words_removed, "removed")]
    words = [
        f"{number:,} {'word' if number == 1 else 'words'} {done}"
        for number, done in counted
        if number
    ]
    if "body" in change.fields and words:
        # The words were counted over all changed fields.
        where = "in the text" if change.fields == ("body",) else "in all"
        parts.append(f"{', '.join(words)} {where}")
    return "; ".join(parts)


def _passages(flags: Sequence[TopicFlag]) -> tuple[Passage, ...]:
    """One quotation for each field or paragraph with evidence, with the flags' terms marked.

    The headline, which every alert begins with, is quoted only if nothing else has evidence.
    """
    terms: dict[str, str] = {}
    quotes: dict[tuple[str, int | None], str] = {}
    for flag in flags:
        for each in flag.evidence:
            terms[one_line(each.term, 120)] = each.entity or each.term
            place = each.field, each.paragraph
            quotes.setdefault(place, each.quote)  # of the strongest evidence, which comes first
    if len(quotes) > 1:
        quotes.pop(("title", None), None)
    return tuple(
        Passage(_FIELD_TITLES.get(field, ""), _marked(quote, terms))
        for (field, _), quote in list(quotes.items())[:MAX_PASSAGES]
    )


def _marked(quote: str, entities: Mapping[str, str]) -> tuple[Segment, ...]:
    """Cut a quotation at the terms in it; `entities` maps each term to its entity."""
    text = one_line(quote, QUOTE_LIMIT)
    wanted = sorted(entities, key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)({'|'.join(map(re.escape, wanted))})(?!\w)")
    return tuple(
        Segment(part, entities[part] if index % 2 == 1 else "")
        for index, part in enumerate(pattern.split(text))
        if part
    )


def subject_of(alerts: Sequence[Alert]) -> str:
    """The subject line: the title of a single article, else their number, topics and countries."""
    if len(alerts) == 1:
        prefix = "Updated: " if alerts[0].is_update else ""
        return one_line(prefix + alerts[0].title, SUBJECT_LIMIT)
    updates = sum(alert.is_update for alert in alerts)
    kind = "new" if not updates else "updated" if updates == len(alerts) else "new and updated"
    topics = ", ".join(dict.fromkeys(topic for alert in alerts for topic in alert.topics))
    countries = ", ".join(name for name, _ in countries_of(alerts))
    subject = f"{len(alerts)} {kind} articles on {topics or 'your topics'}"
    return one_line(f"{subject}: {countries}" if countries else subject, SUBJECT_LIMIT)


def countries_of(alerts: Sequence[Alert]) -> list[tuple[str, int]]:
    """Each country with its number of articles, most frequent first."""
    return Counter(name for alert in alerts for name in alert.countries).most_common()
