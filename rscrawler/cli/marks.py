"""`rscrawler topics marks`: the analysts' judgements as labelled lines."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from rscrawler.cli.common import ConfigOption, counted, opened_store, out, read_config
from rscrawler.errors import ConfigurationError
from rscrawler.items import Article
from rscrawler.store import Store
from rscrawler.store.judgements import Judgement


def marks_command(
    export: Annotated[
        Path | None, typer.Option("--export", help="The file to write; default: standard output.")
    ] = None,
    topic: Annotated[
        str | None, typer.Option("--topic", help="Needed where several topics were judged.")
    ] = None,
    config_path: ConfigOption = None,
) -> None:
    """Write what was judged in the dashboard as lines that `evaluate` and `fit` read."""
    with opened_store(read_config(config_path)) as store:
        judged = list(store.judgements.judged(_topic(store, topic)))
    lines = [labelled_line(said, piece) for said, piece in judged if not piece.is_pruned]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    if export is None:
        sys.stdout.write(text)
        return
    export.write_text(text, encoding="utf-8", errors="backslashreplace")
    forgotten = len(judged) - len(lines)
    note = f"; of {forgotten} more the text was forgotten by prune" if forgotten else ""
    out.print(f"wrote {counted(len(lines), 'labelled line')} to {export}{note}", markup=False)


def _topic(store: Store, named: str | None) -> str:
    """The topic whose judgements are wanted.

    Raises:
        ConfigurationError: none was judged, or several were and none is named.
    """
    counts = store.judgements.topics()
    if named is not None and named in counts:
        return named
    known = ", ".join(counts)
    if not counts:
        raise ConfigurationError("nothing has been judged yet; `rscrawler web` is where it is done")
    if named is not None or len(counts) > 1:
        raise ConfigurationError(f"--topic: name one that was judged: {known}")
    return known


def labelled_line(said: Judgement, piece: Article) -> dict[str, Any]:
    """A judgement as `topics evaluate` reads it: the text that was judged, and what is true."""
    return {
        "id": said.record_id,
        "topic": said.topic,
        "title": piece.title or "",
        "subtitle": piece.subtitle or "",
        "text": piece.body,
        "tags": piece.tags,
        "level": str(said.level),
        "countries": sorted(said.countries),
        "flagged": str(said.flagged_level),
        "note": said.note,
    }
