"""Bars for pieces a day, as numbers that a template draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Bar:
    """One day: where its bar stands in the drawing, and what it says."""

    x: int
    y: float
    height: float
    day: str
    count: int


@dataclass(frozen=True, slots=True)
class BarChart:
    """Days side by side; lengths are in the drawing's own units."""

    width: int
    height: int
    bar_width: int
    bars: list[Bar]
    total: int
    most: int


def bar_chart(
    counts: Mapping[str, int], last_day: date, days: int, *, height: int = 48, step: int = 10
) -> BarChart:
    """A bar for each of the `days` days up to `last_day`; the highest fills the `height`.

    `counts` has days as `2026-11-24`; those that are not there have no pieces.
    """
    shown = [(last_day - timedelta(days=back)).isoformat() for back in reversed(range(days))]
    values = [counts.get(day, 0) for day in shown]
    most = max(values, default=0)
    bars = []
    for position, (day, count) in enumerate(zip(shown, values, strict=True)):
        # A day without pieces keeps a line, so that it is seen to be there.
        length = max(1.0, round(height * count / most, 1)) if most else 1.0
        bars.append(Bar(position * step, height - length, length, day, count))
    return BarChart(days * step, height, step - 2, bars, sum(values), most)
