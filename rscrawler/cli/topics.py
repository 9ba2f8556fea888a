"""`rscrawler topics`: the watch-lists, how well they do, what a change would change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from rscrawler.cli.common import (
    ConfigOption,
    JsonOption,
    counted,
    opened_store,
    out,
    parse_day,
    print_json,
    read_config,
)
from rscrawler.cli.marks import marks_command
from rscrawler.config import Config, read_text
from rscrawler.errors import ConfigurationError
from rscrawler.topics import Evaluation, Flagger, WatchList, backtest, evaluate, known_topics
from rscrawler.topics.evaluation import problem_of_line

app = typer.Typer(help="The watch-lists: what each looks for, and how well it does.")
app.command("marks")(marks_command)
TopicArgument = Annotated[str, typer.Argument(help="The watch-list's name, such as central-asia.")]


def _watchlist(topic: str, config: Config) -> WatchList:
    watchlists = known_topics(config)
    if topic not in watchlists:
        known = ", ".join(sorted(watchlists))
        raise ConfigurationError(f"topic {topic!r} is not known; allowed: {known}")
    return watchlists[topic]


@app.command("list")
def list_command(config_path: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show every watch-list, shipped and own."""
    config = read_config(config_path)
    watchlists = known_topics(config)
    rows = [
        {
            "topic": name,
            "title": watchlist.title,
            "entities": len(watchlist.entity),
            "alerts": name in config.alerts.topics,
        }
        for name, watchlist in sorted(watchlists.items())
    ]
    if as_json:
        print_json({"topics": rows})
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("topic", "title", "entities", "alerts"):
        table.add_column(heading)
    for row in rows:
        table.add_row(
            str(row["topic"]),
            str(row["title"]),
            str(row["entities"]),
            "yes" if row["alerts"] else "no",
        )
    out.print(table)


@app.command("show")
def show_command(
    topic: TopicArgument, config_path: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Show one watch-list: its entities, their spellings and contexts."""
    watchlist = _watchlist(topic, read_config(config_path))
    if as_json:
        print_json(watchlist.model_dump(mode="json"))
        return
    table = Table(title=f"{watchlist.title} ({topic})", box=None, pad_edge=False)
    table.add_column("entity", max_width=28)
    table.add_column("spellings")
    for entity in watchlist.entity:
        facts = ", ".join([entity.kind, *entity.countries, f"weight {entity.weight:g}"])
        table.add_row(
            Text.assemble(entity.name, "\n", (facts, "dim")), Text(", ".join(entity.spellings))
        )
    out.print(table)


@app.command("evaluate")
def evaluate_command(
    topic: TopicArgument,
    labelled: Annotated[Path, typer.Argument(help="JSONL of {id, title, text, level}.")],
    config_path: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a watch-list on labelled text: precision, recall, F1 of what is flagged."""
    watchlist = _watchlist(topic, read_config(config_path))
    evaluation = evaluate(Flagger([watchlist]), topic, read_labelled(labelled))
    if as_json:
        print_json(evaluation.to_json())
    else:
        _print_evaluation(evaluation)


def read_labelled(path: Path) -> list[dict[str, Any]]:
    """The labelled lines of a JSONL file.

    Raises:
        ConfigurationError: the file cannot be read or holds no line, or lines are wrong: one
            problem for each, with its number.
    """
    # Not `splitlines`, which would also divide a text at a separator that JSON allows in it.
    lines = read_text(path).split("\n")
    labelled: list[dict[str, Any]] = []
    problems: list[str] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            problems.append(f"{path}: line {number}: is not JSON: {error.msg}")
            continue
        problem = problem_of_line(value) if isinstance(value, dict) else "is not a JSON object"
        if problem:
            problems.append(f"{path}: line {number}: {problem}")
        labelled.append(value)
    if problems:
        raise ConfigurationError(*problems)
    if not labelled:
        raise ConfigurationError(
            f"{path}: holds no labelled line; allowed: lines of {{id, title, text, level}}"
        )
    return labelled


def _print_evaluation(evaluation: Evaluation) -> None:
    out.print(
        f"{counted(evaluation.total, 'piece')}: precision {evaluation.precision:.3f}, "
        f"recall {evaluation.recall:.3f}, F1 {evaluation.f1:.3f}; "
        f"levels right {evaluation.levels_right:.1%}"
    )
    levels = list(evaluation.confusion)
    table = Table(title="rows: labelled, columns: flagged", box=None, pad_edge=False)
    table.add_column("")
    for level in levels:
        table.add_column(level, justify="right")
    for expected in levels:
        table.add_row(expected, *(str(evaluation.confusion[expected][each]) for each in levels))
    out.print(table)
    for miss in evaluation.misses:
        out.print(
            f"  {miss.id}: {miss.difference} ({miss.score:.2f})  {miss.title}",
            markup=False,
        )


@app.command("backtest")
def backtest_command(
    topic: TopicArgument,
    since: Annotated[str | None, typer.Option("--since", help="Recorded since this day.")] = None,
    config_path: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the present watch-list would flag among stored pieces, against what it did."""
    config = read_config(config_path)
    watchlist = _watchlist(topic, config)
    with opened_store(config) as store:
        articles = store.articles.latest_articles(since=parse_day(since, "--since"))
        flagger = Flagger([watchlist])
        result = backtest(flagger, topic, articles, is_forgotten=lambda each: each.is_pruned)
    if as_json:
        print_json(result.to_json())
        return
    pieces = counted(result.total, "stored piece")
    out.print(f"{pieces}, {len(result.changes)} would be judged otherwise")
    if result.skipped:
        out.print(f"{result.skipped} more cannot be judged: their text was forgotten by prune")
    for change in result.changes:
        out.print(f"  {change.before} → {change.after}  {change.title}  {change.url}", markup=False)
