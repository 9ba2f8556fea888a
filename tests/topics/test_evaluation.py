from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from rscrawler.items import Article, Level, TopicFlag
from rscrawler.topics import FlaggableText, Flagger
from rscrawler.topics.evaluation import Evaluation, backtest, evaluate

ABOUT = "Kazakhstan raised its rates. Tokayev said that Kazakhstan would wait."
NOT_ABOUT = "Paris raised its taxes. The mayor said that nothing would wait."


def line(identity: str, level: str, text: str, **more: Any) -> dict[str, Any]:
    return {"id": identity, "title": "A headline", "text": text, "level": level, **more}


def figures_of(result: Evaluation) -> tuple[float, float, float]:
    figures = result.figures
    return figures["precision"], figures["recall"], figures["f1"]


def test_the_figures_follow_from_the_confusion(central_asia: Flagger) -> None:
    lines = [
        line("right", "primary", ABOUT, countries=["KZ"]),
        line("missed", "substantial", NOT_ABOUT),
        line("false alarm", "none", ABOUT),
        line("quiet", "none", NOT_ABOUT),
    ]
    result = evaluate(central_asia, lines)
    assert figures_of(result) == (0.5, 0.5, 0.5)
    assert (result.figures["levels_right"], result.figures["countries_right"]) == (0.5, 1.0)
    assert result.confusion["substantial"]["none"] == 1
    assert [miss.id for miss in result.misses] == ["missed", "false alarm"]


def test_where_there_is_nothing_to_find_and_nothing_is_found_all_is_right(
    central_asia: Flagger,
) -> None:
    result = evaluate(central_asia, [line("quiet", "none", NOT_ABOUT)])
    assert figures_of(result) == (1.0, 1.0, 1.0)
    result = evaluate(central_asia, [line("missed", "primary", NOT_ABOUT)])
    assert figures_of(result) == (1.0, 0.0, 0.0)


def test_a_miss_says_what_differs_level_or_countries(central_asia: Flagger) -> None:
    lines = [
        line("countries", "primary", ABOUT, countries=["UZ"]),
        line("none", "primary", ABOUT, countries=[]),
        line("both", "substantial", ABOUT, countries=["TJ", "KG"]),
        line("level", "substantial", NOT_ABOUT, countries=["KZ"]),
    ]
    misses = evaluate(central_asia, lines).misses
    assert [miss.difference for miss in misses] == [
        "countries UZ → KZ",
        "countries none → KZ",
        "substantial → primary, countries KG TJ → KZ",
        "substantial → none",
    ]


def test_the_json_has_the_keys_of_the_contract(central_asia: Flagger) -> None:
    result = evaluate(central_asia, [line("one", "primary", ABOUT)]).to_json()
    assert {"precision", "recall", "f1", "confusion", "predictions"} <= set(result)
    prediction = json.loads(json.dumps(result))["predictions"][0]
    assert set(prediction) == {"id", "level", "score", "countries"}
    assert prediction["level"] == "primary"


def test_countries_in_another_order_are_right(central_asia: Flagger) -> None:
    text = "Kyrgyzstan and Tajikistan signed. Kyrgyzstan and Tajikistan will build a road."
    lines = [line("pair", "primary", text, countries=["TJ", "KG"])]
    assert evaluate(central_asia, lines).figures["countries_right"] == 1.0


def test_single_line_ends_divide_paragraphs_but_wrapped_lines_do_not() -> None:
    def paragraphs(text: str) -> tuple[str, ...]:
        zones = FlaggableText.from_line(line("x", "none", text)).zones
        return tuple(zone.text for zone in zones if zone.field == "body")

    assert paragraphs("One ends here.\nTwo ends.") == ("One ends here.", "Two ends.")
    assert paragraphs("A wire feed breaks its\nlines. It does.") == (
        "A wire feed breaks its\nlines. It does.",
    )
    assert paragraphs("One.\nStill one.\n\nTwo.") == ("One.\nStill one.", "Two.")


def stored(body: str, level: Level) -> Article:
    flags = [TopicFlag("central-asia", level, 0.5)] if level is not Level.NONE else []
    return Article(
        site="site",
        url=f"https://example.org/{level}",
        fetched_at=datetime(2026, 1, 1, tzinfo=UTC),
        title="A headline",
        body=body,
        article_id=str(level),
        topics=flags,
    )


def test_a_backtest_tells_what_would_change(central_asia: Flagger) -> None:
    articles = [
        stored(ABOUT, Level.MENTION),
        stored(NOT_ABOUT, Level.SUBSTANTIAL),
        stored(ABOUT, Level.PRIMARY),
    ]
    result = backtest(central_asia, articles)
    assert (result.total, result.flagged_before, result.flagged_after) == (3, 2, 2)
    assert [(change.before, change.after) for change in result.changes] == [
        (Level.MENTION, Level.PRIMARY),
        (Level.SUBSTANTIAL, Level.NONE),
    ]
    assert articles[0].level_on("central-asia") is Level.MENTION
