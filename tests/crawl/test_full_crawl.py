"""A full crawl of the sample site finds every article and gets every field right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rscrawler.cli.records import schema_of
from rscrawler.items import rfc3339
from tests.sample_site import SampleSite, TrueArticle, appeal_texts
from tests.workspace import Program, Workspace

SCALARS = ("title", "subtitle", "language", "body", "word_count", "republished_from")
LISTS = ("authors", "sections", "tags")


class Crawled:
    """The sample site, crawled once to its end."""

    def __init__(self, folder: Path, program: Program) -> None:
        self.workspace = Workspace(folder, program)
        with SampleSite() as site:
            self.workspace.write_config(site.base_url, readers=1)
            self.report = self.workspace.crawl("--full")
            self.truth = {true.url: true for true in site.truth()}
            self.idle_from = len(site.requests)
            self.idle_report = self.workspace.crawl()
            self.idle_requests = [
                request
                for request in site.requests[self.idle_from :]
                if request.path != "/robots.txt"
            ]
        self.records = {record["url"]: record for record in self.workspace.records()}


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory, program: Program) -> Crawled:
    return Crawled(tmp_path_factory.mktemp("full"), program)


def test_every_article_is_recorded_once_and_nothing_else_is(crawled: Crawled) -> None:
    urls = Counter(record["url"] for record in crawled.workspace.records())
    assert urls == Counter(list(crawled.truth))
    assert crawled.report["articles_new"] == len(crawled.truth)
    assert crawled.report["duplicates"] == 0
    assert crawled.report["errors"] == 0


def test_every_field_of_every_record_equals_the_truth(crawled: Crawled) -> None:
    wrong = [
        (url, name, got, expected)
        for url, true in crawled.truth.items()
        for name, got, expected in _compared(crawled.records[url], true)
        if got != expected
    ]
    assert wrong == []


def _compared(record: dict[str, Any], true: TrueArticle) -> Iterator[tuple[str, Any, Any]]:
    for name in SCALARS:
        yield name, record[name], getattr(true, name)
    for name in LISTS:
        yield name, record[name], list(getattr(true, name))
    for name in ("published_at", "modified_at"):
        yield name, record[name], rfc3339(getattr(true, name))
    image = record["image"] or {"url": None, "caption": None, "credit": None}
    yield "image.caption", image["caption"], true.image_caption
    yield "image.credit", image["credit"], true.image_credit
    # The address carries tokens that change with every rendering.
    url = image["url"]
    yield "image.url", url and url.partition("&token=")[0], true.image_url


def test_no_body_holds_a_sentence_of_another_article_or_an_appeal(crawled: Crawled) -> None:
    own = {url: set(record["body"].split("\n\n")) for url, record in crawled.records.items()}
    theirs = Counter(paragraph for paragraphs in own.values() for paragraph in paragraphs)
    shared = [paragraph for paragraph, count in theirs.items() if count > 1]
    in_truth = Counter(
        paragraph for true in crawled.truth.values() for paragraph in set(true.body.split("\n\n"))
    )
    assert [paragraph for paragraph in shared if in_truth[paragraph] < 2] == []
    appeals = appeal_texts()
    assert appeals
    bodies = "\n\n".join(record["body"] for record in crawled.records.values())
    assert [appeal for appeal in appeals if appeal in bodies] == []


def test_every_line_keeps_to_the_schema(crawled: Crawled) -> None:
    validator = jsonschema.Draft202012Validator(schema_of("article"))
    for record in crawled.workspace.records():
        validator.validate(record)


def test_the_first_successful_cycle_is_the_baseline(crawled: Crawled) -> None:
    assert {record["novelty"] for record in crawled.records.values()} == {"baseline"}
    assert {record["event"] for record in crawled.records.values()} == {"new"}


def test_flagged_lines_are_the_same_lines(crawled: Crawled) -> None:
    flagged = crawled.workspace.records("flagged")
    assert len(flagged) == crawled.report["flagged"] > 0
    assert all(crawled.records[record["url"]] == record for record in flagged)


def test_records_say_which_sources_showed_them(crawled: Crawled) -> None:
    assert all(record["found_in"] for record in crawled.records.values())


def test_an_idle_cycle_asks_each_source_once_and_no_article(crawled: Crawled) -> None:
    paths = [request.path for request in crawled.idle_requests]
    assert len(paths) == len(set(paths))
    assert all(request.conditional for request in crawled.idle_requests)
    assert {request.status for request in crawled.idle_requests} == {304}
    # Its robots.txt is requested as well, once.
    assert crawled.idle_report["requests"] == len(paths) + 1
    assert crawled.idle_report["bytes"] < 0.01 * crawled.report["bytes"]
