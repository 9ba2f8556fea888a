"""However a page arranges an article and its neighbours, the record is the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import cycle, islice, product

import pytest

from tests.extraction.pages import TITLE, read
from tests.extraction.variants import (
    APPEALS,
    BODIES,
    CONTAINERS,
    GROUPS,
    NEIGHBOURS,
    PLACES,
    Variant,
    allowed,
    variant_page,
)

_SEARCHED = "Afghan water plan explained: what Tashkent can do"
CHANGES: dict[str, Callable[[str], str]] = {
    "a headline for search engines": lambda html: re.sub(
        rf'(<title>|property="og:title" content="){TITLE}', rf"\1{_SEARCHED}", html
    ),
    "no metadata": lambda html: re.sub("<meta property[^>]*>|<title>.*?</title>", "", html),
    "no main element": lambda html: re.sub("<(/?)main>", r"<\1div>", html),
}


def _wrong(
    variants: Iterable[Variant], change: Callable[[str], str] = lambda html: html
) -> list[str]:
    """What was read wrong, a line for each field of each variant."""
    wrong = []
    for variant in variants:
        article = read(change(variant_page(variant)))
        image = article.image
        found = {
            "title": article.title,
            "subtitle": article.subtitle,
            "authors": article.authors,
            "sections": article.sections,
            "tags": article.tags,
            "image": (image.url, image.caption, image.credit) if image else None,
            "body": article.body,
        }
        wrong += [
            f"{variant}: {name} is {found[name]!r}, not {' or '.join(map(repr, values))}"
            for name, values in allowed(variant).items()
            if found[name] not in values
        ]
    return wrong


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("container", CONTAINERS)
def test_fields_are_found_wherever_they_stand(container: str, place: str) -> None:
    assert _wrong(Variant(container, place, neighbours) for neighbours in NEIGHBOURS) == []


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("appeal", APPEALS)
def test_the_text_is_whole_and_free_of_appeals(appeal: str, body: str) -> None:
    # Any two of these choices are together once.
    rows = [
        ("article in a wrapper", "all in the article", "image-articles"),
        ("article in a wrapper", "all but the body in the wrapper", "others in the own wrapper"),
        ("no article", "all in the article", "others in the own wrapper"),
        ("no article", "all but the body in the wrapper", "image-articles"),
    ]
    assert _wrong(Variant(*row, body, appeal) for row in rows) == []


@pytest.mark.parametrize("missing", [name for name in GROUPS if name != "body"])
@pytest.mark.parametrize("place", PLACES)
def test_what_the_article_lacks_is_not_taken_from_others(place: str, missing: str) -> None:
    if missing == "head" and "body" in PLACES[place][0]:
        pytest.skip("without headline and text, the article would be an empty element")
    containers = ("article in a wrapper", "the article is the wrapper", "no wrapper", "no article")
    # Each of them with each of the neighbours, in some of the places.
    first = list(PLACES).index(place) + list(GROUPS).index(missing)
    assert (
        _wrong(
            Variant(container, place, neighbours, missing=missing)
            for container, neighbours in zip(
                islice(cycle(containers), first, None), NEIGHBOURS, strict=False
            )
            # What is loose behind others in the own wrapper may be theirs.
            if not (missing == "picture" and "own wrapper" in neighbours)
            # Without an own headline, others that link nowhere are as good.
            and not (missing == "head" and container == "no article" and "nowhere" in neighbours)
        )
        == []
    )


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("container", CONTAINERS)
def test_fields_are_found_with_less_to_go_by(container: str, change: str) -> None:
    # Where others stand before a headline outside the wrapper, it could be theirs.
    neighbours = [name for name, (before, _, _) in NEIGHBOURS.items() if not before]
    if change == "no metadata" and container == "the wrapper has no source":
        # Nothing tells the article from others whose headlines link nowhere.
        neighbours.remove("page-articles that link nowhere")
    variants = [Variant(container, *rest) for rest in product(PLACES, neighbours)]
    # Each place with some of the neighbours; in another container with others.
    assert _wrong(variants[list(CONTAINERS).index(container) % 5 :: 5], CHANGES[change]) == []
