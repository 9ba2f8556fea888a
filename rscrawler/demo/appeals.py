"""What the site asks of its readers: money, and their addresses."""

from __future__ import annotations

from html import escape
from random import Random

_APPEALS: tuple[tuple[str, ...], ...] = (
    (
        "Our readers made this a remarkable year for Sample Statecraft. Your contributions paid "
        "for a new website, and monthly page views have more than doubled since the spring.",
        "Please consider a tax-exempt donation to Sample Statecraft before the end of the year, "
        "so that we can widen our coverage. Happy holidays, and here is to a more peaceful year!",
    ),
    (
        "Sample Statecraft takes no money from arms makers or foreign governments. Reporting like "
        "this is possible only because readers like you chip in.",
        "Will you support our work today with a tax-deductible gift?",
    ),
    (
        "Dear reader: if you value independent coverage of war and peace, please donate to Sample "
        "Statecraft. Every contribution, large or small, is matched until the end of the month.",
    ),
    (
        "Thanks to the generosity of our supporters, Sample Statecraft has become a go-to place "
        "for readers who want alternatives in the foreign policy conversation.",
        "We hope you will think of us in your end-of-the-year giving. Click here to make your "
        "tax-exempt contribution.",
    ),
    (
        "Before you go: Sample Statecraft is a nonprofit, and its journalism is free for all to "
        "read. Help us keep it so by becoming a monthly supporter.",
    ),
)
_SHORT_APPEALS = (
    "Enjoying this article? Subscribe to the Sample Statecraft newsletter and get our best "
    "stories in your inbox every Friday.",
    "Support Sample Statecraft: please donate today, your gift is tax-deductible.",
    "Sign up for our free weekly newsletter so that you never miss a story from Sample Statecraft.",
)


def appeal_texts() -> tuple[str, ...]:
    """Every sentence-bearing paragraph that asks for something; none belongs in a body."""
    return tuple(text for appeal in _APPEALS for text in appeal) + _SHORT_APPEALS + (NEWSLETTER,)


NEWSLETTER = (
    "Subscribe now to our weekly round-up and hear first from your favorite Sample Statecraft "
    "contributors and reporters."
)


def appeal_html(rng: Random, *, marked: bool, short: bool = False) -> str:
    """One appeal: paragraphs like any other, or in a block that says what it is."""
    texts = (rng.choice(_SHORT_APPEALS),) if short else rng.choice(_APPEALS)
    if marked:
        inner = "".join(f"<p>{escape(text, quote=False)}</p>" for text in texts)
        return f'<div class="donation-appeal rm-embed">{inner}</div>'
    paragraphs = [f"<p>{escape(text, quote=False)}</p>" for text in texts]
    return "\n<p>&nbsp;</p>\n".join(paragraphs)
