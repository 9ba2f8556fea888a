"""What each schedule would have cost on a publication history, and how soon it found an article.

    python -m benchmarks.simulate CSV [--every 20m] [--cron "0 7 * * mon"] [--visits-per-day N]
    python -m benchmarks.simulate --site NAME [--config FILE]

A line of the CSV holds a moment, then optionally its source; with --site, what the configured
database has of that site's past year is replayed. Without either: five generated sites.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

from benchmarks.bench_scheduling import table
from benchmarks.replay import policies
from benchmarks.replay.histories import YEAR, SiteHistory, five_sites, read_histories
from benchmarks.replay.simulation import compare, render_plot
from rscrawler.cli.inputs import open_existing
from rscrawler.clock import utc_now
from rscrawler.config import find_config, load_config
from rscrawler.config.models import parse_duration
from rscrawler.errors import ConfigurationError, RscrawlerError
from rscrawler.schedules.adaptive import Adaptive
from rscrawler.store import Store

_SEED = 2025


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("csv", type=Path, nargs="?")
    parser.add_argument("--site", help="replay what is stored of this site")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--every", help='a fixed interval to compare, such as "20m"')
    parser.add_argument("--cron", help='a cron expression to compare, such as "0 7 * * mon"')
    parser.add_argument("--min", default="5m", help="shortest adaptive interval")
    parser.add_argument("--max", default="6h", help="longest adaptive interval")
    parser.add_argument("--visits-per-day", type=float, help="the budget of a site; else 48")
    options = parser.parse_args()
    try:
        limits = Adaptive(
            min=parse_duration(options.min),
            max=parse_duration(options.max),
            visits_per_day=options.visits_per_day,
        )
        others = {}
        if options.every:
            others[f"every {options.every}"] = policies.fixed(parse_duration(options.every))
        if options.cron:
            others[f"cron {options.cron}"] = policies.cron(options.cron)
        histories = _histories(options.csv, options.site, options.config)
    except (ValueError, RscrawlerError) as error:
        parser.error(str(error))
    rows = compare(histories, limits, others, lambda name: print(f"… {name}", file=sys.stderr))
    print(f"{limits.budget:g} visits a day and site\n\n{table(rows)}\n\n{render_plot(rows)}")


def _histories(
    path: Path | None, site: str | None, config_path: Path | None
) -> Sequence[SiteHistory]:
    if path is not None:
        return read_histories(path)
    if site is None:
        return five_sites(_SEED)
    with closing(open_existing(load_config(find_config(config_path)))) as store:
        return [stored_history(store, site, utc_now())]


def stored_history(store: Store, site: str, now: datetime) -> SiteHistory:
    """What is stored of a site's past year, by date of publication.

    Raises:
        ConfigurationError: that is fewer than two articles.
    """
    published = store.history.publications(site, now - YEAR)
    moments = [moment for moment in published if moment < now]
    if len(set(moments)) < 2:
        raise ConfigurationError(
            f"--site {site}: fewer than two articles of the past year are stored: "
            "there is nothing to replay"
        )
    return SiteHistory(site, moments[0], now, tuple(moments))


if __name__ == "__main__":
    main()
