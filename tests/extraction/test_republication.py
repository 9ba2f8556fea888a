"""The line that tells where a piece appeared first, in its many forms."""

from __future__ import annotations

import pytest

from rscrawler.extraction.republication import republished_from


@pytest.mark.parametrize(
    ("line", "outlet"),
    [
        ("This article was republished with permission from Eurasianet.", "Eurasianet"),
        ("This piece has been republished with permission from Eurasianet", "Eurasianet"),
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
        ("This piece was published in partnership with Eurasianet.", "Eurasianet"),
        ("This report appeared first in Eurasianet and is reprinted with permission.",
         "Eurasianet"),
        ("This article was produced in cooperation with RFE/RL.", "RFE/RL"),
        ("This article was republished with permission from “Eurasianet”.", "Eurasianet"),
        ("The article was first published on Eurasianet.org.", "Eurasianet.org"),
    ],
)  # fmt: skip
def test_the_outlet_is_named(line: str, outlet: str) -> None:
    assert republished_from(["Some text.", line]) == outlet


@pytest.mark.parametrize(
    "text",
    [
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
    ],
)
def test_prose_names_no_outlet(text: str) -> None:
    assert republished_from(["Some text.", text]) is None


def test_the_outlets_own_name_is_no_source() -> None:
    line = "This article first appeared on Responsible Statecraft."
    assert republished_from([line], ("Responsible Statecraft",)) is None
