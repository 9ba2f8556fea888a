from __future__ import annotations

import random
import statistics
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import inf
from pathlib import Path

import pytest

from benchmarks.replay import policies
from benchmarks.replay.histories import (
    SiteHistory,
    five_sites,
    poisson_history,
    read_histories,
    write_histories,
)
from benchmarks.replay.policies import Policy, Seen
from benchmarks.replay.simulation import (
    ADAPTIVE,
    ALL,
    ALL_SHARED,
    FIXED,
    FORESIGHT,
    LEAST_MEAN,
    LEAST_MEDIAN,
    Replay,
    Row,
    compare,
    render_plot,
    replay,
    replay_shared,
    row_of,
    share_budget,
)
from benchmarks.simulate import stored_history
from rscrawler.errors import ConfigurationError
from rscrawler.schedules.adaptive import (
    BINS,
    EVEN_RATES,
    Adaptive,
    PublicationHistory,
    WeeklyRates,
)
from rscrawler.store import Store
from tests.delivery.helpers import NOW, an_article, record

START = datetime(2025, 6, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
LIMITS = Adaptive(visits_per_day=48)


def site(*hours: float, days: float = 1) -> SiteHistory:
    """A site that published so many hours after `START`."""
    moments = tuple(START + HOUR * hour for hour in hours)
    return SiteHistory("site", START, START + timedelta(days=days), moments)


def office_hours(weeks: int, seed: int = 1) -> SiteHistory:
    """Four hours of two articles an hour each day, next to nothing otherwise."""
    return poisson_history(
        "office",
        lambda moment: 2.0 if 9 <= moment.hour < 13 else 0.02,
        START,
        START + timedelta(weeks=weeks),
        random.Random(seed),
    )


def sight(now: datetime, *hours_ago: float, fresh: int = 0) -> Seen:
    moments = tuple(sorted((now - HOUR * hours).timestamp() for hours in hours_ago))
    return Seen(now.timestamp(), PublicationHistory(moments, min(moments, default=inf)), fresh)


def next_minutes(policy: Policy, seen: Seen) -> float:
    return (policy(seen) - seen.now) / 60


def test_a_delay_runs_from_publication_to_the_visit_that_finds_it() -> None:
    played = replay(site(0.5, 1.0, 2.25), policies.fixed(HOUR))
    assert played.requests == 24
    assert played.delays == (1800.0, 0.0, 2700.0)


def test_an_article_that_no_visit_finds_waits_to_the_end() -> None:
    played = replay(site(1.0, 20.0), policies.at_moments([START.timestamp() + 7200]))
    assert played == Replay(2, (3600.0, 4 * 3600.0))


def test_a_policy_sees_the_past_and_nothing_else() -> None:
    history = office_hours(weeks=2)
    sights: list[Seen] = []

    def watch() -> Policy:
        def choose(seen: Seen) -> float:
            sights.append(seen)
            return seen.now + 7200

        return choose

    replay(history, watch)
    published = [moment.timestamp() for moment in history.moments]
    assert all(
        list(seen.history.moments) == [at for at in published if at <= seen.now] for seen in sights
    )
    assert sum(seen.fresh for seen in sights) == len(sights[-1].history.moments)


def test_an_undated_article_is_known_by_the_visit_that_found_it() -> None:
    sights: list[Seen] = []

    def watch() -> Policy:
        def choose(seen: Seen) -> float:
            sights.append(seen)
            return seen.now + 3600

        return choose

    replay(site(0.5, 0.75, 3.25), watch, is_dated=False)
    found_at = [START.timestamp() + 3600 * hours for hours in (1, 1, 4)]
    assert list(sights[-1].history.moments) == found_at


def test_a_cron_line_is_followed_in_its_zone() -> None:
    choose = policies.cron("30 9 * * mon", "Asia/Almaty")()
    following = datetime.fromtimestamp(choose(sight(START)), UTC)
    assert following == datetime(2025, 6, 2, 4, 30, tzinfo=UTC)
    after = datetime.fromtimestamp(choose(sight(following)), UTC)
    assert after == following + timedelta(weeks=1)


def test_a_cron_line_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="fields"):
        policies.cron("every day")


@pytest.mark.parametrize(
    ("hours_ago", "factor", "minutes"),
    [
        ((), 1, 360),  # nothing in a week: the longest interval
        ((5,), 1, 360),  # one article has no gap
        ((1, 3, 5), 1, 120),  # two hours apart: 84 a week
        ((1, 3, 5), 4, 30),
        ((1, 1.01, 1.02), 1, 5),  # the shortest interval
        ((1, 3, 500), 1, 120),  # older than a week: not counted
    ],
)
def test_miniflux_divides_the_week_by_the_weekly_count(
    hours_ago: tuple[float, ...], factor: float, minutes: float
) -> None:
    policy = policies.miniflux(LIMITS, factor)()
    assert next_minutes(policy, sight(START, *hours_ago)) == pytest.approx(minutes)


def test_stormcrawler_lengthens_when_nothing_is_new_and_halves_towards_the_shortest() -> None:
    policy = policies.stormcrawler(LIMITS)()
    fresh = (0, 0, 1, 1)
    waits = [next_minutes(policy, sight(START, fresh=count)) for count in fresh]
    assert waits == pytest.approx([45, 67.5, 36.25, 20.625])


def test_stormcrawler_stops_at_the_longest_and_each_replay_begins_anew() -> None:
    make = policies.stormcrawler(LIMITS)
    policy = make()
    waits = [next_minutes(policy, sight(START)) for _ in range(20)]
    assert waits[-1] == pytest.approx(360)
    assert next_minutes(make(), sight(START)) == pytest.approx(45)


def test_at_an_even_rate_the_optimum_is_an_even_interval() -> None:
    end = START + timedelta(days=7)
    history = poisson_history("even", lambda _: 3.0, START, end, random.Random(2))
    assert history.rates is not None
    [visits] = policies.least_mean_visits([(history, history.rates)], 168, LIMITS)
    gaps = [after - before for before, after in pairwise(visits)]
    assert len(visits) == pytest.approx(168, abs=1)
    assert gaps == pytest.approx([3600.0] * len(gaps), rel=0.02)


@pytest.mark.slow
def test_each_optimum_is_best_at_what_it_is_for() -> None:
    history = office_hours(weeks=26)
    assert history.rates is not None
    known = [(history, history.rates)]
    requests = 24 * 7 * 26
    [by_mean] = policies.least_mean_visits(known, requests, LIMITS)
    [by_median] = policies.least_median_visits(known, requests, LIMITS)
    mean, median, even = (
        row_of("", "", replay(history, policy))
        for policy in (
            policies.at_moments(by_mean),
            policies.at_moments(by_median),
            policies.fixed(HOUR),
        )
    )
    assert median.requests == pytest.approx(mean.requests, rel=0.02)
    assert mean.mean is not None
    assert median.mean is not None
    assert even.mean is not None
    assert mean.mean < min(median.mean, even.mean)
    assert mean.median is not None
    assert median.median is not None
    assert even.median is not None
    assert median.median < mean.median < even.median


@pytest.mark.slow
def test_the_adaptive_policy_learns_the_office_hours_of_a_site() -> None:
    rows = {row.schedule: row for row in compare([office_hours(weeks=20)], LIMITS)}
    chosen, even, optimum = rows[ADAPTIVE], rows[FIXED], rows[LEAST_MEAN]
    assert chosen.median is not None
    assert even.median is not None
    assert optimum.median is not None
    assert even.requests == pytest.approx(chosen.requests, rel=0.001)
    assert chosen.median <= even.median / 2
    assert chosen.median <= 1.3 * optimum.median


def test_a_comparison_has_a_row_for_each_site_and_schedule_and_for_all_together() -> None:
    histories = five_sites(seed=4, span=timedelta(days=4))
    hourly = policies.cron("0 * * * *")
    rows = compare(histories, LIMITS, others={"hourly": hourly})
    articles = sum(len(history.moments) for history in histories)
    by_site = {
        name: {row.schedule for row in rows if row.site == name} for name in (ALL, "blog", "wire")
    }
    assert {row.articles for row in rows if row.site in (ALL, ALL_SHARED)} == {articles}
    assert by_site["blog"] - by_site["wire"] == {FORESIGHT}
    assert by_site[ALL] == by_site["wire"]
    assert {ADAPTIVE, FIXED, "hourly", LEAST_MEDIAN} < by_site["wire"]
    assert [row.requests for row in rows if (row.site, row.schedule) == ("wire", "hourly")] == [
        24 * 4
    ]


def test_a_history_without_known_rates_has_no_optimum() -> None:
    rows = compare([site(*range(0, 400, 7), days=18)], LIMITS)
    assert {row.schedule for row in rows}.isdisjoint({LEAST_MEAN, LEAST_MEDIAN, FORESIGHT})


def test_a_site_that_published_nothing_has_a_row_without_delays() -> None:
    [adaptive_row, *_] = compare([site()], LIMITS)
    assert (adaptive_row.articles, adaptive_row.median) == (0, None)
    assert "nothing published" in render_plot([adaptive_row])


@pytest.mark.slow
def test_sites_that_share_a_budget_keep_to_it_and_gain_by_it() -> None:
    histories = five_sites(seed=4, span=timedelta(weeks=8))
    shared = replay_shared(histories, LIMITS, 5 * 48)
    requests = sum(each.requests for each in shared.values())
    even = [
        delay for history in histories for delay in replay(history, policies.fixed(HOUR / 2)).delays
    ]
    together = [delay for each in shared.values() for delay in each.delays]
    assert requests == pytest.approx(5 * 48 * 56, rel=0.05)
    assert statistics.median(together) <= statistics.median(even) / 2


def test_a_plot_names_what_it_draws_and_draws_longer_delays_longer() -> None:
    rows = [
        Row("wire", "adaptive", 100, 5, 4.0, 20.0, 6.0),
        Row("wire", "fixed interval", 100, 5, 15.0, 30.0, 15.0),
    ]
    site_line, first, second = render_plot(rows).splitlines()
    assert site_line == "wire"
    assert first.split()[0] == "adaptive"
    assert "4.0 min (95 %: 20), 100 requests" in first
    assert first.count("█") < second.count("█")
    assert first.count("█") + first.count("░") < second.count("█") + second.count("░")


def test_generated_years_are_the_same_for_a_seed_and_differ_between_seeds() -> None:
    span = timedelta(days=4)
    assert five_sites(1, span=span) == five_sites(1, span=span)
    assert five_sites(1, span=span) != five_sites(2, span=span)


def test_the_five_sites_publish_as_they_are_said_to() -> None:
    weeks = 12
    sites = {each.name: each for each in five_sites(3, span=timedelta(weeks=weeks))}
    magazine = [moment for moment in sites["magazine"].moments if moment.weekday() < 5]
    in_hours = [moment for moment in magazine if 4 <= moment.hour < 21]
    assert 4 < len(magazine) / (5 * weeks) < 6
    assert len(in_hours) > 0.8 * len(magazine)
    assert len(sites["wire"].moments) > 60 * 7 * weeks
    assert {moment.hour for moment in sites["wire"].moments} == set(range(24))
    assert weeks - 4 <= len(sites["weekly"].moments) <= weeks
    gaps = [(after - before) / HOUR for before, after in pairwise(sites["blog"].moments)]
    assert statistics.median(gaps) < statistics.fmean(gaps) / 4


def test_histories_survive_a_csv(tmp_path: Path) -> None:
    histories = five_sites(1, span=timedelta(weeks=2))
    write_histories(histories, tmp_path / "all.csv")
    read = {each.name: each.moments for each in read_histories(tmp_path / "all.csv")}
    assert read == {each.name: each.moments for each in histories}


def test_a_csv_of_bare_moments_is_one_site_named_after_the_file(tmp_path: Path) -> None:
    path = tmp_path / "desk.csv"
    path.write_text("2025-01-06T12:00:00+03:00\n\n2025-01-06T08:00:00Z\n", encoding="utf-8")
    [history] = read_histories(path)
    assert history.name == "desk"
    assert history.moments == (
        datetime(2025, 1, 6, 8, tzinfo=UTC),
        datetime(2025, 1, 6, 9, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("moment\n2025-01-06T08:00:00Z\nyesterday\n", "line 3"),
        ("2025-01-06T08:00:00Z\n2025-01-06T09:00:00\n", "no time zone"),
        ("2025-01-06T08:00:00Z\n", "fewer than two"),
    ],
)
def test_a_csv_that_cannot_be_replayed_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=message):
        read_histories(path)


def test_a_csv_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"gone\.csv"):
        read_histories(tmp_path / "gone.csv")


def test_a_shared_budget_goes_to_the_busier_source_by_less_than_its_share_of_the_news() -> None:
    rates = {
        "busy": WeeklyRates((8.0,) * BINS),
        "quiet": WeeklyRates((1.0,) * BINS),
    }
    shares = share_budget(rates, LIMITS, 100)
    busy, quiet = shares["busy"].budget, shares["quiet"].budget
    assert busy + quiet == pytest.approx(100, rel=0.01)
    assert 2 < busy / quiet < 8


def test_a_source_without_history_shares_as_the_average_of_the_others() -> None:
    rates = {
        "known": WeeklyRates((3.0,) * BINS),
        "new": EVEN_RATES,
    }
    shares = share_budget(rates, LIMITS, 100)
    assert shares["new"].budget == pytest.approx(shares["known"].budget, rel=0.01)


def test_a_shared_budget_beyond_the_limits_is_refused() -> None:
    with pytest.raises(ValueError, match="visits_per_day"):
        share_budget({"one": WeeklyRates((1.0,) * BINS)}, LIMITS, 1000)


def test_a_stored_history_is_the_past_year_by_date_of_publication(store: Store) -> None:
    for number, days in enumerate((700, 30, 1)):
        record(store, an_article(number, published_at=NOW - timedelta(days=days)))
    record(store, an_article(9, site="elsewhere"))
    history = stored_history(store, "sample", NOW + timedelta(hours=1))
    assert history.moments == (NOW - timedelta(days=30), NOW - timedelta(days=1))
    assert (history.start, history.end) == (history.moments[0], NOW + timedelta(hours=1))


@pytest.mark.slow
def test_over_a_year_of_five_sites_the_median_is_halved_and_near_the_optimum() -> None:
    rows = {
        (row.site, row.schedule): row.median or 0.0 for row in compare(five_sites(2025), LIMITS)
    }
    sites = ("magazine", "weekly", "blog", "irregular", ALL_SHARED)
    assert all(rows[name, ADAPTIVE] <= 0.5 * rows[name, FIXED] for name in sites)
    # Fifty articles of a weekly can fall well by chance, but none of its schedules can expect
    # a median below half of the shortest interval.
    least = LIMITS.min.total_seconds() / 60 / 2
    for name in (*sites, "wire", ALL):
        assert rows[name, ADAPTIVE] <= 1.3 * max(rows[name, LEAST_MEAN], least)
