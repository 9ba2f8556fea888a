"""`rscrawler topics`: show watch-lists, measure them, and try a changed one on stored articles."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel, Field
from typer import Argument, Option

from rscrawler.cli.inputs import ConfigOption, JsonOption, SinceOption, opened_store, usable
from rscrawler.cli.output import counted, print_json, print_table, say, tracked
from rscrawler.config import checked, read_text
from rscrawler.errors import ConfigurationError
from rscrawler.items import Article, Level
from rscrawler.store.judgements import Judgement
from rscrawler.topics import Flagger, load_watchlist, load_watchlists
from rscrawler.topics.evaluation import Evaluation, backtest, evaluate, fit
from rscrawler.topics.model import MODEL_FILE
from rscrawler.topics.watchlist import CONTEXT_KEYS

topics_app = typer.Typer()
TopicArgument = Annotated[
    str, Argument(metavar="TOPIC", help="The watch-list's name, such as central-asia.")
]
_LABELLED = "JSONL files with lines of {id, title, text, level}."


class _LabelledLine(BaseModel):
    """The fields of a labelled line that are read; it may have more."""

    id: Any
    text: str
    level: Level
    title: str | None = None
    subtitle: str | None = None
    tags: list[str] | None = None
    countries: list[str] | None = None
    weight: float = Field(1.0, gt=0)


@topics_app.command("list")
def list_command(config: ConfigOption, as_json: JsonOption = False) -> None:
    """Show every watch-list, shipped and own."""
    rows = [
        {
            "topic": name,
            "title": watchlist.title,
            "entities": len(watchlist.entity),
            "alerts": name in config.alerts.topics,
        }
        for name, watchlist in sorted(load_watchlists(config).items())
    ]
    if as_json:
        print_json({"topics": rows})
        return
    print_table(("topic", "title", "entities", "alerts"), *(row.values() for row in rows))


@topics_app.command("show")
def show_command(config: ConfigOption, topic: TopicArgument, as_json: JsonOption = False) -> None:
    """Show one watch-list: its entities, their spellings, and the contexts that they name."""
    watchlist = load_watchlist(topic, config)
    if as_json:
        print_json(watchlist.model_dump(mode="json"))
        return
    say(f"{watchlist.title} ({topic})")
    for entity in watchlist.entity:
        named = {each: getattr(entity, each) for each in CONTEXT_KEYS}
        contexts = (f"{each}: {', '.join(names)}" for each, names in named.items() if names)
        facts = ", ".join([entity.kind, *entity.countries, f"weight {entity.weight:g}"])
        say(f"\n{entity.name}", style="bold")
        say(f"  {'; '.join([facts, *contexts])}", style="dim")
        say(f"  {', '.join(entity.spellings)}")


@topics_app.command("evaluate")
def evaluate_command(
    config: ConfigOption,
    topic: TopicArgument,
    labelled: Annotated[list[Path], Argument(metavar="FILE", help=_LABELLED)],
    as_json: JsonOption = False,
) -> None:
    """Measure a watch-list on labelled text: precision, recall, F1 of what is flagged."""
    flagger = Flagger([load_watchlist(topic, config)])
    parts = _parts(labelled)
    evaluations = {
        name: evaluate(flagger, tracked(lines, len(lines), "texts", what=name))
        for name, lines in parts.items()
    }
    whole = Evaluation(topic, tuple(chain(*(each.predictions for each in evaluations.values()))))
    figures = {name: each.figures for name, each in evaluations.items()}
    if as_json:
        print_json(whole.to_json() | {"parts": figures})
    elif len(parts) == 1:
        _print_evaluation(whole)
    else:
        _print_figures(figures | {"all": whole.figures})


@topics_app.command("fit")
def fit_command(
    config: ConfigOption,
    labelled: Annotated[list[Path] | None, Argument(metavar="FILE", help=_LABELLED)] = None,
    topic: Annotated[str, Option("--topic", help="The watch-list to use.")] = "central-asia",
    output: Annotated[
        Path | None,
        Option("--output", "-o", help="File for the weights; default: the one in use."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Fit the model's weights on labelled text, and show its figures on held-out text."""
    if not labelled:
        raise ConfigurationError(
            "topics fit: name all files of labelled lines to fit the weights on; "
            "`rscrawler topics marks --export FILE` writes the dashboard's judgements as one"
        )
    model = fit(Flagger([load_watchlist(topic, config)]), _parts(labelled))
    output = output or MODEL_FILE
    with usable(output, to_be="written"):
        output.write_text(json.dumps(asdict(model), indent=1) + "\n", encoding="utf-8")
    if as_json:
        print_json({"output": str(output), "figures": model.figures})
    else:
        _print_figures(model.figures)
        say(f"held out one file, or one source of a file, at a time; weights in {output}")


def _parts(files: list[Path]) -> dict[str, list[dict[str, Any]]]:
    """The labelled lines of each file, by its name without the ending."""
    names = Counter(path.stem for path in files)
    for path in files:
        if names[path.stem] > 1:
            raise ConfigurationError(f"{path}: another file is called {path.stem}, too; rename one")
    return {path.stem: _read_labelled(path) for path in files}


def _read_labelled(path: Path) -> list[dict[str, Any]]:
    """The labelled lines of a JSONL file; every wrong line is a problem, with its number."""
    labelled: list[dict[str, Any]] = []
    problems: list[str] = []
    # Not `splitlines`, which would also divide a text at a separator that JSON allows in it.
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}: line {number}"
        try:
            labelled.append(json.loads(line))
            if not isinstance(labelled[-1], dict):
                raise ConfigurationError(f"{where}: is not a JSON object")
            checked(_LabelledLine, labelled[-1], where)
        except json.JSONDecodeError as error:
            problems.append(f"{where}: is not JSON: {error.msg}")
        except ConfigurationError as error:
            problems.extend(error.problems)
    if not labelled and not problems:
        problems = [f"{path}: holds no labelled line; allowed: lines of {{id, title, text, level}}"]
    if problems:
        raise ConfigurationError(*problems)
    return labelled


def _print_figures(parts: Mapping[str, Mapping[str, Any]]) -> None:
    columns = next(iter(parts.values()))
    headings = (column.replace("_", " ") for column in columns)
    print_table(("", *headings), *((name, *part.values()) for name, part in parts.items()))


def _print_evaluation(evaluation: Evaluation) -> None:
    figures = evaluation.figures
    say(
        f"{counted(figures['texts'], 'text')}: precision {figures['precision']:.3f}, "
        f"recall {figures['recall']:.3f}, F1 {figures['f1']:.3f}; "
        f"levels right {figures['levels_right']:.1%}"
    )
    say("rows: labelled, columns: flagged")
    confusion = evaluation.confusion
    print_table(("", *confusion), *((level, *row.values()) for level, row in confusion.items()))
    for miss in evaluation.misses:
        say(f"  {miss.id}: {miss.difference} ({miss.score:.2f})  {miss.title}")


@topics_app.command("backtest")
def backtest_command(
    config: ConfigOption,
    topic: TopicArgument,
    since: SinceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare what the present watch-list would flag in stored articles with what was flagged."""
    flagger = Flagger([load_watchlist(topic, config)])
    with opened_store(config, must_exist=True) as store:
        articles = store.articles.latest_articles(since=since)
        shown = tracked(articles, store.articles.count_latest(since=since), "articles")
        result = backtest(flagger, shown)
    if as_json:
        print_json(asdict(result))
        return
    articles_judged = counted(result.total, "stored article")
    say(f"{articles_judged}, {len(result.changes)} would be judged differently")
    if result.skipped:
        say(f"{result.skipped} more cannot be judged: their text was deleted by prune")
    for change in result.changes:
        say(f"  {change.before} → {change.after}  {change.title}  {change.url}")


@topics_app.command("marks")
def marks_command(
    config: ConfigOption,
    export: Annotated[Path | None, Option(help="The file; default, or -: standard output.")] = None,
    topic: Annotated[str | None, Option(help="Required if several topics were judged.")] = None,
) -> None:
    """Write the judgements of the dashboard as labelled lines for `evaluate` and `fit`."""
    with opened_store(config, must_exist=True) as store:
        topics = store.judgements.topics()
        if not topics:  # a backup runs from the first day, and must outlive a database that is lost
            typer.echo("nothing has been judged yet; judge articles in `rscrawler web`", err=True)
            return
        judged = list(store.judgements.judged(_judged_topic(topics, topic)))
    lines = [_labelled_line(each, article) for each, article in judged if not article.is_pruned]
    if export in (None, Path("-")):
        for line in lines:
            print_json(line)
        return
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    with usable(export, to_be="written"):
        export.write_text(text, encoding="utf-8", errors="backslashreplace")
    forgotten = len(judged) - len(lines)
    note = f"; the text of {forgotten} more was deleted by prune" if forgotten else ""
    say(f"wrote {counted(len(lines), 'labelled line')} to {export}{note}")


def _judged_topic(judged: list[str], named: str | None) -> str:
    """The topic whose judgements to write: the one named, or the only one judged."""
    if named is None and len(judged) == 1:
        return judged[0]
    if named not in judged:
        raise ConfigurationError(f"--topic: name one that was judged: {', '.join(judged)}")
    return named


def _labelled_line(judgement: Judgement, article: Article) -> dict[str, Any]:
    """A judgement as `topics evaluate` reads it: the judged text, and its true level."""
    return {
        "id": judgement.record_id,
        "topic": judgement.topic,
        "title": article.title or "",
        "subtitle": article.subtitle or "",
        "text": article.body,
        "tags": article.tags,
        "level": str(judgement.level),
        "countries": sorted(judgement.countries),
        "flagged": str(judgement.flagged_level),
        "note": judgement.note,
    }
