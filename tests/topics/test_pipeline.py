"""`TopicsPipeline` judges the items of any Scrapy project."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from scrapy.utils.test import get_crawler

from rscrawler.errors import ConfigurationError
from rscrawler.pipelines.topics import BelowLevel, TopicsPipeline

TITLE = "Kazakhstan raises taxes on mining"
PARAGRAPHS = [
    "Kazakhstan's parliament voted on Tuesday to raise taxes on mining.",
    "President Kassym-Jomart Tokayev said that Kazakhstan needed the revenue.",
]


@dataclass
class Item:
    title: str
    body: list[str]
    topics: list[dict[str, Any]] = field(default_factory=list)


def pipeline(**settings: object) -> TopicsPipeline:
    return TopicsPipeline.from_crawler(get_crawler(settings_dict=settings))


@pytest.mark.parametrize("body", [PARAGRAPHS, "\n\n".join(PARAGRAPHS)])
def test_a_dict_gets_its_topics_as_a_record_has_them(body: object) -> None:
    item = pipeline().process_item({"title": TITLE, "body": body})
    (flag,) = item["topics"]
    assert (flag["topic"], flag["level"]) == ("central-asia", "primary")
    assert list(flag["countries"]) == ["KZ"]
    assert {each["term"] for each in flag["evidence"]} >= {"Kazakhstan"}


def test_a_dataclass_is_an_item_like_any_other() -> None:
    item = pipeline().process_item(Item(TITLE, PARAGRAPHS))
    assert item.topics[0]["level"] == "primary"


def test_what_is_below_the_level_is_dropped() -> None:
    judging = pipeline(RSCRAWLER_MIN_LEVEL="substantial")
    with pytest.raises(BelowLevel):
        judging.process_item({"title": "Bridges", "body": "Lyon mends its bridges."})
    assert judging.process_item({"title": TITLE, "body": PARAGRAPHS})["topics"]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"RSCRAWLER_TOPICS": ["nothing"]}, r"RSCRAWLER_TOPICS: 'nothing' is not known.*central"),
        ({"RSCRAWLER_MIN_LEVEL": "high"}, "RSCRAWLER_MIN_LEVEL: 'high' is not a level.*primary"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        pipeline(**settings)
