"""Cutting from the own container what belongs to other articles.

A foreign piece may be marked as one by the profile, be an article of its own, stand
under a headline that links to another article of the site, or anywhere and end with
"keep reading", or have a second body behind another headline.
Any one of these is enough; what holds the own headline or the own body is never cut.
"""

from __future__ import annotations

import re
from typing import TypeGuard

from lxml.etree import _Element as Element

from rscrawler.extraction.container import Own, own_headline
from rscrawler.extraction.insertions import reads_as_label, says_more
from rscrawler.extraction.surroundings import (
    LINKED_SHARE,
    Surroundings,
    headline_links,
    links_elsewhere,
    links_home,
)
from rscrawler.extraction.text import text_of
from rscrawler.extraction.tree import (
    ALL_HEADINGS,
    HEADINGS,
    LEAST_TEASER,
    LEAST_TEXT,
    has_text,
    is_behind,
    is_within,
    remove,
    text_length,
)
from rscrawler.extraction.widgets import is_widget
from rscrawler.text import clean

_LEAST_HEADLINE = 4  # words from which a linked block outside the text is a headline
_TEASER_END = re.compile(
    r"^\W*(?:(?:keep|continue) reading|full story|show (?:less|more)"
    r"|read (?:more|on|the (?:full |whole |rest of (?:the|this) )?(?:story|article|piece|post)))"
    r"(?:\s*show less)?(?: here| (?:at|on|from) .{2,40})?\W*$",
    re.IGNORECASE,
)
_LONGEST_TEASER_END = 60  # characters
_LONGEST_TEASER = 1_500
_MOST_TEASER_ELEMENTS = 500


def cut_foreign(own: Own, page: Surroundings) -> None:
    """Remove from the own article what belongs to other articles.

    The profile's `foreign`, nested articles, teasers, and blocks under a headline that links to
    another article of the site. What holds the own headline is never cut.
    """
    markup = page.profile.markup
    for part in own.parts:
        keep = {part, *part.iterancestors()}
        if own.headline is not None:
            keep |= {own.headline, *own.headline.iterancestors()}
        nested = [element for _, element in page.index.select_all([part], markup.foreign)]
        nested += part.iter("article")
        nested = [element for element in nested if element not in keep]
        headed = [element for element in nested if own_headline(element, page) is not None]
        if part.tag != "article":
            _cut_behind(part, headed, keep, page)
        _remove_all(headed, keep, page)
        bodies = _own_bodies(part, own, page)
        keep |= {element for body in bodies for element in (body, *body.iterancestors())}
        _cut_other_bodies(part, bodies, keep, page)
        _cut_linked_headlines(part, keep, own, page)
        _cut_teasers(part, keep, page)
        headless = [e for e in nested if e not in keep and is_within(e, part)]
        if headless and _has_text_outside(part, headless):
            _remove_all(headless, keep, page)  # the own text is not in them


def _cut(element: Element, page: Surroundings) -> None:
    page.index.discard(element)
    remove(element)


def _remove_all(elements: list[Element], keep: set[Element], page: Surroundings) -> None:
    for element in elements:
        if element not in keep:
            _cut(element, page)


def _cut_behind(
    part: Element, nested: list[Element], keep: set[Element], page: Surroundings
) -> None:
    """Cut what follows the first of the foreign articles that stand behind the own text.

    In a wrapper, the loose tags and credits between and behind them are theirs.
    """
    within = {element for foreign in nested for element in foreign.iter()}
    is_behind_text, first = False, None
    for element in part.iter():
        if element in within:
            first = element if first is None and is_behind_text else first
        elif element.tag in ("p", "li", "blockquote") and text_length(element) >= LEAST_TEASER:
            if first is not None:
                return  # own text follows
            is_behind_text = True
    if first is None:
        return
    behind: list[Element] = []
    for element in (first, *first.iterancestors()):
        if element is part:
            break
        behind += element.itersiblings()
    _remove_all(behind, keep, page)


def _has_text_outside(part: Element, inner: list[Element]) -> bool:
    within = {id(paragraph) for element in inner for paragraph in element.iter("p")}
    return any(
        id(paragraph) not in within and text_length(paragraph) >= LEAST_TEASER
        for paragraph in part.iter("p")
    )


def _bodies(part: Element, page: Surroundings) -> list[Element]:
    """What the profile's selector for the body matches, by the first that does; not nested."""
    for selector in page.profile.markup.body:
        if found := page.index.select(part, selector):
            holders = set(found)
            return [body for body in found if holders.isdisjoint(body.iterancestors())]
    return []


def _own_bodies(part: Element, own: Own, page: Surroundings) -> list[Element]:
    """The bodies of the own piece: the first, and those that no other headline parts from it.

    The first is the one behind the own headline, if the part holds that.
    """
    bodies = _bodies(part, page)
    if len(bodies) < 2:
        return bodies
    if own.headline is not None and is_within(own.headline, part):
        headline = own.headline
        bodies = [body for body in bodies if is_behind(body, headline)] or bodies
    first, *others = bodies
    shared = next(first.iterancestors(), part)
    if shared is part or (own.headline is not None and is_within(own.headline, shared)):
        shared = first  # what both have around them says nothing
    fence: Element | None = None
    in_own: list[Element] = [first]
    for element in part.iter(*HEADINGS, *{body.tag for body in others}):
        if element in others:
            if fence is None or is_within(element, shared):
                in_own.append(element)
        elif element.tag in HEADINGS and element is not own.headline:
            is_inside = any(is_within(element, body) for body in bodies)
            if not is_inside and (fence is not None or is_behind(element, first)):
                fence = element
    return in_own


def _cut_other_bodies(
    part: Element, own_bodies: list[Element], keep: set[Element], page: Surroundings
) -> None:
    """Cut the pieces of which only the body has told that they are there."""
    for body in _bodies(part, page):
        if body in own_bodies or body in keep:
            continue
        block = body
        while (parent := block.getparent()) is not None and parent not in keep:
            block = parent
        _cut(block, page)


def _cut_teasers(part: Element, keep: set[Element], page: Surroundings) -> None:
    """Cut each linked headline with the text behind it up to its "keep reading".

    Wherever the link leads: it may be a partner's piece, or one at an unusual address.
    """
    for headline in _teaser_headlines(part, keep, page):
        if is_within(headline, part) and (end := _end_behind(headline, part)) is not None:
            _cut_range(headline, end, keep, page)


def _teaser_headlines(part: Element, keep: set[Element], page: Surroundings) -> list[Element]:
    """Headings that are a link to another page, and blocks that are one and head a box."""
    found: dict[Element, None] = {}
    for link in part.iter("a"):
        parent = link.getparent()
        if not len(link) and parent is not None and parent.tag not in ALL_HEADINGS:
            is_long = (link.text or "").count(" ") >= _LEAST_HEADLINE - 1
            if not is_long or link.getprevious() is not None or clean(parent.text or ""):
                continue  # a tag or name, one of several, or some words of a paragraph
        heading = _heading_of(link)
        block = _block_of(link) if heading is None else heading
        if heading is None and not _heads_box(block, keep):
            continue
        if block not in keep and any(headline_links(block)) and not links_home(block, page):
            found.setdefault(block)
    return list(found)


def _heads_box(block: Element, keep: set[Element]) -> bool:
    """Whether a block is long enough for a headline and the first one of a box in the text."""
    box = block.getparent()
    return (
        block.tag in ("p", "div")
        and block.getprevious() is None
        and box is not None
        and box not in keep
        and len(text_of(block).split()) >= _LEAST_HEADLINE
    )


def _end_behind(headline: Element, part: Element) -> Element | None:
    """The last of the "keep reading" and "Show less" that end the text behind a headline.

    The text may stand beside the headline or beside its box, and not in both places.
    """
    end: Element | None = None
    length, seen, box = 0, 0, headline
    while box is not part:
        is_done = length >= LEAST_TEASER
        length += len(clean(box.tail or ""))
        for element in (inner for sibling in box.itersiblings() for inner in sibling.iter()):
            seen += 1
            if seen > _MOST_TEASER_ELEMENTS:
                return end
            if not isinstance(element.tag, str):
                continue
            whole = text_length(element)
            if whole <= _LONGEST_TEASER_END and _TEASER_END.match(text_of(element)):
                end = element if length >= LEAST_TEASER else end
                continue
            if element.tag in ALL_HEADINGS:
                if length >= LEAST_TEASER or any(headline_links(element)):
                    return end
                continue  # the line under the headline
            length += len(clean(element.text or "")) + len(clean(element.tail or ""))
            is_more = bool(clean(element.text or "")) and (end is not None or is_done)
            if is_more or length > _LONGEST_TEASER:
                return end
        if any(has_text(before, LEAST_TEASER) for before in box.itersiblings(preceding=True)):
            return end  # what is around this holds own text
        parent = box.getparent()
        if parent is None:
            return end
        box = parent
    return end


def _cut_range(first: Element, last: Element, keep: set[Element], page: Surroundings) -> None:
    """Cut all from `first` to `last`, and the boxes around that hold no text beside them."""
    around = set(last.iterancestors())
    shared = next(ancestor for ancestor in first.iterancestors() if ancestor in around)
    within: list[Element] = []
    for element in shared.iter():
        if within or element is first:
            within.append(element)
        if element is last:
            break
    if not keep.isdisjoint(within):
        return
    whole = set(within) - around
    for element in within:
        if element in around:
            element.text = None
        elif element.getparent() not in whole:
            element.tail = element.tail if element is last else None
            _cut(element, page)
    while shared not in keep and len(text_of(shared)) < LEAST_TEASER:
        empty, parent = shared, shared.getparent()
        if parent is None:
            break
        shared = parent
        _cut(empty, page)


def _cut_linked_headlines(part: Element, keep: set[Element], own: Own, page: Surroundings) -> None:
    """Cut each block that stands under a headline linking to another article."""
    headlines = [
        headline
        for headline in _linked_headlines(part, page)
        if headline not in keep and not _is_in_own_list(headline, keep)
    ]
    if not headlines:
        return
    flow = _flow(part, before=headlines[0])
    for headline in headlines:
        if not is_within(headline, part):
            continue  # gone with an earlier block
        block = headline
        while (parent := block.getparent()) is not None:
            if parent in keep or parent in flow or _is_flow_like(parent, block):
                break
            block = parent
        if block is headline and (end := _end_of_teaser(block)) is not None:
            for sibling in list(block.itersiblings()):
                _cut(sibling, page)
                if sibling is end:
                    break
        elif not own.is_from_profile and not has_text(block, least=LEAST_TEASER):
            # Nothing tells where the other article ends: rather a short body than foreign text.
            for sibling in list(block.itersiblings()):
                if sibling not in keep:
                    _cut(sibling, page)
        teaser = block.getnext() if block is headline else None
        if teaser is not None and teaser not in keep and links_elsewhere(teaser, page):
            _cut(teaser, page)
        _cut(block, page)


def _is_in_own_list(headline: Element, keep: set[Element]) -> bool:
    """Whether a linked headline is an item of a list that the text itself makes.

    Its items say more than a headline, and it is numbered and between two paragraphs: others, even
    after a colon, are ways to more of the site's pieces as a rule.
    """
    listed = headline.getparent()
    if headline.tag != "li" or listed is None or listed.tag != "ol":
        return False
    if listed.getparent() not in keep:
        return False
    before, after = listed.getprevious(), listed.getnext()
    if not (_is_prose(before) and _is_prose(after)):
        return False
    if reads_as_label(text_of(before)) or is_widget(listed):
        return False
    items = [item for item in listed if item.tag == "li"]
    full = [i for i in items if says_more(text_of(i), [text_of(link) for link in i.iter("a")])]
    return 2 * len(full) > len(items)


def _is_prose(element: Element | None) -> TypeGuard[Element]:
    """Whether an element is a paragraph of the text, and not a link."""
    if element is None or element.tag != "p":
        return False
    length = text_length(element)
    return length >= LEAST_TEASER and not any(
        text_length(link) >= LINKED_SHARE * length for link in element.iter("a")
    )


def _linked_headlines(part: Element, page: Surroundings) -> list[Element]:
    """Headings, and blocks long enough for one, that are a link to another article."""
    markup = page.profile.markup
    fields: set[Element] | None = None
    found: dict[Element, None] = {}
    for link in part.iter("a"):
        if not page.is_foreign_link(link.get("href")):
            continue
        heading = _heading_of(link)
        block = heading if heading is not None else _block_of(link)
        linked, whole = text_of(link), text_of(block)
        if not linked or len(linked) < LINKED_SHARE * len(whole):
            continue
        if heading is None:
            fields = fields or {
                element
                for _, element in page.index.select_all(
                    [part], [*markup.authors, *markup.sections, *markup.tags]
                )
            }
            if link in fields or block.tag == "p" or len(linked.split()) < _LEAST_HEADLINE:
                continue
        found.setdefault(block)
    return list(found)


def _heading_of(link: Element) -> Element | None:
    """The heading that holds a link, or that it holds."""
    return next((h for h in (*link.iterancestors(*ALL_HEADINGS), *link.iter(*HEADINGS))), None)


def _block_of(link: Element) -> Element:
    """The nearest block around an inline element, itself if it has none."""
    return next(link.iterancestors("p", "li", "div", "section", "td", "figure", "aside"), link)


def _flow(part: Element, before: Element) -> set[Element]:
    """Elements that hold paragraphs directly, with all around them.

    `before` is the first foreign headline: what follows it need not be own text.
    """
    flow: set[Element] = set()
    lengths: dict[Element, int] = {}
    for element in part.iter():
        if element is before:
            break
        parent = element.getparent()
        if element.tag == "p" and parent is not None:
            lengths[parent] = lengths.get(parent, 0) + text_length(element)
    for element, length in lengths.items():
        if length >= LEAST_TEXT / 2:
            flow |= {element, *element.iterancestors()}
    return flow


def _end_of_teaser(headline: Element) -> Element | None:
    """The last "keep reading" or "Show less" behind a headline, before the next one."""
    end = None
    for sibling in headline.itersiblings():
        if sibling.tag in HEADINGS:
            break
        if isinstance(sibling.tag, str) and _TEASER_END.match(text_of(sibling)):
            end = sibling
    return end


def _is_flow_like(parent: Element, block: Element) -> bool:
    """Whether `block` is only set in running text.

    Paragraphs stand before it in `parent`; or it has text of its own and paragraphs beside it.
    """
    has_paragraphs = any(child.tag == "p" and child is not block for child in parent)
    if has_paragraphs and has_text(block, least=LEAST_TEASER):
        return True
    length = 0
    for child in parent:
        if child is block:
            break
        if child.tag == "p":
            length += text_length(child)
    return length >= LEAST_TEXT / 2
