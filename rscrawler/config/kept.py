"""What is read by a configuration once, for a process and those that are forked from it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from rscrawler.config.models import Config

ResultT = TypeVar("ResultT")


class _Kept:
    """Nothing is kept, until `keep` says for which configuration."""

    config: Config | None = None
    values: dict[object, Any] = {}


def keep(config: Config) -> None:
    """From now on, read what belongs to `config` once: for a process that does one thing.

    What was kept for it already, before this process was forked, stays.
    """
    if config != _Kept.config:
        _Kept.config, _Kept.values = config, {}


def kept(read: Callable[[Config], ResultT]) -> Callable[[Config], ResultT]:
    """`read`, whose results are kept while `keep` says so; else it reads each time."""

    @wraps(read)
    def reading(config: Config) -> ResultT:
        if _Kept.config is None or config != _Kept.config:
            return read(config)
        if read not in _Kept.values:
            _Kept.values[read] = read(config)
        found: ResultT = _Kept.values[read]
        return found

    return reading
