"""However a page arranges a piece and its neighbours, the record is the same."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import pytest

from tests.extraction.pages import HEAD, TITLE, read
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

SEARCHED = HEAD.replace(TITLE, "Afghan water plan explained: what Tashkent can do")


def _wrong(variants: Iterable[Variant], head: str = HEAD) -> list[str]:
    """What was read wrong, a line for each field of each variant."""
    wrong = []
    for variant in variants:
        html = variant_page(variant, head)
        if head == SEARCHED:
            html = html.replace(f"<title>{TITLE}", "<title>Afghan water plan explained")
        article = read(html)
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
    assert (
        _wrong(
            Variant(container, place, neighbours, body, appeal)
            for container in ("article in a wrapper", "no article")
            for place in ("all in the article", "all but the body in the wrapper")
            for neighbours in ("image-articles", "others in the own wrapper")
        )
        == []
    )


@pytest.mark.parametrize("missing", [name for name in GROUPS if name != "body"])
@pytest.mark.parametrize("place", PLACES)
def test_what_the_piece_lacks_is_not_taken_from_others(place: str, missing: str) -> None:
    if missing == "head" and "body" in PLACES[place][0]:
        pytest.skip("without headline and text, the article would be an empty element")
    assert (
        _wrong(
            Variant(container, place, neighbours, missing=missing)
            for container, neighbours in product(
                ("article in a wrapper", "the article is the wrapper", "no wrapper", "no article"),
                NEIGHBOURS,
            )
        )
        == []
    )


@pytest.mark.parametrize("place", PLACES)
def test_a_headline_written_for_search_engines_changes_nothing(place: str) -> None:
    # Where others stand before a headline outside the wrapper, it could be theirs.
    neighbours = [name for name, (before, _, _) in NEIGHBOURS.items() if not before]
    assert _wrong((Variant(place=place, neighbours=name) for name in neighbours), SEARCHED) == []
