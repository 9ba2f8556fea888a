"""Progress on standard error: how many of how many, and the time left. On a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

T = TypeVar("T")


def progress() -> Progress:
    """Bars, one a task, each with a `unit`; gone when the command ends."""
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    from rscrawler.cli.common import err

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} {task.fields[unit]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=err,
        transient=True,
        # What is printed meanwhile goes above the bars, if it goes to the same terminal.
        redirect_stdout=sys.stdout.isatty(),
        disable=not sys.stderr.isatty(),
    )


def tracked(items: Iterable[T], total: int, unit: str, *, what: str = "") -> Iterator[T]:
    """The items as they come, with a bar that counts them."""
    with progress() as bars:
        task = bars.add_task(what, total=total, unit=unit)
        for item in items:
            yield item
            bars.advance(task)
