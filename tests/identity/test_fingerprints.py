"""Digests of equal texts, and keys that similar texts share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rscrawler.identity.fingerprints import (
    KEYS,
    MIN_WORDS,
    Fingerprint,
    fingerprint_of,
    likeness,
    new_article_id,
    new_record_id,
    normalized,
)
from rscrawler.items import Article
from tests.identity.texts import reprint_of, with_words_changed
from tests.sample_site.generator import generate_story

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@cache
def bodies() -> list[str]:
    """Sixty texts that have nothing to do with each other."""
    return [generate_story(number, seed=5).body for number in range(60)]


def article(**fields: object) -> Article:
    values: dict[str, object] = {
        "site": "site",
        "url": "https://example.org/slug/",
        "fetched_at": NOON,
        "title": "Kazakhstan's “multi-vector” policy",
        "subtitle": "A balance – for now…",
        "body": "First paragraph, it's short.\n\nSecond — and last — one.",
    }
    return Article(**{**values, **fields})  # type: ignore[arg-type]


def of(body: str) -> Fingerprint:
    return fingerprint_of(article(body=body), "slug")


def share_a_key(first: str, second: str) -> bool:
    return not set(of(first).keys).isdisjoint(of(second).keys)


# Digests.


def digest_of(**changes: object) -> str:
    return fingerprint_of(article(**changes), "").text_digest


@pytest.mark.parametrize(
    "other",
    [
        {"title": 'Kazakhstan’s "multi‑vector" policy'},
        {"subtitle": "A balance - for now..."},
        {"body": "First  paragraph, it’s\u00a0short.\n\nSecond—and last—one.\n"},
        {"body": "First para\u00adgraph, it's short.\u200b Second — and last — one."},
        {"body": "First para\u200cgraph, it's short.\u200e Second — and last\u200d — one."},
        {"image": None, "authors": ["A. Nother"], "tags": ["new-tag"], "modified_at": NOON},
        {"url": "https://example.org/other/", "site": "elsewhere", "fetched_at": NOON + DAY},
    ],
)
def test_a_text_set_in_another_way_has_the_same_digest(other: dict[str, object]) -> None:
    assert digest_of(**other) == digest_of()


@pytest.mark.parametrize(
    "other",
    [
        {"title": "Uzbekistan's “multi-vector” policy"},
        {"title": None},
        {"subtitle": None},
        {"subtitle": "A balance – for now"},
        {"body": "First paragraph, it's short."},
        {"body": "First paragraph, it's short.\n\nSecond — and last — two."},
        {"body": "first paragraph, it's short.\n\nSecond — and last — one."},
    ],
)
def test_another_word_changes_the_digest(other: dict[str, object]) -> None:
    assert digest_of(**other) != digest_of()


def test_words_do_not_move_between_fields_unseen() -> None:
    moved = digest_of(title="A", subtitle="B", body="C")
    assert moved != digest_of(title="A B", subtitle=None, body="C")


@given(st.text())
def test_normalizing_is_idempotent_and_never_fails(text: str) -> None:
    once = normalized(text)
    assert normalized(once) == once


def test_a_short_body_has_no_digest_to_be_told_from_others_by() -> None:
    assert fingerprint_of(article(body="word " * 19), "").body_digest is None
    assert fingerprint_of(article(body="word " * 20), "").body_digest is not None


def test_identities_are_the_same_on_every_machine() -> None:
    # Written down: a change of these would make every known article new.
    assert new_article_id("responsiblestatecraft", "/a-slug") == "7f0178106115f956"
    assert new_record_id("7f0178106115f956", 3) == "7f0178106115f956-3"
    assert new_article_id("ab", "c") != new_article_id("a", "bc")
    assert digest_of(title="A", subtitle=None, body="B") == "f2feeb76426fd466e8f1e1c536eeb4d7"


# Keys.


def test_texts_with_a_tenth_of_their_words_changed_share_a_key() -> None:
    found = [
        share_a_key(body, with_words_changed(body, 0.1, number))
        for number, body in enumerate(bodies())
    ]
    assert sum(found) >= 0.98 * len(found)


def test_a_reprint_that_is_cut_by_half_shares_a_key() -> None:
    found = [
        share_a_key(body, reprint_of(body, Random(number), keep=0.5))
        for number, body in enumerate(bodies())
    ]
    assert sum(found) >= 0.98 * len(found)


def test_texts_of_one_make_are_not_alike() -> None:
    prints = [of(body) for body in bodies()]
    for number, first in enumerate(prints):
        for second in prints[:number]:
            assert likeness(first.signature, second.signature) < 0.15


def test_a_text_set_in_another_way_has_the_same_keys() -> None:
    body = bodies()[0]
    other = body.replace('"', "”").replace("'", "’").replace("\n\n", "\n \n").upper()
    assert (of(other).signature, of(other).keys) == (of(body).signature, of(body).keys)


def test_a_text_too_short_to_compare_is_like_nothing() -> None:
    short = of("word " * (MIN_WORDS - 1))
    assert (short.signature, short.keys) == (None, ())
    assert likeness(None, of(bodies()[0]).signature) == 0.0
    assert likeness(None, None) == 0.0


def test_signatures_and_keys_are_the_same_on_every_machine() -> None:
    found = of(" ".join(f"word{number}" for number in range(60)))
    assert found.signature is not None
    # Written down: what a store holds is of no use after a change of these.
    assert (len(found.signature), found.signature[:4].hex()) == (512, "244ae711")
    assert found.keys[0] == 5252307030808350715


@given(st.text(), st.integers(1, 3))
def test_keys_of_any_text_fit_a_signed_64_bit_column(text: str, times: int) -> None:
    keys = of(" ".join([text, *("one word after another " * 20).split()] * times)).keys
    assert all(0 <= key < 2**63 for key in keys)
    assert len(keys) <= KEYS


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_likeness_runs_from_nothing_to_all(share: float) -> None:
    body = bodies()[1]
    found = likeness(of(body).signature, of(with_words_changed(body, share, 1)).signature)
    assert found == pytest.approx(1.0 - share, abs=0.05)
