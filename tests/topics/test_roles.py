from __future__ import annotations

import pytest

from rscrawler.topics.roles import Role, dateline_end, role_of, sentence_spans


def role(sentence: str, name: str, kind: str = "state", *others: str) -> Role:
    spans = [(sentence.index(each), sentence.index(each) + len(each)) for each in (name, *others)]
    return role_of(sentence, *spans[0], kind, spans)


@pytest.mark.parametrize(
    "sentence",
    [
        "Kazakhstan refused to recognise the vote.",
        "But the government of Kazakhstan refused.",
        "In Kazakhstan, prices rose.",
        "Moscow was silent, while Kazakhstan protested.",
        "Russia and Kazakhstan quarrelled.",
    ],
)
def test_a_name_that_leads_its_clause_is_the_subject(sentence: str) -> None:
    assert role(sentence, "Kazakhstan") is Role.SUBJECT


@pytest.mark.parametrize(
    "sentence",
    [
        "Brazil, Kazakhstan, Kenya and Norway abstained.",
        "The bloc has Armenia, Belarus, Kazakhstan, and Russia.",
        "It sells to states such as Kazakhstan.",
        "Instability runs from the Balkans to Kazakhstan.",
        "Trade from Kazakhstan to Turkey grew.",
    ],
)
def test_lists_examples_and_ranges_are_passing(sentence: str) -> None:
    assert role(sentence, "Kazakhstan") is Role.PASSING


def test_a_list_of_the_topics_own_states_is_not_passing() -> None:
    sentence = "Ministers in Moscow warned Kazakhstan, Kyrgyzstan and Uzbekistan."
    assert role(sentence, "Kyrgyzstan", "state", "Kazakhstan", "Uzbekistan") is Role.OTHER


def test_a_range_within_the_topic_is_not_passing() -> None:
    sentence = "Panic ran from Dushanbe to Ashgabat."
    assert role(sentence, "Ashgabat", "place", "Dushanbe") is not Role.PASSING


@pytest.mark.parametrize(
    ("sentence", "name"),
    [
        ("Police held an Uzbek man.", "Uzbek"),
        ("He is an Uzbek who came in 2010.", "Uzbek"),
        ("The Tajik suspects were charged.", "Tajik"),
        ("She has many ethnic Kazakh neighbours.", "Kazakh"),
    ],
)
def test_a_persons_origin_is_passing(sentence: str, name: str) -> None:
    assert role(sentence, name, "people") is Role.PASSING


def test_the_place_of_a_meeting_is_a_setting() -> None:
    assert role("Xi met Modi at a summit in Astana.", "Astana", "place") is Role.SETTING
    assert role("Modi left the Samarkand summit early.", "Samarkand", "place") is Role.SETTING


def test_a_capital_that_acts_is_a_subject() -> None:
    assert role("Astana has refused.", "Astana", "place") is Role.SUBJECT


def test_abbreviations_do_not_end_a_sentence() -> None:
    text = "The U.S. Senate met Gen. Smith. It was late."
    assert [text[start:end] for start, end in sentence_spans(text)] == [
        "The U.S. Senate met Gen. Smith. ",
        "It was late.",
    ]


@pytest.mark.parametrize("text", ["ASTANA, Kazakhstan — Prices", "ALMATY (Reuters) – Prices"])
def test_a_dateline_ends_at_its_dash(text: str) -> None:
    assert text[dateline_end(text) :] == "Prices"


def test_a_sentence_without_a_dateline_has_none() -> None:
    assert dateline_end("Prices in Almaty rose.") == 0
