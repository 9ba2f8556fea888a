"""`rscrawler topics`: the watch-lists, how well they do, what a change would change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
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
from rscrawler.config import read_text
from rscrawler.errors import ConfigurationError
from rscrawler.items import Level
from rscrawler.topics import (
    Evaluation,
    Flagger,
    backtest,
    evaluate,
    known_topic,
    known_topics,
)
from rscrawler.topics.fitting import fit
from rscrawler.topics.model import MODEL_FILE

app = typer.Typer(help="The watch-lists: what each looks for, and how well it does.")
app.command("marks")(marks_command)
TopicArgument = Annotated[str, typer.Argument(help="The watch-list's name, such as central-asia.")]


def register(root: typer.Typer) -> None:
    """Add this module's commands."""
    root.add_typer(app, name="topics")


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
    table = Table("topic", "title", "entities", "alerts", box=None, pad_edge=False)
    for row in rows:
        *shown, alerts = row.values()
        table.add_row(*map(str, shown), "yes" if alerts else "no")
    out.print(table)


@app.command("show")
def show_command(
    topic: TopicArgument, config_path: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Show one watch-list: its entities, their spellings and contexts."""
    watchlist = known_topic(topic, read_config(config_path))
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
    labelled: Annotated[list[Path], typer.Argument(help="JSONL of {id, title, text, level}.")],
    config_path: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a watch-list on labelled text: precision, recall, F1 of what is flagged."""
    flagger = Flagger([known_topic(topic, read_config(config_path))])
    parts = _parts(labelled)
    evaluations = {name: evaluate(flagger, topic, lines) for name, lines in parts.items()}
    judged = (judgement for each in evaluations.values() for judgement in each.judged)
    whole = Evaluation(topic, tuple(judged))
    figures = {name: each.figures for name, each in evaluations.items()}
    if as_json:
        print_json(whole.to_json() | {"parts": figures})
    elif len(parts) == 1:
        _print_evaluation(whole)
    else:
        _print_figures(figures | {"all": whole.figures})


@app.command("fit")
def fit_command(
    labelled: Annotated[
        list[Path] | None, typer.Argument(help="JSONL of {id, title, text, level}.")
    ] = None,
    topic: Annotated[str, typer.Option("--topic", help="Whose names are read.")] = "central-asia",
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where the weights go; by default, into use.")
    ] = MODEL_FILE,
    config_path: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fit the model's weights on labelled text; show what it reaches on text it has not seen."""
    if not labelled:
        raise ConfigurationError("topics fit: name files of labelled lines")
    flagger = Flagger([known_topic(topic, read_config(config_path))])
    model = fit(flagger, topic, _parts(labelled))
    try:
        output.write_text(json.dumps(model.to_json(), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"--output: {output}: {error.strerror}") from error
    if as_json:
        print_json({"output": str(output), "figures": model.figures})
    else:
        _print_figures(model.figures)
        out.print(f"held out one file, or one source of a file, at a time; weights in {output}")


def _parts(files: list[Path]) -> dict[str, list[dict[str, Any]]]:
    """The labelled lines of each file, by its name without the ending."""
    parts = {path.stem: read_labelled(path) for path in files}
    if len(parts) < len(files):
        raise ConfigurationError("files of labelled lines: two have the same name")
    return parts


def _print_figures(parts: Mapping[str, Mapping[str, Any]]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    columns = list(next(iter(parts.values())))
    for column in columns:
        table.add_column(column.replace("_", " "), justify="right")
    for name, figures in parts.items():
        values = [figures[column] for column in columns]
        shown = [f"{each:.3f}" if isinstance(each, float) else str(each or "–") for each in values]
        table.add_row(Text(name), *shown)
    out.print(table)


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
        problem = _problem_of(value) if isinstance(value, dict) else "is not a JSON object"
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


def _problem_of(line: dict[str, Any]) -> str | None:
    """What is wrong with a labelled line: the key, and what is allowed; None if nothing is."""
    if missing := [key for key in ("id", "text", "level") if key not in line]:
        return f"{', '.join(missing)} missing"
    levels = [str(level) for level in Level]
    if line["level"] not in levels:
        return f"level: {line['level']!r}; allowed: {', '.join(levels)}"
    for key in ("text", "title", "subtitle"):
        if not isinstance(line.get(key, ""), str) and (key == "text" or line[key] is not None):
            return f"{key}: allowed: a text"
    for key in ("tags", "countries"):
        value = line.get(key) or []
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            return f"{key}: allowed: a list of texts"
    return None


def _print_evaluation(evaluation: Evaluation) -> None:
    figures = evaluation.figures
    out.print(
        f"{counted(figures['texts'], 'text')}: precision {figures['precision']:.3f}, "
        f"recall {figures['recall']:.3f}, F1 {figures['f1']:.3f}; "
        f"levels right {figures['levels_right']:.1%}"
    )
    confusion = evaluation.confusion
    levels = list(confusion)
    table = Table(title="rows: labelled, columns: flagged", box=None, pad_edge=False)
    table.add_column("")
    for level in levels:
        table.add_column(level, justify="right")
    for expected in levels:
        table.add_row(expected, *(str(confusion[expected][each]) for each in levels))
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
    watchlist = known_topic(topic, config)
    with opened_store(config) as store:
        articles = store.articles.latest_articles(since=parse_day(since, "--since"))
        flagger = Flagger([watchlist])
        result = backtest(flagger, topic, articles, is_forgotten=lambda each: each.is_pruned)
    if as_json:
        print_json(asdict(result))
        return
    pieces = counted(result.total, "stored piece")
    out.print(f"{pieces}, {len(result.changes)} would be judged otherwise")
    if result.skipped:
        out.print(f"{result.skipped} more cannot be judged: their text was forgotten by prune")
    for change in result.changes:
        out.print(f"  {change.before} → {change.after}  {change.title}  {change.url}", markup=False)
