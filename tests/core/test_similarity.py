"""Near-duplicate texts are found, and others are told apart."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rscrawler import similarity
from rscrawler.demo.generator import generate_story

BODIES = [generate_story(number, seed=5).body for number in range(60)]


def with_words_changed(body: str, share: float, seed: int) -> str:
    rng = Random(seed)
    words = body.split()
    for place in rng.sample(range(len(words)), int(len(words) * share)):
        words[place] = f"other{rng.randrange(10_000)}"
    return " ".join(words)


def share_a_band(first: bytes | None, second: bytes | None) -> bool:
    return bool(set(similarity.bands_of(first)) & set(similarity.bands_of(second)))


def test_most_texts_with_a_tenth_of_their_words_changed_are_found() -> None:
    found = 0
    for number, body in enumerate(BODIES):
        first = similarity.signature_of(body)
        other = with_words_changed(body, 0.1, number)
        second = similarity.signature_of(other)
        found += share_a_band(first, second) and is_same(body, other)
    assert found >= 0.9 * len(BODIES)


def test_texts_of_one_make_are_never_taken_for_each_other() -> None:
    signatures = [similarity.signature_of(body) for body in BODIES]
    alike = [
        (first, second)
        for first in range(len(BODIES))
        for second in range(first)
        if similarity.likeness(signatures[first], signatures[second]) >= similarity.SAME_TEXT
    ]
    assert alike == []


def test_a_text_set_in_another_way_has_the_same_signature() -> None:
    body = BODIES[0]
    other = body.replace('"', "”").replace("'", "’").replace("\n\n", "\n \n").upper()
    assert similarity.signature_of(other) == similarity.signature_of(body)


def test_a_text_too_short_to_compare_is_like_nothing() -> None:
    short = "word " * (similarity.MIN_WORDS - 1)
    assert similarity.signature_of(short) is None
    assert similarity.bands_of(None) == ()
    assert similarity.likeness(None, similarity.signature_of(BODIES[0])) == 0.0
    assert similarity.likeness(None, None) == 0.0


def test_signatures_and_bands_are_the_same_on_every_machine() -> None:
    signature = similarity.signature_of(" ".join(f"word{number}" for number in range(60)))
    assert signature is not None
    assert (len(signature), signature[:4].hex()) == (512, "244ae711")
    bands = similarity.bands_of(signature)
    assert (len(bands), bands[0]) == (32, 5252307030808350715)


@given(st.lists(st.binary(min_size=512, max_size=512), min_size=1, max_size=3))
@settings(max_examples=30)
def test_bands_fit_a_signed_64_bit_column(signatures: list[bytes]) -> None:
    for signature in signatures:
        assert all(0 <= key < 2**63 for key in similarity.bands_of(signature))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_likeness_runs_from_nothing_to_all(share: float) -> None:
    body = BODIES[1]
    other = with_words_changed(body, share, 1)
    found = similarity.likeness(similarity.signature_of(body), similarity.signature_of(other))
    assert found == pytest.approx(1.0 - share, abs=0.05)


# A biography and a note as they close every piece of one author.
TAIL = (
    "Nora Weiss is a senior fellow for Eurasia at the Institute for Harbours in Valletta and the "
    "author of Grain and Other Weapons. She was a correspondent in Almaty and Tashkent for nine "
    "years, and teaches a course on pipelines at the naval college. Her newsletter appears on "
    "Fridays. The views expressed here are hers alone and do not necessarily reflect those of the "
    "institute, its board or its donors."
)
BRIEFS = (
    "Kazakhstan sealed its border with Kyrgyzstan on Monday, and trucks waited for two days at "
    "Korday while officials in Astana said nothing.",
    "Tajikistan will buy gas from Turkmenistan again, the president told parliament in Dushanbe, "
    "although the price of it has not been published yet.",
)


def is_same(first: str, second: str) -> bool:
    likeness = similarity.likeness(similarity.signature_of(first), similarity.signature_of(second))
    return similarity.is_same_text(likeness, first, lambda: second)


def test_two_briefs_that_end_with_the_same_biography_are_two_pieces() -> None:
    first, second = (f"{brief}\n\n{TAIL}" for brief in BRIEFS)
    likeness = similarity.likeness(similarity.signature_of(first), similarity.signature_of(second))
    assert likeness >= similarity.SAME_TEXT
    assert not is_same(first, second)
    assert not is_same(second, first)


@pytest.mark.parametrize("words", [12, 20, 40, 60])
def test_pieces_of_any_length_with_one_biography_are_told_apart(words: int) -> None:
    openings = [" ".join(body.split()[:words]) for body in BODIES[:6]]
    for number, first in enumerate(openings):
        for second in openings[:number]:
            assert not is_same(f"{first}\n\n{TAIL}", f"{second}\n\n{TAIL}")


@pytest.mark.parametrize(
    "reprint",
    [
        f"ASTANA — {BRIEFS[0]}\n\n{TAIL}",
        f"{BRIEFS[0].replace('sealed', 'closed')}\n\n{TAIL}",
        f"{BRIEFS[0]}\n\nNo reason was given.\n\n{TAIL}",
        f"Editor's note: this brief was first printed elsewhere.\n\n{BRIEFS[0]}\n\n{TAIL}",
    ],
)
def test_a_brief_that_is_printed_again_is_the_same_piece(reprint: str) -> None:
    assert is_same(f"{BRIEFS[0]}\n\n{TAIL}", reprint)
    assert is_same(reprint, f"{BRIEFS[0]}\n\n{TAIL}")


def test_a_long_text_need_not_open_alike_to_be_the_same() -> None:
    body = next(body for body in BODIES if len(body.split()) > similarity.SHORT_WORDS + 20)
    assert is_same(" ".join(body.split()[20:]), f"A new beginning was written for it. {body}")


LONG_BODIES = [body for body in BODIES if len(body.split()) > similarity.SHORT_WORDS + 100]


def test_a_follow_up_that_tells_the_background_again_under_a_new_lead_is_a_piece_of_its_own() -> (
    None
):
    for number, background in enumerate(LONG_BODIES[:10]):
        words = background.split()[:160]
        leads = [" ".join(body.split()[:80]) for body in BODIES[number + 20 : number + 22]]
        first, second = (f"{lead}\n\n{' '.join(words)}" for lead in leads)
        assert not is_same(first, second)


def test_of_a_long_text_that_was_forgotten_the_likeness_decides() -> None:
    assert similarity.is_same_text(similarity.SAME_TEXT, LONG_BODIES[0], lambda: "")


def test_a_reprint_behind_a_note_with_a_tenth_of_its_words_changed_is_no_piece_of_its_own() -> None:
    note = "This analysis first appeared elsewhere and is printed here with the consent of both."
    same = [
        is_same(body, f"{note}\n\n{with_words_changed(body, 0.1, number)}")
        for number, body in enumerate(LONG_BODIES)
    ]
    assert sum(same) >= 0.9 * len(same) > 9
