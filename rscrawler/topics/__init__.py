"""Topics: which articles are about what a watch-list describes, how much, and why.

`load_watchlists` reads the lists, `Flagger` applies them, `evaluate` and `backtest` show
how well they do and what a change to them would change.
"""

from rscrawler.topics.evaluation import Evaluation, backtest, evaluate
from rscrawler.topics.flagger import Contribution, Flagger, shipped_flagger
from rscrawler.topics.text import FlaggableText
from rscrawler.topics.watchlist import (
    WatchList,
    check_alerted,
    keep_good_copies,
    load_watchlist,
    load_watchlists,
    usable_topics,
    usable_watchlists,
)

__all__ = [
    "Contribution",
    "Evaluation",
    "FlaggableText",
    "Flagger",
    "WatchList",
    "backtest",
    "check_alerted",
    "evaluate",
    "keep_good_copies",
    "load_watchlist",
    "load_watchlists",
    "shipped_flagger",
    "usable_topics",
    "usable_watchlists",
]
