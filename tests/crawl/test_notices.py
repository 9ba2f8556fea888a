"""Pages that show something else for a while, and sources that a first cycle cannot read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.crawl.probes import let_articles_be_due, let_time_pass, rows_of
from tests.probing.server import BASE, Reply, SmallSite, page, plain, xml
from tests.probing.stories import STORIES, Story
from tests.workspace import Workspace

NOW = datetime.now(UTC).replace(microsecond=0)
FEED, NEWS = "/feed", "/news"
ON_KAZAKHSTAN = (
    "President Tokayev of Kazakhstan said in Astana that Kazakhstan would build the line.",
    "The government of Kazakhstan will pay for half of it, and Kazakh banks for the rest.",
)
LATER = (
    "Parliament passed the bill on Tuesday by 74 votes to 12, Nurlan Akhmet said.",
    "Parliament passed the plan on Tuesday by 74 votes to 12, Nurlan Akhmet said.",
)


def article(story: Story, *more: str, at: datetime | None = None, title: str = "") -> Reply:
    """A page without a date, author or section, unless it was published `at`."""
    title = title or story.title
    dated = f'<meta property="article:published_time" content="{at.isoformat()}">' if at else ""
    text = "".join(f"<p>{each}</p>" for each in (*more, *story.paragraphs))
    return page(
        f"<html><head><title>{title}</title>{dated}</head>"
        f"<body><main><article><h1>{title}</h1>{text}</article></main></body></html>"
    )


def feed(stories: Sequence[Story]) -> Reply:
    items = "".join(
        f"<item><title>{each.title}</title><link>{BASE}/{each.slug}</link>"
        f"<pubDate>{format_datetime(each.published_at)}</pubDate></item>"
        for each in stories
    )
    return xml(f'<rss version="2.0"><channel><title>Outlet</title>{items}</channel></rss>')


def listing(*slugs: str, more: str = "") -> Reply:
    links = "".join(f'<a href="/{each}">The article {each}</a>' for each in slugs)
    return page(f"<html><title>News</title><body><main>{links}{more}</main></body></html>")


def urlset(stories: Sequence[Story]) -> Reply:
    """A sitemap of the stories, without dates."""
    urls = "".join(f"<url><loc>{BASE}/{each.slug}</loc></url>" for each in stories)
    return xml(f"<urlset>{urls}</urlset>")


def configure(workspace: Workspace, site: SmallSite, *sources: str) -> None:
    kinds = {FEED: "feed", NEWS: "section"}
    listed = ", ".join(
        f'{{kind = "{kinds.get(each, "sitemap")}", path = "{each}"}}' for each in sources
    )
    workspace.config.write_text(
        f'[sites.outlet]\nbase_url = "{site.base_url}"\ndownload_delay = 0.0\n'
        f"sources = [{listed}]\n[crawl]\nreaders = 0\nretries = 0\n",
        encoding="utf-8",
    )


def alerted(workspace: Workspace) -> int:
    ((count,),) = rows_of(workspace, "SELECT count(*) FROM flag WHERE alerted_at IS NOT NULL")
    return int(count)


def test_a_text_that_a_notice_hid_for_a_while_is_told_to_nobody_when_it_returns(
    workspace: Workspace,
) -> None:
    story = STORIES[0]
    whole = article(story, *ON_KAZAKHSTAN, at=story.published_at, title="Kazakhstan builds a line")
    notice = article(STORIES[1], at=story.published_at, title="Before you continue")
    with SmallSite({NEWS: listing(story.slug), f"/{story.slug}": whole}) as site:
        configure(workspace, site, NEWS)
        workspace.crawl("outlet")
        for shown in (notice, whole):
            site.pages[f"/{story.slug}"] = shown
            let_articles_be_due(workspace)
            workspace.crawl("outlet")
    events = [(record["event"], record["novelty"]) for record in workspace.records("flagged")]
    assert events == [("new", "baseline"), ("updated", "baseline")]
    assert alerted(workspace) == 0


def test_an_article_that_is_renamed_and_edited_at_once_stays_itself(workspace: Workspace) -> None:
    story, at = STORIES[0], STORIES[0].published_at + timedelta(seconds=7)
    old, new = f"/{story.slug}", f"/{story.slug}-and-what-follows"
    with SmallSite({NEWS: listing(old[1:]), old: article(story, *ON_KAZAKHSTAN, at=at)}) as site:
        configure(workspace, site, NEWS)
        workspace.crawl("outlet")
        later = "Parliament passed the bill on Tuesday by 74 votes to 12, Nurlan Akhmet said."
        site.pages[new] = article(
            story, *ON_KAZAKHSTAN, later, later.replace("bill", "plan"), at=at
        )
        site.pages |= {NEWS: listing(new[1:]), old: Reply(status=301, location=BASE + new)}
        workspace.crawl("outlet")
    first, second = workspace.records()
    assert (second["event"], second["article_id"]) == ("updated", first["article_id"])
    assert (second["url"], alerted(workspace)) == (site.base_url + new, 0)


def test_an_article_that_only_a_slow_feed_dates_is_recorded_in_the_cycle_that_finds_it(
    workspace: Workspace,
) -> None:
    first, second = STORIES[:2]
    pages = {f"/{each.slug}": article(each) for each in (first, second)}
    with SmallSite(pages) as site:
        site.pages[FEED] = replace(feed((first, second)), after=f"/{second.slug}")
        site.pages[NEWS] = listing(first.slug, second.slug)
        configure(workspace, site, FEED, NEWS)
        workspace.crawl("outlet")
    titles = {record["title"] for record in workspace.records()}
    assert titles == {first.title, second.title}
    assert all(site.requested.count(path) <= 2 for path in pages)


@pytest.mark.parametrize(("described", "count"), [("/", 1), ("/water", 0)])
def test_a_type_that_a_template_declares_of_the_front_page_says_nothing_of_a_dated_page(
    workspace: Workspace, described: str, count: int
) -> None:
    story = STORIES[0]
    head = (
        '<meta property="og:type" content="website">'
        f'<meta property="og:url" content="{BASE}{described}"></head>'
    )
    text = article(story).text.replace("</head>", head)
    with SmallSite({FEED: feed([story]), f"/{story.slug}": page(text)}) as site:
        configure(workspace, site, FEED)
        result = workspace.run("crawl", "--json", "outlet")
    assert result.json["articles_new"] == count


def test_an_article_that_a_feed_lists_days_before_its_date_is_found_on_that_date(
    workspace: Workspace,
) -> None:
    scheduled, known = replace(STORIES[0], published_at=NOW + timedelta(days=3)), STORIES[1]
    with SmallSite({FEED: feed([known]), f"/{known.slug}": article(known)}) as site:
        configure(workspace, site, FEED)
        workspace.crawl("outlet")
        site.pages[FEED] = feed([scheduled, known])
        for hours in (1, 1, 50):
            workspace.run("crawl", "outlet")
            let_time_pass(workspace, hours=hours)
        workspace.crawl("outlet")
        site.pages[f"/{scheduled.slug}"] = article(scheduled)
        let_time_pass(workspace, hours=73)
        assert workspace.crawl("outlet")["articles_new"] == 1


def test_a_further_page_of_a_feed_that_leads_to_other_hosts_alone_is_no_fault(
    workspace: Workspace,
) -> None:
    elsewhere = "<item><link>https://elsewhere.example/in-the-news</link></item>"
    pages = {f"/{each.slug}": article(each, at=NOW) for each in STORIES[:3]}
    pages[f"{FEED}?page=2"] = xml(f"<rss version='2.0'><channel>{elsewhere}</channel></rss>")
    with SmallSite(pages) as site:
        configure(workspace, site, FEED)
        for count in (2, 3):
            site.pages[FEED] = feed(STORIES[:count])
            assert workspace.crawl("outlet")["errors"] == 0
    novelties = [record["novelty"] for record in workspace.records()]
    assert novelties == ["baseline", "baseline", "new"]


@pytest.mark.parametrize(
    ("sources", "expected"),
    [((FEED,), [False, False, True]), ((FEED, "/sitemap.xml"), [False] * 3)],
)
def test_a_feed_that_has_turned_over_between_two_visits_is_told_unless_a_sitemap_has_all(
    workspace: Workspace, sources: tuple[str, ...], expected: list[bool]
) -> None:
    stories = [replace(STORIES[0], number=number) for number in range(40)]
    with SmallSite({f"/{each.slug}": article(each) for each in stories}) as site:
        configure(workspace, site, *sources)
        told = []
        for begin in (30, 25, 0):  # five of ten entries stay, then none
            site.pages[FEED] = feed(stories[begin : begin + 10])
            site.pages["/sitemap.xml"] = urlset(stories[begin:])
            result = workspace.run("crawl", "outlet")
            told.append(f"source {site.base_url}{FEED}: shows nothing of its last" in result.stderr)
    assert told == expected


RENAMED = (
    ("news/415014/talks-begin", "news/415014/talks-end-without-a-treaty", ON_KAZAKHSTAN),
    ("talks-begin-94191685.html", "no-treaty-after-talks-94191685.html", ON_KAZAKHSTAN),
    ("id_91570718/talks.html", "world/id_91570718/no-treaty.html", (*ON_KAZAKHSTAN, *LATER)),
    ("world/article163230255/Talks.html", "world/plus163230255/No-treaty.html", LATER),
)


def test_an_article_with_another_headline_and_slug_at_its_number_stays_itself(
    workspace: Workspace,
) -> None:
    before, after = {}, {}
    for story, (old, new, text) in zip(STORIES, RENAMED, strict=False):
        at = story.published_at + timedelta(seconds=7)
        before[f"/{old}"] = article(story, *ON_KAZAKHSTAN, at=at, title="Talks on a line begin")
        after[f"/{new}"] = article(story, *text, at=at, title="Ministers part without a treaty")
    with SmallSite({NEWS: listing(*(path[1:] for path in before)), **before}) as site:
        configure(workspace, site, NEWS)
        workspace.crawl("outlet")
        site.pages |= {NEWS: listing(*(path[1:] for path in after)), **after}
        workspace.crawl("outlet")  # the old addresses go on answering
    records = {record["url"].removeprefix(site.base_url): record for record in workspace.records()}
    assert [records[path]["event"] for path in after] == ["updated"] * len(RENAMED)
    assert [records[path]["article_id"] for path in after] == [
        records[path]["article_id"] for path in before
    ]
    assert len(workspace.records()) == 2 * len(RENAMED)
    assert alerted(workspace) == 0


OF_ONE_MOMENT = (
    ("20261124/talks-begin", "20261124/ministers-part"),
    ("202611/24/talks-begin", "202611/24/ministers-part"),
    ("news/261124-talks-begin", "news/261124-ministers-part"),
    ("stock-60951433/talks-49012345", "stock-60951433/ministers-49012399"),
    ("00000193-a1b2c3/talks-begin", "00000193-d4e5f6/ministers-part"),
    ("talks-on-250000-begin", "ministers-part-over-250000"),
)


def test_articles_of_one_moment_that_share_a_month_a_day_or_another_number_stay_two(
    workspace: Workspace,
) -> None:
    first, second = dict[str, Reply](), dict[str, Reply]()
    for story, pair in zip(STORIES, OF_ONE_MOMENT, strict=False):
        for path, place, pages in zip(pair, ("Osh", "Naryn"), (first, second), strict=True):
            snow = f"The weather office of Kazakhstan expects snow in {place}."
            at = story.published_at + timedelta(seconds=7)
            pages[f"/{path}"] = article(
                story, *ON_KAZAKHSTAN, snow, at=at, title=f"Snow in {place}"
            )
    with SmallSite(first) as site:
        configure(workspace, site, NEWS)
        for pages in (first, second):
            site.pages |= pages
            site.pages[NEWS] = listing(*(path[1:] for path in site.pages if path != NEWS))
            workspace.crawl("outlet")
    assert [record["event"] for record in workspace.records()] == ["new"] * 2 * len(OF_ONE_MOMENT)


def test_a_robots_txt_that_begins_to_forbid_known_article_pages_is_a_problem(
    workspace: Workspace,
) -> None:
    def problems() -> list[str]:
        report = workspace.run("crawl", "outlet", "--json").json
        return [each["code"] for each in report["sites"]["outlet"]["problems"]]

    pages = {f"/{each.slug}": article(each, at=each.published_at) for each in STORIES[:4]}
    slugs = [each.slug for each in STORIES[:4]]
    with SmallSite({**pages, NEWS: listing(*slugs)}) as site:
        configure(workspace, site, NEWS)
        assert problems() == []
        let_articles_be_due(workspace)
        for forbidden, expected in ((slugs[:2], []), (slugs, ["robots-disallowed"]), ([], [])):
            rules = "".join(f"Disallow: /{slug}\n" for slug in forbidden)
            site.pages["/robots.txt"] = plain(f"User-agent: *\n{rules}")
            let_articles_be_due(workspace)
            assert problems() == expected


def test_a_section_that_fails_in_the_first_cycle_is_part_of_the_baseline(
    workspace: Workspace,
) -> None:
    pages = {f"/{each.slug}": article(each, at=each.published_at) for each in STORIES[:6]}
    first = [each.slug for each in STORIES[:6]]
    broken = Reply("busy", status=503)
    with SmallSite({**pages, FEED: feed(STORIES[:2]), NEWS: broken}) as site:
        configure(workspace, site, FEED, NEWS)
        workspace.run("crawl", "outlet")
        site.pages[NEWS] = listing(*first)
        workspace.crawl("outlet")
        site.pages[f"/{STORIES[6].slug}"] = article(STORIES[6], at=STORIES[6].published_at)
        site.pages[NEWS] = listing(*first, STORIES[6].slug)
        workspace.crawl("outlet")
    assert [record["novelty"] for record in workspace.records()] == ["baseline"] * 6 + ["new"]


def test_the_baseline_waits_three_cycles_for_a_page_that_cannot_be_read_and_no_longer(
    workspace: Workspace,
) -> None:
    older = '<a rel="next" href="/news?page=2">Older</a>'
    pages = {f"/{each.slug}": article(each, at=each.published_at) for each in STORIES}
    pages |= {f"{NEWS}?page=2": Reply("memory exhausted", status=500)}
    with SmallSite(pages) as site:
        configure(workspace, site, NEWS)
        for count in range(1, 6):
            site.pages[NEWS] = listing(*(each.slug for each in STORIES[:count]), more=older)
            workspace.run("crawl", "outlet")
    assert [record["novelty"] for record in workspace.records()] == ["baseline"] * 4 + ["new"]


def test_what_a_sitemap_adds_while_the_baseline_waits_is_recorded(workspace: Workspace) -> None:
    pages = {f"/{each.slug}": article(each, at=each.published_at) for each in STORIES}
    with SmallSite(pages | {NEWS: Reply("memory exhausted", status=500)}) as site:
        configure(workspace, site, NEWS, "/posts.xml")
        for count in (1, 2, 3):
            site.pages["/posts.xml"] = urlset(STORIES[:count])
            workspace.run("crawl", "outlet")
    recorded = [(record["title"], record["novelty"]) for record in workspace.records()]
    assert recorded == [(each.title, "baseline") for each in STORIES[:3]]


def test_news_in_a_sitemap_that_its_index_dates_by_the_day_is_found_on_that_day(
    workspace: Workspace,
) -> None:
    index = f"<sitemap><loc>{BASE}/posts.xml</loc><lastmod>{NOW:%Y-%m-%d}</lastmod></sitemap>"
    pages = {f"/{each.slug}": article(each, at=each.published_at) for each in STORIES}
    pages |= {
        "/index.xml": xml(f"<sitemapindex>{index}</sitemapindex>"),
        "/posts.xml": urlset(STORIES[:1]),
        NEWS: listing(STORIES[0].slug),
    }
    with SmallSite(pages) as site:
        configure(workspace, site, NEWS, "/index.xml")
        workspace.crawl("outlet")
        site.pages["/posts.xml"] = urlset(STORIES[:2])
        assert workspace.crawl("outlet")["articles_new"] == 1
