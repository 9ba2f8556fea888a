"""Pages of one article in many shapes: where its fields stand, what stands beside it.

`Variant` names one choice in each of several dimensions; `variant_page` writes the page.
What may come of it is `allowed`: the same fields for all, wherever they stand.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.extraction.pages import BASE, FOREIGN, OWN, TITLE, page_html, paragraphs

SUBTITLE = "Engineers instead of a protest note"
CAPTION = "The canal near Mazar"
CREDIT = "(kremlin.ru)"
IMAGE_URL = f"{BASE}/media-library/canal.jpg?id=1"
LINE = "This article was republished with permission from Eurasianet."

AUTHORS = ["Nora Weiss", "Timur Aliev"]
SECTIONS = ["analysis", "reporting", "asia-pacific"]
TAGS = ["uzbekistan", "amu-darya"]

# The articles of a page, one for each group of fields that a layout moves as a whole.
GROUPS = {
    "picture": (
        '<div class="widget__image"><img class="rm-lazyloadable-image" alt="1600px-canal" '
        'src="data:image/gif;base64,R0" data-runner-src="/media-library/canal.jpg?id=1">'
        f'<small class="image-media media-caption">{CAPTION}</small></div>'
    ),
    "head": (
        f'<div class="widget__head"><h1 class="widget__headline"><span>{TITLE}</span></h1>'
        f'<h2 class="widget__subheadline"><div class="widget__subheadline-text">{SUBTITLE}</div>'
        "</h2></div>"
    ),
    "sections": (
        '<div class="widget__sections"><a class="widget__section" href="/analysis/">Analysis</a> | '
        f'<a class="widget__section" href="{BASE}/Reporting?ref=x">Reporting</a> | '
        '<a class="widget__section" href="/regions/asia-pacific/">Asia-Pacific</a></div>'
    ),
    "byline": (
        '<div class="social-author"><a class="social-author__name" href="/author/nora-weiss">'
        'Nora Weiss</a>, <a class="social-author__name" href="/author/timur-aliev">Timur Aliev'
        '</a><div class="social-date"><span class="social-date__text">Dec 10, 2024</span></div>'
        "</div>"
    ),
    "body": "",  # of the variant
    "credit": f'<small class="image-media media-photo-credit">{CREDIT}</small>',
    "tags": (
        '<div class="tags"><a class="tags__item" href="/tag/uzbekistan/">uzbekistan</a> '
        '<a class="tags__item" href="/tag/Amu%20Darya?x=1">amu darya</a></div>'
    ),
}
BEFORE_BODY = ("picture", "head", "sections", "byline")
AFTER_BODY = ("credit", "tags")

NEWSLETTER = (
    '<div class="newsletter-element"><h3>Newsletter</h3><p>Subscribe now to our weekly round-up.'
    '</p><form action="/core/subscribe"><input name="email"></form></div>'
)
LATEST = (
    '<div class="latest"><h3>Latest</h3><ul><li><a href="/quiet-ports/">Quiet ports of the Baltic'
    '</a> <a class="widget__section" href="/europe/">Europe</a></li></ul></div>'
)
BIOGRAPHY = (
    '<div class="author-bio"><a class="social-author__name" href="/author/bo-chan">Bo Chan</a>'
    "<p>Bo Chan writes about ports and grain, and the views are those of the author.</p></div>"
)


def _neighbour(
    number: int, name: str, heading: str, *, linked: bool = True, outside: bool = False
) -> str:
    headline = f"Belgium fears lawsuit {number} over frozen assets"
    inner = f'<a class="widget__headline-text" href="/frozen-{number}/">{headline}</a>'
    fields = (
        '<small class="image-media media-photo-credit">Top photo credit: Foreign/Agency</small>'
        '<div class="tags"><a class="tags__item" href="/tag/sanctions/">sanctions</a></div>'
    )
    return (
        f'<article class="{name} post-267000000{number}"><div class="widget__image"><img '
        f'src="/foreign.jpg"><small class="image-media media-caption">A foreign caption</small>'
        f'</div><{heading} class="widget__headline">{inner if linked else headline}</{heading}>'
        '<h2 class="widget__subheadline"><div class="widget__subheadline-text">A foreign line'
        '</div></h2><a class="widget__section" href="/europe/">Europe</a>'
        '<a class="social-author__name" href="/author/ida">Ida Marlow</a>'
        '<span class="social-date__text">Jan 5, 2024</span>'
        f'<div class="body js-expandable"><div class="body-description">{paragraphs(FOREIGN)}'
        '</div><button class="js-show-more">keep reading</button><div>Show less</div></div>'
        f"{'' if outside else fields}</article>{fields if outside else ''}"
    )


def _block(content: str, source: str | None) -> str:
    data = f' data-source="{source}"' if source else ""
    return (
        f'<div class="posts-custom posts-custom-section"{data}><div class="posts-wrapper">'
        f'<div class="widget">{content}</div></div></div>'
    )


def _neighbours(source: str | None, name: str, heading: str, **kind: bool) -> str:
    blocks = (_block(_neighbour(n, name, heading, **kind), source) for n in range(3))
    return "".join(blocks)


# What stands before the own wrapper, in it behind the own article, and behind it.
NEIGHBOURS: dict[str, tuple[str, str, str]] = {
    "no others": ("", "", ""),
    "image-articles": ("", "", _neighbours("all_posts", "image-article", "h2")),
    "page-articles with h1": ("", "", _neighbours("all_posts", "page-article", "h1")),
    "page-articles that link nowhere": (
        "",
        "",
        _neighbours("related_posts", "page-article", "h1", linked=False),
    ),
    "page-articles in blocks without a source": (
        "",
        "",
        _neighbours(None, "page-article", "h1"),
    ),
    "page-articles that say current_post": (
        "",
        "",
        _neighbours("current_post", "page-article", "h1"),
    ),
    "others with their tags outside": (
        "",
        "",
        _neighbours("all_posts", "page-article", "h1", outside=True),
    ),
    "others in the own wrapper": (
        "",
        "".join(_neighbour(n, "image-article", "h2") for n in range(2)),
        _neighbours("all_posts", "image-article", "h2"),
    ),
    "page-articles in the own wrapper": (
        "",
        "".join(_neighbour(n, "page-article", "h1") for n in range(2)),
        _neighbours("all_posts", "page-article", "h1"),
    ),
    "others before": (
        _neighbours("featured", "image-article", "h2"),
        "",
        _neighbours("all_posts", "image-article", "h2"),
    ),
    "bare page-articles before, with their tags outside": (
        "".join(_neighbour(n, "page-article", "h1", outside=True) for n in range(2)),
        "",
        _neighbours("all_posts", "page-article", "h1", outside=True),
    ),
}

# How the own article is held: what is around the inner part, and around that.
CONTAINERS: dict[str, tuple[str, str]] = {
    "article in a wrapper": (
        '<div class="posts-custom" data-source="current_post"><div class="posts-wrapper">{}'
        "</div></div>",
        '<div class="widget"><article class="clearfix page-article post-265">{}</article></div>',
    ),
    "article straight in the wrapper": (
        '<div class="posts-custom" data-source="current_post">{}</div>',
        '<article class="clearfix page-article post-265">{}</article>',
    ),
    "the article is the wrapper": (
        "<div>{}</div>",
        '<article class="page-article" data-source="current_post">{}</article>',
    ),
    "the wrapper has no source": (
        '<div class="posts-custom"><div class="posts-wrapper">{}</div></div>',
        '<article class="clearfix page-article post-265">{}</article>',
    ),
    "no wrapper": ("{}", '<article class="clearfix page-article post-265">{}</article>'),
    "an image-article": (
        '<div class="posts-custom" data-source="current_post">{}</div>',
        '<article class="clearfix image-article post-265">{}</article>',
    ),
    "no article": (
        '<div class="posts-custom" data-source="current_post">{}</div>',
        '<div class="widget">{}</div>',
    ),
}

# Which groups stand in the wrapper but outside the article, and which outside both.
PLACES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "all in the article": ((), ()),
    "tags in the wrapper": (("tags",), ()),
    "tags behind the wrapper": ((), ("tags",)),
    "credit and tags in the wrapper": (("credit", "tags"), ()),
    "credit and tags behind the wrapper": ((), ("credit", "tags")),
    "picture in the wrapper": (("picture",), ()),
    "picture and head in the wrapper": (("picture", "head"), ()),
    "picture before the wrapper": ((), ("picture",)),
    "sections and byline in the wrapper": (("sections", "byline"), ()),
    "all but the body in the wrapper": ((*BEFORE_BODY, *AFTER_BODY), ()),
    "all but the body outside the wrapper": ((), (*BEFORE_BODY, *AFTER_BODY)),
    "the head outside, tags in the wrapper": (AFTER_BODY, BEFORE_BODY),
    "the body in the wrapper": (("body", *AFTER_BODY), ()),
    "the headline in the article, all else in the wrapper": (
        ("picture", "sections", "byline", "body", *AFTER_BODY),
        (),
    ),
}

_LINKED = f'<a href="{BASE}/earlier-article-on-the-canal/">will take a fifth of the water</a>'
BODIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "paragraphs": (paragraphs(), OWN),
    "nested divs": ("".join(f"<div><div>{text}</div></div>" for text in OWN), OWN),
    "divs with spans": ("".join(f"<div><span>{text}</span></div>" for text in OWN), OWN),
    "breaks": ("<br/><br/>".join(OWN), OWN),
    "subheads": (
        f"<p>{OWN[0]}</p><h2>What the farmers fear</h2><p>{OWN[1]}</p><h3>Bread</h3>"
        f"<h4>And water</h4><p>{OWN[2]}</p>",
        (OWN[0], "What the farmers fear", OWN[1], "Bread", "And water", OWN[2]),
    ),
    "lists": (f"<p>{OWN[0]}</p><ul><li>{OWN[1]}</li><li>{OWN[2]}</li></ul>", OWN),
    "a link to another article": (
        paragraphs().replace("will take a fifth of the water", _LINKED),
        OWN,
    ),
    "a pull quote": (
        f'<p>{OWN[0]}</p><div class="pull-quote">{OWN[2]}</div>{paragraphs(OWN[1:])}',
        OWN,
    ),
    "a tweet": (
        f'<p>{OWN[0]}</p><blockquote class="twitter-tweet"><p>The canal is ours!</p>&mdash; A. B. '
        '(@ab) <a href="https://x.invalid/1">May 3, 2024</a></blockquote>'
        f'<script src="https://x.invalid/w.js"></script>{paragraphs(OWN[1:])}',
        OWN,
    ),
    "a related line": (
        f'<p>{OWN[0]}</p><p>READ MORE: <a href="/frozen-1/">Belgium fears a lawsuit over frozen '
        f"assets</a></p>{paragraphs(OWN[1:])}",
        OWN,
    ),
    "two body blocks": (
        f'<p>{OWN[0]}</p></div><div class="ad">Advertisement</div><div class="body-description">'
        f"{paragraphs(OWN[1:])}",
        OWN,
    ),
    "a gallery": (
        f'<p>{OWN[0]}</p><div class="rm-gallery gallery"><figure><img src="/g1.jpg"><figcaption>'
        'One</figcaption></figure><p class="shortcode-media"><img src="/g2.jpg"><small class="'
        f'image-media media-caption">Two</small></p></div>{paragraphs(OWN[1:])}',
        OWN,
    ),
    "captions as paragraphs": (
        f'<p>{OWN[0]}</p><img src="/c.jpg"><p class="image-media media-caption">Workers at the '
        f'canal</p><p class="media-photo-credit">Photo: Anna Li</p>{paragraphs(OWN[1:])}',
        OWN,
    ),
}

APPEALS: dict[str, tuple[str, str]] = {  # before the text, after it
    "none": ("", ""),
    "paragraphs": (
        "",
        f"<p><em>{LINE}</em></p><p>Thanks to our readers and supporters, Responsible Statecraft "
        "has had a tremendous year. Generous contributions to RS have helped to increase our "
        "monthly page views by 133%!</p><p>&nbsp;</p><p>We hope you will consider a tax-exempt "
        "donation to RS for your end-of-the-year giving. Please enjoy your holidays, and here is "
        "to a dynamic year ahead!</p>",
    ),
    "split by breaks": (
        "",
        f"<p>{LINE}</p><p>Thanks to our readers and supporters, Responsible Statecraft has had a "
        "tremendous year.<br>Generous contributions have helped to increase our monthly page "
        "views by 133%!<br/><br/>We hope you will consider a tax-exempt donation to RS.<br><br>"
        "Please enjoy your holidays, and here is to a dynamic year ahead!</p>",
    ),
    "at the start": (
        "<p><strong>Dear reader: please donate to Responsible Statecraft before the year is out."
        "</strong></p>",
        "",
    ),
    "a box of links": (
        "",
        '<div class="rs-box"><div>Support our work.</div><a href="/donate/">Donate now</a> '
        '<a href="https://secure.actblue.com/donate/rs">$25</a> '
        '<a href="https://secure.actblue.com/donate/rs">$50</a></div>',
    ),
    "a donation block": (
        '<div class="donation-box"><p>Your gift keeps us going.</p></div>',
        "",
    ),
    "a newsletter form": (
        "",
        NEWSLETTER,
    ),
}


@dataclass(frozen=True)
class Variant:
    """One choice in each dimension, by its name in the table above."""

    container: str = "article in a wrapper"
    place: str = "all in the article"
    neighbours: str = "image-articles"
    body: str = "paragraphs"
    appeal: str = "none"
    missing: str = ""


def allowed(variant: Variant) -> dict[str, tuple[object, ...]]:
    """The values that each field of the record may have.

    What other articles part from the own container could be theirs as well as the own one's:
    such a field may be missing. It may never be another article's.
    """
    before, in_wrapper, _ = NEIGHBOURS[variant.neighbours]
    outside = PLACES[variant.place][1]
    unsure = {
        group
        for group in outside
        if (before and group in BEFORE_BODY) or (in_wrapper and group in AFTER_BODY)
    }
    if before and variant.container == "no wrapper":
        unsure |= {group for group in PLACES[variant.place][0] if group in BEFORE_BODY}

    def values(group: str, value: object, without: object) -> tuple[object, ...]:
        if group == variant.missing:
            return (without,)
        return (value, without) if group in unsure else (value,)

    own = BODIES[variant.body][1]
    has_line = LINE in APPEALS[variant.appeal][1]
    images = [
        (IMAGE_URL, CAPTION, credit) if has_picture else (None, None, credit) if credit else None
        for has_picture in values("picture", True, False)
        for credit in values("credit", CREDIT, None)
    ]
    return {
        "title": (TITLE,),
        "subtitle": values("head", SUBTITLE, None),
        "authors": values("byline", AUTHORS, []),
        "sections": values("sections", SECTIONS, []),
        "tags": values("tags", TAGS, []),
        "image": tuple(images),
        "body": ("\n\n".join([*own, LINE] if has_line else own),),
    }


def variant_page(variant: Variant) -> str:
    """The page that `variant` describes."""
    start, end = APPEALS[variant.appeal]
    groups = GROUPS | {
        "body": (
            f'<div class="body js-expandable" data-headline="{TITLE}"><div class='
            f'"body-description">{start}{BODIES[variant.body][0]}{end}</div></div>'
        )
    }
    if variant.missing:
        groups[variant.missing] = ""
    in_wrapper, outside = PLACES[variant.place]
    if "body" in in_wrapper:
        in_article = [g for g in BEFORE_BODY if g not in in_wrapper]
        above = [g for g in BEFORE_BODY if g in in_wrapper and g == "picture"]
        below = [g for g in (*BEFORE_BODY, "body", *AFTER_BODY) if g in in_wrapper]
        below = [g for g in below if g not in above]
    else:
        in_article = [
            g for g in (*BEFORE_BODY, "body", *AFTER_BODY) if g not in (*in_wrapper, *outside)
        ]
        above = [g for g in BEFORE_BODY if g in in_wrapper]
        below = [g for g in AFTER_BODY if g in in_wrapper]

    def written(names: list[str]) -> str:
        return "".join(f"<div>{groups[name]}</div>" for name in names)

    wrapper, article = CONTAINERS[variant.container]
    others_before, inner_others, others_behind = NEIGHBOURS[variant.neighbours]
    own = written(above) + article.format(written(in_article)) + written(below)
    content = (
        '<div class="social-follow"><p>Follow us on social</p></div>'
        + others_before
        + written([g for g in BEFORE_BODY if g in outside])
        + wrapper.format(own + inner_others)
        + written([g for g in AFTER_BODY if g in outside])
        + others_behind
        + LATEST
        + NEWSLETTER
    )
    return page_html(content)
