"""Schedule files, and the times that they name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.base import BaseTrigger
from hypothesis import given
from hypothesis import strategies as st

from rscrawler import schedules
from rscrawler.config import Config, load_config
from rscrawler.errors import ConfigurationError
from rscrawler.schedules import ScheduledJob, load_schedules
from rscrawler.schedules.triggers import cron_trigger
from rscrawler.sites import load_sites
from rscrawler.spiders.session import CrawlLease, CrawlSession
from rscrawler.store import Store
from rscrawler.topics import Flagger
from tests.scheduling.services import scheduled

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # a Tuesday
SITE = "responsiblestatecraft"
LoadFiles = Callable[..., tuple[ScheduledJob, ...]]


def next_after(trigger: BaseTrigger, moment: datetime) -> datetime:
    found: datetime = trigger.get_next_fire_time(moment, moment)
    return found


def fires_between(trigger: BaseTrigger, first: datetime, last: datetime) -> list[datetime]:
    """The fire times after `first`, each asked for with the one before, as APScheduler does."""
    found: list[datetime] = []
    moment = first
    while (moment := trigger.get_next_fire_time(moment, last)) <= last:
        found.append(moment)
    return found


# Cron.


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("*/20 * * * *", "2026-11-24T12:20"),
        ("5 12 * * *", "2026-11-24T12:05"),
        ("0 12 * * *", "2026-11-25T12:00"),
        ("0 8 * * 0", "2026-11-29T08:00"),
        ("0 8 * * 7", "2026-11-29T08:00"),
        ("0 8 * * sun", "2026-11-29T08:00"),
        ("0 8 * * 1", "2026-11-30T08:00"),
        ("0 8 * * 1-5", "2026-11-25T08:00"),
        ("0 8 * * fri-sun", "2026-11-27T08:00"),
        ("0 8 * * Sat,Sun", "2026-11-28T08:00"),
        ("30 6 1 jan *", "2027-01-01T06:30"),
        ("0 0 29 2 *", "2028-02-29T00:00"),
        ("10/25 13 * * *", "2026-11-24T13:10"),
        ("0-10/5,50 12 * * *", "2026-11-24T12:05"),
        ("0 0 13 * 5", "2026-11-27T00:00"),  # the 13th, or a Friday: either will do
        ("0 0 */2 * 5", "2026-11-27T00:00"),  # a day that begins with * must fit as well
        ("0 8 * * */2", "2026-11-26T08:00"),  # Sunday, Tuesday, Thursday, Saturday
        ("0 8 * * 5-7", "2026-11-27T08:00"),
        ("0 8 1 Feb-mar *", "2027-02-01T08:00"),
    ],
)
def test_cron_means_what_cron_means(expression: str, expected: str) -> None:
    assert next_after(cron_trigger(expression, "UTC"), NOON) == datetime.fromisoformat(
        f"{expected}+00:00"
    )


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("* * * *", "has 4 fields; allowed: five"),
        ("60 * * * *", "minute: '60' is not valid; allowed: *, 0-59, lists"),
        ("* 24 * * *", "hour: '24'"),
        ("* * 0 * *", "day of the month: '0'"),
        ("* * * 13 *", "month: '13'"),
        ("* * * * 8", "day of the week: '8'"),
        ("* * * * mo", "day of the week: 'mo' is not valid; allowed: *, 0-7 or sun-sat"),
        ("* * * jan/x *", "month: 'jan/x'"),
        ("* * * 1-feb-3 *", "month: '1-feb-3'"),
        ("* * last * *", "day of the month: 'last'"),
        ("* * * * 5-2", "day of the week: '5-2'"),
        ("* * * * */0", "day of the week: '*/0'"),
        ("*/0 * * * *", "minute: '*/0'"),
        ("*/x * * * *", "minute: '*/x'"),
        ("30-10 * * * *", "minute: '30-10'"),
        (", * * * *", "minute: ','"),
        ("0 0 30 2 *", "names a day that its months do not have"),
    ],
)
def test_a_wrong_cron_expression_is_refused_by_field(expression: str, complaint: str) -> None:
    with pytest.raises(ValueError) as raised:
        cron_trigger(expression, "UTC")
    assert complaint in str(raised.value)


def test_a_daily_time_that_summer_time_skips_still_fires_that_day() -> None:
    trigger = cron_trigger("30 2 * * *", "Europe/Berlin")
    first = datetime(2026, 3, 27, 12, tzinfo=UTC)
    assert fires_between(trigger, first, first + timedelta(days=4)) == [
        datetime(2026, 3, 28, 1, 30, tzinfo=UTC),
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC),  # 03:30 on the clock: there is no 02:30
        datetime(2026, 3, 30, 0, 30, tzinfo=UTC),
        datetime(2026, 3, 31, 0, 30, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("0 0 * * *", ["03-30", "03-31", "04-01", "04-02"]),
        ("30 0 * * mon", ["04-01"]),
        ("0 0 1 * *", ["04-01"]),
    ],
)
def test_a_time_at_midnight_is_kept_on_the_day_after_summer_time_begins(
    expression: str, days: list[str]
) -> None:
    trigger, first = (
        cron_trigger(expression, "Europe/Berlin"),
        datetime(2024, 3, 29, 12, tzinfo=UTC),
    )
    fires = fires_between(trigger, first, first + timedelta(days=4))
    assert [f"{fire.astimezone(ZoneInfo('Europe/Berlin')):%m-%d}" for fire in fires] == days


@given(
    zone=st.sampled_from(
        ["Europe/Berlin", "America/New_York", "Africa/Cairo", "Asia/Beirut", "Antarctica/Troll"]
    ),
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    ahead=st.integers(0, 366 * 24 * 60),
)
def test_a_daily_time_is_the_next_of_its_day_at_any_moment(
    zone: str, minute: int, hour: int, ahead: int
) -> None:
    moment = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=ahead)
    day = moment.astimezone(ZoneInfo(zone)).date() - timedelta(days=1)
    times = (
        datetime.combine(day + timedelta(days=number), time(hour, minute), ZoneInfo(zone))
        for number in range(4)
    )
    expected = min(at for each in times if (at := each.astimezone(UTC)) > moment)
    assert next_after(cron_trigger(f"{minute} {hour} * * *", zone), moment) == expected


def test_a_daily_time_that_comes_twice_fires_once() -> None:
    trigger = cron_trigger("30 2 * * *", "Europe/Berlin")
    first = datetime(2026, 10, 23, 12, tzinfo=UTC)
    assert fires_between(trigger, first, first + timedelta(days=3)) == [
        datetime(2026, 10, 24, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 26, 1, 30, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    "change", [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)]
)
def test_every_twenty_minutes_knows_no_gap_when_the_clocks_change(change: datetime) -> None:
    trigger = cron_trigger("*/20 * * * *", "Europe/Berlin")
    found = fires_between(trigger, change - timedelta(hours=2), change + timedelta(hours=6))
    assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(minutes=20)}


@given(
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    weekday=st.integers(0, 6),
    ahead=st.integers(0, 2 * 365 * 86_400),
)
def test_a_weekly_time_is_the_first_minute_that_fits(
    minute: int, hour: int, weekday: int, ahead: int
) -> None:
    moment = NOON + timedelta(seconds=ahead)
    found = next_after(cron_trigger(f"{minute} {hour} * * {weekday}", "UTC"), moment)
    assert (found.minute, found.hour, found.isoweekday() % 7) == (minute, hour, weekday)
    assert timedelta(0) < found - moment <= timedelta(days=7)


@pytest.mark.parametrize("month", [3, 10])
def test_cron_with_jitter_is_late_by_no_more_than_that_when_the_clocks_change(month: int) -> None:
    jitter = timedelta(minutes=3)
    trigger = cron_trigger("*/20 * * * *", "Europe/Berlin", jitter)
    first = datetime(2026, month, 24, 23, 59, tzinfo=UTC)
    fires = fires_between(trigger, first, first + timedelta(days=6))
    assert len(fires) in (6 * 72, 6 * 72 - 1)  # the last one may be late for the end
    assert all((fire - NOON) % timedelta(minutes=20) <= jitter for fire in fires)
    assert all(earlier < later for earlier, later in pairwise(fires))


# Fixed intervals and jitter.


def test_an_interval_keeps_to_a_grid_whenever_it_is_asked() -> None:
    job = scheduled(every="20m")
    assert job.fire_after(NOON) == NOON + timedelta(minutes=20)
    assert job.fire_after(NOON - timedelta(seconds=1)) == NOON
    late = NOON + timedelta(minutes=19, seconds=59)
    assert job.fire_after(late) == NOON + timedelta(minutes=20)


@given(every=st.integers(1, 90_000), share=st.floats(0, 1), offset=st.integers(0, 10**8))
def test_jitter_does_not_accumulate(every: int, share: float, offset: int) -> None:
    span = timedelta(seconds=every)
    job, moment = scheduled(every=span, jitter=span * share), NOON + timedelta(seconds=offset)
    fires = [job.fire_after(moment)]
    for _ in range(20):
        fires.append(job.fire_after(fires[-1]))
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    slots = [(fire - epoch) // span for fire in fires]
    assert slots == list(range(slots[0], slots[0] + 21))
    assert all((fire - epoch) % span <= span * share + timedelta(milliseconds=1) for fire in fires)


# Files.


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.chdir(tmp_path)
    return load_config(None)


@pytest.fixture
def load_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: Config) -> LoadFiles:
    """Loads own files (name → text), with the shipped ones given or none."""
    shipped, own = tmp_path / "shipped", tmp_path / "own"
    shipped.mkdir()
    own.mkdir()
    monkeypatch.setattr(schedules, "shipped_schedules_dir", lambda: shipped)

    def load(shipped_files: dict[str, str] | None = None, **files: str) -> tuple[ScheduledJob, ...]:
        for folder, texts in ((shipped, shipped_files or {}), (own, files)):
            for name, text in texts.items():
                (folder / f"{name}.toml").write_text(text)
        return load_schedules(config, own)

    return load


def job(keys: str = 'every = "20m"', job_id: str = "a") -> str:
    return f'[[job]]\nid = "{job_id}"\n{keys}\n'


def problems_of(load: Callable[[], object]) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        load()
    return list(raised.value.problems)


def test_the_shipped_schedule_crawls_the_shipped_site(config: Config) -> None:
    (shipped,) = load_schedules(config)
    assert (shipped.id, shipped.sites, shipped.job.when) == (
        "rs-sections",
        (SITE,),
        "every 20m, up to 1m later",
    )
    assert shipped.is_active


def test_a_job_waits_for_exactly_the_leases_that_its_crawl_takes(
    load_files: LoadFiles, config: Config, store: Store
) -> None:
    (loaded,) = load_files(x=job(f'every = "20m"\nsites = ["{SITE}"]'))
    session = CrawlSession(config, SITE, load_sites(config)[SITE], store, Flagger(()))
    crawl = CrawlLease(session)
    assert crawl.begin()
    asyncio.run(crawl.wait_for_hosts())
    assert sorted(store.leases.held(session.now())) == sorted(loaded.leases)


def test_a_job_without_sites_crawls_every_enabled_one(
    load_files: LoadFiles, config: Config
) -> None:
    (loaded,) = load_files(x=job())
    enabled = [name for name, profile in load_sites(config).items() if profile.enabled]
    assert SITE in enabled
    assert list(loaded.sites) == enabled


def test_a_file_of_the_same_name_wins_and_so_does_a_job_of_the_same_id(
    load_files: LoadFiles,
) -> None:
    loaded = load_files(
        {"x": job(job_id="a") + job(job_id="b"), "y": job(job_id="c") + job(job_id="d")},
        x=job(job_id="own"),
        z=job('every = "5m"', "c"),
    )
    assert [(each.id, each.file.stem) for each in loaded] == [
        ("d", "y"),
        ("own", "x"),
        ("c", "z"),
    ]


def test_a_site_that_is_not_enabled_is_not_crawled(
    load_files: LoadFiles, tmp_path: Path, config: Config
) -> None:
    load_files(
        x=job(f'every = "1h"\nsites = ["{SITE}"]') + job('enabled = false\nevery = "1h"', "b")
    )
    off = config.model_copy(update={"sites": {SITE: {"enabled": False}}})
    loaded = load_schedules(off, tmp_path / "own")
    assert [each.sites for each in loaded] == [(), ()]
    assert not any(each.is_active for each in loaded)


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ("", "job.0 ('a'): has no time; allowed: exactly one of every, cron, adaptive"),
        ('every = "5m"\ncron = "* * * * *"', "job.0 ('a'): has every and cron; allowed: exactly"),
        ('every = "5"', "job.0 ('a').every: '5': allowed: a number and a unit"),
        ('every = "0s"', "job.0 ('a'): every: allowed: at least 1s"),
        ('every = "5m"\njitter = "6m"', "at least jitter"),
        ('cron = "0 25 * * *"', "job.0 ('a'): cron: '0 25 * * *': hour: '25' is not valid"),
        ('every = "5m"\ntimezone = "Mars"', "job.0 ('a').timezone: 'Mars': allowed: an IANA"),
        ('every = "5m"\naction = "crowl"', "job.0 ('a').action: 'crowl'"),
        ('every = "5m"\ncolour = 1', "job.0 ('a').colour: unknown key; allowed here: action"),
        ('every = "5m"\nsites = ["nowhere"]', "sites: 'nowhere' is not a known site; allowed: "),
        ('every = "5m"\naction = "deliver"\nfull = true', "full and adaptive are for crawls"),
        ('adaptive = { min = "2h", max = "1h" }', "job.0 ('a').adaptive: min: allowed: more"),
        ('adaptive = { visits_per_day = 9999 }', "visits_per_day is 9999"),
        ('every = "5m"\ntime_limit = "0s"', "time_limit: allowed: at least 1s"),
    ],
)  # fmt: skip
def test_a_wrong_job_is_refused_with_file_key_and_remedy(
    keys: str, complaint: str, load_files: LoadFiles, tmp_path: Path
) -> None:
    (problem,) = problems_of(lambda: load_files(x=job(keys)))
    assert problem.startswith(f"{tmp_path / 'own' / 'x.toml'}: ")
    assert complaint in problem


def test_an_id_that_is_used_twice_is_refused(load_files: LoadFiles, tmp_path: Path) -> None:
    (problem,) = problems_of(lambda: load_files(x=job(), y=job()))
    assert str(tmp_path / "own" / "y.toml") in problem
    assert str(tmp_path / "own" / "x.toml") in problem
    assert "'a' is taken" in problem


def test_every_problem_is_told_at_once(load_files: LoadFiles) -> None:
    problems = problems_of(lambda: load_files(x="not toml", y=job(""), z=job('every = "5m"')))
    assert [Path(line.partition(":")[0]).name for line in problems] == ["x.toml", "y.toml"]


def test_a_folder_that_is_not_there_is_refused(config: Config, tmp_path: Path) -> None:
    (line,) = problems_of(lambda: load_schedules(config, tmp_path / "none"))
    assert line.startswith(f"--schedules: {tmp_path / 'none'}: cannot be read: No such file")


def test_a_new_job_fires_at_once_but_a_cron_job_at_its_time(load_files: LoadFiles) -> None:
    first = {
        each.id: each.first_fire(NOON)
        for each in load_files(
            x=job(job_id="every")
            + job('cron = "0 7 * * *"\ntimezone = "Asia/Almaty"', "cron")
            + job("adaptive = {}", "adaptive")
        )
    }
    assert first == {
        "every": NOON,
        "cron": datetime(2026, 11, 25, 2, 0, tzinfo=UTC),
        "adaptive": NOON,
    }


def test_the_shipped_schedules_may_be_removed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(schedules, "shipped_schedules_dir", lambda: tmp_path / "none")
    assert load_schedules(Config()) == ()
