"""Dates as pages write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rscrawler.extraction.dates import FoundDate, is_plausible, read_date

moments = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001 - hypothesis wants bounds without a zone
    max_value=datetime(2090, 1, 1),  # noqa: DTZ001
    timezones=st.builds(
        lambda minutes: timezone(timedelta(minutes=minutes)), st.integers(-12 * 60, 14 * 60)
    ),
).map(lambda moment: moment.replace(microsecond=0))


def parsed(text: str, *, day_first: bool = False) -> FoundDate:
    found = read_date(text, day_first=day_first)
    assert found is not None, text
    return found


@given(moments)
def test_iso_and_mail_dates_are_read_back(moment: datetime) -> None:
    for text in (
        moment.isoformat(),
        moment.isoformat(" "),
        moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.123456Z"),
        moment.strftime("%a, %d %b %Y %H:%M:%S %z"),
        str(int(moment.timestamp())) if moment.year > 2001 else moment.isoformat(),
    ):
        found = parsed(text)
        assert found.at == moment, text
        assert found.has_time, text
        assert found.has_zone, text


@given(st.text(max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    found = read_date(text)
    assert found is None or found.at.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "Jun 21, 2022",
        "June 21, 2022",
        "21 June 2022",
        "21st of June 2022",
        "Published on Tuesday, June 21, 2022",
        "2022-06-21",
        "2022-06-21+06:00",  # a day of XML may have a zone
        "2022-06-21-06:00",
        "2022-06-21Z",
        "JUN 21 2022",
        "Jun. 21, 2022",
        "Tuesday , June 21 , 2022",
        "Jun 21,2022",
    ],
)
def test_a_printed_day_is_midnight_and_says_that_it_has_no_time(text: str) -> None:
    found = parsed(text)
    assert found.at == datetime(2022, 6, 21, tzinfo=UTC)
    assert found.warnings("published_at") == ["published_at: the page prints a day without a time"]


def test_a_printed_time_without_a_zone_is_utc_and_says_so() -> None:
    found = parsed("June 21, 2022 | 2:05 PM")
    assert found.at == datetime(2022, 6, 21, 14, 5, tzinfo=UTC)
    assert found.warnings("published_at") == ["published_at: no time zone given, UTC assumed"]
    for same in (
        "2022-06-21T14:05:00",
        "Tue Jun 21 14:05:00 2022",
        # As browsers print it in Spanish.
        "21 de junio de 2022, 2:05\N{NARROW NO-BREAK SPACE}p.\N{NO-BREAK SPACE}m.",
    ):
        assert read_date(same) == found


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("November 24, 2026 10:00 am EST", 15),
        ("November 24, 2026 10:00 a.m. ET", 15),
        ("July 24, 2026 10:00 am ET", 14),
        ("July 24, 2026 10:00 am Pacific Time", 17),
        ("July 24, 2026, 10:00 (EDT)", 14),
        ("24 November 2026, 10.00 CET", 9),
        ("24 July 2026 10:00 CEST", 8),
        ("24 July 2026 10:00 BST", 9),
        ("Nov 24, 2026 10:00 UTC+5", 5),
        ("Nov 24, 2026 10:00 GMT+05:00", 5),
        ("Nov 24, 2026 10:00 +0500", 5),
        ("Nov 24, 2026 10:00 UZT", 5),
        ("Tue, 24 Nov 2026 10:00:00 PKT", 5),
        ("Tue, 24 Nov 2026 17:00:00 AEDT", 6),
        ("Nov 24, 2026 10:00 GMT", 10),
        ("2026-11-24T10:00:00 EST", 15),
        ("2026-11-24 10:00 PDT", 17),
        ("Tue, 24 Nov 2026 10:00:00 PST", 18),
        ("Tue Nov 24 10:00:00 CET 2026", 9),
        ("Tue Nov 24 10:00:00 +0500 2026", 5),
        ("Tue, 24 Nov 2026 10:00:00 CET", 9),
        ("Tue, 24 Nov 2026 10:00:00 -05:00", 15),
        # Zones without letters have an offset in the place of their name: +05 is Almaty's.
        ("Tue, 24 Nov 2026 10:00:00 +05", 5),
        ("24 Nov 2026, 10:00 (+05)", 5),
        ("Tue, 24 Nov 2026 10:00:00 -03", 13),
        ("2026-11-24 10:00:00.364419679 +0200 CET", 8),  # as Go prints it
        ("2026-11-24 10:00:00.36 -0500 EST m=+0.002", 15),
    ],
)
def test_a_named_zone_is_read(text: str, hour: int) -> None:
    found = parsed(text)
    assert (found.at.day, found.at.hour, found.at.minute) == (24, hour, 0)
    assert found.warnings("published_at") == []


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("November 24, 2026 10:00 am IST", "IST"),
        ("November 24, 2026 10:00 ALMT", "ALMT"),
        ("November 24, 2026 10:00 Astana time", "Astana time"),
        ("2026-11-24T10:00:00 IST", "IST"),
        ("2026-11-24T10:00:00+99:00", "+99:00"),
        ("Tue, 24 Nov 2026 10:00:00 IST", "IST"),
    ],
)
def test_a_clock_in_a_zone_that_nobody_knows_is_left_out_and_the_warning_says_so(
    text: str, zone: str
) -> None:
    found = parsed(text)
    assert found.at == datetime(2026, 11, 24, tzinfo=UTC)
    assert found.warnings("published_at") == [
        f"published_at: time zone {zone} is not known, the day alone is taken"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "SAT NOV 24, 2026 10:00",
        "Nov 24, 2026 10:00 AT",
        "10:00 OCT 24, 2026",
        "10:00, 24 Nov 2026",
        "24 Nov 2026, 10:00 -11:00",
        "24 Nov 2026, 10:00 +12 comments",
        "Nov 24, 2026, 10:00 Reading time 5 min",
    ],
)
def test_a_day_or_a_small_word_is_no_zone(text: str) -> None:
    found = parsed(text)
    assert found.at.hour == 10
    assert found.warnings("published_at") == ["published_at: no time zone given, UTC assumed"]


@pytest.mark.parametrize(
    "text",
    [
        "21 июня 2022", "Вторник, 21 Июнь 2022", "21-июнь, 2022", "21 июн 2022", "21 июни 2022",
        "21 маусым 2022", "21 Maýsym, 2022", "21-iyun 2022", "21 iýun 2022", "21.06.22",
        "2022 жылғы 21 маусым", "2022 ж. 21 маусым", "2022-жылдын 21-июну", "2022-ж., 21-июнь",
        "2022-yil 21-iyun", "2022 yil 21 iyun", "2022 йил 21 июнь", "wtorek, 21 czerwca 2022",
        "21 Ιουνίου 2022", "21-June-2022", "21 Haziran 2022 Salı",
    ],
)  # fmt: skip
def test_a_day_is_parsed_in_the_languages_of_the_region_and_others(text: str) -> None:
    assert parsed(text).at == datetime(2022, 6, 21, tzinfo=UTC)


def test_every_month_is_parsed_in_turkish_and_azerbaijani() -> None:
    turkish = "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık"
    azerbaijani = "Yanvar Fevral Mart Aprel May İyun İyul Avqust Sentyabr Oktyabr Noyabr Dekabr"
    in_capitals = turkish.replace("i", "İ").upper()
    for names in (turkish, turkish.lower(), in_capitals, azerbaijani):
        dates = [parsed(f"5 {name} 2022, 14:02") for name in names.split()]
        assert [found.at.month for found in dates] == [*range(1, 13)]


def test_midnight_may_be_the_end_of_a_day() -> None:
    for text, hour in (("2022-06-21T24:00:00+06:00", 18), ("2022-06-20T24:00", 0)):
        assert parsed(text).at == datetime(2022, 6, 21, hour, tzinfo=UTC)


@pytest.mark.parametrize("is_day_first", [True, False])
@pytest.mark.parametrize(
    "text", ["Thu, 01/12/2012 - 09:52", "Thursday 12/01/2012 9:52", "9:52 (thu) 12/1/2012"]
)
def test_the_weekday_tells_a_day_from_a_month(text: str, *, is_day_first: bool) -> None:
    found = parsed(text, day_first=is_day_first)
    assert found.at == datetime(2012, 1, 12, 9, 52, tzinfo=UTC)


def test_a_weekday_that_is_not_right_before_the_date_is_that_of_another() -> None:
    for text in ("Added 3/4/2021 | Thursday 8/4/2021", "He sat there until 4/3/2021"):
        assert read_date(text) is None


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Сегодня, 14:05", 21), ("Вчера в 14:05", 20), ("Бүгін, 14:05", 21), ("Kecha, 14:05", 20),
        ("Published today at 14:05", 21), ("сегодня: вторник, 14:05", None), ("Today 14", None),
    ],
)  # fmt: skip
def test_today_and_yesterday_need_the_day_of_the_crawl(text: str, day: int | None) -> None:
    found = read_date(text, now=datetime(2022, 6, 21, 20, tzinfo=UTC))
    assert (found and found.at) == (day and datetime(2022, 6, day, 14, 5, tzinfo=UTC))
    assert read_date(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "", "2 hours ago", "yesterday", "2022-13-45", "June 31, 2022", "soon", "12/05/2022",
        "1.2.10", "5 aprıl 2022", "Sunak met them on 12/05/2022", "Fri, 12/05/2022",
        "3. listopada 2022.",
    ],
)  # fmt: skip
def test_what_is_no_date_is_none(text: str) -> None:
    assert read_date(text) is None


def test_absurd_dates_are_told() -> None:
    now = datetime(2024, 12, 14, tzinfo=UTC)
    assert is_plausible(now + timedelta(days=1), now)
    assert not is_plausible(now + timedelta(days=3), now)
    assert not is_plausible(datetime(1970, 1, 1, tzinfo=UTC), now)
