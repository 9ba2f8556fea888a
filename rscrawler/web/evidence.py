"""The words in a text that made a piece count, found by their offsets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rscrawler.delivery.alert import Stretch
from rscrawler.items import Article, Evidence


@dataclass(frozen=True, slots=True)
class MarkedArticle:
    """The texts of a piece, each in stretches that make it up."""

    title: list[Stretch]
    subtitle: list[Stretch]
    paragraphs: list[list[Stretch]]


def marked_article(article: Article) -> MarkedArticle:
    """The texts of a piece with the evidence of all its flags marked."""
    evidence = [each for flag in article.topics for each in flag.evidence]

    def marked_field(name: str, text: str | None) -> list[Stretch]:
        return marked(text or "", (each for each in evidence if each.field == name))

    in_paragraph: dict[int | None, list[Evidence]] = {}
    for each in evidence:
        if each.field == "body":
            in_paragraph.setdefault(each.paragraph, []).append(each)
    return MarkedArticle(
        marked_field("title", article.title),
        marked_field("subtitle", article.subtitle),
        [
            marked(paragraph, in_paragraph.get(number, ()))
            for number, paragraph in enumerate(article.paragraphs)
        ],
    )


def marked(text: str, evidence: Iterable[Evidence]) -> list[Stretch]:
    """`text` cut at the evidence in it.

    Evidence whose offsets do not give its term is left unmarked, and so is what overlaps
    an earlier or longer one.
    """
    stretches: list[Stretch] = []
    done = 0
    for each in sorted(evidence, key=lambda each: (each.start, -each.end)):
        if each.start < done or not each.term or text[each.start : each.end] != each.term:
            continue
        stretches.append(Stretch(text[done : each.start]))
        stretches.append(Stretch(each.term, each.entity))
        done = each.end
    stretches.append(Stretch(text[done:]))
    return [stretch for stretch in stretches if stretch.text]
