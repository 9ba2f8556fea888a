"""A story's own text as markup, in each of the ways in which the site writes it."""

from __future__ import annotations

import re
import unicodedata
from html import escape
from random import Random

from tests.sample_site.stories import BlockKind, Shape, Story

IMAGE_TOKEN = "token=@@TOKEN@@&expires=@@EXPIRES@@"
_ENTITIES = str.maketrans({
    "\u00a0": "&nbsp;",
    "\u00ad": "&shy;",
    "’": "&rsquo;",
    "‘": "&lsquo;",
    "“": "&ldquo;",
    "”": "&rdquo;",
    "—": "&mdash;",
    "é": "&eacute;",
    "ü": "&#252;",
})  # fmt: skip


def label_of(slug: str) -> str:
    """A section's or tag's name as printed."""
    words = {"qiosk": "QiOSK", "asia-pacific": "Asia-Pacific", "c5-1": "C5+1"}
    return words.get(slug) or slug.replace("-", " ").title()


def image_path(story: Story) -> str:
    """The address of the lead image, without host and without the part that expires."""
    return f"/media-library/{story.stem}.jpg?id={int(story.post_id) % 90_000_000 + 10_000_000}"


def image_url(base_url: str, story: Story) -> str:
    """The address of the lead image with a token to be filled in."""
    return f"{base_url}{image_path(story)}&{IMAGE_TOKEN}"


def text_html(text: str, story: Story) -> str:
    """`text` as markup; in the shape ENTITIES with spaces and letters written otherwise."""
    if Shape.ENTITIES not in story.shapes:
        return escape(text, quote=False)
    disguised = unicodedata.normalize("NFD", text) if len(text) % 2 else text
    hyphenated = (
        f"{word[:5]}\u00ad{word[5:]}" if len(word) >= 10 and word.isalpha() else word
        for word in disguised.split(" ")
    )
    joined = re.sub(r"(?<=\d) ", "\u00a0", " ".join(hyphenated))
    return escape(joined, quote=False).translate(_ENTITIES)


def body_parts(base_url: str, story: Story) -> list[str]:
    """The body as a list of elements (or bare text), none of them anything but its own."""
    rng = Random(story.slug)
    closing = "" if Shape.UNCLOSED in story.shapes else "</p>"
    parts: list[str] = []
    pending: list[str] = []  # paragraphs that share an element in the shape BREAKS

    def flush() -> None:
        if pending:
            joined = "<br/><br>\n".join(pending)
            parts.append(f"<p>{joined}</p>" if len(parts) % 2 == 0 else f"{joined}<br><br>")
            pending.clear()

    index = 0
    while index < len(story.paragraphs):
        kind = story.kind_of(index)
        html = _inline(base_url, story, index, rng)
        is_plain = kind is BlockKind.TEXT and not _is_republication_line(story, index)
        if is_plain and Shape.BREAKS in story.shapes:
            pending.append(html)
            if len(pending) == 2:
                flush()
        else:
            flush()
            if kind is BlockKind.ITEM:
                index, html = _item_list(base_url, story, index, rng)
            elif kind is BlockKind.SUBHEAD:
                html = f"<h3>{html}</h3>"
            elif kind is BlockKind.QUOTE:
                html = f"<blockquote><p>{html}{closing}</blockquote>"
            else:
                html = f"<p>{html if is_plain else f'<em>{html}</em>'}{closing}"
            parts.append(html)
        index += 1
    flush()
    return parts


def _is_republication_line(story: Story, index: int) -> bool:
    return index == len(story.paragraphs) - 1 and story.republished_from is not None


def _item_list(base_url: str, story: Story, start: int, rng: Random) -> tuple[int, str]:
    """The list that begins at paragraph `start`: the index of its last item, and its markup."""
    closing = "" if Shape.UNCLOSED in story.shapes else "</li>"
    last, items = start - 1, ""
    while last + 1 < len(story.paragraphs) and story.kind_of(last + 1) is BlockKind.ITEM:
        last += 1
        items += f"<li>{_inline(base_url, story, last, rng)}{closing}"
    return last, f"<ul>{items}</ul>"


def _inline(base_url: str, story: Story, index: int, rng: Random) -> str:
    """One paragraph, with links and spans where the shape has them."""

    def html(start: int, end: int | None = None) -> str:
        return text_html(" ".join(words[start:end]), story)

    text = story.paragraphs[index]
    words = text.split(" ")
    if Shape.SPANS in story.shapes and index == 0:
        first, rest = text_html(text[0], story), text_html(text[1:], story)
        return f'<span class="rm-dropcap"><span style="font-size: 3em">{first}</span></span>{rest}'
    if Shape.SPANS in story.shapes and index % 2 and len(words) > 6:
        tail = f'<span style="color: #222"><span data-ca="1">{html(4)}</span></span>'
        return f"{html(0, 4)} {tail}"
    if Shape.LINKS in story.shapes and len(words) > 12 and index % 2 == 0:
        start = rng.randrange(2, 6)
        target = f"https://source.invalid/{index}?a=1&amp;b=2" if index else f"{base_url}/about/"
        # The space belongs inside the link every other time, as editors leave it.
        inner, outer = (" ", "") if index % 4 == 0 else ("", " ")
        return (
            f'{html(0, start)} <a href="{target}" target="_blank" rel="noopener">'
            f"{html(start, start + 3)}{inner}</a>{outer}{html(start + 3)}"
        )
    return html(0)
