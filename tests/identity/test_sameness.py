"""The same article, the same news, an update, or another text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rscrawler.identity.sameness import (
    RULES,
    Comparison,
    Decision,
    Relation,
    Text,
    compare,
    decide,
)
from tests.identity.texts import reprint_of, series, with_words_changed
from tests.sample_site.generator import generate_story

BODIES = [generate_story(number, seed=5).body for number in range(60)]
LONG_BODIES = [body for body in BODIES if len(body.split()) > 150]
PAIRS = [
    json.loads(line)
    for line in Path(__file__).with_name("pairs.jsonl").read_text("utf-8").splitlines()
]


def decision(
    earlier: str, later: str, titles: tuple[str, str] = ("A title", "A headline")
) -> Decision:
    return decide(compare(Text(titles[0], earlier), Text(titles[1], later)))


# Real pairs.


def decision_on(pair: dict[str, Any]) -> Decision:
    return decide(Comparison(**pair["comparison"]))


def news(label: str) -> Iterator[dict[str, Any]]:
    return (pair for pair in PAIRS if pair["is_news"] and pair["label"] == label)


def test_of_real_news_hardly_any_but_the_same_is_folded() -> None:
    folded = [pair for pair in PAIRS if pair["is_news"] and decision_on(pair).is_same_news]
    wrong = [pair for pair in folded if pair["label"] != "same"]
    assert len(folded) > 120
    assert len(wrong) <= 0.01 * len(folded)


def test_of_real_news_most_of_the_same_is_folded() -> None:
    found = [decision_on(pair).is_same_news for pair in news("same")]
    assert sum(found) >= 0.7 * len(found)


def test_what_is_called_an_update_of_real_news_tells_the_same_story() -> None:
    found = [
        pair for pair in PAIRS if pair["is_news"] and decision_on(pair).relation is Relation.UPDATE
    ]
    story = [pair for pair in found if pair["label"] != "different"]
    assert len(story) >= 0.95 * len(found) > 40
    updates = [decision_on(pair).relation is Relation.UPDATE for pair in news("update")]
    assert sum(updates) >= 0.6 * len(updates)


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_keeps_some_real_pair_apart(rule: str) -> None:
    assert any(decision_on(pair).reason == rule for pair in PAIRS if pair["label"] != "same")


# Reprints.


@pytest.mark.parametrize("keep", [0.5, 0.7, 0.9])
def test_a_reprint_is_the_same_news_though_it_is_cut_and_edited(keep: float) -> None:
    found = [
        decision(body, reprint_of(body, Random(number), keep=keep)).is_same_news
        for number, body in enumerate(LONG_BODIES)
    ]
    assert sum(found) >= 0.95 * len(found) > 20


def test_a_text_with_a_tenth_of_its_words_changed_is_the_same_news() -> None:
    found = [
        decision(body, with_words_changed(body, 0.1, number)).is_same_news
        for number, body in enumerate(LONG_BODIES)
    ]
    assert sum(found) >= 0.8 * len(found)


def test_an_edited_text_is_the_same_article_and_half_of_it_is_not() -> None:
    body = LONG_BODIES[0]
    half = " ".join(body.split()[: len(body.split()) // 2])
    edited = body.replace(body.split()[30], "edited", 1)
    assert decision(body, edited).relation is Relation.SAME_ARTICLE
    assert decision(body, half).relation is Relation.SAME_NEWS


# Other texts.


@pytest.mark.parametrize("number", range(10))
def test_no_issue_of_a_series_is_folded_under_another(number: int) -> None:
    issues = series(number, 12)
    for index, later in enumerate(issues):
        for earlier in issues[:index]:
            found = decision(earlier.body, later.body, (earlier.title, later.title))
            assert not found.is_same_news, (earlier, later)


FRAME = LONG_BODIES[1]


@pytest.mark.parametrize(
    ("earlier", "later", "reason"),
    [
        ("It closed at 470.2 to the dollar.", "It closed at 471.9 to the dollar.", "numbers"),
        ("It sold six wagons of wheat.", "It sold seven wagons of wheat.", "numbers"),
        ("It is in force until June 2024.", "It is in force until June 2025.", "numbers"),
        ("It meets again on May 4 at noon.", "It meets again on May 9 at noon.", "dates"),
        ("They met in Almaty for talks.", "They met in Shymkent for talks.", "names"),
    ],
)
def test_one_other_figure_date_or_name_in_the_same_frame_makes_another_text(
    earlier: str, later: str, reason: str
) -> None:
    found = decision(f"{FRAME}\n\n{earlier}", f"{FRAME}\n\n{later}")
    assert (found.is_same_news, found.reason) == (False, reason)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("Bakanlık Almatı'da üç okul açtı.", "Bakanlık Almatı 'da üç okul açtı."),
        ("Рейс открыло Управление дорог края.", "Рейс открыт силами Управления дорог края."),
        ("Como informa la AGENSTE hoy mismo.", "Como informa la AGENSTECOM hoy mismo."),
        ("Das Netz des Wasserverbandes wächst.", "Das Netz des Wasserverbands wächst."),
    ],
)
def test_a_name_with_another_ending_makes_no_other_text(earlier: str, later: str) -> None:
    assert decision(f"{FRAME}\n\n{earlier}", f"{FRAME}\n\n{later}").is_same_news


@pytest.mark.parametrize(
    "names", [("Iran", "Iraq"), ("Kazan", "Kazakhstan"), ("Turkey", "Turkestan")]
)
def test_names_that_only_begin_alike_are_two(names: tuple[str, str]) -> None:
    earlier, later = (f"{FRAME}\n\nTheir envoys came from {name} at noon." for name in names)
    found = decision(earlier, later)
    assert (found.is_same_news, found.reason) == (False, "names")


def test_a_possessive_is_no_other_ending() -> None:
    earlier = f"{FRAME}\n\nThe Chancellor and her council weigh it."
    found = decision(earlier, f"{FRAME}\n\nThe Chancellor's council weighs it.")
    assert (found.is_same_news, found.reason) == (False, "names")


def test_of_a_crowd_of_names_in_one_place_each_ending_counts() -> None:
    towns = [f"{first}orm{last}al" for first in "BDFGKLMNPRST" for last in "aeiou"]
    for ending, is_same in (("", True), ("in", False)):
        earlier, later = (
            FRAME + "".join(f" They came from {town}{end} by train." for town in towns)
            for end in ("", ending)
        )
        assert decision(earlier, later).is_same_news is is_same


def test_without_capitals_another_word_of_the_headline_makes_another_text() -> None:
    frame = FRAME.casefold().translate({ord("a") + at: ord("ا") + at for at in range(26)})
    earlier, later = (f"{frame}\n\nجدول {town} برای فردا." for town in ("خجند", "کولاب"))
    found = decision(earlier, later, ("هوای خجند", "هوای کولاب"))
    assert (found.is_same_news, found.reason) == (False, "names")
    assert decision(earlier, later).is_same_news


def test_a_number_in_other_digits_is_the_same_number() -> None:
    persian, latin, other = (
        f"{FRAME}\n\nآنها {number} مدرسه ساختند." for number in ("۱۲", 12, "۱۳")
    )
    assert decision(persian, latin).is_same_news
    assert decision(latin, other).reason == "numbers"


@pytest.mark.parametrize(
    ("first", "next_day", "a_week_later"),
    [
        ("ASTANA, March 31 -", "ASTANA, April 1 -", "ASTANA, April 7 -"),
        ("БИШКЕК, 31 марта —", "БИШКЕК, 1 апр —", "БИШКЕК, 7 апреля —"),
        ("TOSHKENT, 31-mart.", "TOSHKENT, 1-aprel.", "TOSHKENT, 7-aprel."),
    ],
)
def test_the_date_of_the_print_makes_no_other_text(
    first: str, next_day: str, a_week_later: str
) -> None:
    found = decision(f"{first} {FRAME}", f"{next_day} {FRAME}")
    assert found.relation is Relation.SAME_ARTICLE
    assert decision(FRAME, f"{first} {FRAME}").relation is Relation.SAME_ARTICLE
    weekly = decision(f"{first} {FRAME}", f"{a_week_later} {FRAME}")
    assert (weekly.is_same_news, weekly.reason) == (False, "dates")


def test_equal_texts_under_headlines_with_other_numbers_are_two() -> None:
    titles = ("Rates on 12 May: the tenge at 470", "Rates on 13 May: the tenge at 470")
    assert decision(FRAME, FRAME, titles) == Decision(Relation.DIFFERENT, "headline")
    assert decision(FRAME, FRAME, ("Five questions", "Rates on 13 May")).is_same_news


def test_a_short_standing_text_under_another_headline_with_its_own_number_is_another() -> None:
    standing = "The bank sets the rate by the results of trading in Almaty on each working day."
    titles = ("Kazakhstan lets tenge rise to 468.20", "Currency slides: 492.60 to the dollar")
    assert decision(standing, standing, titles) == Decision(Relation.DIFFERENT, "headline")
    assert decision(FRAME, FRAME, titles).is_same_news


def test_a_short_text_may_be_cut_under_the_same_headline_only() -> None:
    words = LONG_BODIES[1].split()
    whole, cut = " ".join(words[:70]), " ".join(words[:50])
    assert decision(whole, cut, ("A title", "A title!")).is_same_news
    assert decision(whole, cut) == Decision(Relation.DIFFERENT, "short")
    assert decision(cut, whole, ("A title", "A title!")).reason != "short"
    other = " ".join([*words[:40], *LONG_BODIES[4].split()[:15]])
    assert decision(whole, other, ("A title", "A title!")).reason == "short"


def test_a_new_passage_makes_an_update() -> None:
    known = " ".join(LONG_BODIES[2].split()[:120])
    fresh = " ".join(word.lower() for word in LONG_BODIES[3].split()[:60] if word.isalpha())
    found = decision(known, f"{known} {fresh}")
    assert found.relation is Relation.UPDATE


REPLY = "The company was pleased to settle, and thanked everybody who had helped the townspeople."


@pytest.mark.parametrize("place", [60, 120])
def test_one_new_sentence_within_or_behind_makes_an_update(place: int) -> None:
    words = LONG_BODIES[2].split()[:120]
    later = " ".join([*words[:place], REPLY, *words[place:]])
    found = decision(" ".join(words), later)
    assert (found.relation, found.reason) == (Relation.UPDATE, "passage")


@pytest.mark.parametrize(
    ("titles", "line"),
    [
        (("It closes its mill", "It closes its mill - Update"), ""),
        (("It closes its mill - Update", "It closes its mill - 2nd Update"), ""),
        (("It closes its mill", "CORRECTED - It closes its mill"), ""),
        (("It buys shares", "It buys shares"), "Correction: an earlier version was wrong."),
    ],
)
def test_what_calls_itself_an_update_or_a_correction_is_none_of_the_same(
    titles: tuple[str, str], line: str
) -> None:
    found = decision(FRAME, f"{FRAME}\n\n{line}", titles)
    assert (found.relation, found.reason) == (Relation.UPDATE, "revision")


def test_a_table_with_its_figures_in_other_places_is_another() -> None:
    rows = [f"MAY {60 + number} 1/2 UP 1/4" for number in range(20)]
    moved = rows[-1].replace("1/2 UP 1/4", "1/4 UP 1/2")
    found = decision("\n".join(rows), "\n".join([*rows[:-1], moved]))
    assert (found.relation, found.reason) == (Relation.DIFFERENT, "numbers")
    today, tomorrow = (f"BANGKOK, April {day} - {' '.join(rows)}" for day in (7, 8))
    assert decision(today, tomorrow).reason == "dates"


TAIL = (
    "Nora Weiss is a senior fellow for Eurasia at the Institute for Harbours in Valletta and the "
    "author of Grain and Other Weapons. She was a correspondent in Almaty and Tashkent for nine "
    "years, and teaches a course on pipelines at the naval college. Her newsletter appears on "
    "Fridays. The views expressed here are hers alone and do not necessarily reflect those of the "
    "institute, its board or its donors."
)


@pytest.mark.parametrize("words", [12, 20, 40, 60])
def test_articles_of_any_length_with_one_biography_are_told_apart(words: int) -> None:
    openings = [" ".join(body.split()[:words]) for body in BODIES[:6]]
    for number, first in enumerate(openings):
        for second in openings[:number]:
            assert not decision(f"{first}\n\n{TAIL}", f"{second}\n\n{TAIL}").is_same_news


def test_a_follow_up_that_tells_the_background_again_is_not_folded() -> None:
    for number, background in enumerate(LONG_BODIES[:10]):
        leads = [" ".join(body.split()[:80]) for body in BODIES[number + 20 : number + 22]]
        first, second = (f"{lead}\n\n{background}" for lead in leads)
        assert not decision(first, second).is_same_news


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_two_texts_can_be_compared(first: str, second: str) -> None:
    found = compare(Text(first, second), Text(second, first))
    assert 0 <= min(found.known, found.kept) <= max(found.known, found.kept) <= 1
    decide(found)


@given(st.text(min_size=1, max_size=300))
def test_a_text_is_never_new_beside_itself(text: str) -> None:
    found = compare(Text("", text), Text("", text))
    assert (found.numbers, found.dates, found.names) == (0, 0, 0)
