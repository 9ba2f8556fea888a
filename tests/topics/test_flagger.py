from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rscrawler.config import Config
from rscrawler.items import Level, TopicFlag
from rscrawler.topics import FlaggableText, Flagger, load_watchlists
from rscrawler.topics.matcher import Matcher

BOTH = Flagger(load_watchlists().values())

BRIEF = FlaggableText(
    title="Kazakhstan and Armenia sign a rail pact",
    paragraphs=(
        "Kazakhstan and Armenia signed a pact on railways in Yerevan. President Tokayev said that "
        "Kazakhstan would send grain.",
        "Pashinyan, Armenia's prime minister, called it a new road for Armenia.",
    ),
    tags=("kazakhstan", "rail"),
)


def test_each_list_gives_its_own_flag_by_name() -> None:
    flags = BOTH.flag(BRIEF)
    assert [flag.topic for flag in flags] == ["central-asia", "south-caucasus"]
    assert [flag.countries for flag in flags] == [("KZ",), ("AM",)]
    assert all(flag.level is Level.PRIMARY for flag in flags)


def test_an_article_that_names_nothing_has_no_flag() -> None:
    assert BOTH.flag(FlaggableText(title="Rain", paragraphs=("It rained in Paris.",))) == []
    assert BOTH.flag(FlaggableText()) == []


def test_all_is_compiled_for_the_first_text_so_that_forked_processes_have_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flagger = Flagger(load_watchlists().values())
    assert flagger.flag(FlaggableText(title="Rain")) == []
    monkeypatch.delattr(Matcher, "__init__")
    assert len(flagger.flag(BRIEF)) == 2


def test_the_same_article_gets_the_same_flags() -> None:
    again = Flagger(reversed(load_watchlists().values()))
    assert BOTH.flag(BRIEF) == again.flag(BRIEF) == BOTH.flag(BRIEF)


def test_evidence_says_where_and_why() -> None:
    first = BOTH.flag(BRIEF)[0].evidence[0]
    assert (first.term, first.entity, first.country) == ("Kazakhstan", "Kazakhstan", "KZ")
    assert (first.field, first.paragraph) == ("title", None)
    assert first.quote == BRIEF.zones[0].text


def test_evidence_is_short_and_the_strongest_comes_first() -> None:
    text = FlaggableText(
        title="A long list",
        paragraphs=tuple(f"Kazakhstan did thing number {n}." for n in range(40)),
        tags=("kazakhstan",),
    )
    evidence = BOTH.flag(text)[0].evidence
    assert len(evidence) == 12
    paragraphs = [each.paragraph for each in evidence if each.field == "body"]
    assert paragraphs == sorted(paragraphs, key=lambda number: number or 0)


def test_a_quote_is_the_sentence_and_not_what_is_around_it() -> None:
    named = (
        "The oblast's officials told reporters in Bishkek on Monday that the breach had weakened "
        "the bridge, and they feared that it would not hold until the spring floods have passed."
    )
    text = FlaggableText(paragraphs=(f"Rain fell for days. {named} A ferry serves as a detour.",))
    assert [each.quote for each in BOTH.flag(text)[0].evidence] == [named]


@pytest.mark.parametrize(
    "named",
    ["Форум прошёл 12 мая в г. Алматы.", "Его встретил Ш. Мирзиёев.", "Uni Sh. Mirziyoyev kutdi.",
     "Мемлекет басшысы Қ. Тоқаев келді."],
)  # fmt: skip
def test_a_quote_does_not_begin_behind_an_abbreviation(named: str) -> None:
    text = FlaggableText(paragraphs=(f"В 2022 г. Поезд пришёл. {named} Дождь шёл.",))
    assert [each.quote for each in BOTH.flag(text)[0].evidence] == [named]


def test_a_headline_is_quoted_whole() -> None:
    title = "Study, cure and rest. How those who come for treatment spend their free days in Almaty"
    headline = f"{title}, and what the city's clinics are building to make them come back again"
    quotes = [each.quote for each in BOTH.flag(FlaggableText(title=headline))[0].evidence]
    assert quotes == [headline]


def test_a_long_sentence_is_cut_with_dots_around_the_term() -> None:
    text = FlaggableText(
        paragraphs=("Rain. The " + "word " * 99 + "Tokayev spoke " + "word " * 99,)
    )
    quote = BOTH.flag(text)[0].evidence[0].quote
    assert quote.startswith("…word")
    assert quote.endswith("word…")
    assert "Tokayev spoke" in quote
    assert len(quote) < 200


def test_georgia_is_the_country_only_in_its_company() -> None:
    def flags(text: str) -> list[TopicFlag]:
        return BOTH.flag(FlaggableText(paragraphs=(text,)))

    assert (
        flags("Georgia's secretary of state certified the vote in Atlanta. Georgia is red.") == []
    )
    assert flags("Georgia jailed an opposition leader in Tbilisi. Georgia is adrift.") != []


def test_another_list_is_only_data(tmp_path: Path) -> None:
    (tmp_path / "baltic.toml").write_text(
        'title = "Baltic"\n[states]\nEE = "Estonia"\n[[entity]]\nname = "Estonia"\n'
        'kind = "state"\ncountry = "EE"\nspellings = ["Estonia"]\n',
        encoding="utf-8",
    )
    flagger = Flagger([load_watchlists(Config(topics_dir=tmp_path))["baltic"]])
    text = FlaggableText(
        title="Estonia votes", paragraphs=("Estonia votes on Sunday. Estonia is small.",)
    )
    assert flagger.flag(text)[0].countries == ("EE",)


_FRAGMENTS = st.sampled_from(
    [
        "Kazakhstan", "KAZAKHSTAN’S", "Kazakh\u00adstan", "Kazakh-\nstan", "Central\n Asia", "İİ",
        "Türkmenbaşy", "Tokayev", "Osh", "Uzbek man", "Казахстане", "Armenia", "Georgia", "C5+1",
        "Tbilisi", "from", "to", "and", ",", ".", "“", "”", "…", "\u0301", "\u200b", "  ", "said",
        "Russia", "the", "in", "Samarkand", "Nur‑Sultan", "(", ")", "The", "O'zbekiston", "😀",
    ]
)  # fmt: skip
_TEXT = st.lists(_FRAGMENTS | st.text(max_size=4), max_size=25).map(" ".join)


@given(title=_TEXT, subtitle=_TEXT, paragraphs=st.lists(_TEXT, max_size=4), tag=_TEXT)
def test_evidence_offsets_always_slice_to_the_term(
    title: str, subtitle: str, paragraphs: list[str], tag: str
) -> None:
    text = FlaggableText(title, subtitle, tuple(paragraphs), (tag,))
    fields = {"title": title, "subtitle": subtitle, "tags": tag}
    for flag in BOTH.flag(text):
        assert flag.evidence
        assert 0 < flag.score <= 1
        for evidence in flag.evidence:
            if evidence.field == "body":
                assert evidence.paragraph is not None
                source = paragraphs[evidence.paragraph]
            else:
                source = fields[evidence.field]
            assert source[evidence.start : evidence.end] == evidence.term
            assert evidence.term in evidence.quote


@pytest.mark.parametrize(
    "spelling",
    [
        "Kazakstan", "Kyrgistan", "Krygyzstan", "Turkemistan", "Tajikstan", "Uzbekistán",
        "Kasachstan", "Ouzbékistan", "Kirghizistan", "Kazajistán", "Tadschikistan", "Özbekistan",
        "Kırgızistan", "Qazaqstan", "Казахстан", "Киргизии", "Ўзбекистон", "Тоҷикистон",
        "Nur-Sultan", "Ashkhabad", "Zhaparov", "Berdimuhamedow",
    ],
)  # fmt: skip
def test_spellings_seen_in_print_are_known(spelling: str) -> None:
    text = FlaggableText(paragraphs=(f"{spelling} (Central Asia).",))
    assert spelling in [each.term for each in BOTH.flag(text)[0].evidence]


@pytest.mark.parametrize(
    ("sentence", "country"),
    [
        ("Prezydent Kirgistanu przyjechał do Biszkeku.", "KG"),
        ("Kazašský prezident jedná v Astaně, hlavním městě Kazachstánu.", "KZ"),
        ("Prezident Turkménska rokoval v Ašchabade.", "TM"),
        ("Tadzjikistans regering möts i Dusjanbe.", "TJ"),
        ("Kirgisian hallitus kokoontui Biškekissä.", "KG"),
        ("Kazahsztánban, Asztanában tanácskoznak.", "KZ"),
        ("Predsednik Tadžikistana stigao je u Dušanbe.", "TJ"),
        ("Το Ουζμπεκιστάν αγοράζει τρένα για την Τασκένδη.", "UZ"),
        ("Uzbekistano vyriausybė posėdžiauja Taškente.", "UZ"),
        ("Kõrgõzstani valitsus koguneb Biškekis.", "KG"),
        ("Президентът на Казахстан пристигна в Астана.", "KZ"),
        ("Узбецький уряд засідає в Ташкенті.", "UZ"),
        ("Özbəkistan hökuməti Daşkənddə toplaşır.", "UZ"),
        ("הנשיא ביקר בקזחסטן ונאם באסטנה.", "KZ"),
        ("وصل الرئيس إلى طشقند عاصمة أوزبكستان.", "UZ"),
        ("कज़ाखस्तान के राष्ट्रपति ने भाषण दिया।", "KZ"),
        ("তাজিকিস্তানের সরকার বৈঠক করেছে।", "TJ"),
        ("카자흐스탄은 우라늄을 수출한다.", "KZ"),
        ("უზბეკეთის მთავრობა ტაშკენტში შეიკრიბა.", "UZ"),
        ("Թուրքմենստանի կառավարությունը հավաքվել է Աշխաբադում։", "TM"),
    ],
)
def test_a_state_is_known_in_other_languages_with_its_endings(sentence: str, country: str) -> None:
    text = FlaggableText(title=sentence, paragraphs=(sentence,))
    assert BOTH.flag(text)[0].countries == (country,)


@pytest.mark.parametrize(
    "region",
    [
        "Azji Centralnej", "Střední Asii", "Srednjoj Aziji", "Centraal-Azië", "Keski-Aasiassa",
        "Közép-Ázsiában", "Orta Asya'da", "Центральної Азії", "Κεντρικής Ασίας", "במרכז אסיה",
        "آسیای مرکزی", "मध्य एशिया", "중앙아시아에서", "Trung Á",
    ],
)  # fmt: skip
def test_the_region_is_known_in_other_languages(region: str) -> None:
    assert BOTH.flag(FlaggableText(title=f"{region}."))


CHINESE = (
    "昨天的会谈持续了三个小时。吉尔吉斯斯坦总理介绍了铁路的进展。比什凯克希望明年通车。"
    "双方还讨论了贷款的条件。"
)


def test_chinese_is_read_letter_by_letter_and_sentence_by_sentence(central_asia: Flagger) -> None:
    [flag] = central_asia.flag(FlaggableText("吉尔吉斯斯坦铁路有了新贷款", None, (CHINESE,)))
    assert flag.level is Level.PRIMARY
    assert flag.countries == ("KG",)
    assert "比什凯克希望明年通车。" in [each.quote for each in flag.evidence]
    lines = FlaggableText.from_line({"text": "双方谈了贷款。\n铁路明年通车。"})
    assert [zone.text for zone in lines.zones] == ["双方谈了贷款。", "铁路明年通车。"]


def test_a_name_leads_a_chinese_sentence_among_its_first_letters(central_asia: Flagger) -> None:
    first, later = "比什凯克昨天谈了明年的铁路。", "昨天谈了明年铁路的比什凯克。"
    flags = (
        central_asia.first_flag(FlaggableText("消息", None, (each,))) for each in (first, later)
    )
    leading, named = (flag.score for flag in flags)
    assert leading > named


@pytest.mark.parametrize(
    "text", ["其中亚军只有一人。", "他是第三代中亚裔球员。", "信中亚马逊没有回答。"]
)
def test_letters_of_two_chinese_words_are_no_name(text: str, central_asia: Flagger) -> None:
    assert central_asia.flag(FlaggableText("消息", None, (text,))) == []


def test_a_long_sentence_without_blanks_is_cut_around_the_name(central_asia: Flagger) -> None:
    [flag] = central_asia.flag(FlaggableText("消息", None, ("很" * 400 + "塔什干" + "好" * 400,)))
    assert flag.evidence[0].quote == "…" + "很" * 80 + "塔什干" + "好" * 80 + "…"
