"""Watch-lists on the command line, over a store that a test fills."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import timedelta

import pytest

from rscrawler.cli.output import counted
from rscrawler.clock import utc_now
from rscrawler.config import load_config
from rscrawler.delivery.jsonl import deliver_jsonl
from rscrawler.store import Store
from tests.delivery.helpers import an_article, record
from tests.topics.test_fitting import LINES
from tests.workspace import Workspace

BACKTEST = ("topics", "backtest", "central-asia")


def test_one_article_is_not_called_articles(workspace: Workspace) -> None:
    workspace.config.write_text("")
    line = '{"id": 1, "text": "Nothing.", "level": "none"}'
    (workspace.folder / "one.jsonl").write_text(line, "utf-8")
    evaluated = workspace.run("topics", "evaluate", "central-asia", "one.jsonl").stdout
    assert evaluated.startswith("1 text: precision 1.000, recall 1.000, F1 1.000; ")
    assert [counted(number, "article") for number in (0, 1, 1000)] == [
        "0 articles",
        "1 article",
        "1,000 articles",
    ]


def test_an_id_is_given_back_as_the_line_has_it(workspace: Workspace) -> None:
    workspace.config.write_text("")
    lines = (
        '{"id": 7, "text": "A.", "level": "none"}',
        '{"id": "7", "text": "B.", "level": "none"}',
    )
    (workspace.folder / "ids.jsonl").write_text("\n".join(lines), "utf-8")
    result = workspace.run("topics", "evaluate", "central-asia", "ids.jsonl", "--json").json
    assert [prediction["id"] for prediction in result["predictions"]] == [7, "7"]


@pytest.mark.parametrize("streams", ["utf-8:strict", "utf-8:surrogateescape"])
def test_a_title_that_no_encoding_has_is_printed_as_its_escape(
    workspace: Workspace, streams: str
) -> None:
    workspace.config.write_text("")
    line = {"id": "a", "title": "\ud800", "text": "Kazakhstan votes.", "level": "none"}
    (workspace.folder / "lines.jsonl").write_text(json.dumps(line))
    evaluate = ("topics", "evaluate", "central-asia", "lines.jsonl")
    result = workspace.run(*evaluate, PYTHONIOENCODING=streams)
    assert result.status == 0, result.stderr
    assert "\\ud800" in result.stdout
    assert workspace.run(*evaluate, "--json").json["misses"][0]["title"] == "\ud800"


def test_json_is_utf_8_in_a_terminal_that_has_only_ascii(workspace: Workspace) -> None:
    workspace.config.write_text("")
    line = {"id": "a", "title": "Казахстан", "text": "Kazakhstan votes.", "level": "none"}
    (workspace.folder / "lines.jsonl").write_text(json.dumps(line))
    evaluate = ("topics", "evaluate", "central-asia", "lines.jsonl")
    assert "\\u041a\\u0430" in workspace.run(*evaluate, PYTHONIOENCODING="ascii").stdout
    answer = workspace.run(*evaluate, "--json", PYTHONIOENCODING="ascii").json
    assert answer["misses"][0]["title"] == "Казахстан"


def test_a_fit_without_files_names_where_judgements_can_be_had(workspace: Workspace) -> None:
    workspace.config.write_text("")
    result = workspace.run("topics", "fit")
    assert (result.status, result.stdout) == (2, "")
    assert result.stderr.startswith("rscrawler: topics fit: name all files of labelled lines ")
    assert "topics marks --export" in result.stderr


def test_a_fit_writes_its_weights_where_it_is_told_and_prints_its_figures(
    workspace: Workspace,
) -> None:
    workspace.config.write_text("")
    for name in ("one", "two"):
        lines = "".join(f"{json.dumps(each)}\n" for each in LINES)
        (workspace.folder / f"{name}.jsonl").write_text(lines, "utf-8")
    said = workspace.run("topics", "fit", "one.jsonl", "two.jsonl", "-o", "weights.json").stdout
    assert said.endswith("at a time; weights in weights.json\n")
    assert [line.split()[0] for line in said.splitlines()[1:4]] == ["one", "two", "all"]
    weights = json.loads((workspace.folder / "weights.json").read_text("utf-8"))
    assert weights["figures"].keys() == {"one", "two", "all"}


def test_the_watch_lists_are_listed_with_their_titles(workspace: Workspace) -> None:
    workspace.config.write_text("")
    header, *rows = workspace.run("topics", "list").stdout.splitlines()
    assert header.split() == ["topic", "title", "entities", "alerts"]
    assert [row.split()[0] for row in rows] == ["central-asia", "south-caucasus"]


def test_two_files_of_one_name_are_refused_by_their_name(workspace: Workspace) -> None:
    workspace.config.write_text("")
    result = workspace.run("topics", "evaluate", "central-asia", "a/ids.jsonl", "b/ids.jsonl")
    assert result.status == 2
    assert "a/ids.jsonl: another file is called ids, too; rename one" in result.stderr


def test_a_backtest_does_not_judge_texts_that_were_forgotten(workspace: Workspace) -> None:
    workspace.config.write_text("")
    now = utc_now()
    config = load_config(workspace.config)
    with closing(Store.open(config.database)) as store:
        for number, days in ((1, 30), (2, 30), (3, 0)):
            record(store, an_article(number, fetched_at=now), at=now - timedelta(days=days))
        before = workspace.run(*BACKTEST, "--json").json
        deliver_jsonl(config, store)
        assert store.retention.prune(now - timedelta(days=1)).versions == 2
    after = workspace.run(*BACKTEST, "--json").json
    assert (before["total"], before["skipped"]) == (3, 0)
    assert (after["total"], after["skipped"]) == (1, 2)
    assert after["changes"] == [each for each in before["changes"] if each["article_id"][-1] == "3"]
    assert workspace.run(*BACKTEST).stdout.splitlines()[1] == (
        "2 more cannot be judged: their text was deleted by prune"
    )
