"""A story's own text as markup, in each of the ways in which the site writes it."""

from __future__ import annotations

import unicodedata
from html import escape
from random import Random

from rscrawler.demo.stories import Kind, Shape, Story

IMAGE_TOKEN = "token=@@TOKEN@@&expires=@@EXPIRES@@"  # noqa: S105 - a placeholder, filled when served
_ENTITY_NAMES = {
    "\u00a0": "&nbsp;",
    "\u00ad": "&shy;",
    "’": "&rsquo;",
    "‘": "&lsquo;",
    "“": "&ldquo;",
    "”": "&rdquo;",
    "—": "&mdash;",
    "é": "&eacute;",
    "ü": "&#252;",
}
_INLINE_CAPTIONS = (
    "The map shows the routes that convoys took last winter.",
    "Workers unload sacks at a depot outside the capital.",
    "A chart of defense spending since the end of the Cold War.",
)


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
    words = disguised.split(" ")
    for index, word in enumerate(words):
        if len(word) >= 10 and word.isalpha():
            words[index] = f"{word[:5]}\u00ad{word[5:]}"
    joined = " ".join(words)
    for index in (match for match in range(len(joined)) if joined[match] == " "):
        if joined[index - 1].isdigit():
            joined = f"{joined[:index]}\u00a0{joined[index + 1 :]}"
    plain = escape(joined, quote=False)
    return "".join(_ENTITY_NAMES.get(letter, letter) for letter in plain)


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
        if kind is Kind.ITEM:
            flush()
            index, items = _item_list(base_url, story, index, rng)
            parts.append(items)
            continue
        if kind is Kind.SUBHEAD:
            flush()
            parts.append(f"<h3>{html}</h3>")
        elif kind is Kind.QUOTE:
            flush()
            parts.append(f"<blockquote><p>{html}{closing}</blockquote>")
        elif index == len(story.paragraphs) - 1 and story.republished_from:
            flush()
            parts.append(f"<p><em>{html}</em>{closing}")
        elif Shape.BREAKS in story.shapes:
            pending.append(html)
            if len(pending) == 2:
                flush()
        else:
            parts.append(f"<p>{html}{closing}")
        index += 1
    flush()
    if Shape.INLINE_MEDIA in story.shapes:
        parts[1:1] = [_inline_picture(base_url, story, rng)]
        parts.insert(4, _film())
    return parts


def _item_list(base_url: str, story: Story, start: int, rng: Random) -> tuple[int, str]:
    """The list that begins at paragraph `start`, and the index after its last item."""
    closing = "" if Shape.UNCLOSED in story.shapes else "</li>"
    index, items = start, []
    while index < len(story.paragraphs) and story.kind_of(index) is Kind.ITEM:
        items.append(f"<li>{_inline(base_url, story, index, rng)}{closing}")
        index += 1
    return index, f"<ul>{''.join(items)}</ul>"


def _inline(base_url: str, story: Story, index: int, rng: Random) -> str:
    """One paragraph, with links and spans where the shape has them."""
    text = story.paragraphs[index]
    if Shape.SPANS in story.shapes and index == 0:
        first, rest = text_html(text[0], story), text_html(text[1:], story)
        return f'<span class="rm-dropcap"><span style="font-size: 3em">{first}</span></span>{rest}'
    words = text.split(" ")
    if Shape.SPANS in story.shapes and index % 2 and len(words) > 6:
        head, tail = " ".join(words[:4]), " ".join(words[4:])
        return (
            f'{text_html(head, story)} <span style="color: #222"><span data-ca="1">'
            f"{text_html(tail, story)}</span></span>"
        )
    if Shape.LINKS in story.shapes and len(words) > 12 and index % 2 == 0:
        start = rng.randrange(2, 6)
        head, linked = " ".join(words[:start]), " ".join(words[start : start + 3])
        tail = " ".join(words[start + 3 :])
        target = (
            f"{base_url}/about/" if index == 0 else f"https://source.invalid/{index}?a=1&amp;b=2"
        )
        # The space belongs inside the link every other time, as editors leave it.
        inner, outer = (" ", "") if index % 4 == 0 else ("", " ")
        return (
            f'{text_html(head, story)} <a href="{target}" target="_blank" rel="noopener">'
            f"{text_html(linked, story)}{inner}</a>{outer}{text_html(tail, story)}"
        )
    return text_html(text, story)


def _inline_picture(base_url: str, story: Story, rng: Random) -> str:
    source = escape(f"{base_url}/media-library/inline-{story.post_id}.png?id=1&{IMAGE_TOKEN}")
    return (
        '<p class="shortcode-media shortcode-media-rebelmouse-image">'
        f'<img class="rm-shortcode" data-rm-shortcode-name="rebelmouse-image" src="{source}">'
        '<small class="image-media media-caption" placeholder="Add Photo Caption...">'
        f"{rng.choice(_INLINE_CAPTIONS)}</small>"
        '<small class="image-media media-photo-credit" placeholder="Add Photo Credit...">'
        "Sample Graphics</small></p>"
    )


def _film() -> str:
    return (
        '<p class="shortcode-media shortcode-media-youtube"><iframe '
        'src="https://video.invalid/embed/1" title="A panel on war powers"></iframe></p>'
    )
