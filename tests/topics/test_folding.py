from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rscrawler.topics.matcher import fold, fold_with_offsets


@pytest.mark.parametrize(
    ("printed", "folded"),
    [
        ("Türkmenbaşy", "turkmenbasy"),
        ("KAZAKHSTAN’S", "kazakhstan's"),
        ("Nur‑Sultan", "nur-sultan"),
        ("Kazakh\u00adstan", "kazakhstan"),
        ("Kazakh-\nstan", "kazakhstan"),
        ("Central\nAsia", "central asia"),
        ("Central  \n Asia", "central asia"),
        ("Central\u00a0Asia", "central asia"),
        ("Uzbekista\u0301n", "uzbekistan"),
        ("İstanbul", "istanbul"),
        ("Qo‘qon", "qo'qon"),
        ("Өзбекстан", "өзбекстан"),
        ("카자흐스탄", "카자흐스탄"),
    ],
)
def test_print_is_made_comparable(printed: str, folded: str) -> None:
    assert fold(printed) == folded


def test_a_hyphen_before_a_capital_at_a_line_end_stays() -> None:
    assert fold("Russian-\nKazakh") == "russian- kazakh"


# Ordinary letters beside everything that makes offsets shift.
_PRINT = st.text(st.sampled_from("aZé -\n\u00ad\u0301İıß’\x00 Ж") | st.characters(), max_size=60)


@given(_PRINT)
def test_every_folded_character_points_back_to_its_own(text: str) -> None:
    folded = fold_with_offsets(text)
    spans = [folded.span(at, at + 1) for at in range(len(folded.text))]
    assert all(end == start + 1 for start, end in spans)
    assert [start for start, _ in spans] == sorted({start for start, _ in spans})
    assert all(end <= len(text) for _, end in spans)


@given(_PRINT)
def test_folding_twice_changes_nothing_more_than_blanks(text: str) -> None:
    once = fold(text)
    assert fold(once).replace(" ", "") == once.replace(" ", "")
