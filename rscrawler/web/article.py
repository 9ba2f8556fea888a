"""The page of an article: its text with the evidence, its flags, judgements and messages."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from rscrawler.delivery.alert import site_title
from rscrawler.items import Article, Level, TopicFlag
from rscrawler.store.judgements import Judgement
from rscrawler.topics import Contribution, FlaggableText
from rscrawler.web.dashboard import Dashboard
from rscrawler.web.texts import marked_article, version_changes

ARTICLE_ID = re.compile(r"[0-9a-f]{1,20}")
VERSIONS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class TopicPanel:
    """The flag of an article on one topic, and the judgements on it, newest first.

    `choices` are the codes of the countries that a judgement may name.
    """

    flag: TopicFlag
    contributions: Sequence[Contribution]
    choices: Sequence[str]
    judgements: Sequence[Judgement]


def article(dashboard: Dashboard, request: Request) -> Response:
    """The page of an article."""
    store, article_id = dashboard.store, request.path_params["article_id"]
    ids = [article_id] if ARTICLE_ID.fullmatch(article_id) else []
    known = store.articles.by_ids(ids).get(article_id)
    history = store.articles.history(article_id) if known else []
    if known is None or not history:
        raise HTTPException(404, "no article has this id")
    latest = history[-1]
    # One version more than is shown, to compare the oldest shown with.
    changes = list(version_changes(history[-VERSIONS_SHOWN - 1 :]))[-VERSIONS_SHOWN:]
    addresses = store.discovery.addresses_of(article_id)
    return dashboard.page(
        request,
        "article.html.j2",
        article=latest,
        known=known,
        outlet=site_title(latest, dashboard.sites),
        marked=marked_article(latest),
        panels=topic_panels(dashboard, latest),
        alerted=store.articles.alerted_topics(article_id),
        first=latest.duplicate_of and store.articles.latest_record(latest.duplicate_of),
        followed=latest.follows and store.articles.latest_record(latest.follows),
        copies=store.browsing.copies([article_id]).get(article_id, []),
        addresses=addresses,
        sources=list(dict.fromkeys(path for each in addresses for path in each.seen_in)),
        sendings=store.browsing.sendings(article_id),
        levels=[str(level) for level in reversed(Level)],
        versions=changes[::-1],
        hidden_versions=len(history) - len(changes),
    )


def topic_panels(dashboard: Dashboard, shown: Article) -> list[TopicPanel]:
    """A panel for each topic that the article was flagged on or that alerts are sent on.

    The contributions to a score are computed anew, with the watch-lists of the dashboard's start.
    """
    flags = {flag.topic: flag for flag in shown.topics}
    judgements = dashboard.store.judgements.history(shown.article_id)
    explained = {}
    if flags and not shown.is_pruned:
        explained = dashboard.flagger.explain(FlaggableText.from_article(shown))
    panels = []
    for topic in dict.fromkeys([*flags, *dashboard.config.alerts.topics]):
        flag = flags.get(topic, TopicFlag(topic, Level.NONE, 0.0))
        choices = list(dict.fromkeys([*dashboard.countries([topic]), *flag.countries]))
        judged = [each for each in judgements if each.topic == topic]
        panels.append(TopicPanel(flag, explained.get(topic, []), choices, judged))
    return panels
