from __future__ import annotations

import pytest

from rscrawler.topics import FlaggableText, load_watchlists
from rscrawler.topics.contexts import Hit
from rscrawler.topics.reading import read_zones
from rscrawler.topics.text import JoinedText
from rscrawler.topics.watchlist import Entity, Roles

ROLES = Roles()
KAZAKHSTAN = next(
    entity
    for entity in load_watchlists(["central-asia"])["central-asia"].entity
    if entity.name == "Kazakhstan"
)


def weights(paragraph: str, *rivals: str, entity: Entity = KAZAKHSTAN) -> list[float]:
    """The weight of each sentence of `paragraph`, in which Kazakhstan is the topic."""
    joined = JoinedText.of(FlaggableText(paragraphs=(paragraph,)))
    start = paragraph.index("Kazakhstan")
    hit = Hit(entity, start, start + len("Kazakhstan"), 0)
    zone = read_zones(joined, [hit], [paragraph.index(rival) for rival in rivals], ROLES)[0]
    return [round(sentence.weight, 3) for sentence in zone.sentences]


def test_a_sentence_that_takes_up_the_state_keeps_more_than_one_that_names_nobody() -> None:
    taken_up = weights("Kazakhstan refused. The country has its reasons.")
    neutral = weights("Kazakhstan refused. Prices rose on Monday.")
    assert taken_up == [1.0, ROLES.taken_up]
    assert neutral == [1.0, ROLES.follows]


def test_a_rival_at_the_start_breaks_off() -> None:
    assert weights("Kazakhstan refused. Moscow was angry.", "Moscow") == [1.0, 0.0]


def test_a_pronoun_before_a_rival_goes_on() -> None:
    assert weights("Kazakhstan refused. Its ties with Moscow suffered.", "Moscow")[1] > 0.9


@pytest.mark.parametrize("opening", ["There, ministers quarrel", "For them it ends"])
def test_what_happens_there_or_to_them_goes_on(opening: str) -> None:
    assert weights(f"Kazakhstan refused. {opening} with Moscow.", "Moscow")[1] > 0.9


def test_a_stranger_who_is_introduced_is_no_president_of_the_state_before() -> None:
    text = "Kazakhstan refused. Nikos Papadakis, the president, was ready in Moscow."
    assert weights(text, "Moscow")[1] == 0.0
    assert weights("Kazakhstan refused. The president was ready in Moscow.", "Moscow")[1] > 0.9


def test_a_rival_late_in_a_sentence_halves_what_is_kept() -> None:
    text = (
        "Kazakhstan refused. A long winter without any light or heat came over the steppe and Omsk."
    )
    assert weights(text, "Omsk")[1] == ROLES.rival


@pytest.mark.parametrize("pronoun", ["He", "She"])
def test_a_person_who_was_not_named_is_not_the_state(pronoun: str) -> None:
    visitor = weights(f"His journey led to Kazakhstan. {pronoun} liked the bread.")
    ruler = weights(f"Kazakhstan has a president. {pronoun} liked the bread.")
    assert visitor[1] < ROLES.taken_up * visitor[0]
    assert ruler[1] == ROLES.taken_up
