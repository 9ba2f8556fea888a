"""The parts that the pages are made of, by themselves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rscrawler.identity.changes import Change, ChangeKind
from rscrawler.items import Evidence
from rscrawler.web.texts import GAP, marked, shortened, version_changes, without_addresses
from tests.delivery.helpers import an_article


@given(
    st.text("ab ", max_size=12), st.lists(st.tuples(st.integers(-2, 14), st.text("ab", max_size=3)))
)
def test_stretches_make_up_the_text_and_marks_are_what_the_evidence_says(
    text: str, spans: list[tuple[int, str]]
) -> None:
    evidence = [
        Evidence(term, f"#{term}", None, "title", None, "", start, start + len(term))
        for start, term in spans
    ]
    stretches = marked(text, evidence)
    assert "".join(stretch.text for stretch in stretches) == text
    for stretch in stretches:
        assert stretch.entity in ("", f"#{stretch.text}")


def test_of_two_marks_that_overlap_the_longer_at_the_first_place_stays() -> None:
    evidence = [
        Evidence(term, term, None, "title", None, "", start, start + len(term))
        for term, start in (("Asia", 8), ("Central", 0), ("Central Asia", 0), ("war", 17))
    ]
    entities = [stretch.entity for stretch in marked("Central Asia and war", evidence)]
    assert entities == ["Central Asia", "", "war"]


def test_what_stayed_the_same_is_cut_to_the_words_near_a_change() -> None:
    same = " ".join(f"w{number}" for number in range(40))
    new = Change(ChangeKind.ADDED, "new ")
    before, _, between, _, after = shortened(
        [
            Change(ChangeKind.SAME, same),
            new,
            Change(ChangeKind.SAME, same),
            new,
            Change(ChangeKind.SAME, same),
        ],
        words=2,
    )
    assert before.text == f"{GAP}w38 w39"
    assert between.text == f"w0 w1{GAP}w38 w39"
    assert after.text == f"w0 w1{GAP}"


def test_a_version_with_the_same_texts_changes_nothing() -> None:
    first, second = version_changes([an_article(1), an_article(1, version=2)])
    assert first.changes == {}
    assert second.changes == {}


def test_addresses_are_taken_out_of_what_is_shown() -> None:
    text = "a.b@example.org: 550 no; see https://hooks.example.net/T0/secret, json://u:p@host/"
    assert without_addresses(text) == "(address) 550 no; see (address) (address)"
