"""The shown set as JSONL, CSV and feed; charts that lead to their articles."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

import pytest
from lxml import etree

from rscrawler.config import Config
from rscrawler.items import Level, TopicFlag
from rscrawler.store import Store
from rscrawler.web.dashboard import Dashboard
from tests.delivery.helpers import HOSTILE_TITLES, NOW, a_flag, an_article, record, record_all
from tests.web.conftest import Browser, served

ATOM = {"a": "http://www.w3.org/2005/Atom"}


def test_the_whole_filtered_set_is_given_as_jsonl(browser: Browser, shelf: Store) -> None:
    record_all(shelf, (an_article(number, title=f"Gas, part {number}") for number in range(130)))
    record(shelf, an_article(900, title="Oil"))
    shelf.index.catch_up()
    answer = browser.get("/?q=gas&format=jsonl&page=2")
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert answer.headers["Set-Cookie"] is None
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert {line["article_id"] for line in lines} == {f"{n:016x}" for n in range(130)}
    assert lines[0] == an_article(129, title="Gas, part 129").to_record()


def test_a_set_is_given_as_csv_whatever_its_titles(browser: Browser, shelf: Store) -> None:
    for number, title in enumerate(HOSTILE_TITLES.values()):
        record(shelf, an_article(number, title=title))
    answer = browser.get("/?format=csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="coverage.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))
    assert {row["title"] for row in rows} == set(HOSTILE_TITLES.values())
    assert {row["countries"] for row in rows} == {"KZ; UZ"}


def test_no_spreadsheet_makes_a_formula_of_a_set(browser: Browser, shelf: Store) -> None:
    record(shelf, an_article(1, title='=HYPERLINK("https://example.org")'))
    [row] = csv.DictReader(io.StringIO(browser.get("/?format=csv").text, newline=""))
    assert row["title"] == '\'=HYPERLINK("https://example.org")'


def test_every_filter_has_a_feed(browser: Browser, shelf: Store) -> None:
    uzbek = TopicFlag("central-asia", Level.SUBSTANTIAL, 0.6, ("UZ",))
    record(shelf, an_article(1, title="Of both <b>"))
    record(shelf, an_article(2, title="Of one", topics=[uzbek]))
    answer = browser.get("/?country=KZ&format=atom")
    assert answer.headers["Content-Type"].startswith("application/atom+xml")
    feed = etree.fromstring(answer.body)
    assert feed.xpath("a:entry/a:title/text()", namespaces=ATOM) == ["Of both <b>"]
    assert feed.xpath("a:title/text()", namespaces=ATOM) == ["Coverage: country KZ"]
    other = etree.fromstring(browser.get("/?country=UZ&format=atom").body)
    assert other.xpath("a:id/text()", namespaces=ATOM) != feed.xpath("a:id/text()", namespaces=ATOM)
    assert other.xpath("count(a:entry)", namespaces=ATOM) == 2
    again = {"If-None-Match": answer.headers["ETag"]}
    assert browser.get("/?country=KZ&format=atom", headers=again).status == 304
    [link] = browser.get("/?country=KZ").tree.xpath("//head/link[@title='These articles']/@href")
    assert browser.get(link).body == answer.body
    own = feed.xpath("a:link[@rel='self']/@href", namespaces=ATOM)
    assert own == [f"http://127.0.0.1:{browser.port}{link}"]


def test_a_feed_names_its_address_as_people_reach_it(config: Config, shelf: Store) -> None:
    web = config.web.model_copy(update={"url": "https://monitor.example.org"})
    public = config.model_copy(update={"web": web})
    with served(Dashboard(public, shelf, now=lambda: NOW)) as browser:
        feed = etree.fromstring(browser.get("/?q=%26&format=atom").body)
    own = feed.xpath("a:link[@rel='self']/@href", namespaces=ATOM)
    assert own == ["https://monitor.example.org/?q=%26&format=atom"]


def test_what_is_new_since_the_last_visit_can_be_downloaded(config: Config, shelf: Store) -> None:
    clock = [NOW - timedelta(days=1)]
    record(shelf, an_article(1, first_seen_at=NOW - timedelta(days=2)))
    with served(Dashboard(config, shelf, now=lambda: clock[0])) as browser:
        browser.get("/")
        clock[0] = NOW
        record(shelf, an_article(2, first_seen_at=NOW - timedelta(hours=1)))
        page = browser.get("/?new=1")
        [link] = page.tree.xpath("//a[text()='JSONL']/@href")
        # Not a visit: the page stays open for as long as it is read.
        clock[0] = NOW + timedelta(hours=2)
        for _ in range(2):
            [line] = browser.get(link).text.splitlines()
            assert json.loads(line)["article_id"] == an_article(2).article_id
        [row] = csv.DictReader(io.StringIO(browser.get("/?new=1&format=csv").text, newline=""))
        assert row["url"] == an_article(2).url


def test_an_empty_set_is_a_file_too(browser: Browser) -> None:
    assert browser.get("/?q=nothing&format=jsonl").text == ""
    assert browser.get("/?q=nothing&format=csv").text.startswith("record_id,")
    assert browser.get("/?q=nothing&format=atom").status == 200


# Charts.


def test_charts_count_and_lead_to_their_articles(browser: Browser, shelf: Store) -> None:
    kazakh = TopicFlag("central-asia", Level.PRIMARY, 0.9, ("KZ",))
    for number, days in enumerate((0, 1, 8, 200)):
        published = NOW - timedelta(days=days, hours=3)
        record(
            shelf,
            an_article(number, topics=[kazakh], published_at=published, first_seen_at=NOW),
        )
    record(shelf, an_article(9, topics=[a_flag(Level.MENTION)], published_at=NOW))
    answer = browser.get("/charts?weeks=13")
    assert "3 flagged articles" in answer.text
    assert "23 Nov 0 2 0 0 0" in answer.rows
    assert "16 Nov 0 1 0 0 0" in answer.rows
    assert "23 Nov 2 0" in answer.rows
    assert "Kazakhstan (KZ) 3" in answer.rows
    assert "09:00 3" in answer.rows
    for link in set(answer.tree.xpath("//main//a/@href")):
        shown = browser.get(link)
        assert shown.status == 200
    [cell] = answer.tree.xpath("//tr[th[.='16 Nov']]/td/a[contains(@href, 'country=KZ')]/@href")
    assert len(browser.get(cell).texts("//article")) == 1
    assert answer.tree.xpath("//*[local-name()='svg']//*[local-name()='script' or @style]") == []
    assert "4 flagged articles" in browser.get("/charts?weeks=52").text


def test_delays_are_those_of_what_was_sent(browser: Browser, shelf: Store) -> None:
    from tests.web import desk

    for number in range(8):
        desk.record_story(shelf, number)
    rows = [row for row in browser.get("/charts").rows if " min" in row]
    assert rows
    assert all(row.endswith("min") for row in rows)


@pytest.mark.parametrize("query", ["topic=x", "weeks=7", "weeks=x"])
def test_a_chart_of_nothing_known_is_refused(browser: Browser, query: str) -> None:
    assert browser.get(f"/charts?{query}").status == 400


def test_a_topic_without_outlines_has_no_map(browser: Browser) -> None:
    assert "by coverage" in browser.get("/charts").text
    assert "by coverage" not in browser.get("/charts?topic=south-caucasus").text
