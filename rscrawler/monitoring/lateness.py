"""Decides whether a site is silent or overdue, from plain times and without a clock."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from rscrawler.clock import to_the_minute
from rscrawler.decisions import requested_pause
from rscrawler.store.health import Problem, ProblemCode, SiteState

HISTORY = timedelta(days=90)  # before the last article: by it a site's silence is measured
ENOUGH_HISTORY = 3_000  # articles at most, for a site that publishes so many in less time
ENOUGH_ARTICLES = 10
# No silence is reported before this: a weekend is none …
SHORTEST_SILENCE = timedelta(days=2)
# … and a long weekend is none either, as long as few weekends are known.
SHORTEST_SILENCE_OF_NEW_SITE = timedelta(days=4)
FAMILIAR_AFTER = timedelta(days=14)


def silence(
    site: str, published: Sequence[datetime], crawled_at: datetime, factor: float
) -> Problem | None:
    """The problem of a site that has published nothing for far longer than usual.

    Usual is the second-longest gap between two articles, so that weekends count and a single
    holiday does not.

    Args:
        site: its name.
        published: when the site's articles were published, for `HISTORY` before the last one.
        crawled_at: when the site was last crawled successfully; later articles are not known.
        factor: a gap longer than this many times the usual one is a silence.
    """
    times = sorted(moment for moment in published if moment <= crawled_at)
    if len(times) < ENOUGH_ARTICLES:
        return None
    gaps = sorted(later - earlier for earlier, later in pairwise(times))
    usual = gaps[-2]
    is_familiar = times[-1] - times[0] >= FAMILIAR_AFTER
    shortest = SHORTEST_SILENCE if is_familiar else SHORTEST_SILENCE_OF_NEW_SITE
    limit = max(usual * factor, shortest)
    since = times[-1] + limit
    if crawled_at <= since:
        return None
    message = (
        f"no new article for {span_in_words(crawled_at - times[-1])}, since "
        f"{to_the_minute(times[-1])}; the longest usual gap is {span_in_words(usual)}"
    )
    return Problem(site, ProblemCode.SILENT, message, since)


def overdue_site(state: SiteState, now: datetime, after: timedelta) -> Problem | None:
    """The problem of a site without a successful crawl for longer than `after`.

    A site that was never crawled is not overdue. For one that asked for a pause, `after` counts
    from the end of that pause.
    """
    reference = state.last_success_at or state.last_run_at
    if reference is None:
        return None
    since = max(reference, requested_pause(state.not_before, now) or reference) + after
    if now <= since:
        return None
    late = span_in_words(now - reference)
    if state.last_success_at is None:
        message = f"no good cycle so far; the last cycle began {late} ago"
    else:
        last = to_the_minute(state.last_success_at)
        message = f"no good cycle for {late}; last good cycle {last}"
    return Problem(state.name, ProblemCode.OVERDUE, message, since)


def span_in_words(span: timedelta) -> str:
    """`3.4 days`, `14 h` or `25 min`."""
    hours = span / timedelta(hours=1)
    if hours >= 48:
        return f"{hours / 24:.1f} days".replace(".0 ", " ")
    return f"{hours:.0f} h" if hours >= 1 else f"{span / timedelta(minutes=1):.0f} min"
