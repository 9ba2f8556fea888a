"""The words in a text that made an article count, or that a search found, marked."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from rscrawler.delivery.alert import Stretch
from rscrawler.items import Article, Evidence
from rscrawler.store.words import Term, spots

# Characters shown before the first word that was found, and in all.
_LEAD, _SHOWN = 120, 400


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


def found_passage(article: Article, terms: list[Term]) -> list[Stretch]:
    """The first passage of the text in which a term was found; nothing if none is."""
    for part in (*article.paragraphs, article.subtitle or ""):
        text = unicodedata.normalize("NFC", part)
        found = list(spots(text, terms))
        if not found:
            continue
        start = _word_start(text, max(0, found[0][0] - _LEAD))
        end = min(len(text), start + _SHOWN)
        stretches, done = [Stretch("…")] if start else [], start
        for first, behind in found:
            if behind > end:
                break
            stretches += [Stretch(text[done:first]), Stretch(text[first:behind], "found")]
            done = behind
        stretches.append(Stretch(text[done:end] + ("…" if end < len(text) else "")))
        return [stretch for stretch in stretches if stretch.text]
    return []


def _word_start(text: str, at: int) -> int:
    """The beginning of the word that holds or follows a place."""
    if at == 0:
        return 0
    blank = text.find(" ", at, at + 40)
    return blank + 1 if blank >= 0 else at
