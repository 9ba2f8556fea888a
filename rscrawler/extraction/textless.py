"""Articles without a text: a video, a photo essay, a cartoon.

A page that has lost its text looks similar. So an article without a text must have other content
in its own container: an embed, a picture where the text would be, or several pictures.
"""

from lxml.etree import _Element as Element

from rscrawler.extraction.appeals import speaks_of_giving
from rscrawler.extraction.blocks import kind_of
from rscrawler.extraction.container import Own
from rscrawler.extraction.fields import image_source, is_picture
from rscrawler.extraction.page import IncompletePage, NotAnArticle
from rscrawler.extraction.vocabulary import pattern
from rscrawler.sites import Markup

_EMBEDS = ("iframe", "video", "audio", "object", "embed", "lite-youtube", "amp-youtube")
_SEVERAL = 2  # pictures


def check_textless(
    url: str,
    title: str | None,
    own: Own,
    markup: Markup,
    *,
    says_article: bool,
    has_appeals: bool,
) -> None:
    """Check that a page without a text is an article that has none.

    Raises:
        NotAnArticle: it is an appeal, or has no sign of an article.
        IncompletePage: it seems an article, but has no headline or no content.
    """
    has_content = _has_content(own, markup)
    if has_appeals and not (has_content and title and not speaks_of_giving(title, url)):
        raise NotAnArticle(url, "it holds an appeal and nothing else")
    if not says_article:
        raise NotAnArticle(url, "it has no text of its own")
    if not title:
        raise IncompletePage(url, "neither headline nor text")
    if not has_content:
        raise IncompletePage(url, "the page declares an article and holds no text")


def _has_content(own: Own, markup: Markup) -> bool:
    bodies = [body for selector in markup.body for body in own.matches(selector)]
    pictures = 0
    for part in own.parts:
        for element in part.iter("img", *_EMBEDS):
            if not _is_content(element, part):
                continue
            pictures += 1
            index = own.page.index
            if element.tag != "img" or any(index.is_within(element, body) for body in bodies):
                return True
    return pictures >= _SEVERAL


def _is_content(element: Element, part: Element) -> bool:
    """Whether a picture or embed can be the content of an article."""
    if element.tag == "img" and image_source(element) is None:
        return False
    marks = (element.get(name) or "" for name in ("src", "data-src", "id", "class", "title"))
    if not is_picture(element) or pattern("no_embeds").search(" ".join(marks)):
        return False
    for around in element.iterancestors():
        if around is part:
            break
        if around.tag == "noscript" or kind_of(around)[0] is not None:
            return False
    return True
