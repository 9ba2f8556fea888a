"""What the dashboard asks, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from rscrawler.delivery.jsonl import deliver_jsonl
from rscrawler.items import Level, Novelty, TopicFlag
from rscrawler.store import Store
from rscrawler.store.browsing import ArticleFilter, Copy
from rscrawler.store.database import open_database
from tests.delivery.helpers import (
    HOSTILE_TITLES,
    NOW,
    a_config,
    a_flag,
    an_article,
    on_sqlite,
    record,
)

TOPICS = ["central-asia"]


def titles(store: Store, **wanted: Any) -> list[str]:
    """The titles of the wanted articles, newest first."""
    store.index.catch_up()
    coverage = ArticleFilter(**{"topics": TOPICS, "minimum": Level.SUBSTANTIAL, **wanted})
    articles, total = store.browsing.articles(coverage, 100)
    assert total == len(articles) == store.browsing.count(coverage)
    assert articles == list(store.browsing.all_articles(coverage))
    return [article.title or "" for article in articles]


SCRIPTS = {
    "Kazakh": ("Қазақстан мен Ресей келісті", "қазақстан", "РЕСЕЙ"),
    "Russian": ("Токаев прибыл в Астану", "токаев", "астан"),
    "accents": ("Ünïcode café façade", "unicode cafe", "FAÇADE"),
    "Arabic": ("قازاقستان ورۇسيا", "قازاقستان", "ورۇسيا"),
    "Hindi": ("किर्गिस्तान के राष्ट्रपति", "किर्गिस्तान", "राष्ट्रपति"),
    "Chinese": ("哈萨克斯坦总统访问北京", "哈萨克斯坦", "总统 北京"),
    "Japanese": ("カシムジョマルト・トカエフ大統領", "カシムジョマルトトカエフ", "大統領"),
    "Thai": ("ประธานาธิบดีคาซัคสถาน", "คาซัคสถาน", "ประธานาธิบดี"),
    "Georgian": ("ყაზახეთის პრეზიდენტი", "ყაზახეთ", "პრეზიდენტი"),
    "Korean": ("카자흐스탄 대통령", "카자흐스탄", "대통령"),
}


def test_words_are_found_in_any_script_case_and_accent(store: Store) -> None:
    for number, (title, _, _) in enumerate(SCRIPTS.values()):
        record(store, an_article(number, title=title))
    nothing = "Nothing of the kind"
    record(store, an_article(len(SCRIPTS), title=nothing))
    for title, one, other in SCRIPTS.values():
        for word in (one, other):
            found = titles(store, query=word)
            assert title in found
            assert nothing not in found
        assert titles(store, query=f"{one} {other}") == [title]
        assert titles(store, query=f"{one} else") == []


QUERIES = [
    ("gas", True),
    ("GAS pipeline", True),
    ("pipe", True),  # a word may go on
    ("line", False),
    ('"gas pipeline"', True),
    ('"pipeline gas"', False),
    ('"gas pipe"', False),  # a phrase may not
    ("state-run", True),
    ("staterun", False),
    ("turkmen's", True),
    ("ga", False),  # too short to go on
    ("subtitled ashgabat", True),  # in subtitle and body
    ("!!!", False),
    ('gas"', True),
    ("NEAR(gas, pipeline) OR x* -gas : & | ' \\", False),
]


def test_words_and_phrases_are_found_in_title_subtitle_and_body(store: Store) -> None:
    article = an_article(
        1,
        title="Turkmen's gas pipeline",
        subtitle="Subtitled by hand",
        body="A state-run company.\n\nAshgabat denies it.",
    )
    record(store, article)
    for query, is_found in QUERIES:
        assert bool(titles(store, query=query)) is is_found, query


APOSTROPHES = "'’‘ʻʼ`"


@on_sqlite
def test_a_word_is_found_whatever_apostrophe_it_has(store: Store) -> None:
    for number, printed in enumerate(APOSTROPHES):
        record(store, an_article(number, title=f"O{printed}zbekiston va Qozog{printed}iston"))
    for typed in APOSTROPHES:
        assert len(titles(store, query=f"qozog{typed}iston o{typed}zbek")) == len(APOSTROPHES)
    assert titles(store, query="zbek ozbek") == []


def test_filters_narrow_down_together(store: Store) -> None:
    flag = TopicFlag("central-asia", Level.SUBSTANTIAL, 0.6, ("UZ",))
    record(store, an_article(1, title="One"))
    record(store, an_article(2, title="Two", topics=[flag], site="elsewhere", sections=["europe"]))
    record(
        store,
        an_article(3, title="Three", topics=[a_flag(Level.MENTION)], novelty=Novelty.BACKFILL),
    )
    record(store, an_article(4, title="Four", topics=[], authors=["Éva Ó Súilleabháin"]))
    assert titles(store) == ["Two", "One"]
    assert titles(store, minimum=Level.PRIMARY) == ["One"]
    assert titles(store, minimum=Level.MENTION) == ["Three", "Two", "One"]
    assert titles(store, minimum=Level.NONE) == ["Four", "Three", "Two", "One"]
    assert titles(store, country="KZ") == ["One"]
    assert titles(store, country="KZ", minimum=Level.NONE) == ["Three", "One"]
    assert titles(store, country="KG") == []
    assert titles(store, topics=["south-caucasus"]) == []
    assert titles(store, topics=[]) == []
    assert titles(store, site="elsewhere") == ["Two"]
    assert titles(store, section="europe") == ["Two"]
    assert titles(store, author="mamedov") == ["Two", "One"]
    assert titles(store, author="eva o suil", minimum=Level.NONE) == ["Four"]
    assert titles(store, author="%", minimum=Level.NONE) == []
    assert titles(store, novelty=Novelty.BACKFILL, minimum=Level.NONE) == ["Three"]
    assert titles(store, query="two", country="UZ", site="elsewhere") == ["Two"]


def test_dates_are_those_of_publication_and_first_sight(store: Store) -> None:
    for days in range(4):
        published = NOW - timedelta(days=days)
        record(
            store,
            an_article(days, title=f"{days}", published_at=published, first_seen_at=NOW),
        )
    assert titles(store, since=NOW - timedelta(days=2)) == ["0", "1", "2"]
    assert titles(store, until=NOW - timedelta(days=2)) == ["3"]
    assert titles(store, seen_after=NOW) == []
    assert len(titles(store, seen_after=NOW - timedelta(seconds=1))) == 4


def test_a_flag_that_the_last_version_lost_no_longer_counts(store: Store) -> None:
    record(store, an_article(1))
    assert len(titles(store)) == 1
    record(store, an_article(1, version=2, title="Rewritten", topics=[], body="Of something else."))
    assert titles(store, minimum=Level.MENTION) == []
    assert titles(store, minimum=Level.NONE, query="tokayev") == []
    assert titles(store, minimum=Level.NONE, query="something") == ["Rewritten"]


def test_a_text_that_was_forgotten_is_not_found_by_its_words_any_more(
    store: Store, tmp_path: Path
) -> None:
    record(store, an_article(1, title="Kept"))
    assert titles(store, query="quarrelled") == ["Kept"]
    deliver_jsonl(a_config(tmp_path), store, NOW.date())
    assert store.retention.prune(NOW + timedelta(days=1)).versions == 1
    assert titles(store, query="quarrelled") == []
    assert titles(store, query="kept") == ["Kept"]


def test_hostile_titles_do_not_break_the_list(store: Store) -> None:
    for number, title in enumerate(HOSTILE_TITLES.values()):
        record(store, an_article(number, title=title, authors=[title], sections=[title]))
    assert set(titles(store, minimum=Level.PRIMARY)) == set(HOSTILE_TITLES.values())


def test_a_very_long_text_is_searched_as_far_as_the_database_can(store: Store) -> None:
    body = " ".join(f"слово{number}" for number in range(100_000)) + " " + "x" * 5_000
    record(store, an_article(1, title="Long", body=body))
    assert titles(store, query="слово1") == ["Long"]


def test_pages_follow_each_other_without_a_gap(store: Store) -> None:
    for number in range(7):
        record(store, an_article(number, published_at=NOW - timedelta(days=number // 3)))
    store.index.catch_up()
    wanted = ArticleFilter(TOPICS, Level.PRIMARY)
    pages = [store.browsing.articles(wanted, 3, page=page) for page in (1, 2, 3, 4)]
    assert [len(articles) for articles, _ in pages] == [3, 3, 1, 0]
    assert {total for _, total in pages} == {7}
    seen = [article.article_id for articles, _ in pages for article in articles]
    assert len(set(seen)) == 7


def test_what_another_process_records_is_indexed_once_and_in_its_last_version(
    open_store: Callable[[], Store],
) -> None:
    one, other = open_store(), open_store()
    for version in (1, 2, 3):
        record(one, an_article(1, version=version, title=f"Version {version}"))
    assert other.index.backlog() == 1
    assert titles(other) == ["Version 3"]
    assert one.index.backlog() == 0
    assert titles(one, query='"version 1"') == []


def test_an_index_made_later_holds_what_was_there_before(database_url: str) -> None:
    from rscrawler.store.tables import create_index

    store = Store.open(database_url)
    record(store, an_article(1, title="Was there"))
    store.close()
    database = open_database(database_url)
    with database.writing() as connection:
        create_index(connection)
    database.close()
    store = Store.open(database_url)
    assert titles(store) == ["Was there"]
    store.close()


def test_copies_are_listed_under_their_first(store: Store) -> None:
    first = record(store, an_article(1, title="First"))
    for number in (3, 2):
        article = an_article(number, site="elsewhere", first_seen_at=NOW + timedelta(hours=number))
        article.duplicate_of = first.article_id
        record(store, article)
    assert titles(store) == ["First"]
    assert len(titles(store, site="elsewhere")) == 2
    copies = store.browsing.copies([first.article_id, "none"])
    assert list(copies) == [first.article_id]
    assert [copy.first_seen_at.hour for copy in copies[first.article_id]] == [14, 15]
    assert isinstance(copies[first.article_id][0], Copy)


def test_facets_are_named_by_frequency(store: Store) -> None:
    record(store, an_article(1, sections=["europe", "media"]))
    record(store, an_article(2, sections=["europe"]))
    store.index.catch_up()
    assert store.browsing.sections(10) == ["europe", "media"]


def test_what_was_sent_is_told_by_channel(store: Store) -> None:
    article = record(store, an_article(1), "email", "channel:desk")
    [*jsonl, email, chat] = store.browsing.sendings(article.article_id)
    assert {each.channel for each in jsonl} == {"articles", "flagged"}
    assert (email.channel, email.state, email.message_id) == ("email", "pending", None)
    assert chat.channel == "channel:desk"


def test_a_copy_that_says_more_than_its_first_is_listed_beside_it(store: Store) -> None:
    first = record(store, an_article(1, title="First"))
    copy = an_article(2, title="Copy", site="elsewhere", duplicate_of=first.article_id)
    record(store, copy, is_folded=False)
    assert sorted(titles(store)) == ["Copy", "First"]


def test_a_copy_whose_first_turns_out_to_be_the_copy_itself_is_listed_in_its_place(
    store: Store,
) -> None:
    first = record(store, an_article(1, title="First"))
    copy = record(store, an_article(2, title="Copy", duplicate_of=first.article_id))
    assert titles(store) == ["First"]
    store.articles.merge(first.article_id, copy.article_id)
    assert titles(store) == ["Copy"]
