"""The list of flagged coverage: order, filters, paging, and titles that mean harm."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from rscrawler.config import Config
from rscrawler.delivery.wording import one_line
from rscrawler.items import Level, TopicFlag
from rscrawler.store import Store
from rscrawler.web.dashboard import Dashboard
from tests.delivery.helpers import HOSTILE_TITLES, NOW, a_flag, an_article, record
from tests.web.conftest import Answer, Browser, served

TITLES = "//article//h2"
BALTIC = """
title = "Baltic states"
states = { EE = "Estonia", LV = "Latvia" }
context.company.countries = ["*"]
places.context = "company"
[[entity]]
name = "Estonia"
kind = "state"
country = "EE"
spellings = ["Estonia"]
"""


def titles(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.text
    return answer.texts(TITLES)


def test_an_empty_store_gives_a_page_that_says_so(browser: Browser) -> None:
    answer = browser.get("/")
    assert answer.status == 200
    assert "Nothing has been crawled yet" in answer.text
    assert "rscrawler crawl" in answer.text


def test_articles_come_newest_first_with_what_made_them_count(
    browser: Browser, shelf: Store
) -> None:
    for days in (3, 1, 2):
        published = NOW - timedelta(days=days)
        record(shelf, an_article(days, title=f"Kazakhstan, {days}", published_at=published))
    answer = browser.get("/")
    assert titles(answer) == ["Kazakhstan, 1", "Kazakhstan, 2", "Kazakhstan, 3"]
    [first, *_] = answer.texts("//article")
    for shown in ("primary", "24 h ago", "Kazakhstan, Uzbekistan", "Joanna Lillis"):
        assert shown in first
    assert answer.tree.xpath("//article[1]//time/@title") == ["23 November 2026, 12:00 UTC"]
    assert answer.texts("//article[1]//mark") == ["Tokayev", "Astana"]


def test_a_date_after_the_article_was_seen_does_not_keep_it_on_top(
    browser: Browser, shelf: Store
) -> None:
    record(shelf, an_article(1, title="From the future", published_at=NOW + timedelta(days=900)))
    later = NOW + timedelta(minutes=5)
    record(shelf, an_article(2, title="Seen later", first_seen_at=later, published_at=None))
    assert titles(browser.get("/")) == ["Seen later", "From the future"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"Kazakh oil", "Uzbek gas"}),
        ("level=mention", {"Kazakh oil", "Uzbek gas", "A passing word"}),
        ("level=primary", {"Kazakh oil"}),
        ("country=UZ", {"Uzbek gas"}),
        ("country=TJ", set()),
        ("topic=south-caucasus", {"Armenian wine"}),
        ("site=elsewhere", {"Uzbek gas"}),
        ("q=OIL+kazakh", {"Kazakh oil"}),
        ("q=gas&country=KZ", set()),
        ("q=quarrelled+gas", {"Uzbek gas"}),
        (
            "level=none",
            {"Armenian wine", "Kazakh oil", "Uzbek gas", "A passing word", "Nothing of the kind"},
        ),
        ("level=none&q=nothing", {"Nothing of the kind"}),
        ("section=asia-pacific&site=elsewhere", {"Uzbek gas"}),
        ("section=europe", set()),
        ("author=lillis&level=primary", {"Kazakh oil"}),
        ("author=nobody", set()),
        ("novelty=backfill", set()),
        ("since=2022-06-21&until=2022-06-21", {"Kazakh oil", "Uzbek gas"}),
        ("since=2022-06-22", set()),
        ("until=2022-06-20", set()),
        ("topic=&country=&level=&site=&since=&page=", {"Kazakh oil", "Uzbek gas"}),
    ],
)
def test_filters_leave_only_what_was_asked_for(
    browser: Browser, shelf: Store, query: str, expected: set[str]
) -> None:
    caucasus = TopicFlag("south-caucasus", Level.PRIMARY, 0.9, ("AM",))
    kazakh = TopicFlag("central-asia", Level.PRIMARY, 0.9, ("KZ",))
    uzbek = TopicFlag("central-asia", Level.SUBSTANTIAL, 0.6, ("UZ",))
    record(shelf, an_article(1, title="Kazakh oil", topics=[kazakh]))
    record(shelf, an_article(2, title="Uzbek gas", topics=[uzbek], site="elsewhere"))
    record(shelf, an_article(3, title="A passing word", topics=[a_flag(Level.MENTION)]))
    record(shelf, an_article(4, title="Armenian wine", topics=[caucasus]))
    record(shelf, an_article(5, title="Nothing of the kind", topics=[]))
    for name in ("sample", "elsewhere"):
        shelf.health.record_start("run", name, NOW)
    assert set(titles(browser.get(f"/?{query}"))) == expected


def test_a_state_of_which_only_towns_are_named_can_be_chosen(
    config: Config, shelf: Store, tmp_path: Path
) -> None:
    (tmp_path / "baltic.toml").write_text(BALTIC, encoding="utf-8")
    latvian = TopicFlag("baltic", Level.PRIMARY, 0.9, ("LV",))
    record(shelf, an_article(1, title="Daugavpils votes", topics=[latvian]))
    own = config.model_copy(update={"topics_dir": tmp_path})
    with served(Dashboard(own, shelf, now=lambda: NOW)) as browser:
        assert titles(browser.get("/?topic=baltic&country=LV")) == ["Daugavpils votes"]


def test_the_form_keeps_what_was_chosen(browser: Browser) -> None:
    answer = browser.get("/?q=%22%3Cb%3E&level=mention&country=kz")
    assert answer.tree.xpath("//input[@name='q']/@value") == ['"<b>']
    assert answer.texts("//option[@selected]") == ["mentions too", "Kazakhstan"]
    [feed] = answer.tree.xpath("//head/link[@title='These articles']/@href")
    assert "country=KZ" in feed


@pytest.mark.parametrize(
    "query",
    ["topic=x", "level=9", "country=zz", "site=%00", "page=0", "page=x", "since=x",
     "until=0001-01-01",     "novelty=x", "format=xml", "new=x"],
)  # fmt: skip
def test_a_choice_that_is_none_is_refused_by_name(browser: Browser, query: str) -> None:
    answer = browser.get(f"/?{query}")
    assert answer.status == 400
    assert f"{query.partition('=')[0]}: " in answer.text


def test_following_older_shows_every_article_once(browser: Browser, shelf: Store) -> None:
    # Many share a minute: the order must not depend on the date alone.
    expected = [f"Article {number}" for number in range(60)]
    for number in range(60):
        published = NOW - timedelta(minutes=number // 7)
        record(shelf, an_article(number, title=f"Article {number}", published_at=published))
    seen: list[str] = []
    path = "/?level=primary"
    while path:
        answer = browser.get(path)
        seen += titles(answer)
        path = next(iter(answer.tree.xpath("//a[@rel='next']/@href")), "")
        assert not path or "level=primary" in path
    assert len(seen) == 60
    assert sorted(seen) == sorted(expected)
    assert [int(title.split()[1]) // 7 for title in seen] == sorted(n // 7 for n in range(60))


def test_a_copy_stands_under_its_first_and_by_itself_on_its_own_site(
    browser: Browser, shelf: Store
) -> None:
    first = record(shelf, an_article(1, title="The first"))
    copy = an_article(
        2, title="The copy", site="elsewhere", url="https://reprints.example.net/copy/"
    )
    copy.duplicate_of = first.article_id
    record(shelf, copy)
    shelf.health.record_start("run", "elsewhere", NOW)
    answer = browser.get("/")
    assert titles(answer) == ["The first"]
    assert answer.tree.xpath("//article//a/@href")[-1] == "https://reprints.example.net/copy/"
    assert titles(browser.get("/?site=elsewhere")) == ["The copy"]


@pytest.mark.parametrize("title", HOSTILE_TITLES.values(), ids=HOSTILE_TITLES.keys())
def test_a_hostile_title_is_text_and_nothing_else(
    browser: Browser, shelf: Store, title: str
) -> None:
    article = record(shelf, an_article(1, title=title, authors=[title], subtitle=title, body=title))
    answer = browser.get("/")
    assert titles(answer) == [" ".join(one_line(title).split())]
    for page in (answer, browser.get(f"/articles/{article.article_id}")):
        assert page.status == 200
        assert page.tree.xpath("//script | //img | //iframe | //@onerror | //@style") == []
        assert page.headers.get_all("Bcc") is None


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "https://x\"onclick='y'"]
)
def test_an_address_that_could_do_harm_is_no_link(browser: Browser, shelf: Store, url: str) -> None:
    article = record(shelf, an_article(1, url=url, aliases=[url]))
    for path in ("/", f"/articles/{article.article_id}"):
        links = browser.get(path).tree.xpath("//a/@href")
        assert [link for link in links if link[0] not in "/#"] == []
