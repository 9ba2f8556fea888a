from __future__ import annotations

from rscrawler.topics.matcher import Match, Matcher, Spelling, fold_with_offsets, longest


def found(text: str, *spellings: Spelling) -> list[str]:
    matches = Matcher(spellings).find(fold_with_offsets(text))[None]
    return [text[match.start : match.end] for match in matches]


def test_a_name_inside_a_word_is_not_found() -> None:
    assert found("Oshkosh, Turkestanis and Osh", Spelling("Osh")) == ["Osh"]


def test_possessives_hyphens_and_quotes_end_a_word() -> None:
    text = "Kazakhstan’s, “Kazakhstan” and Kazakhstan-Russia"
    assert found(text, Spelling("Kazakhstan")) == ["Kazakhstan"] * 3


def test_in_a_script_without_blanks_a_name_may_touch_other_letters() -> None:
    assert found("他今天到塔什干了，塔什干2人", Spelling("塔什干", "capital")) == ["塔什干"] * 2
    assert found("昨日タシケントで会談", Spelling("タシケント")) == ["タシケント"]
    assert found("2026年Oshkosh和Osh市", Spelling("Osh")) == ["Osh"]
    assert found("来自Kazakhstan的代表", Spelling("Kazakh*")) == ["Kazakhstan"]


def test_a_footnote_number_ends_a_long_name_but_not_a_short_one() -> None:
    assert found("Kazakhstan4 and C50", Spelling("Kazakhstan"), Spelling("C5")) == ["Kazakhstan"]


def test_a_final_star_takes_any_ending() -> None:
    assert found("В Казахстане", Spelling("Казахстан*")) == ["Казахстане"]
    assert found("Varnia. Varn members", Spelling("Varn *")) == ["Varnia", "Varn"]


def test_each_word_of_a_name_may_have_an_ending() -> None:
    text = "Балтийскому морю, балтийский-морской; grain deals, grains deal, grain dealing"
    spellings = Spelling("балтийск* мор*"), Spelling("grain* deal")
    assert found(text, *spellings) == ["Балтийскому морю", "балтийский-морской", "grains deal"]
    assert found("Sails* E*Sail", Spelling("E*Sail"), Spelling("Sails* E*")) == ["E*Sail"]


def test_a_spelling_that_no_letter_is_left_of_is_never_found() -> None:
    assert found("Osh \u00ad or Osh", Spelling("\u00ad"), Spelling("Osh")) == ["Osh", "Osh"]


def test_an_ending_behind_a_hyphen_is_no_further_word() -> None:
    text = "Varn-Ausschuss, Varn members, Nur Sultan"
    assert found(text, Spelling("Varn-*"), Spelling("Nur-S*")) == ["Varn-Ausschuss", "Nur Sultan"]


def test_an_ending_may_follow_what_is_spelled_exactly() -> None:
    text = "Temirs, temirs, TEMIR, Temir; €uros, $uros"
    spellings = Spelling("Temir*", "exact"), Spelling("€uro*")
    assert found(text, *spellings) == ["Temirs", "Temir", "€uros"]
    deal = Spelling("Grain* Deal", "exact")
    assert found("Grains Deal, Grains deal, Grains-Deal", deal) == ["Grains Deal"]


def test_hyphens_and_blanks_stand_for_each_other() -> None:
    assert found("central-asia, Nur Sultan", Spelling("Central Asia"), Spelling("Nur-Sultan")) == [
        "central-asia",
        "Nur Sultan",
    ]


def test_case_is_asked_of_the_spelling_that_wants_it() -> None:
    text = "OSH, osh, Osh"
    assert found(text, Spelling("Osh", "exact")) == ["Osh"]
    assert found(text, Spelling("Osh", "capital")) == ["OSH", "Osh"]
    assert found(text, Spelling("Osh")) == ["OSH", "osh", "Osh"]


def test_a_name_over_a_line_end_keeps_its_printed_form() -> None:
    assert found("in Kazakh-\nstan today", Spelling("Kazakhstan")) == ["Kazakh-\nstan"]


def test_a_sign_in_a_name_is_that_sign_and_no_other() -> None:
    text = "He paid 5 ₸ or 1 € … “the ‘stans’” – 🇰🇿, not 🇺🇿 (...). “Kaz” is Kaz."
    assert found(text, Spelling("₸"), Spelling("🇰🇿"), Spelling("Kaz.")) == ["₸", "🇰🇿", "Kaz."]
    assert found("the «stans», the stans", Spelling("the “stans”")) == ["the «stans»"]
    accented = "Ал\u0301маты"
    assert found(f"Алматы, {accented}", Spelling(accented)) == ["Алматы", accented]


def test_an_invalid_longer_name_does_not_hide_a_valid_shorter_one() -> None:
    text = "Central Asian"
    assert found(text, Spelling("Central Asia and", "any"), Spelling("Central Asian")) == [text]
    assert found("Turkmenistani", Spelling("Turkmenistan"), Spelling("Turkmen*")) == [
        "Turkmenistani"
    ]


def test_the_longest_of_overlapping_spans_stays() -> None:
    spans = [Match("", *each) for each in ((0, 7), (0, 12), (8, 20), (30, 34), (20, 25))]
    assert [(each.start, each.end) for each in longest(spans)] == [(0, 12), (20, 25), (30, 34)]


def test_of_two_spellings_of_one_word_the_longer_one_is_meant() -> None:
    spellings = Spelling("Varn*", owner="a state"), Spelling("Varnhol*", owner="a surname")
    matches = Matcher(spellings).find(fold_with_offsets("Varnholmer in Varnia"))[None]
    assert [each.owner for each in longest(matches)] == ["a surname", "a state"]
