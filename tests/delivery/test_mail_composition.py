"""A mail says what an analyst wants to know, and nothing a page put there does harm."""

from __future__ import annotations

import random
import re
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest
from lxml.html import fromstring

from rscrawler.config.models import EmailSettings
from rscrawler.delivery.alert import Alert, Interest, alert_of, subject_of
from rscrawler.delivery.channel import Batch, Notice
from rscrawler.delivery.mail import Email
from rscrawler.delivery.wording import SUBJECT_LIMIT, TITLE_LIMIT, one_line, safe_link
from rscrawler.items import ChangeSummary, Evidence, Level, TopicFlag
from rscrawler.sites import SiteProfile
from rscrawler.store.outbox import OutboxRow
from tests.delivery.helpers import HOSTILE_TITLES, NOW, a_flag, an_article
from tests.delivery.mailbox import Received

INTEREST = Interest(["central-asia"], Level.SUBSTANTIAL, {})
DIRECTION_OVERRIDES = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067"


def composed(*alerts: Alert, is_flood: bool = False) -> Received:
    """The mail for some alerts, as a receiver reads it."""
    settings = EmailSettings(
        host="mail.example.org",
        sender="Монитор <monitor@example.org>",
        recipients=["Desk <desk@example.org>", "two@example.org"],
    )
    row = OutboxRow(0, "email", "record-1", "run-1", NOW, "{}")
    batch = Batch([row] * len(alerts), alerts, NOW, is_flood)
    return Received((), Email("email", (), settings=settings).content(batch, "<id-1@example.org>"))


def test_both_parts_say_everything_about_an_article() -> None:
    article = an_article(1, republished_from="Eurasianet")
    mail = composed(alert_of(article, INTEREST, reprints=["https://other.example.org/copy/"]))
    for part in (mail.text, mail.html):
        for expected in (
            "Tensions flare between Russia and Kazakhstan, part 1",
            "https://sample.example.org/article-1/",
            "21 June 2022, 14:05 UTC",
            "Joanna Lillis, Eldar Mamedov",
            "Analysis, Asia Pacific",
            "primary – it is about Central Asia",
            "Kazakhstan, Uzbekistan",
            "Eurasianet",
            "https://other.example.org/copy/",
        ):
            assert expected in part
    assert "…*Tokayev* was sharing the stage with Putin, and *Astana* listened." in mail.text
    assert re.search(r"<span style=[^>]*>Tokayev</span> was sharing the stage", mail.html)


@pytest.mark.parametrize(
    "name",
    [
        "Central Asia and South Caucasus monitor of the international news desk, Almaty and Astana",
        "Дежурный редактор отдела новостей, Центральная Азия и Южный Кавказ: оповещения",
        "Müller, Éva",
        "Desk",
    ],
)
def test_a_name_of_any_length_is_one_address(name: str) -> None:
    written = f'"{name}" <desk@example.org>'
    settings = EmailSettings(
        host="mail.example.org", sender=written, recipients=[written, "two@example.org"]
    )
    notice = Notice("Subject", "Text", "key", "ops", NOW)
    email = Email("email", (), settings=settings, operator_recipients=settings.recipients)
    mail = Received((), email.notice_content(notice, "<id-1@example.org>")).mail
    # The parser of Python 3.11 wrongly keeps the space between two encoded words of a name.
    (sender,) = mail["From"].addresses
    assert (sender.display_name.replace(" ", ""), sender.addr_spec) == (
        name.replace(" ", ""),
        "desk@example.org",
    )
    assert len(mail["To"].addresses) == 2


def test_an_outlet_goes_by_its_title_and_without_one_by_its_host() -> None:
    profile = SiteProfile(base_url="https://sample.example.org", title="The <b>\nSample")
    named = Interest(["central-asia"], Level.SUBSTANTIAL, {}, {"sample": profile})
    article = an_article(1)
    assert "14:05 UTC · The <b> Sample" in composed(alert_of(article, named)).text
    assert "· The &lt;b&gt; Sample" in composed(alert_of(article, named)).html
    assert "14:05 UTC · sample.example.org" in composed(alert_of(article, INTEREST)).text


@pytest.mark.parametrize("is_flood", [False, True])
def test_a_mail_can_be_read_where_a_dark_client_drops_the_style_of_the_body(is_flood: bool) -> None:
    # As Yahoo, Mail.ru and Proton do; in quirks mode, a table inherits no color from around it.
    alerts = [alert_of(an_article(n), INTEREST, followed=an_article(3)) for n in (1, 2)]
    page = fromstring(composed(*alerts, is_flood=is_flood).html)
    for each in page.iter("td", "p", "h1", "h2", "a", "b", "blockquote", "span"):
        lineage = [each, *each.iterancestors()]
        within = lineage[: lineage.index(next(each.iterancestors("table"))) + 1]
        is_colored = any(re.search("(?<!-)color:", e.get("style", "")) for e in within)
        assert is_colored or not (each.text or "").strip(), each.text


def test_a_mail_says_which_language_and_direction_its_texts_have() -> None:
    # Most webmails drop `bdi`, but keep these attributes.
    titles = {"fa": "رئیس‌جمهور قزاقستان", "ru": "Токаев в Астане", None: "Karimov"}
    articles = [
        an_article(number, title=title, language=language)
        for number, (language, title) in enumerate(titles.items())
    ]
    page = fromstring(composed(*(alert_of(each, INTEREST) for each in articles)).html)
    for tag in ("h2", "span"):
        found = [each for each in page.iter(tag) if "lang" in each.attrib]
        assert [each.get("lang") for each in found] == ["fa", "ru", ""]  # "": not known
        assert {each.get("dir") for each in found} == {"auto"}


def test_a_mail_begins_with_a_heading_of_the_first_rank() -> None:
    one, two = (alert_of(an_article(number), INTEREST) for number in (1, 2))
    assert re.findall("<(h[1-6])", composed(one).html) == ["h1"]
    assert re.findall("<(h[1-6])", composed(one, two).html) == ["h1", "h2", "h2"]


def test_what_is_not_known_is_left_out_or_said() -> None:
    article = an_article(1, authors=[], sections=[], published_at=None, title=None)
    text = composed(alert_of(article, INTEREST)).text
    assert "date not given" in text
    assert "(without a title)" in text
    assert "By:" not in text
    assert "Sections:" not in text


def test_an_update_says_what_changed() -> None:
    change = ChangeSummary(("title", "subtitle", "body"), 1_042, 1)
    article = an_article(1, version=2, subtitle="A subtitle", change=change)
    mail = composed(alert_of(article, INTEREST, title_before="An older headline"))
    summary = (
        "headline was “An older headline”; new subtitle; 1,042 words added, 1 word removed in all"
    )
    assert summary in " ".join(mail.text.split())
    assert summary in mail.html
    assert mail.mail["Subject"].startswith("Updated: Tensions flare")


def test_what_follows_another_article_names_it_in_both_parts() -> None:
    alert = alert_of(an_article(1), INTEREST, followed=an_article(2, title="Talks <b>begin</b>"))
    mail = composed(alert)
    assert "Follows: “Talks <b>begin</b>” (sample.example.org)" in " ".join(mail.text.split())
    assert "Talks &lt;b&gt;begin&lt;/b&gt;" in mail.html
    assert an_article(2).url in mail.html


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        (None, ""),
        (ChangeSummary(("body",), 1, 0), "1 word added in the text"),
        (ChangeSummary(("subtitle",), 0, 5), "subtitle gone"),
        (ChangeSummary(("title",), 2, 3), "new headline"),  # what it was is not known
    ],
)
def test_an_update_says_of_its_change_what_was_recorded_and_no_more(
    change: ChangeSummary | None, changed: str
) -> None:
    alert = alert_of(an_article(1, version=2, change=change), INTEREST)
    assert (alert.is_update, alert.changed) == (True, changed)


def test_a_paragraph_is_quoted_at_its_strongest_evidence_however_short() -> None:
    quotes = (
        "Mirziyoyev blamed governors…",
        "…blamed governors. Mill owners in Tashkent doubt it.",
    )
    evidence = tuple(Evidence("x", "x", "UZ", "body", 1, quote, 0, 1) for quote in quotes)
    flag = TopicFlag("central-asia", Level.PRIMARY, 0.9, ("UZ",), evidence)
    (passage,) = alert_of(an_article(1, topics=[flag]), INTEREST).passages
    assert passage.text == quotes[0]


def test_the_headline_is_quoted_only_if_nothing_else_is() -> None:
    headline = Evidence("Osh", "Osh", "KG", "title", None, "The road to Osh", 12, 15)
    paragraph = Evidence("Osh", "Osh", "KG", "body", 0, "Osh is cut off.", 0, 3)
    for evidence, quoted in [
        ((headline, paragraph), ["Osh is cut off."]),
        ((headline,), ["The road to Osh"]),
    ]:
        flag = TopicFlag("central-asia", Level.PRIMARY, 0.9, ("KG",), evidence)
        alert = alert_of(an_article(1, title="The road to Osh", topics=[flag]), INTEREST)
        assert [each.text for each in alert.passages] == quoted


def test_a_name_is_marked_in_every_passage() -> None:
    # An article has at most twelve pieces of evidence, so that of a paragraph may be incomplete.
    evidence = (
        Evidence("Osh", "Osh", "KG", "body", 0, "Osh is cut off.", 0, 3),
        Evidence("Bishkek", "Bishkek", "KG", "body", 1, "Bishkek sends help to Osh.", 0, 7),
    )
    flag = TopicFlag("central-asia", Level.PRIMARY, 0.9, ("KG",), evidence)
    passages = alert_of(an_article(1, topics=[flag]), INTEREST).passages
    assert [each.starred for each in passages] == [
        "*Osh* is cut off.",
        "*Bishkek* sends help to *Osh*.",
    ]


def test_only_topics_of_interest_are_named() -> None:
    flags = [a_flag(), a_flag(topic="drones"), a_flag(Level.MENTION, "other-topic")]
    alert = alert_of(an_article(1, topics=flags), INTEREST)
    assert alert.topics == ("Central Asia",)


@pytest.mark.parametrize(
    "later", [Interest(["central-asia"], Level.PRIMARY, {}), Interest(["other"], Level.MENTION, {})]
)
def test_an_article_says_why_it_was_flagged_though_the_configuration_has_changed(
    later: Interest,
) -> None:
    article = an_article(1, topics=[a_flag(Level.SUBSTANTIAL)])
    mail = composed(alert_of(article, later))
    assert "Level:      substantial" in mail.text
    assert "Countries:  Kazakhstan, Uzbekistan" in mail.text
    assert "*Tokayev*" in mail.text


@pytest.mark.parametrize(
    ("articles", "subject"),
    [
        ([an_article(1)], "Tensions flare between Russia and Kazakhstan, part 1"),
        ([an_article(1), an_article(2)], "2 new articles on Central Asia: Kazakhstan, Uzbekistan"),
        (
            [an_article(1), an_article(2, version=2)],
            "2 new and updated articles on Central Asia: Kazakhstan, Uzbekistan",
        ),
    ],
)
def test_the_subject_says_what_it_is_about(articles: list[object], subject: str) -> None:
    assert subject_of([alert_of(article, INTEREST) for article in articles]) == subject  # type: ignore[arg-type]


def test_the_headers_are_those_of_an_automatic_list_mail() -> None:
    mail = composed(*(alert_of(an_article(number), INTEREST) for number in (1, 2))).mail
    assert mail["Message-ID"] == "<id-1@example.org>"
    assert mail["Date"].datetime == NOW
    assert mail["From"].addresses[0].display_name == "Монитор"
    assert [each.addr_spec for each in mail["To"].addresses] == [
        "desk@example.org",
        "two@example.org",
    ]
    assert mail["List-Id"] == "rscrawler alerts <rscrawler-alerts.example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "OOF, AutoReply"
    assert mail["X-RSCrawler-Articles"] == "0000000000000001, 0000000000000002"


@pytest.mark.parametrize("count", [3, 4, 5, 200])
def test_article_ids_are_folded_and_come_back_whole(count: int) -> None:
    ids = [f"{number:016x}" for number in range(count)]
    received = composed(*(alert_of(an_article(number), INTEREST) for number in range(count)))
    assert received.mail["X-RSCrawler-Articles"].split(", ") == ids
    assert b"X-RSCrawler-Articles: " + ids[0].encode() in received.content
    assert max(map(len, received.content.split(b"\r\n"))) <= 78


def test_the_bytes_are_seven_bit_with_short_lines_that_end_in_crlf() -> None:
    content = composed(alert_of(an_article(1, title="Қазақстан " * 30), INTEREST)).content
    assert content.isascii()
    assert content.count(b"\n") == content.count(b"\r\n")
    assert max(map(len, content.split(b"\r\n"))) <= 998


# What a page may try.


@pytest.mark.parametrize("title", HOSTILE_TITLES.values(), ids=HOSTILE_TITLES)
def test_a_hostile_title_arrives_harmless(title: str) -> None:
    article = an_article(
        1, title=title, subtitle=title, authors=[title], sections=[title], republished_from=title
    )
    received = composed(alert_of(article, INTEREST), alert_of(an_article(2), INTEREST))
    single = composed(alert_of(article, INTEREST))
    for each in (received, single):
        assert set(each.mail.keys()) == set(composed(alert_of(an_article(3), INTEREST)).mail.keys())
        assert len(each.mail["Subject"]) <= SUBJECT_LIMIT
        assert "victim@example.org" not in str(each.mail["To"])
        assert tags_in(each.html) <= SAFE_TAGS
        for part in (each.text, each.html, each.mail["Subject"]):
            assert not set(part) & set(DIRECTION_OVERRIDES + "\x00\x07\x1b\x7f\u2028\u2029")
    assert one_line(title) in single.html or "<" in title
    assert single.mail["Subject"] == one_line(title, SUBJECT_LIMIT)


SAFE_TAGS = {
    "html", "head", "meta", "title", "style", "body", "table", "tr", "td", "h1", "h2",
    "p", "a", "br", "span", "blockquote",
}  # fmt: skip


def tags_in(html: str) -> set[str]:
    """Every element in a page, as a browser finds them."""
    found: set[str] = set()

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert not any(name.startswith("on") for name, _ in attrs)
            found.add(tag)

    Parser().feed(html)
    return found


def test_a_title_of_right_to_left_letters_is_set_off_from_the_line_around_it() -> None:
    text = composed(alert_of(an_article(1, title=HOSTILE_TITLES["right to left"]), INTEREST)).text
    assert f"\u2068{HOSTILE_TITLES['right to left']}\u2069" in text


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "https://example.org/\r\nBcc: x",
        'https://example.org/" onclick="x',
        "https://",
        "//example.org",
        "https://[broken/",
        "https://example.org/\u202egnp.exe",
        None,
    ],
)
def test_only_a_plain_web_address_becomes_a_link(url: str | None) -> None:
    assert safe_link(url) is None
    html = composed(alert_of(an_article(1, url=url or ""), INTEREST)).html
    assert "href" not in html


def test_an_address_with_an_apostrophe_is_a_link() -> None:
    url = "https://example.org/kazakhstan's-choice?by=o'brien"
    alert = alert_of(an_article(1, url=url), INTEREST, reprints=[url])
    assert alert.link == "https://example.org/kazakhstan%27s-choice?by=o%27brien"
    assert alert.reprints == (alert.link,)
    mail = composed(alert)
    assert f'href="{alert.link}"' in mail.html
    assert alert.link in mail.text


def test_a_long_title_is_cut_between_words() -> None:
    title = "Публицист устроил пикет. В интервью газете он сказал, что пошёл на это из-за бунта"
    assert one_line(title, 49) == "Публицист устроил пикет. В интервью газете он…"
    assert one_line(title, 54) == "Публицист устроил пикет. В интервью газете он сказал…"
    assert one_line("From eight to ten … and on", 21) == "From eight to ten…"


def test_a_long_title_without_spaces_is_cut_between_letters() -> None:
    assert len(one_line("x" * 10_000)) == TITLE_LIMIT
    assert one_line("a" * 9 + "e\u0301" + "b" * 9, 11) == "a" * 9 + "…"


@pytest.mark.parametrize("words", [["Kazakhstan"] * 9, ["x" * 100, "and", "y"], ["x" * 119]])
def test_a_long_subject_in_ascii_is_folded_and_not_encoded(words: list[str]) -> None:
    mail = composed(alert_of(an_article(1, title=" ".join(words)), INTEREST)).mail
    assert mail["Subject"] == " ".join(words)
    (written,) = [value for name, value in mail.raw_items() if name == "Subject"]
    assert written.startswith(words[0])


def test_a_mail_is_never_broken_by_what_it_says() -> None:
    dice = random.Random(4)
    letters = "abc é ж 中 😀 א <&>\"' \r\n\t\x00 =?_ ,;:@ \u202e\u2028 \ud800"
    for _ in range(60):
        title = "".join(dice.choices(letters, k=dice.randrange(1, 400)))
        mail = composed(alert_of(an_article(1, title=title, authors=[title]), INTEREST)).mail
        assert isinstance(mail, EmailMessage)
        assert mail["Subject"] == (one_line(title, SUBJECT_LIMIT) or "(without a title)")
        assert not mail.defects


def test_a_summary_counts_by_level_and_country() -> None:
    alerts = [alert_of(an_article(n), INTEREST) for n in range(30)]
    received = composed(*alerts, is_flood=True)
    assert "30  primary" in received.text
    assert "30  Uzbekistan" in received.text
    assert received.mail["Subject"] == "30 new articles on Central Asia: Kazakhstan, Uzbekistan"


def test_a_mail_links_each_article_to_its_page_where_there_is_one() -> None:
    dashboard = "https://monitor.example.org"
    linked = Interest(["central-asia"], Level.SUBSTANTIAL, {}, dashboard=dashboard)
    alerts = [alert_of(an_article(number), linked) for number in (1, 2)]
    mail = composed(*alerts)
    (listed,) = composed(*alerts, is_flood=True).mail.iter_attachments()
    for number in (1, 2):
        page = f"{dashboard}/articles/{number:016x}"
        assert f"See why, and judge it: {page}\r\n" in mail.text
        assert f'href="{page}"' in mail.html
        assert page in listed.get_content()
    plain = composed(alert_of(an_article(1), INTEREST))
    assert "judge" not in plain.text + plain.html
