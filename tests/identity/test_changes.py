"""The word diff tells what changed between two texts."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from rscrawler.clock import utc_now
from rscrawler.identity.changes import Change, ChangeKind, summarize, word_diff
from rscrawler.items import Article, ChangeSummary
from rscrawler.text import split_words

TEXTS = st.lists(
    st.sampled_from(["one", "two", "three", "four,", "今天", "\n\n", " ", "  "]), max_size=40
).map(" ".join)


def test_a_word_put_in_is_found() -> None:
    assert word_diff("The old text.\n\nEnd.", "The very old text.\n\nEnd.") == [
        Change(ChangeKind.SAME, "The "),
        Change(ChangeKind.ADDED, "very "),
        Change(ChangeKind.SAME, "old text.\n\nEnd."),
    ]


def test_a_paragraph_taken_out_is_found_whole() -> None:
    changes = word_diff("One.\n\nTwo two.\n\nThree.", "One.\n\nThree.")
    assert [each.text for each in changes if each.kind is ChangeKind.REMOVED] == ["Two two.\n\n"]


def test_a_summary_counts_the_words_of_all_that_changed() -> None:
    before, after = (
        Article(site="s", url="u", fetched_at=utc_now(), title=title, body=body)
        for title, body in (("Old", "One.\n\nTwo two."), ("A new one", "One."))
    )
    assert summarize(before, after) == ChangeSummary(("title", "body"), 3, 3)
    assert summarize(before, before) is None


def test_in_a_script_without_blanks_each_letter_is_a_word() -> None:
    assert [each.text.strip() for each in word_diff("他今天到了北京", "他昨天到了北京")] == [
        "他", "今", "昨", "天到了北京",
    ]  # fmt: skip
    before, after = (
        Article(site="s", url="u", fetched_at=utc_now(), body=body)
        for body in ("今天。", "今天 ok吗。")
    )
    assert (before.word_count, after.word_count) == (2, 4)
    assert summarize(before, after) == ChangeSummary(("body",), 2, 0)


def test_equal_texts_differ_in_nothing() -> None:
    assert word_diff("same\n\ntext", "same\n\ntext") == [Change(ChangeKind.SAME, "same\n\ntext")]
    assert word_diff("", "") == []


def test_the_diff_of_long_texts_that_repeat_few_words_comes_to_an_end() -> None:
    old, new = "Yes.\n\nNo.\n\n" * 10_000, "No.\n\nYes. yes.\n\n" * 10_000
    for divider in ("\n\n", " "):
        before, after = old.replace("\n\n", divider), new.replace("\n\n", divider)
        changes = word_diff(before, after)
        kept = [each.text for each in changes if each.kind is not ChangeKind.ADDED]
        assert "".join(kept).split() == before.split()


def test_of_a_long_text_with_many_edits_the_edits_alone_are_given() -> None:
    ranks = range(1, 3_000)
    random = Random(1)
    # As often as the words of a language.
    words = random.choices([f"word{each}" for each in ranks], [1 / each for each in ranks], k=5_000)
    edited = random.sample(range(5_000), 40)
    new = ["edited" if place in edited else word for place, word in enumerate(words)]
    added = [
        each.text
        for each in word_diff(" ".join(words), " ".join(new))
        if each.kind is ChangeKind.ADDED
    ]
    assert "".join(added).split() == ["edited"] * 40


def test_texts_without_a_common_word_are_given_whole() -> None:
    old, new = "a " * 3_000, "b " * 3_000
    assert [change.kind for change in word_diff(old, new)] == [ChangeKind.REMOVED, ChangeKind.ADDED]


@given(TEXTS, TEXTS)
def test_the_stretches_make_up_both_texts(old: str, new: str) -> None:
    changes = word_diff(old, new)
    before = "".join(each.text for each in changes if each.kind is not ChangeKind.ADDED)
    after = "".join(each.text for each in changes if each.kind is not ChangeKind.REMOVED)
    assert split_words(before) == split_words(old)
    assert split_words(after) == split_words(new)
