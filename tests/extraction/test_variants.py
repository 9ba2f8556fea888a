"""However a page arranges a piece and its neighbours, the record is the same."""

from __future__ import annotations

import itertools

import pytest

from rscrawler.items import Article
from tests.extraction.pages import read
from tests.extraction.variants import (
    APPEALS,
    BODIES,
    CONTAINERS,
    NEIGHBOURS,
    PLACES,
    Variant,
    allowed,
    variant_page,
)


def _fields(article: Article) -> dict[str, object]:
    image = article.image
    return {
        "title": article.title,
        "subtitle": article.subtitle,
        "authors": article.authors,
        "sections": article.sections,
        "tags": article.tags,
        "image": (image.url, image.caption, image.credit) if image else None,
        "body": article.body,
    }


ARRANGED = [
    Variant(container, place, neighbours)
    for container, place, neighbours in itertools.product(CONTAINERS, PLACES, NEIGHBOURS)
]
