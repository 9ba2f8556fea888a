"""The page of one article: evidence in its place, versions, copies, sources."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from rscrawler.identity.fingerprints import Fingerprint
from rscrawler.items import Event, Evidence, Extraction, Level, TopicFlag
from rscrawler.store import Store
from rscrawler.store.articles import Recording, Visit
from rscrawler.store.discovery import Address, SourceState
from tests.delivery.helpers import BODY, NOW, a_flag, an_article, record
from tests.web import desk
from tests.web.conftest import Browser


def flag_on(*evidence: Evidence) -> TopicFlag:
    return TopicFlag("central-asia", Level.PRIMARY, 0.97, ("KZ",), evidence)


def evidence_at(term: str, field: str, paragraph: int | None, start: int) -> Evidence:
    return Evidence(term, f"the {term}", "KZ", field, paragraph, "…", start, start + len(term))


def test_the_words_that_counted_are_marked_where_they_stand(browser: Browser, shelf: Store) -> None:
    body = "Astana slept. Astana woke.\n\nAstana & <Tokayev>, of Astana."
    article = an_article(
        1,
        title="In Astana",
        body=body,
        topics=[
            flag_on(
                evidence_at("Astana", "title", None, 3),
                evidence_at("Astana", "body", 0, 14),
                evidence_at("Tokayev", "body", 1, 10),
            )
        ],
    )
    record(shelf, article)
    answer = browser.get(f"/articles/{article.article_id}")
    assert answer.texts("//h1//mark") == ["Astana"]
    paragraphs = answer.tree.xpath("//article//p")
    assert [p.text_content() for p in paragraphs] == body.split("\n\n")
    assert [[m.text for m in p.xpath(".//mark")] for p in paragraphs] == [["Astana"], ["Tokayev"]]
    assert paragraphs[0].text == "Astana slept. "
    assert paragraphs[1].xpath(".//mark/@title") == ["the Tokayev"]


def test_texts_say_which_language_they_are_in(browser: Browser, shelf: Store) -> None:
    article = record(shelf, an_article(1, subtitle="Вода", language="ru"))
    listed, own = browser.get("/").tree, browser.get(f"/articles/{article.article_id}").tree
    assert listed.xpath("//h2//bdi/@lang | //blockquote/bdi/@lang") == ["ru", "ru"]
    assert set(own.xpath("//h1/bdi/@lang | //article//@lang")) == {"ru"}


def test_evidence_whose_offsets_are_wrong_marks_nothing(browser: Browser, shelf: Store) -> None:
    wrong = (evidence_at("Astana", "body", 0, 3), evidence_at("Astana", "body", 9, 0))
    article = record(shelf, an_article(1, body="In old Astana.", topics=[flag_on(*wrong)]))
    answer = browser.get(f"/articles/{article.article_id}")
    assert answer.texts("//article//p") == ["In old Astana."]
    assert answer.texts("//article//mark") == []


def test_each_version_shows_word_by_word_what_it_changed(browser: Browser, shelf: Store) -> None:
    article = record(shelf, an_article(1))
    changed = BODY.replace("quarrelled over", "fell out about")
    record(shelf, an_article(1, version=2, title="Peace at last", body=changed))
    answer = browser.get(f"/articles/{article.article_id}")
    assert answer.texts("//h1") == ["Peace at last"]
    assert answer.texts("//summary") == [
        "Version 2: updated, read 24 November 2026, 12:00 UTC",
        "Version 1: new, read 24 November 2026, 12:00 UTC",
    ]
    assert "quarrelled over" in answer.texts("//details[1]//del")
    assert "fell out about" in answer.texts("//details[1]//ins")


def test_a_version_whose_former_text_was_pruned_is_not_shown_as_added(
    browser: Browser, shelf: Store
) -> None:
    article, visit = (
        an_article(1),
        Visit({"/talks": "https://site.example/talks/"}, "page"),
    )
    shelf.articles.record(Recording(article, Fingerprint("d", None, "s"), visit, "run", NOW, ()))
    assert shelf.retention.prune(NOW + timedelta(days=1)).versions == 1
    page = f"/articles/{article.article_id}"
    assert "Words" not in browser.get(page).texts("//dt")
    record(shelf, an_article(1, version=2, title="Peace at last"))
    answer = browser.get(page)
    assert answer.texts("//details[1]//ins") == ["Peace at last"]
    assert "was deleted by rscrawler prune" in answer.texts("//details[1]")[0]


def test_only_the_last_versions_are_compared(browser: Browser, shelf: Store) -> None:
    for version in range(1, 31):
        record(shelf, an_article(1, version=version, title=f"Title {version}"))
    answer = browser.get(f"/articles/{an_article(1).article_id}")
    assert len(answer.texts("//summary")) == 20
    assert answer.texts("//details[last()]//del") == ["10"]
    assert answer.texts("//details[last()]//ins") == ["11"]
    assert "10 earlier" in answer.text


def test_copies_and_their_first_lead_to_each_other(browser: Browser, shelf: Store) -> None:
    first = record(shelf, an_article(1, title="The first"))
    copy = an_article(2, url="https://reprints.example.net/copy/")
    copy.duplicate_of = first.article_id
    record(shelf, copy)
    to_copy = browser.get(f"/articles/{first.article_id}")
    assert f"/articles/{copy.article_id}" in to_copy.tree.xpath("//aside//a/@href")
    assert "reprints.example.net, 24 November 2026" in to_copy.texts("//aside//li")
    to_first = browser.get(f"/articles/{copy.article_id}")
    assert to_first.texts(f"//main//a[@href='/articles/{first.article_id}']") == ["The first"]


def test_the_sources_that_showed_it_are_named(browser: Browser, shelf: Store) -> None:
    article = an_article(1)
    for path in ("/europe/", "/feeds/feed.rss"):
        found = (Address("/article-1", article.url, NOW),)
        state = SourceState(f"https://x{path}", kind="section")
        shelf.discovery.record_reading("sample", path, state, found)
    visit = Visit({"/article-1": article.url}, "digest")
    shelf.articles.record(
        Recording(article, Fingerprint("d", None, "s"), visit, "run", NOW, ("articles",))
    )
    answer = browser.get(f"/articles/{article.article_id}")
    assert answer.texts("//aside/section[last()]//li") == [
        "/europe/",
        "/feeds/feed.rss",
        article.url,
    ]


def test_what_was_sent_is_told_by_kind_of_channel_and_time(browser: Browser, shelf: Store) -> None:
    article = desk.record_story(shelf, 0)
    record(shelf, an_article(2), "email", "channel:desk", "webhook:pipeline")
    sent = browser.get(f"/articles/{article.article_id}").texts("//ul[@class='sendings']/li")
    assert any("e-mail: sent" in line and "Message-ID <rscrawler." in line for line in sent)
    waiting = browser.get(f"/articles/{2:016x}").texts("//ul[@class='sendings']/li")
    assert [line.partition(":")[0] for line in waiting] == [
        "JSONL", "JSONL of flagged articles", "e-mail", "chat “desk”", "webhook “pipeline”",
    ]  # fmt: skip


def test_each_field_says_where_it_came_from(browser: Browser, shelf: Store) -> None:
    origin = {"authors": "json-ld author", "published_at": "<time datetime>"}
    record(shelf, an_article(1, extraction=Extraction("profile", (), origin)))
    origins = browser.get(f"/articles/{1:016x}").texts("//aside//dd/span[@class='dim small']")
    assert origins == ["from json-ld author", "from <time datetime>"]


def test_what_each_feature_adds_is_shown_of_a_text_that_names_the_topic(
    browser: Browser, shelf: Store
) -> None:
    text = {"title": "Kazakhstan sells gas", "body": "Kazakhstan sells gas.", "topics": [a_flag()]}
    record(shelf, an_article(1, **text))
    rows = browser.get(f"/articles/{1:016x}").texts("//table[@class='shares']/tbody/tr")
    assert len(rows) == 10
    title = r"the title or subtitle names it \(1\)\s*\+\d\.\d\d"
    assert any(re.fullmatch(title, row) for row in rows)
    record(shelf, an_article(2, **{**text, "topics": []}))
    assert browser.get(f"/articles/{2:016x}").texts("//table[@class='shares']") == []


def test_what_an_article_follows_is_named_and_linked(browser: Browser, shelf: Store) -> None:
    first = record(shelf, an_article(1, title="Two are hurt"))
    record(shelf, an_article(2, title="Three are hurt", follows=first.article_id))
    link = f"//p[a[@href='/articles/{first.article_id}']]"
    said = "It follows Two are hurt: the same story with new facts."
    assert browser.get(f"/articles/{2:016x}").texts(link) == [said]


def test_a_removed_article_says_since_when_and_keeps_its_text(
    browser: Browser, shelf: Store
) -> None:
    record(shelf, an_article(1))
    gone = NOW + timedelta(hours=2)
    shelf.articles.record_gone(an_article(1).article_id, gone_at=gone, next_check_at=None)
    removal = an_article(1, version=2, event=Event.REMOVED)
    shelf.articles.record_removal(removal, removed_at=gone, run_id="run", channels=["articles"])
    answer = browser.get(f"/articles/{removal.article_id}")
    assert "first found gone 24 November 2026, 14:00 UTC" in answer.text
    assert answer.texts("//article//p") == BODY.split("\n\n")
    assert "removed" in browser.get("/").texts("//article//p")[0]


@pytest.mark.parametrize("named", ["00000000000000ff", "nothing", "1'--", "%00", "../sites", "1/"])
def test_an_article_that_is_not_there_is_a_404_page(browser: Browser, named: str) -> None:
    answer = browser.get(f"/articles/{named}")
    assert answer.status == 404
    assert answer.texts("//h1") == ["Not Found"]
