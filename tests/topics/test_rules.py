"""Rules of the shipped watch-list, each with the smallest pieces that show it. All invented."""

from __future__ import annotations

import pytest

from rscrawler.items import Level, TopicFlag
from rscrawler.topics import FlaggableText, Flagger

FLAGGED = (Level.SUBSTANTIAL, Level.PRIMARY)


def flag_of(flagger: Flagger, text: str, title: str = "A piece") -> TopicFlag | None:
    paragraphs = tuple(text.split("\n\n"))
    return next(iter(flagger.flag(FlaggableText(title=title, paragraphs=paragraphs))), None)


def level_of(flagger: Flagger, text: str, title: str = "A piece") -> Level:
    flag = flag_of(flagger, text, title)
    return flag.level if flag else Level.NONE


def terms_of(flagger: Flagger, text: str, title: str = "A piece") -> set[str]:
    flag = flag_of(flagger, text, title)
    return {each.term for each in flag.evidence} if flag else set()


@pytest.mark.parametrize("name", ["Yermak", "Guriev", "Taras", "Pokrovka", "Cox’s Bazar"])
def test_what_geonames_also_calls_a_town_is_a_surname_or_a_place_elsewhere(
    name: str, central_asia: Flagger
) -> None:
    text = f"{name} was in the news. In Kazakhstan and Kyrgyzstan nobody spoke of {name}."
    assert terms_of(central_asia, text) == {"Kazakhstan", "Kyrgyzstan"}


@pytest.mark.parametrize("name", ["Kustanai", "Chardzhou", "Przhevalsk", "Stalinabad", "Kentau"])
def test_a_town_is_found_by_its_name_and_by_an_older_one_in_use(
    name: str, central_asia: Flagger
) -> None:
    assert name in terms_of(central_asia, f"{name} is far from Almaty, Osh, Dushanbe and Ashgabat.")
