"""Appeals go, and an article about giving keeps every paragraph."""

from __future__ import annotations

import pytest

from rscrawler.extraction.appeals import appeals_among, as_us
from rscrawler.extraction.label import Body, label
from tests.extraction.pages import block_of

NAMES = ("Responsible Statecraft",)
STORY = (
    "The port of Aktau handled a third more grain this year than last, says the ministry.",
    "Traders in Kostanay doubt the figures, and have asked for the books to be opened.",
)
REPUBLISHED = "This article was republished with permission from Eurasianet."


def kept(*texts: str) -> list[str]:
    paragraphs = [block_of(text) for text in texts]
    marked = appeals_among(paragraphs, NAMES)
    return [text for index, text in enumerate(texts) if index not in marked]


APPEALS = [
    "We hope you will consider a tax-exempt donation to RS for your end-of-the-year giving.",
    "Please consider making a tax-deductible donation to Responsible Statecraft today.",
    "Help us keep reporting on the wars that others ignore. Donate now.",
    "Help us continue to bring you independent analysis.",
    "If you value this kind of reporting, please consider supporting our work.",
    "If you found this article useful, consider subscribing to our newsletter.",
    "If you rely on RS for analysis that you cannot get elsewhere, chip in today.",
    "Make your tax-deductible gift today.",
    "Your support keeps our journalism free for everyone.",
    "Your gift, large or small, helps us hold the powerful to account.",
    "Your tax-deductible contribution will be matched dollar for dollar until midnight.",
    "Get RS in your inbox.",
    "Get the best of Responsible Statecraft delivered straight to your inbox every Friday.",
    "Sign up for our weekly newsletter.",
    "Sign up here to receive the weekly round-up.",
    "Subscribe now to our weekly round-up and don't miss a beat with your favorite RS contributors "
    "and reporters, as well as staff analysis, opinion, and news promoting a positive vision.",
    "Subscribe to the Responsible Statecraft newsletter.",
    "Thank you for reading. If you can, please give what you can to keep us going.",
    "Thank you for your support this year; it means a great deal to our small team.",
    "Become a monthly supporter and join thousands of readers who want a saner foreign policy.",
    "Become a member today.",
    "Follow us on Bluesky, X and Facebook.",
    "Follow us on social",
    "Share this article with a friend who should read it.",
    "Would your friends like to know? Share this story!",
    "RS is a nonprofit, and we rely on donations from readers like you.",
    "We don't run ads and we have no paywall. We depend on readers like you to fund our reporting.",
    "Join our mailing list for updates on our events and publications.",
    "Don’t miss a story: sign up for our free daily briefing.",
    "Every dollar you give will be doubled until December 31. Give today!",
    "Will you help us reach our year-end goal? Please donate what you can.",
    "Responsible Statecraft takes no money from arms makers. Reporting like this is possible only "
    "because readers like you chip in, so please donate today.",
    "Before you go: we need your help. Make a gift now to keep Responsible Statecraft independent.",
    "Dear readers, as the year ends, we ask that you remember RS in your giving.",
    "Support our work.",
    "Support independent journalism: donate to Responsible Statecraft.",
    "Want more stories like this in your inbox? Subscribe here.",
    "Enjoying this article? Subscribe to our newsletter and never miss a story.",
    "Donate",
    "This work is only possible with your help. Click here to make a contribution to RS.",
    "Consider becoming a sustaining donor to Responsible Statecraft.",
    "It takes time and money to report from Central Asia. If you can, please contribute today.",
    "Stay informed with our newsletter.",
    "You can unsubscribe at any time.",
    "Please support us with a donation of any size.",
    "We are grateful to our readers and donors, whose generosity makes Responsible Statecraft "
    "possible. Please give again this year.",
    "Independent voices matter now more than ever. Stand with RS by making a year-end gift.",
    "As 2024 draws to a close, Responsible Statecraft asks for your help in challenging the "
    "foreign policy consensus. Will you make a contribution?",
    "This holiday season, consider a gift to peace. Donate to the Quincy Institute, "
    "publisher of Responsible Statecraft.",
    "We can't do this without you. Donate to RS.",
    "RS doesn't take money from weapons contractors. That's why we count on you.",
    "Our coverage is free to read but not free to produce. If you are able, please support "
    "it with a gift of any amount.",
    "Like what you're reading? Get more of it every week by signing up for our newsletter.",
    "Don't let the war party have the last word: subscribe to our free email digest.",
    "Good foreign policy journalism costs money. Pitch in $5 a month to keep it coming.",
    "Readers like you fund everything on this page. Thank you.",
    "We know your inbox is full, but our Friday email is worth it. Sign up below.",
    "Enter your email address to receive updates from Responsible Statecraft.",
    "To receive our best stories each week, sign up for our mailing list.",
    "Can we count on your support before midnight?",
    "You can make a tax-deductible gift at responsiblestatecraft.org/donate.",
    "We're a small newsroom with a big mission, and donations from readers make up most of "
    "our budget. Please give.",
    "Support our journalism by making a donation of $10, $25 or whatever you can afford.",
    "Make a difference: your tax-exempt contribution helps RS expand its reporting from "
    "Ukraine and the Middle East.",
    "Give the gift of independent analysis. Donate in a friend's name.",
    "For all of us at Responsible Statecraft, thank you for your readership and your generosity.",
    "Love what we do? Tell your friends and follow us on social media.",
    "Want to support fearless reporting on the military-industrial complex? Click here to donate.",
    "Join the RS community today and receive a weekly digest of our best work.",
    "Please share widely and subscribe to stay up to date.",
    "Sign up to receive a round-up of our top stories every week.",
    "The best of RS, every Friday. Subscribe for free.",
    "Won't you join us?",
    "People like you make our work possible.",
    "We will never share your address with anyone.",
    "RS ask you for a gift.",
    "Did you like this article? Consider a small donation so we can publish more like it.",
    "If you value this reporting, please consider becoming a member of Statecraft today.",
    "Before you go: Statecraft is a nonprofit newsroom that relies on donations from people "
    "like you.",
    "Will you match a gift of $25 today? Every dollar is doubled until Friday.",
    "Join 40,000 others who receive our dispatches from the region.",
    "We are a small team of nine. We have no owner and no paywall. If everyone who reads us "
    "gave three dollars, our drive would be done within an hour.",
    "Don't miss our podcast: listen here.",
    "Enjoying this article? Forward it to a friend and help us grow.",
    "Want more stories like this one? Become a Statecraft Insider.",
    "Our spring drive ends tonight. Give before midnight and your dollar counts twice.",
    "We have no billionaire owner. We have you. Chip in what you can.",
    "Will you give $10 a month so that the next investigation can be written?",
    "Can you spare five dollars for independent reporting on Central Asia?",
    "Listen to our podcast on Apple or Spotify.",
    "Get our best stories in one email a week.",
    "Sign up for the Silk Road Dispatch, our Friday email.",
    "Join more than 20,000 readers who get our morning note.",
    "Join the 12,000 people who read our briefing every week.",
    "Over 9,000 subscribers read our letter on Central Asia each Tuesday. Join them.",
    "If every reader gave the price of a coffee, we could keep this site free for a year.",
    "Like this story? Pass it on, and subscribe.",
    "Found this useful? Tell a friend about us.",
    "Was this forwarded to you? Subscribe here.",
    "All gifts are being matched this week: every dollar becomes two.",
    "Every donation is tripled until Giving Tuesday.",
    "This article is free to read because members pay for it. Join them today.",
    "Don't miss our next event: register now.",
    "We are a nonprofit newsroom, and people like you pay for our work.",
    "Responsible Statecraft is reader-funded. If you can, support us with $3 a month.",
    "Your membership keeps Statecraft going. Renew it today.",
    "Leave a tip for our reporters.",
    "Help Statecraft reach its goal of 500 new members by Friday.",
    "It is our anniversary. Celebrate with us by giving $15.",
    "Would you consider a gift of any size before the year is out?",
    "Won't you become a member?",
    "Will you stand with Statecraft today?",
    "Download our app and get alerts on Central Asia first.",
    "Subscribe to the Statecraft podcast wherever you listen.",
]


@pytest.mark.parametrize("appeal", APPEALS)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_appeal_goes_wherever_it_stands(appeal: str, place: int) -> None:
    texts = list(STORY)
    texts.insert(place, appeal)
    assert kept(*texts) == list(STORY)


OWN = [
    "Donors pledged $500 million to Tajikistan at a conference in Geneva, and your correspondent "
    "counted four ministers in the hall.",
    "“We hope you will support us,” the president told donors. “Your gift will be remembered.”",
    "“Please donate today,” the poster in Bishkek read, next to a photo of the flooded valley.",
    "“Subscribe to my channel and share this video,” the blogger told his followers.",
    "‘Please donate today,’ read the poster in Bishkek, next to a photo of the flooded valley.",
    "The charity asks supporters to make a tax-deductible donation through its website.",
    "The foundation, a tax-exempt nonprofit, took contributions from two embassies, filings show.",
    "Kazakhstan's contribution to the fund was a gift of the oil companies, as the newsletter of "
    "the chamber of commerce put it.",
    "The newsletter, which has 40,000 subscribers, was shut down by the authorities in March.",
    "Membership in the Eurasian Economic Union has cost Kyrgyzstan its re-export trade.",
    "Uzbekistan wants to become a member of the World Trade Organization by 2026.",
    "Ukraine wants to become a member of NATO, and we should say plainly that it will not.",
    "Your tax dollars pay for it: the Pentagon's contribution to the base was $30 million a year.",
    "If you believe that sanctions work, consider what happened in Tashkent after 1992.",
    "If you want to understand why Astana hesitates, read the treaty that our allies signed.",
    "We need to support Ukraine, our leaders say, but the readers of history know better.",
    "We should support our allies, but we should not give them a blank check.",
    "Help us God, the old woman murmured, and crossed the bridge to the Uzbek side.",
    "Most readers will remember the photograph of the soldier at the airport in Kabul.",
    "Foreign donors gave the Kyrgyz media outlets that rely on donations less than in any year "
    "since 2010, and three newsrooms have closed.",
    "The law obliges any nonprofit that receives foreign donations to register as an agent.",
    "Independent journalism in Central Asia depends on foreign grants, and it is being strangled.",
    "The governor promised free gas to all who sign up for military service; few did.",
    "Sign up for the army and your debts are forgiven: so run the posters in Russian cities.",
    "Congress gave the agency a gift: a budget that will be delivered in three installments.",
    "He thanked the readers of his blog for the generous support that paid for his lawyer.",
    "Critics say the fundraising drive, which promised tax-exempt status to donors, was a fraud.",
    "The president's party sent text messages asking you, the voter, for a contribution.",
    "Follow the money, as our editors like to say, and you end up in a bank in Nicosia.",
    "Join us or die was the message, and nobody in the village misread it.",
    "The oligarch's gifts to the university came with an inbox full of requests.",
    "Consider a country that has given up its weapons in return for a promise.",
    "Thanks to our intervention, your average Libyan is poorer than he was under the tyrant.",
    "Our mission in Afghanistan was to help the government stay in power, and we failed it.",
    "You can support the war or you can oppose it, but you cannot say that our generals hid it.",
    "Responsible Statecraft reported last week that donors to the think tank included two arms "
    "makers.",
    "The author has received contributions from no party, and his newsletter is read by many.",
    "Editor's note: This article has been updated to include the comments of the donors.",
    "Correction: An earlier version misstated the size of the donation. It was $5 million.",
    "Editor’s Note: The author's institute receives donations from supporters of our work abroad.",
    "American taxpayers give Egypt more than a billion dollars a year, and we get little for it.",
    "Tax-deductible gifts to think tanks now outweigh lobbying, and you do not know it.",
    "We must ask whether your security and ours is served by another gift of missiles.",
    "Russia will match every contribution that the Europeans make to Armenia, a diplomat predicts.",
    "The senator told us that he reads our work, and asked for the documents.",
    "Sign-ups for the Kazakh army have fallen by half since the war began, and the ministry "
    "will not say why.",
    "Our allies in the Gulf have given generously to think tanks in Washington, and you "
    "will not find it disclosed.",
    "The White House asked Congress for a gift to Israel that would be matched by European "
    "contributions.",
    "Today we are all invited to support a war whose costs your children will bear.",
    "If you support a ceasefire, you should read the agreement before you celebrate it.",
    "If we want peace, we should help our partners build a region in which your neighbor is "
    "no threat.",
    "Members of the club, who each give $10,000 a year, receive a weekly newsletter and a "
    "dinner with the senator.",
    "The embassy's newsletter tells you what the ambassador ate; the cables tell you what "
    "he thought.",
    "Congress should consider making a contribution to the IMF's trust for poor countries.",
    "Make no mistake: giving Ukraine long-range missiles is a gift to those in Moscow who "
    "want a wider war.",
    "He resigned today, giving reporters a two-page letter that thanked his supporters for "
    "their trust.",
    "Contributions to the campaign came from donors in Almaty, according to filings.",
    "The program is funded by taxpayers like you.",
    "We thank the reviewers for their comments, and the Ford Foundation for its support.",
    "Become a great power or remain a colony: that was the choice, as he saw it.",
    "You may ask why we should care about Turkmenistan.",
    "Tokayev thanked Xi for the support of our great neighbor, as he put it.",
    "Readers of this magazine know that NATO's promise to Georgia was hollow.",
    "This site was once the test ground for 456 nuclear bombs, and our guide carried a counter.",
    "Please note that figures for 2021 are estimates.",
    "The villagers give what they can, which is bread.",
    "Help for the flooded districts is slow, and the governor has asked the public to "
    "donate blankets.",
    "You don't have to like Putin to see that our policy has failed.",
    "We urge the administration to support a diplomatic solution and to help your "
    "government and ours step back.",
    "Each donation to the fund is matched by the state budget.",
    "The Pentagon gave your representatives a briefing and our reporters a press release.",
    "Share of trade with China rose; the share of Russia fell.",
    "Consider the numbers. Turkey sends more students to Kazakhstan than we do.",
    "Follow the pipeline east and you come to Turkmenbashi, where our train stops for the night.",
    "Subscribers of the state telephone company were told to sign up with their passports.",
    "“If you value our friendship, give us your gas,” is how one analyst summed up the message.",
    "Uzbek officials want you to believe that the cotton harvest is voluntary; our "
    "interviews suggest otherwise.",
    "We gave them our support, our money and our weapons, and in return they gave us a bill.",
    "Disclosure: the author's employer has received a contribution from the embassy of Kazakhstan.",
    "A 501(c)(3) such as the institute may not support candidates, and its donors deduct "
    "their gifts.",
    "Would you give us a sense of how Astana sees this?",
    "Will you help us understand the Kazakh position on transit?",
    "Can you give us an estimate in dollars?",
    "Would you support independent journalism in the region with grants?",
    "Would you support a treaty that gives us, and Kazakhstan, a veto?",
    "Can you give us an example from your time in Almaty?",
    "What do you make of the reporters who say our government gave money to you?",
    "Would you join us in saying that the war is lost?",
    "Will you make a deal with Astana to keep the pipeline open?",
    "Won't you help your neighbors, the envoy asked the Uzbek minister.",
    "Would you consider a Kazakh peacekeeping mission?",
    "Will you support the bill that gives us a say over transit fees?",
    "Would you become a member of the union if Moscow asked you to?",
    "Will you give Tashkent the documents it has asked you for?",
    "Could you tell us how the donation reached the mayor of Osh?",
    "Would you make the same choice today?",
    "Will you join the government now?",
    "Will you support the president today, now that the gift to his son is known?",
    "Do you believe that donors will give Kyrgyzstan more than loans?",
    "Have you read the letter that our government sent to Tokayev?",
    "If everyone who reads the treaty understood it, the drive for a union would be over.",
    "If every Kazakh gave a dollar, the fund would still be short by half, a deputy said.",
    "Every dollar is doubled by the time it reaches Dushanbe, since prices there are half of ours.",
    "Before you go to Almaty, the guidebook says, learn how to greet an elder.",
    "Don't miss our point: the base is to close, and the Uzbeks have said so.",
    "Listen to our generals and you would think that the war is won.",
    "Join 40,000 others in the square and you will hear what Bishkek thinks of its president.",
    "Thousands join the militia each year; others receive a plot of land.",
    "Statecraft of this kind needs patience, and our diplomats have little of it.",
    "A small team of nine drew up the plan; it has no owner and no budget.",
    "Nonprofit newsrooms in Kyrgyzstan rely on donations, and the law now forbids them.",
    "Members of parliament asked readers of the official gazette to send in comments.",
    "The podcast, which our correspondent heard in Tashkent, is listened to by thousands.",
    "Give a man a pension and he will vote for you: that is our politics in a sentence.",
    "He reads us the list, and gives three dollars to each of our drivers.",
    "You can become an insider in Ashgabat only by birth, our host told us.",
    "A gift of $25 million from Kazakhstan will match what we gave last year.",
    "Please consider what becoming a member of the union would mean for Uzbekistan.",
    "Subscribe to the view that history repeats itself, and you will see our future in Tajikistan.",
    "Our donation to the relief fund, the mayor told us, will be doubled by the ministry.",
    "If you support independent media in Kyrgyzstan, you should oppose the foreign agents bill.",
    "Help Tashkent reach its goal of 500 new schools, and you help our own security.",
    "Every donation of arms is doubled by Moscow, which wants you to see our weakness.",
    "We have no owner to ask: the land is yours and ours, the shepherds of Naryn say.",
    "Will the donors match what Kazakhstan gave? You and I will pay for it if they do not.",
    "The gifts are matched by favors in Ashgabat, and you can read our account of them.",
    "If every reader of the constitution gave it a day of thought, we could keep the peace.",
    "The newsletter, which our reporters obtained, urged subscribers to give generously to "
    "the militia.",
]


@pytest.mark.parametrize("own", OWN)
def test_a_paragraph_about_giving_stays(own: str) -> None:
    texts = (STORY[0], own, STORY[1])
    assert kept(*texts) == list(texts)


@pytest.mark.parametrize("own", OWN)
def test_a_paragraph_about_giving_stays_as_the_last_one_before_an_appeal(own: str) -> None:
    appeal = "Please consider a tax-deductible donation to RS today."
    assert kept(STORY[0], own, REPUBLISHED, appeal) == [STORY[0], own, REPUBLISHED]


def test_a_run_of_appeals_at_the_end_goes_with_its_companions() -> None:
    tail = (
        "It has been a remarkable year for Responsible Statecraft. Monthly page views are up by a "
        "half, and our writers have been cited on the floor of the Senate.",
        "None of it would have been possible without our readers.",
        "Please consider a tax-exempt donation to RS before the year is out.",
    )
    assert kept(*STORY, REPUBLISHED, *tail) == [*STORY, REPUBLISHED]


def test_a_short_line_between_two_appeals_goes() -> None:
    tail = (
        "Support our work.",
        "You make it possible.",
        "Donate to Responsible Statecraft today.",
    )
    assert kept(*STORY, *tail) == list(STORY)


@pytest.mark.parametrize("heading", ["Our newsletter", "Before you go", "Thank you"])
def test_a_heading_over_an_appeal_goes_and_a_subhead_of_the_article_stays(heading: str) -> None:
    paragraphs = [
        block_of(STORY[0]),
        block_of("What the traders want", "h3"),
        block_of(heading, "h3"),
        block_of("Sign up for our weekly newsletter."),
    ]
    assert appeals_among(paragraphs, NAMES) == {2, 3}
    assert appeals_among([paragraphs[0], paragraphs[1], paragraphs[3]], NAMES) == {2}


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("The Meridian Review", "Meridian"),
        ("The Meridian Review", "MR"),
        ("Responsible Statecraft", "Statecraft"),
        ("Carnegie Politika", "Politika"),
        ("The Intercept", "Intercept"),
    ],
)
def test_an_outlet_is_known_by_its_short_name(name: str, short: str) -> None:
    assert as_us(f"Donate to {short}.", (name,)) == "Donate to us."


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("The Astana Times", "Astana relies on the support of Moscow, as you know."),
        ("The Times of Central Asia", "Asia depends on your support, a minister told bankers."),
        ("Central Asia-Caucasus Analyst", "Analyst Bo Chan relies on you and other readers."),
        ("The Diplomat", "Diplomat Bo Chan relies on your support."),
        ("Responsible Statecraft", "Responsible officials rely on your support."),
        ("Eurasia Review", "Eurasia relies on you."),
    ],
)
def test_a_place_or_a_trade_in_its_name_is_not_the_outlet(name: str, text: str) -> None:
    assert as_us(text, (name,)) == text


def test_where_its_link_leads_tells_an_appeal() -> None:
    text = "This is what independence costs, and we can not carry it alone."
    link = [("https://secure.actblue.com/donate/rs", text)]
    assert appeals_among([block_of(STORY[0]), block_of(text, links=link)], NAMES) == {1}
    link = [("https://example.org/documents/independence.pdf", text)]
    assert appeals_among([block_of(STORY[0]), block_of(text, links=link)], NAMES) == set()


def test_speech_over_several_paragraphs_is_no_appeal() -> None:
    texts = (
        "“We ask you to support us,” he said.",
        "“Please donate today, and your gift will be matched by our members.",
        "“Thank you for your support.”",
    )
    assert kept(*texts) == list(texts)


def _insertion(text: str, *links: tuple[str, str]) -> bool:
    block = block_of(text, links=links)
    label(Body([block], [block], frozenset(), NAMES, is_guess=False))
    return block.label in ("boilerplate", "related", "credit")


@pytest.mark.parametrize(
    "text",
    [
        "(kremlin.ru)",
        "(Reuters)",
        "(Photo: Gints Ivuskans/Shutterstock)",
        "(shutterstock/Andrea)",
        "Photo: Ministry of Transport of Kazakhstan",
        "Top photo credit: Shutterstock/Corlaffra",
        "Top image credit: The president greets a guest, May 16, 2018. REUTERS/Jonathan Ernst",
        "Photo by Anna Li on Unsplash",
        "Image via Wikimedia",
        "Photos: Maria Beck and the press office",
        "(Shutterstock)",
        "(Photo: Reuters)",
        "(Photo by Sean Gallup/Getty Images)",
        "(AP Photo/Anna Li, File)",
        "(Image via Shutterstock)",
        "(photo: Kremlin press service)",
        "(Gage Li/Flickr/Creative Commons)",
        "(screenshot via YouTube)",
        "Top image credit: Lightspring via shutterstock",
        "Photo by John Doe/AP",
        "Photograph courtesy of the author.",
        "Image courtesy of NASA",
        "Photo credit Anna Li",
        "Photo: A woman walks past a mural in Almaty (Shutterstock)",
        "Image: NASA",
        "Illustration: Anna Li",
        "Images: Shutterstock",
        "Photo | Anna Li",
        "Photo illustration by Anna Li",
        "The dam on the day it broke, seen from the north. Credit: Anna Li",
        "The dam on the day it broke (Credit: Anna Li/The Valley Paper)",
        "The dam / Image Credit: Anna Li",
        "The dam on the day it broke, seen from the north. Photo: Reuters/Anna Li",
        "(shutterstock/ lev radin)",
        "(photo by Anna Lee, who was there)",
        "keep reading",
        "Show less",
        "Follow us on social",
        "google cta",
    ],
)
def test_credits_and_boilerplate_are_no_prose(text: str) -> None:
    assert _insertion(text)


@pytest.mark.parametrize(
    "text",
    [
        "(The ministry did not answer our questions.)",
        "Image matters: a president who is never photographed does not exist.",
        "Photographs by satellite show the trench, which is 40 kilometers long, and the camp that "
        "was built beside it in the spring of that year by men who are now dead.",
        "Pictures of the crash spread within the hour.",
        "(The White House did not respond to a request for comment.)",
        "(The Kremlin denies this.)",
        "(The Kremlin denies this)",
        "(Reuters first reported the deal.)",
        "(The Associated Press contributed to this report.)",
        "(Full disclosure: I worked at the White House from 2009 to 2011.)",
        "(See the photo above.)",
        "(TASS later withdrew the report.)",
        "(The image was taken in May.)",
        "(According to Wikipedia, nobody lives there.)",
        "[Xinhua put the number at forty.]",
        "Photographs by satellite show a column of trucks near the harbour at dawn.",
        "Images courtesy of the satellite firm Maxar show a new airfield on the island.",
        "Images via drone reached the staff within seconds.",
        "Photos by Maria Beck show the wards empty",
        "Pictures by the hundred came from the port that night.",
        "Photo credits aside, the exhibition says nothing of the war.",
        "Image credit is what the ministry lives on.",
        "Pictures: the walls of the museum are full of them, and none shows a face that anybody in "
        "the town remembers.",
        "Images: they were everywhere, on buses, on the backs of school books and on the wall of "
        "the ministry, where the general smiled at the men whom he had sent home.",
        "Graphic: that was the word the censors used for every film of the flood, and so none was "
        "shown, and the dam that broke was said to hold.",
        "Photos: Reuters and AP reporters were barred from the room, and no picture exists.",
        "The governor took the credit: nobody else had been asked.",
        "The witness held up the last page. Photo: a man at a desk, and nobody beside him.",
        "Credit: the banks have stopped lending to small firms since the spring.",
        "(The Kremlin/ the west lost.)",
        "(The Kremlin denies this, kremlin.ru)",
        "(See the text of the decree, kremlin.ru)",
        "(Photos by the hundred, who could count them)",
        "(for more on this see the report / eurasianet.org)",
        "Image: Russia. She is the photographer whom nobody asked, and nobody shall ask her in a "
        "country where the press has been dead for a decade. The rest of us look away.",
        "Share prices fell.",
        "Latest estimates put the toll at 40.",
    ],
)
def test_prose_that_looks_like_a_credit_stays(text: str) -> None:
    assert not _insertion(text)


def test_a_line_that_is_only_the_way_to_another_article_is_no_prose() -> None:
    title = "Allies confirm loan on frozen assets"
    link = ("/story-loan/", title)
    assert _insertion(f"Read more: {title}", link)
    assert _insertion(f"Related: {title}", link)
    assert _insertion(f"See also: “{title}”", link)
    sections = [("/loans/", "Loans section"), ("/columns/", "Columns")]
    assert _insertion("More coverage: Loans section · Columns", *sections)
    assert _insertion(title, link)
    assert not _insertion(f"Last week, {title.lower()}, and the euro rose.", link)
