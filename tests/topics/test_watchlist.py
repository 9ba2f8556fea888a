from __future__ import annotations

from pathlib import Path

import pytest

from rscrawler.config import Config
from rscrawler.errors import ConfigurationError
from rscrawler.topics import WatchList, keep_good_copies, load_watchlists
from rscrawler.topics.watchlist import read_watchlist

SMALL = """
title = "Baltic states"
[states]
EE = "Estonia"
[context.company]
countries = ["*"]
[[entity]]
name = "Estonia"
kind = "state"
country = "EE"
spellings = ["Estonia"]
"""


def written(folder: Path, text: str, name: str = "baltic") -> Path:
    (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder


def own_and_shipped(folder: Path) -> dict[str, WatchList]:
    return load_watchlists(Config(topics_dir=folder))


def test_the_shipped_lists_load() -> None:
    lists = load_watchlists()
    assert {"central-asia", "south-caucasus"} <= set(lists)
    assert list(lists["central-asia"].states) == ["KZ", "KG", "TJ", "TM", "UZ"]


def test_a_list_of_ones_own_is_found_beside_the_shipped_ones(tmp_path: Path) -> None:
    lists = own_and_shipped(written(tmp_path, SMALL))
    assert {"baltic", "central-asia", "south-caucasus"} <= lists.keys()
    assert lists["baltic"].name == "baltic"


def test_a_file_of_the_same_name_wins(tmp_path: Path) -> None:
    lists = own_and_shipped(written(tmp_path, SMALL, "central-asia"))
    assert lists["central-asia"].title == "Baltic states"


def test_a_spelling_may_begin_with_a_hyphen_or_be_a_symbol(tmp_path: Path) -> None:
    changed = SMALL.replace("spellings = [", 'spellings = ["-onia", "€", ')
    (entity,) = own_and_shipped(written(tmp_path, changed))["baltic"].entity
    assert entity.spellings == ["-onia", "€", "Estonia"]


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"topics_dir: .*: cannot be read: No such file"):
        own_and_shipped(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (SMALL.replace('kind = "state"', 'kind = "planet"'), r"entity\.0 \('Estonia'\)\.kind"),
        (SMALL.replace("spellings = ", "spelings = "), r"entity\.0 .*\.spelings: unknown key"),
        *(
            (SMALL.replace('"Estonia"]', f'"{text}"]'), rf"spellings\.0: '.*': allowed: {allowed}")
            for text in (" ", "-", "—", "…", "*", "* onia", "-*", "\u00a0*onia", "Est**", "Est **")
            for allowed in ["a name or word; one \\* at the end of a word"]
        ),
        (SMALL + 'needs = ["friends"]\n', "needs: 'friends': allowed: .*company"),
        (SMALL.replace('country = "EE"', 'country = "LV"'), "country: 'LV'.*EE"),
        (
            SMALL + '[context.empty]\nwithin = "text"\n',
            "context.empty.*needs words, countries or entities",
        ),
        (SMALL + '[context.near]\nentities = ["Riga"]\n', "context 'near': entities: 'Riga'"),
        (SMALL + '[context.near]\ncountries = ["*", "LV"]\n', "'near': countries: 'LV'.*EE"),
        (
            SMALL + f'[context.near]\nwords = ["port"]\nwithin = {2**62}\n',
            "context.near.within: .* allowed: 100000 or less, or 'paragraph', 'lead' or 'text'",
        ),
        (SMALL + "[levels]\nprimary = 2\n", r"levels\.primary"),
        ('name = "x"\n' + SMALL, "name: the file's own name"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_key(
    broken: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        own_and_shipped(written(tmp_path, broken))
    assert "baltic.toml" in str(caught.value)


def test_towns_come_from_geonames_without_misleading_spellings() -> None:
    towns = [
        spelling
        for entity in load_watchlists()["central-asia"].entities
        if entity.needs == ["company-twice"] and entity.kind == "place" and entity.case == "capital"
        for spelling in entity.spellings
    ]
    assert "Kentau" in towns
    assert not {"Nov", "Mary", "Kim", "Aim", "Turn", "", "SCO", "Shevchenko"} & set(towns)


def test_the_json_schema_describes_every_key() -> None:
    schema = WatchList.model_json_schema()
    assert {"title", "states", "context", "entity", "places", "levels"} <= set(schema["properties"])
    assert "spellings" in schema["$defs"]["Entity"]["properties"]


def test_crawls_at_the_same_time_keep_a_good_copy_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config(output_dir=tmp_path / "output", topics_dir=tmp_path)
    written(tmp_path, SMALL)

    def read_while_another_crawl_copies(file: Path) -> WatchList:
        found = read_watchlist(file)
        monkeypatch.undo()
        keep_good_copies(config)
        return found

    monkeypatch.setattr(
        "rscrawler.topics.watchlist.read_watchlist", read_while_another_crawl_copies
    )
    keep_good_copies(config)
    [copy] = (tmp_path / "output/watch-lists").iterdir()
    assert (copy.name, copy.read_text()) == ("baltic.toml", SMALL)
