"""Topics: which articles are about the topic of a watch-list, how much, and why.

`load_watchlists` reads the watch-lists, `Flagger` applies them; `evaluation` measures one on
labelled texts, and compares one with the flags of stored articles.
"""

from rscrawler.topics.flagger import Contribution as Contribution
from rscrawler.topics.flagger import Flagger as Flagger
from rscrawler.topics.flagger import shipped_flagger as shipped_flagger
from rscrawler.topics.flagger import usable_flagger as usable_flagger
from rscrawler.topics.text import FlaggableText as FlaggableText
from rscrawler.topics.watchlist import WatchList as WatchList
from rscrawler.topics.watchlist import check_alerted as check_alerted
from rscrawler.topics.watchlist import keep_good_copies as keep_good_copies
from rscrawler.topics.watchlist import load_watchlist as load_watchlist
from rscrawler.topics.watchlist import load_watchlists as load_watchlists
from rscrawler.topics.watchlist import usable_topics as usable_topics
