from __future__ import annotations

import re
from pathlib import Path

from pydantic import BaseModel

from rscrawler.config import Config
from rscrawler.topics import FlaggableText, Flagger, load_watchlists
from rscrawler.topics.watchlist import Context, Entity, Levels, PlaceRules, WatchList

DOCS = Path(__file__).parents[2] / "docs" / "watch-lists.md"
SHIPPED = Path(__file__).parents[2] / "rscrawler" / "topics" / "central-asia.toml"


def page() -> str:
    return DOCS.read_text(encoding="utf-8")


def test_every_key_of_a_watch_list_is_explained() -> None:
    models: tuple[type[BaseModel], ...] = (
        WatchList, Entity, Context, PlaceRules, Levels,
    )  # fmt: skip
    keys = {key for model in models for key in model.model_fields}
    text = page()
    assert [key for key in sorted(keys) if not re.search(rf"\b{key}\b", text)] == []


def test_the_worked_example_does_what_it_says(tmp_path: Path) -> None:
    added = "".join(
        re.sub(r"(?m)^ {3}", "", block) for block in re.findall(r"```toml\n(.*?)```", page(), re.S)
    )
    changed = tmp_path / "central-asia.toml"
    changed.write_text(SHIPPED.read_text(encoding="utf-8") + "\n" + added, encoding="utf-8")
    article = FlaggableText(
        paragraphs=("Altyn Zavod closed a furnace. People in Temir heard it go cold.",)
    )
    before = Flagger([load_watchlists()["central-asia"]])
    after = Flagger([load_watchlists(Config(topics_dir=tmp_path))["central-asia"]])
    without = FlaggableText(paragraphs=("Temir, the coach of the league, smiled.",))
    assert {each.term for each in after.flag(article)[0].evidence} == {"Altyn Zavod", "Temir"}
    assert "Temir" not in {each.term for flag in before.flag(article) for each in flag.evidence}
    assert after.flag(without) == []
