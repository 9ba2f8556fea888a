"""A desk after some weeks of work: sites, articles, alerts, judgements, and some trouble."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from rscrawler.config import Config
from rscrawler.delivery.jsonl import deliver_jsonl
from rscrawler.items import Article, Evidence, Level, Novelty, TopicFlag
from rscrawler.store import Store
from rscrawler.store.health import ProblemCode
from rscrawler.store.judgements import Judgement, Verdict
from rscrawler.store.messages import NewMessage, RecipientOutcome
from tests.delivery.helpers import NOW, an_article, record

SITE = "responsiblestatecraft"
_STORIES = (
    ("Kazakhstan weighs its ties with Russia after the vote", "Astana", "KZ", Level.PRIMARY),
    ("Uzbekistan opens its gas market", "Tashkent", "UZ", Level.PRIMARY),
    ("What the summit in Beijing means for Central Asia", "Central Asia", "KG", Level.SUBSTANTIAL),
    ("Kyrgyzstan and Tajikistan settle a border dispute", "Bishkek", "KG", Level.PRIMARY),
    ("A pipeline through Turkmenistan, once more", "Ashgabat", "TM", Level.PRIMARY),
    ("Sanctions and their way around: trade through Almaty", "Almaty", "KZ", Level.SUBSTANTIAL),
    ("Water for the Amu Darya, and who gets it", "Dushanbe", "TJ", Level.SUBSTANTIAL),
    ("The Pentagon's budget in ten charts", "Astana", "KZ", Level.MENTION),
)
_AUTHORS = ("Joanna Lillis", "Eldar Mamedov", "Bruce Pannier", "Catherine Putz")


def fill(config: Config, store: Store, *, articles: int = 80) -> None:
    """Put all of it into a store."""
    for number in range(articles):
        record_story(store, number)
    deliver_jsonl(config, store, NOW.date())
    for cycle in range(40):
        _cycle(store, NOW - timedelta(minutes=20 * (39 - cycle)), succeeded=cycle not in (17, 18))
    base = "https://responsiblestatecraft.org"
    store.discovery.record_source_failure(
        SITE, f"{base}/feeds/europe.rss", "feed", error="HTTP 503", now=NOW - timedelta(hours=3)
    )
    europe = store.discovery.sources(SITE)[f"{base}/feeds/europe.rss"]
    store.discovery.record_reading(SITE, "", replace(europe, requested_at=NOW, failures=0))
    store.discovery.record_source_failure(
        SITE, f"{base}/feeds/feed.rss", "feed", error="timeout", now=NOW - timedelta(minutes=20)
    )
    store.health.raise_problem(
        SITE, ProblemCode.SILENT, "nothing new for 9 days; the longest usual gap is 2",
        NOW - timedelta(days=2),
    )  # fmt: skip
    for number, verdict in enumerate((Verdict.RIGHT, Verdict.WRONG, Verdict.RIGHT, Verdict.RIGHT)):
        _judge(store, number, verdict)
    fail_a_message(store)
    store.index.catch_up()


def record_story(store: Store, number: int) -> Article:
    title, term, code, level = _STORIES[number % len(_STORIES)]
    published = NOW - timedelta(hours=17 * number + number * number % 7, minutes=13 * number % 60)
    lead = f"In {term}, officials said on Monday that the talks would go on (part {number})."
    start = lead.index(term)
    quote = f"…{lead}"
    flag = TopicFlag(
        "central-asia", level, 0.97 - number % 5 / 10, (code,),
        (Evidence(term, term, code, "body", 0, quote, start, start + len(term)),),
    )  # fmt: skip
    article = an_article(
        number + 1,
        site=SITE,
        url=f"https://responsiblestatecraft.org/story-{number}/",
        title=title,
        body=f"{lead}\n\nNobody there expects a quick result, and the neighbours watch closely.",
        authors=[_AUTHORS[number % len(_AUTHORS)]],
        sections=["analysis", "asia-pacific"] if number % 2 else ["reporting", "europe"],
        topics=[flag],
        published_at=published,
        first_seen_at=published + timedelta(minutes=6 + number % 30),
        novelty=Novelty.NEW,
    )
    channels = ["email"] if level.reaches(Level.SUBSTANTIAL) else []
    record(store, article, *channels, at=published + timedelta(minutes=7), run_id=f"run-{number}")
    if channels:
        _alert(store, number, published + timedelta(minutes=8 + number % 45))
    return article


def _alert(store: Store, number: int, at: datetime) -> None:
    message_id = f"<rscrawler.{number:032x}@example.org>"
    rows = store.outbox.unassigned_rows("email")
    new = NewMessage(message_id, "email", "alert", at, b"mail", ("desk@example.org",))
    store.outbox.assign(new, [row.number for row in rows])
    _send(store, message_id, at, RecipientOutcome("desk@example.org", "done"))


def fail_a_message(store: Store) -> str:
    """A message that its server refuses; gives its id."""
    message_id = "<rscrawler.refused@example.org>"
    at = NOW - timedelta(hours=1)
    store.messages.add(
        NewMessage(message_id, "email", "ops", at, b"mail", ("secret.desk@example.org",))
    )
    error = "550 5.1.1 <secret.desk@example.org>: no such user"
    _send(store, message_id, at, RecipientOutcome("secret.desk@example.org", "failed", error))
    return message_id


def fail_again(store: Store) -> str:
    """The message is refused once more; gives its id."""
    message_id = "<rscrawler.refused@example.org>"
    outcome = RecipientOutcome("secret.desk@example.org", "failed", "550 5.1.1 no such user")
    _send(store, message_id, NOW, outcome)
    return message_id


def _send(store: Store, message_id: str, at: datetime, outcome: RecipientOutcome) -> None:
    claimed = store.messages.claim(message_id, "test", at)
    assert claimed is not None
    store.messages.mark(message_id, [outcome])


def _cycle(store: Store, at: datetime, *, succeeded: bool) -> None:
    run_id = f"cycle-{at:%d%H%M}"
    counters = {"requests": 22, "not_modified": 19, "articles_new": int(at.hour % 3 == 0)}
    store.health.record_start(run_id, SITE, at)
    store.health.record_end(
        run_id, SITE, at + timedelta(seconds=40), succeeded=succeeded,
        counters={**counters, "errors": 0 if succeeded else 22},
    )  # fmt: skip


def _judge(store: Store, number: int, verdict: Verdict) -> None:
    article = store.articles.latest_record(f"{number + 1:016x}")
    assert article is not None
    [flag] = article.topics
    is_right = verdict is Verdict.RIGHT
    store.judgements.add(
        Judgement(
            article_id=article.article_id,
            record_id=article.record_id,
            topic=flag.topic,
            flagged_level=flag.level,
            flagged_countries=flag.countries,
            verdict=verdict,
            level=flag.level if is_right else Level.MENTION,
            countries=flag.countries if is_right else (),
            note="" if is_right else "One sentence in an article on gas prices.",
            judged_by="anna",
            judged_at=NOW - timedelta(days=8 * number),
        )
    )
