"""Labels the blocks of a located article, by one table of rules over plain blocks.

The first rule that matches labels a block. Blocks that no rule matches are the article's text, and
so are headings and the reprint line, which names the outlet where the article appeared first.
"""

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from rscrawler.extraction.appeals import appeals_among
from rscrawler.extraction.blocks import Block
from rscrawler.extraction.byline import LONGEST_BYLINE, names_after_by
from rscrawler.extraction.dates import EARLIEST, read_date, without_date
from rscrawler.extraction.reprint import is_reprint_line
from rscrawler.extraction.text import straight
from rscrawler.extraction.vocabulary import pattern

KEPT = frozenset({"text", "heading", "reprint line"})
_SHORT = 60  # characters of a label, a button, a heading of a box
_LONGEST_END = 80  # characters of a heading that ends the article
_ITEMS = frozenset({"li", "dd", "td", "tr", "blockquote"})
_MOST_BELOW_STANDFIRST = 7  # blocks between it and the text
_LEAST_ABOVE = 0.85  # share of the running text above a heading that ends the article
_LEAST_TEASER, _LONGEST_TEASER = 40, 1_500  # characters
_WORD = re.compile(r"[^\W\d_]{2}")
_SENTENCE = re.compile(r"(?<!\.)\.[”\"')\]]*$|^[“\"].*[.?!…,][”\"]$")
_LEAST_LINKED = 0.8  # share of links in the text that follows the words of a pointer


@dataclass(frozen=True)
class Body:
    """The blocks of an article that no region has labelled, and what is known of the page.

    `all_blocks` has these and the labelled ones, in document order. `own_texts` are declared
    headlines, `names` those of the outlet. `is_guess`: no profile says where the text is, so rules
    on shape apply.
    """

    blocks: Sequence[Block]
    all_blocks: Sequence[Block]
    own_texts: frozenset[str]
    names: tuple[str, ...]
    is_guess: bool

    @cached_property
    def appeals(self) -> set[int]:
        """The numbers of the blocks that are appeals."""
        return appeals_among(self.blocks, self.names)

    @cached_property
    def teasers(self) -> set[Block]:
        """The blocks from a linked headline to the "keep reading" below it."""
        found: set[Block] = set()
        blocks = self.all_blocks
        for number, block in enumerate(blocks):
            if len(block.text) > _SHORT or not pattern("teaser_ends").search(block.text):
                continue
            length, head = 0, number - 1
            while head >= 0 and length <= _LONGEST_TEASER and not _is_linked_headline(blocks[head]):
                length += len(blocks[head].text)
                head -= 1
            if head >= 0 and _LEAST_TEASER <= length <= _LONGEST_TEASER:
                found |= set(blocks[head : number + 1])
        return found

    @cached_property
    def first_prose(self) -> int:
        """The number of the first block of running text; 0 without any."""
        return next((n for n, block in enumerate(self.blocks) if _is_running(block)), 0)

    @cached_property
    def byline_end(self) -> int:
        """The number of the block before which a byline can be: above, or below a standfirst."""
        first = self.first_prose
        below = enumerate(self.blocks[first + 1 : first + 1 + _MOST_BELOW_STANDFIRST], first + 1)
        return next((n for n, block in below if _is_running(block) or block.is_heading), first)

    @cached_property
    def end(self) -> int:
        """The number of the heading or label that ends the article; else the number of blocks."""
        above = list(accumulate((block.prose for block in self.blocks), initial=0))
        for number, block in enumerate(self.blocks):
            is_label = len(block.text) < (_LONGEST_END if block.is_heading else _SHORT)
            is_low = above[number] > _LEAST_ABOVE * above[-1]
            if is_label and is_low and pattern("ends").search(straight(block.text)):
                return number
        return len(self.blocks)

    @cached_property
    def last(self) -> int:
        """The number of the article's last block; headings and labels at the end do not count."""
        number = min(self.end, len(self.blocks)) - 1
        while number >= 0 and _is_heading_or_label(self.blocks[number]):
            number -= 1
        return number


def _is_linked_headline(block: Block) -> bool:
    return block.is_link and (block.is_heading or block.has_words_of_headline)


def _is_heading_or_label(block: Block) -> bool:
    is_label = block.tag in ("p", "div") and len(block.text) < _SHORT
    return block.is_heading or (is_label and not block.prose and not block.is_sentence)


def _is_bare_link(body: Body, number: int) -> bool:
    """Whether a block is a link to another page, not a linked sentence between paragraphs."""
    block = body.blocks[number]
    if not block.is_link:
        return False
    is_sentence = (
        block.tag in ("p", "blockquote")
        and len(block.text) >= _SHORT
        and _SENTENCE.search(straight(block.text))
    )
    beside = [body.blocks[n] for n in (number - 1, number + 1) if 0 <= n < len(body.blocks)]
    return not (is_sentence and len(beside) == 2 and all(each.prose for each in beside))


def _is_pointer(body: Body, number: int) -> bool:
    block = body.blocks[number]
    if not block.links:
        return False
    label = pattern("pointers").match(straight(block.text))
    return label is not None and block.linked >= _LEAST_LINKED * (len(block.text) - label.end())


def _is_running(block: Block) -> bool:
    """Whether a block is running text, and not only dates: "Updated: May 5, 2021, 1:59 p.m."."""
    bare = without_date(block.text) if len(block.text) <= LONGEST_BYLINE else block.text
    rest = Block(bare, block.tag, block.region, linked=min(len(bare), block.linked))
    if len(bare) > _SHORT or rest.is_sentence:
        return (rest if block.links else block).prose > 0  # "26 May; filed under: Water."
    is_labelled = bare[0] == "|" or ":" in bare or pattern("updates").search(block.text)
    return block.prose > 0 and block.is_sentence and not is_labelled


def _is_byline(body: Body, number: int) -> bool:
    """Whether a block above the running text is a line with an author or a date.

    Below a first paragraph, a sentence is none, nor an item with a date and other words.
    """
    block, is_below = body.blocks[number], number > body.first_prose
    if number >= body.byline_end or _is_running(block) or block.is_heading:
        return False
    if is_below and block.is_sentence:
        return False
    is_dated = read_date(block.text, day_first=True, now=EARLIEST) is not None
    is_item = is_below and block.tag in _ITEMS and _WORD.search(without_date(block.text))
    return (is_dated and not is_item) or bool(names_after_by(block.text))


def _matches(name: str) -> Callable[[Body, int], bool]:
    """The condition that a list of patterns in the vocabulary matches the block."""
    return lambda body, n: pattern(name).search(straight(body.blocks[n].text)) is not None


@dataclass(frozen=True)
class Rule:
    """A row of the table, for blocks of at most `most` characters.

    `serves` says what needs the rule: a corpus of real pages, a site, or the contract. `is_guess`:
    the rule applies only if no profile says where the text is.
    """

    name: str
    label: str
    serves: str
    holds: Callable[[Body, int], bool]
    most: int = sys.maxsize
    is_guess: bool = False


RULES: tuple[Rule, ...] = (
    Rule("the headline again", "boilerplate", "both corpora; contract",
         lambda body, n: body.blocks[n].text in body.own_texts or body.blocks[n].tag == "h1"),
    Rule("reprint line", "reprint line", "contract",
         lambda body, n: is_reprint_line(body.blocks[n].text)),
    Rule("teaser", "related", "Responsible Statecraft",
         lambda body, n: not body.is_guess and body.blocks[n] in body.teasers),
    Rule("label", "boilerplate", "Responsible Statecraft", _matches("labels"), _SHORT),
    Rule("label of a box", "boilerplate", "990 pages", _matches("ends"), _SHORT, is_guess=True),
    Rule("byline", "boilerplate", "both corpora; htmldate", _is_byline, LONGEST_BYLINE,
         is_guess=True),
    Rule("pointer", "related", "sites of the region", _is_pointer),
    Rule("bare link", "related", "both corpora", _is_bare_link),
    Rule("credit", "credit", "contract", _matches("credits"), 160),
    Rule("appeal", "appeal", "contract; Responsible Statecraft",
         lambda body, n: n in body.appeals),
    Rule("notice", "boilerplate", "sample site; The Economist", _matches("notices"), 300,
         is_guess=True),
    Rule("behind the end", "related", "990 pages", lambda body, n: n > body.last, is_guess=True),
    Rule("small print", "caption", "sample site without classes",
         lambda body, n: body.blocks[n].is_small_print, 600),
    Rule("box", "boilerplate", "both corpora",
         lambda body, n: body.blocks[n].tag == "div" and not body.blocks[n].is_sentence, _SHORT,
         is_guess=True),
    Rule("heading", "heading", "contract", lambda body, n: body.blocks[n].is_heading),
)  # fmt: skip


def label(body: Body) -> None:
    """Label the blocks of `body`."""
    rules = [(rule.most, rule.holds, rule) for rule in RULES if body.is_guess or not rule.is_guess]
    for number, block in enumerate(body.blocks):
        length = len(block.text)
        for most, holds, rule in rules:
            if length <= most and holds(body, number):
                block.label, block.rule = rule.label, rule.name
                break
