"""The line that tells where an article appeared first, in its many forms."""

from __future__ import annotations

import pytest

from rscrawler.extraction.reprint import republished_from


@pytest.mark.parametrize(
    ("line", "outlet"),
    [
        ("This article was republished with permission from Eurasianet.", "Eurasianet"),
        ("This article has been republished with permission from Eurasianet", "Eurasianet"),
        ("This article has been republished with the permission of Eurasianet.", "Eurasianet"),
        ("Republished with permission from Foreign Policy in Focus.", "Foreign Policy in Focus"),
        ("This article first appeared on Eurasianet.", "Eurasianet"),
        ("This article first appeared in The Diplomat.", "The Diplomat"),
        ("This article first appeared at TomDispatch.", "TomDispatch"),
        ("This story originally appeared on openDemocracy.", "openDemocracy"),
        ("Originally published by Eurasianet.", "Eurasianet"),
        ("First published in Le Monde diplomatique.", "Le Monde diplomatique"),
        ("A version of this article was published in The American Prospect.",
         "The American Prospect"),
        ("A longer version of this essay was first published at Inkstick Media.",
         "Inkstick Media"),
        ("Reprinted with permission from The Conversation.", "The Conversation"),
        ("Reposted from Eurasianet.", "Eurasianet"),
        ("This article is co-published with Eurasianet.", "Eurasianet"),
        ("Co-published with Inkstick.", "Inkstick"),
        ("This article was republished from Eurasianet with permission.", "Eurasianet"),
        ("This article was republished, with permission, from Eurasianet.", "Eurasianet"),
        ("This article was originally published on the Eurasianet website.", "Eurasianet"),
        ("This article was published by Eurasianet on June 20, 2022.", "Eurasianet"),
        ("This article is republished from The Conversation under a Creative Commons license. "
         "Read the original article.", "The Conversation"),
        ("This article was republished with permission from Eurasianet. It has been shortened.",
         "Eurasianet"),
        ("(This article was republished with permission from Eurasianet.)", "Eurasianet"),
        ("Editor's note: This article was originally published by Eurasianet.", "Eurasianet"),
        ("This article has been republished with permission from The New Statesman, where it "
         "appeared last week.", "The New Statesman"),
        ("This article was published in partnership with Eurasianet.", "Eurasianet"),
        ("This report appeared first in Eurasianet and is reprinted with permission.",
         "Eurasianet"),
        ("This article was produced in cooperation with RFE/RL.", "RFE/RL"),
        ("This article was republished with permission from “Eurasianet”.", "Eurasianet"),
        ("The article was first published on Eurasianet.org.", "Eurasianet.org"),
        ("This story appears in partnership with ProPublica.", "ProPublica"),
        ("Copyright (c)2025 RFE/RL, Inc. Reprinted with the permission of Radio Free Europe/Radio "
         "Liberty.", "Radio Free Europe/Radio Liberty"),
        ("Copyright (c)2022, RFE/RL, Inc. Reprinted with the permission of Radio Free Europe/Radio "
         "Liberty, 1201 Connecticut Ave NW.", "Radio Free Europe/Radio Liberty"),
        ("A Russian-language version of this article was published by Carnegie Politika.",
         "Carnegie Politika"),
        ("This article is reposted from Foreign Exchanges with the author's permission.",
         "Foreign Exchanges"),
        ("Reposted from Foreign Exchanges with the author’s permission", "Foreign Exchanges"),
        ("This essay was originally published in Spanish by El País.", "El País"),
        ("This article was published on June 20, 2022 by Eurasianet.", "Eurasianet"),
        ("This article originally appeared in the Spring 2022 issue of Strategic Studies "
         "Quarterly.", "Strategic Studies Quarterly"),
        ("This article was republished with permission from the Center for Economic and Policy "
         "Research (CEPR).", "Center for Economic and Policy Research"),
        ("This article was originally published by TomDispatch. Nora Weiss teaches history in Graz "
         "and has written two books on canals.", "TomDispatch"),
        ("Cross-posted from TomDispatch.com", "TomDispatch.com"),
        ("This article first appeared in War on the Rocks in March 2021.", "War on the Rocks"),
        ("First published by The Guardian.", "The Guardian"),
        ("Originally appeared on Asia Times in 2019.", "Asia Times"),
        ("Published in partnership with Vlast.", "Vlast"),
        ("This article is syndicated by Globetrotter.", "Globetrotter"),
        ("This column appears courtesy of the Los Angeles Times.", "Los Angeles Times"),
        ("This is an edited version of an article that was first published in Foreign Affairs.",
         "Foreign Affairs"),
        ("This essay first appeared on the website of the Foreign Policy Research Institute.",
         "Foreign Policy Research Institute"),
        ("The following article was originally published by Novaya Gazeta Europe.",
         "Novaya Gazeta Europe"),
        ("This story was first published in Novaya gazeta.", "Novaya gazeta"),
        ("This commentary was published by The Hill under the headline “A canal too far”.",
         "The Hill"),
        ("This article by Nora Weiss was republished with permission from Eurasianet.",
         "Eurasianet"),
        ("This article, originally published by Eurasianet, is republished with permission.",
         "Eurasianet"),
        ("This is republished with permission from Eurasianet.", "Eurasianet"),
        ("This article is republished from The Conversation, a nonprofit news organization. It "
         "was written by Nora Weiss.", "The Conversation"),
        ("This article appeared first in U.S. News & World Report.", "U.S. News & World Report"),
        ("Originally published in UnHerd, June 20, 2022.", "UnHerd"),
        ("Originally published in UnHerd June 20, 2022.", "UnHerd"),
        ("This article was first published June 20 in UnHerd.", "UnHerd"),
        ("This article was first published 22 June 2022 by Eurasianet.", "Eurasianet"),
        ("This article was originally published by Inkstick, in partnership with The Nation.",
         "Inkstick"),
        ("This article was republished from The National Interest, June 2022.",
         "The National Interest"),
        ("Republished under Creative Commons from The Conversation.", "The Conversation"),
        ("This article was produced by Globetrotter, a project of the Independent Media "
         "Institute.", "Globetrotter"),
        ("This article was produced by Fergana News and republished with permission.",
         "Fergana News"),
        ("This article was first published by Eurasianet, where Ann Lee is the editor. She "
         "writes on water.", "Eurasianet"),
        ("This article first appeared on Eurasianet two weeks ago.", "Eurasianet"),
        ("This article is republished from our friends at Eurasianet.", "Eurasianet"),
        ("This article was republished with permission from Eurasianet and the author.",
         "Eurasianet"),
        ("This article was first published by Eurasianet as “The long road”.", "Eurasianet"),
        ("This article was first published by Eurasianet but has been updated.", "Eurasianet"),
        ("This article was republished with permission from Eurasianet – read it here.",
         "Eurasianet"),
        ("This article was republished with permission from bne IntelliNews.",
         "bne IntelliNews"),
        ("This article was republished from il Manifesto.", "il Manifesto"),
        ("Republished with permission from Eurasianet", "Eurasianet"),
        ("This article was republished from Our World in Data.", "Our World in Data"),
        ("This article first appeared in Itinerant Press.", "Itinerant Press"),
        ("This article was shared with permission from Eurasianet.", "Eurasianet"),
    ],
)  # fmt: skip
def test_the_outlet_is_named(line: str, outlet: str) -> None:
    assert republished_from(["Some text.", line]) == outlet


# What prose says of others' publications.
PROSE = (
    "The report was published in June.",
    "This report was published by the ministry, which has since withdrawn it, and it told a "
    "story of waste that no minister has denied in the twelve months that have gone by, of "
    "wagons that were paid for twice and of bridges that were never there; the auditors who "
    "wrote it were moved to other posts, and the paper that printed it, the last in the north, "
    "has lost the advertisements of the railway and of every firm that hopes to work for it.",
    "He republished the tweet with the permission of nobody.",
    "This article is part of a series.",
    "The story appeared to be true.",
    "This article was published on Tuesday.",
    "This article was written by a retired officer.",
    "A memo first published by the Post shows that the army knew.",
    "The analysis has been updated.",
    "This article first appeared here.",
    "A report published by the Government Accountability Office in May found that half of the "
    "assets could not be accounted for.",
    "An essay published in Foreign Affairs by two former officials made the case for a truce.",
    "An analysis published on Monday by the Kiel Institute puts the bill at four billion euros.",
    "The column ran in the Washington Post on the day that the embassy was shut.",
    "Originally published in 1987, the book by Paul Kennedy shaped a generation of officers.",
    "The interview was published by Novaya Gazeta Europe on Tuesday.",
    "The interview was published by Der Spiegel.",
    "An article in the Times of Central Asia says that the dam is leaking again.",
    "An article published at War on the Rocks argues that the fleet is too small for two seas.",
    "First published in New York in 1951, the novel was banned in Prague for thirty years.",
    "First published in Le Monde, the appeal was signed by forty ambassadors within a week.",
    "Originally published by Verso, the book has been translated into nine languages.",
    "Reprinted in Harper's, the memo ended the career of the man who wrote it.",
    "Reprinted from the Soviet edition of 1938, the atlas shows a river where there is none.",
    "Republished by Pravda, the speech was read in every barracks.",
    "The law was published in the Official Gazette and takes effect in January.",
    "The decree, first published by Kazinform, names three ministers.",
    "The text of the treaty was published by TASS in full.",
    "This text was published by TASS on Friday, and no one in Minsk has denied it.",
    "This report was published by the Congressional Research Service in March.",
    "This report was produced by the Rand Corporation at the request of the Air Force.",
    "This analysis was published by the Kiel Institute. It found that aid has fallen by half.",
    "This story was published in the Wall Street Journal, and it infuriated the White House.",
    "This story appeared in the Washington Post before anyone in the Senate had read the bill.",
    "This column was written in Tashkent.",
    "A poll published by the Levada Center in April shows that fewer than half approve.",
    "The poll was published by Gallup on Thursday and was taken before the strike.",
    "A story in The Intercept, republished by Common Dreams, says that the base is to close.",
    "The story was first reported by Axios.",
    "The story was first published by Axios, and the Pentagon confirmed it an hour later.",
    "The essay was first published in Foreign Affairs in July 1947 under a pseudonym that fooled "
    "nobody in Moscow.",
    "The op-ed ran in the Wall Street Journal a week before the vote.",
    "The post was written by Elbridge Colby in 2019, when he was out of office.",
    "The article was published by Xinhua.",
    "A version of the bill was published in the Congressional Record.",
    "A longer version of the story was told by Solzhenitsyn in Geneva.",
    "An excerpt from the book appeared in The Atlantic last spring.",
    "An interview with the general appeared in Bild on Sunday.",
    "The commentary, published in the People's Daily, was signed Zhong Sheng.",
    "The dispatch was printed in London, in the Morning Post, and read in Calcutta in the autumn.",
    "Published by the Kremlin on Friday, the decree doubles the bounty for recruits.",
    "Published in 2003, the Iraq Study Group's report came too late for anyone to heed it.",
    "Produced in Alabama, the missile costs two million dollars apiece.",
    "Adapted from Tolstoy's novella, the film was shot in Dagestan.",
    "This essay has been adapted from the author's book, The Long War (Verso, 2024).",
    "This article was republished with permission from the author.",
    "This article was republished by Asia Times and by two papers in Lahore.",
    "This interview first appeared as a podcast.",
    "In partnership with Boeing, the Air Force has built a drone that nobody ordered.",
    "This was shared through WhatsApp.",
    "Shared via Telegram",
    "Published with permission of the Kremlin.",
    "This report was produced by hand in a cellar in Kyiv.",
    "The World Bank's report was produced by a team in Almaty.",
    "This report was produced by Rand, a project of the Air Force.",
    "This story was published in the Wall Street Journal but was denied by the White House.",
    "Originally published by Verso but banned in Prague, the book sold well.",
)


@pytest.mark.parametrize("text", PROSE)
def test_prose_names_no_outlet(text: str) -> None:
    assert republished_from(["Some text.", text]) is None


def test_the_outlets_own_name_is_no_source() -> None:
    line = "This article first appeared on Responsible Statecraft."
    assert republished_from([line], ("Responsible Statecraft",)) is None


def test_a_line_on_this_article_counts_before_one_on_the_article() -> None:
    line = "This article was republished with permission from Eurasianet."
    other = "The article was first published in Foreign Affairs."
    assert republished_from([line, "Some text.", other]) == "Eurasianet"
    assert republished_from(["Some text.", other]) == "Foreign Affairs"


def test_the_article_spoken_of_in_the_middle_of_a_text_is_another_one() -> None:
    other = "The article was first published in Foreign Affairs."
    assert republished_from(["One.", other, "Two.", "Three.", "Four."]) is None
