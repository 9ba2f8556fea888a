"""The text of a page's article: located, split into blocks, each block labelled."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from lxml import etree
from lxml.etree import _Element as Element

from rscrawler.extraction.blocks import FOREIGN_KINDS, Block, Region, blocks_of
from rscrawler.extraction.byline import lines_at_headline
from rscrawler.extraction.container import OwnArticle, find_container, text_length
from rscrawler.extraction.context import PageContext, json_ld_paragraphs
from rscrawler.extraction.label import KEPT, Body, label
from rscrawler.extraction.locate import CARD, Locator
from rscrawler.extraction.selectors import Index, with_ancestors
from rscrawler.sites import Markup

_GENERIC = Markup()
_LEAST_HOLDING = 60  # unlinked characters of running text from which no other field is in it
# Blocks that can print the date: below the headline, above it, within the text, below the text.
_MOST_BELOW_HEADLINE, _MOST_ABOVE, _MOST_WITHIN, _MOST_BELOW = 25, 5, 4, 2
_LEAST_LEAD = 100  # unlinked characters from which a paragraph below the headline is text


@dataclass(frozen=True)
class LocatedText:
    """A page's own article and its labelled blocks; `origin` is what found them.

    `near` are the blocks that can print the date, the likeliest first; empty with a profile.
    """

    own: OwnArticle
    blocks: list[Block]
    origin: str
    near: Sequence[Block] = ()

    @property
    def context(self) -> PageContext:
        """What is known of the whole page."""
        return self.own.context

    @cached_property
    def kept(self) -> list[Block]:
        """The blocks that are the article's text."""
        return [block for block in self.blocks if block.label in KEPT]

    @cached_property
    def first_text(self) -> int | None:
        """The place where the text begins, below a standfirst (a long heading); None without."""
        texts = (b for b in self.kept if len(b.text) < _LEAST_LEAD or not b.is_heading)
        first = next(texts, None)
        return self.context.index.place(first.region.element) if first else None

    @cached_property
    def prose(self) -> set[Element]:
        """The elements of running text and unlinked headings."""
        return {
            block.region.element
            for block in self.blocks
            if block.prose >= _LEAST_HOLDING or (block.is_heading and not block.is_link)
        }

    def is_in_prose(self, element: Element) -> bool:
        """Whether an element is inside running text, so that it holds no other field."""
        return not self.prose.isdisjoint(element.iterancestors())

    @cached_property
    def lines(self) -> list[Element]:
        """The short lines at the headline, without running text."""
        lines = lines_at_headline(self.own, self.first_text)
        return [line for line in lines if line not in self.prose]


def locate_text(context: PageContext) -> LocatedText | None:
    """Locate the article on a page and label its blocks; None if no block can be its text."""
    markup = context.profile.markup
    if markup.body or markup.container != _GENERIC.container:
        own = find_container(context)
        if own is not None and (own.is_from_profile or any(map(own.matches, markup.body))):
            return _profile_text(own, context)
    return _guessed_text(context)


def declared_text(context: PageContext) -> list[str]:
    """The paragraphs that a page declares in JSON-LD; mostly worse than the printed text."""
    texts = json_ld_paragraphs(context.structured.json_ld)
    if not texts:
        return texts
    nowhere = Region(etree.Element("p"), "p", 0)
    blocks = [Block(text, "p", nowhere) for text in texts]
    _label(blocks, context, is_guess=False)
    return [block.text for block in blocks if block.label in KEPT]


def _profile_text(own: OwnArticle, context: PageContext) -> LocatedText:
    """The text in the elements of the profile's `body`; without any, in the best region."""
    left_out = _boilerplate(own, context)
    for selector in context.profile.markup.body:
        bodies = own.matches(selector)
        every = set(bodies)
        outermost = {body for body in bodies if every.isdisjoint(body.iterancestors())}
        texts = (
            [
                block
                for body in context.index.select(part, selector)
                if body in outermost
                for block in _labelled(body, left_out, context, is_guess=False)
            ]
            for part in own.parts
        )
        found = max(texts, key=_length)
        if _length(found):
            return LocatedText(own, found, f"profile: {selector}")
    parts = [_labelled(part, left_out, context, is_guess=True) for part in own.parts]
    return LocatedText(own, max(parts, key=_length), "densest region")


def _guessed_text(context: PageContext) -> LocatedText | None:
    """The text in the page's best region, with the long paragraphs between headline and region."""
    blocks, regions = blocks_of(context.index.root)
    if not blocks:
        return None
    locator = Locator(blocks, regions, context, is_guess=True)
    region, headline, is_declared = locator.locate()
    has_prose = any(block.prose for block in blocks)
    if headline is None:
        if json_ld_paragraphs(context.structured.json_ld):
            return _declared_alone(context)
        if not has_prose:
            return None
    between = blocks[headline + 1 : region.first] if headline is not None else []
    between = [block for block in between if block.label == "text" and not block.is_link]
    lead = [block for block in between if len(block.text) - block.linked >= _LEAST_LEAD]
    inside = blocks[region.first : region.end]
    # A text of short lines has no shape to judge by.
    has_shape = not is_declared or any(block.prose for block in (*lead, *inside))
    _label([*lead, *inside], context, is_guess=has_shape)
    repeated = {block.text for block in inside if block.label in KEPT}
    own_blocks = [*(block for block in lead if block.text not in repeated), *inside]
    heading = blocks[headline].element if headline is not None else None
    _label_subtitle(own_blocks, heading, context)
    kept = {block for block in own_blocks if block.label in KEPT}
    container = _container(region, heading, has_prose=has_prose)
    foreign = tuple(_foreign_elements(blocks, regions, kept, container))
    own = OwnArticle((container,), heading, "fallback: densest region", context, foreign)
    return LocatedText(own, own_blocks, "densest region", _near(blocks, headline, kept))


def _container(region: Region, heading: Element | None, *, has_prose: bool) -> Element:
    """The innermost element around text and headline; the page's main one if it has no text."""
    if heading is None:
        return region.element
    around = with_ancestors([region.element])
    common = next(each for each in (heading, *heading.iterancestors()) if each in around)
    return common if has_prose else next(heading.iterancestors("article", "main", "body"), common)


def _foreign_elements(
    blocks: list[Block], regions: list[Region], kept: set[Block], container: Element
) -> Iterator[Element]:
    """The regions of foreign kinds that hold no text of the article, and other articles' cards."""
    for each in regions:
        # Many themes list sections and tags in the footer of the `article`.
        is_own_footer = each.element.tag == "footer" and container.tag == "article"
        if each.kind not in FOREIGN_KINDS or each.end == each.first or is_own_footer:
            continue
        if kept.isdisjoint(blocks[each.first : each.end]):
            yield each.element
    yield from (block.region.element for block in blocks if (block.label, block.rule) == CARD)


def _label_subtitle(blocks: list[Block], heading: Element | None, context: PageContext) -> None:
    """Label the first line if it is the subtitle: declared as the description of the page.

    It stands with the headline in an element without other text, as in Ghost's theme Casper.
    """
    kept = [block for block in blocks if block.label in KEPT]
    if heading is None or len(kept) < 2:
        return
    first, second = kept[:2]
    header = with_ancestors([heading]) - with_ancestors([second.region.element])
    is_line = len(first.text) < _LEAST_LEAD and first.region.element.getparent() in header
    if is_line and first.text in context.structured.descriptions:
        first.label, first.rule = "subtitle", "declared description"


def _near(blocks: list[Block], headline: int | None, kept: set[Block]) -> list[Block]:
    """The blocks between headline and text, then within, above and below, last the headline."""
    text = [number for number, block in enumerate(blocks) if block in kept]
    text = [number for number in text if blocks[number].prose] or text
    if not text:
        return []
    first, last = text[0], text[-1]
    head = first if headline is None else min(headline, first)
    within = blocks[first + 1 : min(first + _MOST_WITHIN, last) + 1]
    return [
        *blocks[head + 1 : min(head + _MOST_BELOW_HEADLINE, first)],
        *(block for block in within if block not in kept),
        *reversed(blocks[max(0, head - _MOST_ABOVE) : head]),
        *blocks[last + 1 : last + 1 + _MOST_BELOW],
        *blocks[head : min(head + 1, first)],  # a day in a headline can be that of an event
    ]


def _declared_alone(context: PageContext) -> LocatedText:
    """An article that only JSON-LD holds; no element of the page belongs to it."""
    nothing = etree.Element("article")
    bare = replace(context, index=Index(nothing))
    return LocatedText(OwnArticle((nothing,), None, "json-ld", bare), [], "json-ld")


def _labelled(
    element: Element, left_out: set[Element], context: PageContext, *, is_guess: bool
) -> list[Block]:
    blocks, regions = blocks_of(element, left_out)
    locator = Locator(blocks, regions, context, is_guess=is_guess)
    if is_guess and blocks:
        region, *_ = locator.locate()
        blocks = blocks[region.first : region.end]
    else:
        locator.mark()
    _label(blocks, context, is_guess=is_guess)
    return blocks


def _label(blocks: list[Block], context: PageContext, *, is_guess: bool) -> None:
    for cut in map(re.compile, context.profile.markup.cut_text):
        for block in blocks:
            if block.label == "text" and cut.search(block.text):
                block.label, block.rule = "boilerplate", "profile: cut_text"
    body = Body(
        blocks=[block for block in blocks if block.label == "text"],
        all_blocks=blocks,
        own_texts=frozenset(context.titles),
        names=context.structured.site_names,
        is_guess=is_guess,
    )
    label(body)


def _boilerplate(own: OwnArticle, context: PageContext) -> set[Element]:
    """The elements whose text is another field, another article or boilerplate."""
    markup = context.profile.markup
    listed = [*markup.cut, *markup.subtitle, *markup.caption, *markup.credit]
    found = {element for selector in listed for element in own.matches(selector)}
    linked = [*markup.authors, *markup.sections, *markup.published_text]
    found |= {e for selector in linked for e in own.matches(selector) if not _is_in_paragraph(e)}
    if own.headline is not None:
        found.add(own.headline)
    return found | set(own.foreign)


def _is_in_paragraph(element: Element) -> bool:
    """Whether an element matched as a byline is only part of a running paragraph.

    The blocks, by which `LocatedText.is_in_prose` decides, are not known yet.
    """
    block = next(element.iterancestors("p", "li", "blockquote"), None)
    return block is not None and text_length(block) - text_length(element) >= _LEAST_HOLDING


def _length(blocks: list[Block]) -> int:
    return sum(len(block.text) for block in blocks if block.label in KEPT)
