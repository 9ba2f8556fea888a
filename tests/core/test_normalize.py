"""One form for every text and date."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from rscrawler.clock import in_utc
from rscrawler.items import Article
from rscrawler.text import clean_body

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def article(**fields: object) -> Article:
    values: dict[str, object] = {"site": "s", "url": "https://example.org/a/", "fetched_at": NOON}
    return Article(**{**values, **fields})  # type: ignore[arg-type]


def test_a_body_is_paragraphs_and_blank_lines() -> None:
    assert clean_body("  One\ntwo. \n \n\n\nThree.\n\n\u200b\n\n") == "One two.\n\nThree."
    assert clean_body("") == ""


@given(st.text())
def test_cleaning_is_idempotent_and_gives_text_that_can_be_written(text: str) -> None:
    once = clean_body(text)
    assert clean_body(once) == once
    assert unicodedata.is_normalized("NFC", once)
    once.encode("utf-8")


def test_dates_are_in_utc() -> None:
    almaty = timezone(timedelta(hours=5))
    assert in_utc(datetime(2026, 11, 24, 17, 0, tzinfo=almaty)) == NOON
    assert in_utc(datetime(2026, 11, 24, 12, 0)) == NOON  # noqa: DTZ001
    assert in_utc(None) is None
    assert in_utc("2026-11-24") is None


def test_every_field_is_cleaned_and_lists_lose_repeats_and_blanks() -> None:
    version = article(
        title=" A\u00a0title ",
        subtitle="\u200b",
        authors=["A.\u00a0Writer", "A. Writer", " "],
        tags=["one", "two", "one"],
        body="B \n\n\n C",
        published_at=NOON.replace(tzinfo=None),
    )
    version.normalize()
    assert (version.title, version.subtitle, version.body) == ("A title", None, "B\n\nC")
    assert (version.authors, version.tags) == (["A. Writer"], ["one", "two"])
    assert version.published_at == NOON
