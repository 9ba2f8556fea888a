"""Locates the article where no selector does, as the region with the most running text.

Every region is a candidate. Its value is the running text that it holds below the headline, less a
cost for each block that is a link or lies in a region marked as something else: related articles,
navigation. The region with the highest value holds the article. The name of a region with a large
share of all running text is ignored.
"""

from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from operator import itemgetter

from rscrawler.extraction.blocks import Block, Region
from rscrawler.extraction.context import PageContext, leads_to_page
from rscrawler.extraction.dates import EARLIEST, read_date
from rscrawler.extraction.text import is_marked

_Marks = list[tuple[str, str] | None]  # for each block: label and rule, None if unmarked
_LEAST_BODY = 100  # characters; with less, the names of regions are distrusted
# The share of all running text above which a region is not what its name says. Comments can be any;
# boxes for sharing hold none, but an article may be in `content_print`.
_MOST_SHARE = {"comments": 1.0, "navigation": 0.9, "hidden": 0.9, "caption": 0.3, "sharing": 0.1}
_MOST_SHARE_ELSE = 0.5
_NEARLY_ALL = 0.9  # of all running text; a consent box with as much is the page itself
_LABEL_OF_KIND = {"request": "appeal", "related": "related", "caption": "caption"}
CARD = "related", "another page's headline heads it"  # label and rule of a card's blocks
_MOST_CARD = 600  # characters of running text under one linked headline
_MOST_CARDS = 0.5  # of all running text
_CARD_HEAD = 4  # the headline of a card is among its first blocks, this many
_MOST_BELOW_NEXT = 8  # blocks below the headline of a next article that can print its date
_LONGEST_KICKER = 60  # characters of a block before that headline
_LONGEST_DAY = 25  # characters of a date before it in its line
_LINK_COST, _LINK_COST_EACH, _MARK_COST = 10.0, 0.3, 12.0  # in characters of running text
# A paragraph or a list is seldom the whole article, so only this share of its value counts.
_PART_TAGS, _PART_SHARE = frozenset({"p", "li", "blockquote", "ul", "ol"}), 0.4
_LEAST_BELOW = 0.4  # share of the running text below the headline
_TEXT_NAMES = frozenset({"articleBody", "entry-content", "e-content"})  # microdata, microformats


class Locator:
    """Finds the article among the blocks of a page, and labels blocks by their regions.

    Args:
        blocks: of the page, in document order.
        regions: of the page; the first holds all blocks.
        page: what it declares and where its links lead.
        is_guess: no profile says where the text is; then embeds count as text.
    """

    def __init__(
        self,
        blocks: Sequence[Block],
        regions: Sequence[Region],
        page: PageContext,
        *,
        is_guess: bool,
    ) -> None:
        self._blocks, self._regions, self._page = blocks, regions, page
        self._is_guess = is_guess
        self._prose = [0, *accumulate(_counted_prose(blocks, regions))]

    @cached_property
    def _declared(self) -> Region | None:
        """The region that the page marks as an article's text; None if several are apart."""
        found = [each for each in self._regions if is_marked(each.element, _TEXT_NAMES)]
        is_one = all(each.end <= found[0].end for each in found)
        return found[0] if found and is_one else None

    def locate(self) -> tuple[Region, int | None, bool]:
        """Find the article's region; label all blocks by their regions.

        Returns:
            The region, the number of the headline's block, and whether the page itself marks the
            region as its text.
        """
        headline = self._headline()
        found, marks = self._best(headline)
        length = self._unmarked_length(found, marks)
        if length < _LEAST_BODY:
            nameless = self._best(headline, ignore_names=True)
            if self._unmarked_length(*nameless) > 2 * length:
                found, marks = nameless
        self._apply(marks)
        return found, headline, found is self._declared

    def mark(self) -> None:
        """Label the blocks of regions that are not the article's, in text located by a profile."""
        self._apply(self._marks(None))

    def _apply(self, marks: _Marks) -> None:
        for block, mark in zip(self._blocks, marks, strict=True):
            block.label, block.rule = mark or ("text", "")

    def _marks(self, headline: int | None, *, ignore_names: bool = False) -> _Marks:
        """The marks of blocks by their regions; `ignore_names`: only of `cut` and `figcaption`."""
        marks: _Marks = [None] * len(self._blocks)
        shares = self._shares()
        covered = 0
        for region in self._regions:
            kind = region.kind
            if kind is None or region.end <= covered:
                continue
            is_large = shares[region.name] > _MOST_SHARE.get(kind, _MOST_SHARE_ELSE)
            if kind != "cut" and (
                (ignore_names and region.tag != "figcaption")
                or (kind == "embed" and self._is_guess)
                or is_large
                or region.holds(headline)
            ):
                continue
            mark = _LABEL_OF_KIND.get(kind, "boilerplate"), f"{kind}: {region.name}"
            covered = _mark_region(marks, region, mark)
        if not ignore_names:
            self._mark_next_articles(marks, headline)
            self._mark_cards(marks, headline)
            self._mark_items(marks)
        return marks

    def _holds_own(self, region: Region, headline: int | None) -> bool:
        """Whether a region holds the headline, or all that the page marks as its text."""
        text = self._declared
        holds_text = text is not None and region.first <= text.first < text.end <= region.end
        return holds_text or region.holds(headline)

    def _prose_in(self, region: Region) -> int:
        return self._prose[region.end] - self._prose[region.first]

    def _unmarked_length(self, region: Region, marks: _Marks) -> int:
        """Characters of the region's blocks that are neither marked nor links."""
        return sum(
            len(self._blocks[n].text)
            for n in range(region.first, region.end)
            if marks[n] is None and not self._blocks[n].is_link
        )

    def _headline(self) -> int | None:
        """The number of the heading that best agrees with a declared headline, with text below it.

        If the page declares none, its only `h1`; without such a heading, the last block that
        equals a declared headline.
        """
        found: list[tuple[float, int]] = []
        is_only = not self._page.titles and sum(block.tag == "h1" for block in self._blocks) == 1
        for number, block in enumerate(self._blocks):
            if not block.is_heading or len(block.text) > 300:
                continue
            agreement = self._page.agrees(block.text)
            if agreement < 0.5 and block.tag != "h1":
                continue
            score = agreement + (0.5 if is_only else 0.3) * (block.tag == "h1")
            score -= 0.5 * (block.is_link and agreement < 0.95)
            if score >= 0.5:
                found.append((-score, number))
        if not found:  # old templates print it in a table cell or a box
            named = [n for n, block in enumerate(self._blocks) if block.text in self._page.titles]
            found = [(0.0, number) for number in reversed(named)]
        total = self._prose[-1]
        found.sort(key=itemgetter(0))
        begin = self._declared.first if self._declared else 0
        least = _LEAST_BELOW * total
        return next((n for _, n in found if n < begin or total - self._prose[n] >= least), None)

    def _shares(self) -> dict[str, float]:
        """The share of all running text that the regions of each name hold together."""
        held: dict[str, int] = {}
        open_until: dict[str, int] = {}
        for region in self._regions:
            if region.kind is not None and region.end > open_until.get(region.name, 0):
                open_until[region.name] = region.end
                held[region.name] = held.get(region.name, 0) + self._prose_in(region)
        total = max(1, self._prose[-1])
        return {name: length / total for name, length in held.items()}

    def _best(self, headline: int | None, *, ignore_names: bool = False) -> tuple[Region, _Marks]:
        """The region of highest value, and the marks; `ignore_names`: region names do not count."""
        marks = self._marks(headline, ignore_names=ignore_names)
        each = (self._block_value(n, headline, marks) for n in range(len(self._blocks)))
        worth = [0.0, *accumulate(each)]

        def value(region: Region) -> tuple[float, int]:
            held = worth[region.end] - worth[region.first]
            share = _PART_SHARE if region.tag in _PART_TAGS else 1.0
            return share * held, region.first - region.end

        best, declared = max(self._regions, key=value), self._declared
        if declared and (declared.end <= best.first or best.end <= declared.first):
            best = declared if self._unmarked_length(declared, marks) else best
        return best, marks

    def _block_value(self, number: int, headline: int | None, marks: _Marks) -> float:
        block = self._blocks[number]
        if marks[number] is not None:
            return -_MARK_COST
        if prose := self._prose[number + 1] - self._prose[number]:
            return prose if headline is None or number > headline else 0.0
        if not block.is_heading and block.linked > 0.5 * len(block.text):
            return -_LINK_COST - _LINK_COST_EACH * block.linked
        return 0.0

    def _mark_cards(self, marks: _Marks, headline: int | None) -> None:
        """Mark cards: regions headed by a link to another page, with little text below it."""
        heads = [
            n
            for n, block in enumerate(self._blocks)
            if n != headline and marks[n] is None and _is_card_head(block)
        ]
        if not heads:
            return
        is_long = [
            self._prose[following] - self._prose[head] > _MOST_CARD
            for head, following in zip(heads, [*heads[1:], len(self._blocks)], strict=False)
        ]
        long_before = [0, *accumulate(is_long)]
        covered = 0
        for region in self._regions:
            if region.end <= max(covered, region.first + 1) or self._holds_own(region, headline):
                continue
            first, end = bisect_left(heads, region.first), bisect_left(heads, region.end)
            if first == end:
                continue
            is_whole = self._is_whole_article(region, heads[first:end])
            if not (is_whole or self._begins_with(region, heads[first])):
                continue
            ends_long = self._prose[region.end] - self._prose[heads[end - 1]] > _MOST_CARD
            has_long = long_before[end - 1] > long_before[first] or ends_long
            is_small = self._prose_in(region) <= _MOST_CARDS * self._prose[-1]
            if (is_whole and (is_small or region.tag == "article")) or (is_small and not has_long):
                covered = _mark_region(marks, region, CARD)

    def _mark_next_articles(self, marks: _Marks, headline: int | None) -> None:
        """Mark whole articles below the page's own: their headlines look like its own."""
        if headline is None:
            return
        heads = [n for n in range(headline + 1, len(marks)) if self._is_next_headline(n, headline)]
        for region in self._regions if heads else ():
            place = bisect_left(heads, region.first)
            head = heads[place] if place < len(heads) else len(marks)
            is_headed = region.holds(head) and self._begins_with(region, head)
            if is_headed and not region.holds(headline):
                marks[region.first : region.end] = [CARD] * (region.end - region.first)

    def _is_next_headline(self, number: int, headline: int) -> bool:
        """Whether a heading has tag and classes of the page's headline, and a date beside it."""
        block, own = self._blocks[number], self._blocks[headline]
        classes = _classes(block)
        is_alike = block.tag == own.tag and classes and classes <= _classes(own)
        if not (is_alike and block.is_heading and self._page.agrees(block.text) < 0.5):
            return False
        first = max(number - _CARD_HEAD, headline + 1)
        beside = self._blocks[first : number + _MOST_BELOW_NEXT]
        return any(read_date(each.text, day_first=True, now=EARLIEST) for each in beside)

    def _mark_items(self, marks: _Marks) -> None:
        """Mark the items of a list of articles: linked headline, line break, teaser in a block.

        If they hold most of the text, it is a digest, and they are its own.
        """
        items = [n for n, block in enumerate(self._blocks) if self._is_item(block)]
        held = sum(self._prose[n + 1] - self._prose[n] for n in items)
        is_list = len(items) > 1 and held <= _MOST_CARDS * self._prose[-1]
        for number in items if is_list else ():
            marks[number] = marks[number] or CARD

    def _is_item(self, block: Block) -> bool:
        """Whether its first line is a link to another article, perhaps behind a date."""
        if len(block.lines) < 2 or not block.links:
            return False
        (href, headline), line = block.links[0], block.lines[0]
        is_headline = line.endswith(headline) and len(line) - len(headline) <= _LONGEST_DAY
        return is_headline and self._page.is_foreign_link(href)

    def _begins_with(self, region: Region, head: int) -> bool:
        """Whether only a few labels or captions precede the block `head` in the region."""
        before = self._blocks[region.first : head]
        return len(before) < _CARD_HEAD and all(
            (not block.prose and len(block.text) <= _LONGEST_KICKER) or block.is_small_print
            for block in before
        )

    def _is_whole_article(self, region: Region, heads: list[int]) -> bool:
        """Whether a region is one other article, below a heading that links to it."""
        single = [n for n in heads if len(self._blocks[n].links) == 1]
        if len(single) != 1 or not self._blocks[single[0]].is_heading:
            return False
        is_foreign = self._page.is_foreign_link(self._blocks[single[0]].links[0][0])
        return is_foreign and self._begins_with(region, single[0])


def _counted_prose(blocks: Sequence[Block], regions: Sequence[Region]) -> list[int]:
    """The running text of each block that counts: not repeated, and in no consent box."""
    seen: set[str] = set()
    prose = []
    for block in blocks:
        prose.append(0 if block.text in seen else block.prose)
        seen.add(block.text)
    before, covered = [0, *accumulate(prose)], 0
    for region in (each for each in regions if each.kind == "consent"):
        held = before[region.end] - before[region.first]
        if region.end > covered and held < _NEARLY_ALL * before[-1]:
            covered = region.end
            prose[region.first : covered] = [0] * (covered - region.first)
    return prose


def _classes(block: Block) -> set[str]:
    return set(block.region.element.get("class", "").split())


def _is_card_head(block: Block) -> bool:
    """Whether a block is a link to another page, long enough for a headline."""
    return block.has_words_of_headline and block.is_link and leads_to_page(block.links[0][0])


def _mark_region(marks: _Marks, region: Region, mark: tuple[str, str]) -> int:
    """Mark the region's unmarked blocks; return the number behind its last block."""
    for number in range(region.first, region.end):
        marks[number] = marks[number] or mark
    return region.end
