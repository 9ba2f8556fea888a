"""A table of records holds what a spreadsheet can use of each, and its columns are documented."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from rscrawler.delivery.jsonl import deliver_jsonl
from rscrawler.delivery.records import export_records
from rscrawler.items import ChangeSummary, Extraction
from rscrawler.store import Store
from tests.delivery.helpers import NOW, a_config, an_article, on_sqlite, record

DOCS = Path(__file__).parents[2] / "docs" / "output.md"


@pytest.fixture
def rows(store: Store, tmp_path: Path) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    """An article and its update, by way of CSV and of Parquet."""
    read = Extraction("profile", ("no byline", "no date"))
    change = ChangeSummary(("title", "body"), 12, 3)
    record(store, an_article(1, found_in=["/feed/", "/asia/"], extraction=read))
    record(store, an_article(1, version=2, change=change))
    table, columns = tmp_path / "x.csv", tmp_path / "x.parquet"
    export_records(store.articles.records(), "csv", table)
    export_records(store.articles.records(), "parquet", columns)
    with table.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream)), pyarrow.parquet.read_table(columns).to_pylist()


@on_sqlite
def test_a_table_tells_where_an_article_was_found_and_how_it_was_read(
    rows: tuple[list[dict[str, str]], list[dict[str, Any]]],
) -> None:
    (row, _), (typed, _) = rows
    assert row["found_in"] == "/feed/; /asia/"
    assert (row["extraction_method"], row["extraction_warnings"]) == (
        "profile",
        "no byline; no date",
    )
    assert typed["found_in"] == ["/feed/", "/asia/"]
    assert typed["extraction_warnings"] == ["no byline", "no date"]


@on_sqlite
def test_a_table_tells_what_an_update_changed(
    rows: tuple[list[dict[str, str]], list[dict[str, Any]]],
) -> None:
    names = ("changed_fields", "words_added", "words_removed")
    table, columns = rows
    assert [[row[name] for name in names] for row in table] == [
        ["", "", ""],
        ["title; body", "12", "3"],
    ]
    assert [[row[name] for name in names] for row in columns] == [
        [[], None, None],
        [["title", "body"], 12, 3],
    ]


@on_sqlite
def test_the_page_names_the_columns_in_their_order(
    rows: tuple[list[dict[str, str]], list[dict[str, Any]]],
) -> None:
    section = DOCS.read_text(encoding="utf-8").partition("## Export\n")[2]
    named = re.findall(r"`([a-z_]+)`", section.partition("turns this off.")[2])
    assert [name for name in named if name in rows[0][0]] == list(rows[0][0])


@on_sqlite
@pytest.mark.parametrize("title", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\uff1d1"])
def test_no_cell_becomes_a_formula_in_a_spreadsheet(
    store: Store, tmp_path: Path, title: str
) -> None:
    record(store, an_article(1, title=title))
    for is_raw, expected in ((False, f"'{title}"), (True, title)):
        export_records(store.articles.records(), "csv", tmp_path / "x.csv", is_raw=is_raw)
        with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as stream:
            assert next(csv.DictReader(stream))["title"] == expected


@on_sqlite
@pytest.mark.parametrize("to_file", [True, False])
def test_a_line_that_is_exported_is_the_one_that_was_delivered(
    store: Store, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], to_file: bool
) -> None:
    record(store, an_article(1, title="one\u2028two\u0085three \ud800 four"))
    deliver_jsonl(a_config(tmp_path), store)
    file = tmp_path / "x.jsonl" if to_file else None
    export_records(store.articles.records(), "jsonl", file)
    written = file.read_bytes() if file else capfdbinary.readouterr().out
    assert written == (tmp_path / "articles" / f"{NOW:%Y-%m-%d}.jsonl").read_bytes()


@on_sqlite
def test_a_lone_surrogate_stands_as_its_escape_in_tables(store: Store, tmp_path: Path) -> None:
    record(store, an_article(1, title="lone \ud800", authors=["\udfff"]))
    table, columns = tmp_path / "x.csv", tmp_path / "x.parquet"
    export_records(store.articles.records(), "csv", table)
    export_records(store.articles.records(), "parquet", columns)
    [row] = csv.DictReader(table.read_text(encoding="utf-8").splitlines())
    assert (row["title"], row["authors"]) == ("lone \\ud800", "\\udfff")
    [typed] = pyarrow.parquet.read_table(columns).to_pylist()
    assert (typed["title"], typed["authors"]) == ("lone \\ud800", ["\\udfff"])
