from __future__ import annotations

import pytest

from rscrawler.topics.roles import Role, dateline_end, role_of, sentence_spans


def role(sentence: str, name: str, kind: str = "state", *others: str) -> Role:
    spans = [(sentence.index(each), sentence.index(each) + len(each)) for each in (name, *others)]
    return role_of(sentence, *spans[0], kind, spans)


@pytest.mark.parametrize(
    "sentence",
    [
        "Kazakhstan refused to recognise the vote.",
        "But the government of Kazakhstan refused.",
        "In Kazakhstan, prices rose.",
        "Moscow was silent, while Kazakhstan protested.",
        "Russia and Kazakhstan quarrelled.",
        "On Friday, Kazakhstan refused.",
        "According to the ministry in Moscow, Kazakhstan refused.",
        "He worked in Kazakhstan, whose mines were closing.",
    ],
)
def test_a_name_that_leads_its_clause_is_the_subject(sentence: str) -> None:
    assert role(sentence, "Kazakhstan") is Role.SUBJECT


@pytest.mark.parametrize(
    "sentence",
    [
        "Brazil, Kazakhstan, Kenya and Norway abstained.",
        "The bloc has Armenia, Belarus, Kazakhstan, and Russia.",
        "It sells to states such as Kazakhstan.",
        "Instability runs from the Balkans to Kazakhstan.",
        "Panic from Kazakhstan to Turkey grew.",
        "Forget Kazakhstan: the rush is in Wyoming.",
        "The old maps have the district spelled Kazakhstan in ink.",
        "Votes were bought in Serbia in 2000, Georgia in 2003 and Kazakhstan in 2005.",
        "There were talks with Iran, with Kazakhstan in May, and with Oman.",
    ],
)
def test_lists_examples_and_ranges_are_passing(sentence: str) -> None:
    assert role(sentence, "Kazakhstan") is Role.PASSING


def test_a_list_of_the_topics_own_states_is_not_passing() -> None:
    sentence = "Ministers in Moscow warned Kazakhstan, Kyrgyzstan and Uzbekistan."
    assert role(sentence, "Kyrgyzstan", "state", "Kazakhstan", "Uzbekistan") is Role.OTHER


def test_a_range_within_the_topic_is_not_passing() -> None:
    sentence = "Panic ran from Dushanbe to Ashgabat."
    assert role(sentence, "Ashgabat", "place", "Dushanbe") is not Role.PASSING


@pytest.mark.parametrize(
    ("sentence", "name"),
    [
        ("Police held an Uzbek man.", "Uzbek"),
        ("He is an Uzbek who came in 2010.", "Uzbek"),
        ("The Tajik suspects were charged.", "Tajik"),
        ("She has many ethnic Kazakh neighbours.", "Kazakh"),
    ],
)
def test_a_persons_origin_is_passing(sentence: str, name: str) -> None:
    assert role(sentence, name, "people") is Role.PASSING


@pytest.mark.parametrize(
    "sentence",
    [
        "Most of the deported were unloaded in Kazakhstan, where a third died by 1948.",
        "In May 1944 Stalin’s trains took them all to Kazakhstan and the Urals.",
        "He was banished to Kazakhstan by the tsar.",
    ],
)
def test_where_people_were_exiled_to_long_ago_is_passing(sentence: str) -> None:
    assert role(sentence, "Kazakhstan") is Role.PASSING


def test_the_state_of_which_one_is_a_citizen_is_passing_and_that_of_many_is_not() -> None:
    assert role("The leader, a citizen of Kyrgyzstan, got nine years.", "Kyrgyzstan") is (
        Role.PASSING
    )
    four = "The four gunmen, all citizens of Kyrgyzstan, were silent."
    assert role(four, "Kyrgyzstan") is Role.PASSING
    assert role("Citizens of Kyrgyzstan need no visa.", "Kyrgyzstan") is Role.SUBJECT


def test_where_somebody_came_from_is_passing_and_where_a_thing_did_is_not() -> None:
    somebody = "Saidov, who is thirty and came from Uzbekistan in 2010, spoke for an hour."
    assert role(somebody, "Uzbekistan") is Role.PASSING
    assert role("He said that the gas came from Uzbekistan.", "Uzbekistan") is Role.OTHER


def test_a_people_with_its_article_is_a_nation_and_one_of_it_a_persons_origin() -> None:
    assert role("That leaves the Kazakhs.", "Kazakhs", "people") is Role.OTHER
    assert role("They held the two Kazakhs.", "Kazakhs", "people") is Role.PASSING
    assert role("One of them, the Kazakh, fled.", "Kazakh", "people") is Role.PASSING


def test_the_women_of_a_people_are_its_society_and_two_of_them_are_persons() -> None:
    assert role("Turkmen women may not drive.", "Turkmen", "people") is Role.SUBJECT
    assert role("It is a hard law for most Kyrgyz women.", "Kyrgyz", "people") is Role.OTHER
    assert role("Two Uzbek women were charged.", "Uzbek", "people") is Role.PASSING
    abroad = "Uzbek women in Istanbul sew for a pittance."
    span = (0, len("Uzbek"))
    assert role_of(abroad, *span, "people", [span], [abroad.index("Istanbul")]) is Role.PASSING


def test_where_somebody_travelled_is_no_end_of_a_range() -> None:
    assert role("Men from the World Bank came to Rogun.", "Rogun", "project") is Role.OTHER
    assert role("Officials from Beijing flew to Dushanbe.", "Dushanbe", "place") is Role.SETTING


def test_where_people_are_deported_to_today_is_not_passing() -> None:
    assert role("Sweden deported two men to Kazakhstan in May.", "Kazakhstan") is Role.OTHER


@pytest.mark.parametrize("comma", [",", ""])
def test_a_person_who_says_who_an_oligarch_was_is_passing_unless_he_leads(comma: str) -> None:
    def of_person(sentence: str) -> Role:
        names = [
            (sentence.index(name), sentence.index(name) + len(name))
            for name in ("Kazakh", "Timur Kulibayev")
        ]
        return role_of(sentence, *names[1], "person", names)

    sold = f"It was sold to a Kazakh oligarch{comma} Timur Kulibayev."
    bought = f"A Kazakh oligarch{comma} Timur Kulibayev, bought it."
    assert of_person(sold) is Role.PASSING
    assert of_person(bought) is Role.SUBJECT


def test_the_place_of_a_meeting_is_a_setting() -> None:
    assert role("Xi met Modi at a summit in Astana.", "Astana", "place") is Role.SETTING
    assert role("Modi left the Samarkand summit early.", "Samarkand", "place") is Role.SETTING


@pytest.mark.parametrize(
    "body", ["central bank", "government", "ministry of trade", "parliament", "officials", "rulers"]
)
def test_a_body_in_a_capital_is_its_state_and_no_visitor_of_the_place(body: str) -> None:
    assert role(f"The {body} in Tashkent raised it.", "Tashkent", "place") is Role.SUBJECT
    assert role(f"Xi asked the {body} in Tashkent.", "Tashkent", "place") is Role.OTHER


def test_what_flows_between_two_states_is_about_both() -> None:
    assert role("Exports from Germany to Kazakhstan rose.", "Kazakhstan") is Role.OTHER


def test_strangers_make_a_row_of_examples_passing() -> None:
    sentence = (
        "Many came, among them Iran's Rouhani, Turkey's Fidan and the ministers of Kazakhstan."
    )
    rivals = [sentence.index("Iran"), sentence.index("Turkey")]
    span = (sentence.index("Kazakhstan"), len(sentence) - 1)
    assert role_of(sentence, *span, "state", [span], rivals) is Role.PASSING


def test_a_side_is_a_party_to_talks() -> None:
    assert role("The Kazakh side published the text.", "Kazakh", "people") is Role.SUBJECT


def test_a_states_capital_is_a_place() -> None:
    sentence = "A diplomat told reporters in the Kazakh capital."
    assert role(sentence, "Kazakh", "people") is Role.SETTING


def test_a_capital_that_acts_is_a_subject() -> None:
    assert role("Astana has refused.", "Astana", "place") is Role.SUBJECT


def test_abbreviations_do_not_end_a_sentence() -> None:
    text = "The U.S. Senate met Gen. Smith. It was late."
    assert [text[start:end] for start, end in sentence_spans(text)] == [
        "The U.S. Senate met Gen. Smith. ",
        "It was late.",
    ]


def test_a_heading_and_an_entry_of_a_list_are_sentences_of_their_own() -> None:
    text = "History\nIt was surveyed.\n- One entry\n- Another"
    assert [text[start:end].strip() for start, end in sentence_spans(text)] == [
        "History",
        "It was surveyed.",
        "- One entry",
        "- Another",
    ]


def test_a_wrapped_line_does_not_end_a_sentence() -> None:
    text = "The ministers of the two states met for the third time this year in\nAlmaty. They left."
    assert len(sentence_spans(text)) == 2


@pytest.mark.parametrize("text", ["ASTANA, Kazakhstan — Prices", "ALMATY (Reuters) – Prices"])
def test_a_dateline_ends_at_its_dash(text: str) -> None:
    assert text[dateline_end(text) :] == "Prices"


def test_a_sentence_without_a_dateline_has_none() -> None:
    assert dateline_end("Prices in Almaty rose.") == 0
