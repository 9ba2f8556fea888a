"""One form for every line of text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rscrawler.text import INVISIBLE, JOINERS, clean

texts = st.text(
    st.characters() | st.sampled_from(f"{INVISIBLE}{JOINERS} \u00a0\x85\ud800e\u0301"), max_size=80
)


@given(texts)
def test_cleaned_text_is_one_line_in_nfc_that_can_be_written(text: str) -> None:
    cleaned = clean(text)
    assert cleaned == clean(cleaned)
    assert cleaned == " ".join(cleaned.split())
    assert unicodedata.is_normalized("NFC", cleaned)
    assert not set(cleaned) & set(f"{INVISIBLE}\u00a0\n\t")
    cleaned.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  two \t words\n", "two words"),
        ("a\u00a0b\u2009c — 100\u202f%", "a b c — 100 %"),
        ("Kaza\u00adkh\u200bstan\ufeff is “big”", "Kazakhstan is “big”"),
        ("\u202eevil\u202c \u2066x\u2069 \u061cok", "evil x ok"),
        ("cafe\u0301", "café"),
        ("\x00\x07bell", "bell"),
        ("one\x1ftwo\x7f", "one two"),
        ("Tokayev\x92s \x93plan\x94", "Tokayev’s “plan”"),
        ("a\ud800b", "a\ufffdb"),
        (" \u200b ", ""),
        ("", ""),
    ],
)
def test_a_line_has_one_form(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize("text", ["او می\u200cخواهد به خانه\u200cها برود", "👩\u200d🌾 sowed"])
def test_joiners_stay_in_the_words_that_are_spelt_with_them(text: str) -> None:
    assert clean(text) == text
    assert clean(f"\u200f \u200c {text}\u200b \u200d\u200c") == text
    assert clean("\u200c\u00a0\u200d") == ""
