from __future__ import annotations

from pathlib import Path

import pytest

from rscrawler.errors import ConfigurationError
from rscrawler.items import Level
from rscrawler.topics import FlaggableText, Flagger
from rscrawler.topics.evaluation import fit
from rscrawler.topics.model import FEATURES
from rscrawler.topics.watchlist import read_watchlist


def line(number: int, level: str, text: str) -> dict[str, str]:
    return {"id": f"{level}-{number}", "title": "News", "text": text, "level": level}


LINES = [
    line(number, level, text)
    for number in range(4)
    for level, text in (
        ("primary", "Kazakhstan raised rates. Kazakhstan will wait, and Tokayev agreed."),
        ("substantial", "Russia waits. Kazakhstan raised rates. It will wait.\n\nRussia fell."),
        ("mention", "France, Spain, Kazakhstan and Italy abstained. Paris was glad of it."),
        ("none", "Paris raised its taxes."),
    )
]


def test_the_same_lines_give_the_same_weights_and_figures_by_file(central_asia: Flagger) -> None:
    parts = {"one": LINES, "two": LINES}
    model = fit(central_asia, parts)
    assert model == fit(central_asia, parts)
    assert set(model.figures) == {"one", "two", "all"}
    assert model.figures["one"]["f1"] == 1.0


def test_lines_without_a_level_to_learn_are_refused(central_asia: Flagger) -> None:
    with pytest.raises(ConfigurationError, match="need each of"):
        fit(central_asia, {"one": [LINES[0]]})


def test_what_is_left_when_a_file_is_held_out_must_have_each_level(
    central_asia: Flagger,
) -> None:
    primary = [each for each in LINES if each["level"] == "primary"]
    others = [each for each in LINES if each["level"] != "primary"]
    for parts in ({"one": LINES}, {"one": primary, "two": others}):
        with pytest.raises(ConfigurationError, match=r"than one, .* add a file, or a `source`"):
            fit(central_asia, parts)


def test_each_feature_of_a_text_has_its_share_in_the_score(central_asia: Flagger) -> None:
    text = FlaggableText("Kazakhstan votes", None, ("Kazakhstan votes on Sunday.",))
    found = central_asia.explain(text)["central-asia"]
    assert {each.feature for each in found} == {feature.name for feature in FEATURES}
    assert next(each for each in found if each.feature == "title").share > 0


def own_flagger(folder: Path, text: str) -> Flagger:
    file = folder / "own.toml"
    file.write_text(text, encoding="utf-8")
    return Flagger([read_watchlist(file)])


def test_a_topic_without_states_is_judged_too(tmp_path: Path) -> None:
    drones = own_flagger(
        tmp_path,
        'title = "Drones"\n[[entity]]\nname = "drones"\nkind = "project"\nspellings = ["drone*"]\n',
    )
    text = FlaggableText(
        "Drones over Kyiv", None, ("Drones hit Kyiv. Drones from Iran are cheap. Russia has many.",)
    )
    flag = drones.flag(text)[0]
    assert flag.score > 0.5
    assert flag.countries == ()


def test_a_topic_without_states_is_not_primary_because_no_state_competes(tmp_path: Path) -> None:
    makers = own_flagger(
        tmp_path,
        'title = "Makers"\n[[entity]]\nname = "Varnholm"\nkind = "organisation"\n'
        'spellings = ["Varnholm"]\n',
    )
    paragraphs = (
        "Ports spent more on cranes last year than in the five years before.",
        "Varnholm will close its yard in Riga. The company lost a third of its orders last year. "
        "Varnholm builds cranes for smaller ports.",
        "Ships grew larger, and harbours had to be dug deeper.",
        "Trade unions ask for a plan for the older workers.",
    )
    about_cranes = makers.first_flag(FlaggableText("The price of cranes", None, paragraphs))
    about_it = makers.first_flag(FlaggableText("Varnholm closes a yard", None, paragraphs))
    assert (about_cranes.level, about_it.level) == (Level.SUBSTANTIAL, Level.PRIMARY)


def test_names_of_a_topics_own_states_do_not_compete_with_it(tmp_path: Path) -> None:
    russia = own_flagger(
        tmp_path,
        'title = "Russia"\n[states]\nRU = "Russia"\n[[entity]]\nname = "Russia"\nkind = "state"\n'
        'country = "RU"\nspellings = ["Russia"]\n',
    )
    paragraphs = (
        "The Kremlin has set a date for the vote. Putin is silent. Moscow expects no surprises.",
        "In Russia the vote takes three days. The Kremlin pays for it.",
    )
    flag = russia.first_flag(FlaggableText("Kremlin sets a date", None, paragraphs))
    assert flag.level is Level.PRIMARY
