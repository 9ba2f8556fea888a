"""`sites add` finds what leads to a site's articles, and what it would read is right."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rscrawler.cli.sites import sites_app as app
from rscrawler.config import Config, checked
from rscrawler.errors import ConfigurationError
from rscrawler.probing.checking import check_live
from rscrawler.probing.proposal import Proposal, name_of, propose_site
from rscrawler.probing.visitor import PageUnavailable, Visitor
from rscrawler.sites import Links, SiteProfile
from tests.probing.built import APPEAL, BUILT
from tests.probing.server import BASE, Reply, SmallSite, page, plain
from tests.probing.stories import STORIES, section_of
from tests.sample_site import SampleSite
from tests.workspace import Workspace

TRUE = {story.title: story for story in STORIES}
# What `find` must come upon: kind, path and how further pages are requested.
SOURCES = {
    "wordpress": [
        ("feed", "/feed/", "paged"),
        ("sitemap", "/wp-sitemap.xml", "page"),
        ("section", "/category/politics/", "/page/"),
        ("section", "/category/economy/", "/page/"),
        ("section", "/category/culture/", "/page/"),
    ],
    "drupal": [
        ("feed", "/rss.xml", ""),
        ("section", "/politics", ""),
        ("section", "/economy", ""),
        ("section", "/culture", ""),
    ],
    "static": [("feed", "/index.xml", "")],
    "scripted": [("sitemap", "/sitemap.xml", "page")],
    "numbered": [
        ("feed", "/export/rss", ""),
        ("section", "/rubric/politics", "page"),
        ("section", "/rubric/economy", "page"),
        ("section", "/rubric/culture", "page"),
    ],
}


def propose(site: SmallSite | SampleSite, path: str = "") -> Proposal:
    return propose_site(site.base_url + path, Visitor(Config(), delay=0))


@dataclass(frozen=True)
class Built:
    """A site, what is proposed for it, and which pages were requested for that."""

    name: str
    site: SmallSite
    proposal: Proposal
    requested: tuple[str, ...]


@pytest.fixture(scope="module", params=BUILT)
def built(request: pytest.FixtureRequest) -> Iterator[Built]:
    with SmallSite(BUILT[request.param]()) as site:
        proposal = propose(site)
        yield Built(request.param, site, proposal, tuple(site.requested))


def test_a_front_page_that_is_the_only_source_is_followed_to_its_further_pages() -> None:
    pages = {
        path: reply
        for path, reply in BUILT["wordpress"]().items()
        if path == "/" or re.match(r"/\d{4}/", path)
    }
    with SmallSite(pages) as site:
        [source] = propose(site).profile.sources
    assert (source.kind, source.path, source.page_parameter) == ("section", "/", "/page/")


def test_the_sources_of_a_site_are_found_however_it_is_built(built: Built) -> None:
    found = built.proposal.profile.sources
    assert [(str(s.kind), s.path, s.page_parameter or "") for s in found] == SOURCES[built.name]


def test_the_fields_of_its_articles_are_read_as_they_were_written(built: Built) -> None:
    assert built.proposal.problems == ()
    assert len(built.proposal.samples) == 3
    for sample in built.proposal.samples:
        article = sample.article
        assert article is not None, sample.trouble
        story = TRUE[article.title or ""]
        assert article.paragraphs == story.paragraphs
        assert article.authors == [story.author]
        assert article.published_at is not None
        assert article.published_at.date() == story.published_at.date()
        assert APPEAL not in article.body
        if built.name in ("drupal", "static"):
            assert article.tags == [story.place.lower()]


def test_every_article_of_the_site_and_no_other_page_has_an_articles_address(
    built: Built,
) -> None:
    links = built.proposal.profile.links
    stories = [path for path in built.site.pages if any(story.slug in path for story in STORIES)]
    others = [path for path in built.site.pages if path not in stories]
    assert len(stories) == len(STORIES)
    assert all(links.is_article_path(path) for path in stories)
    assert not any(links.is_article_path(path) for path in others)


def test_the_proposed_profile_is_valid_toml_and_holds_on_the_site(built: Built) -> None:
    profile = checked(SiteProfile, tomllib.loads(built.proposal.text), "proposal")
    assert profile == built.proposal.profile
    assert (profile.enabled, profile.verified) == (False, False)
    check = check_live("it", profile, Visitor(Config(), delay=0), limit=6)
    assert check.failures == []
    assert all(each.trouble is None for each in check.sources)


def test_only_a_few_pages_are_asked_for(built: Built) -> None:
    assert len(built.requested) == built.proposal.requests <= 20
    assert not any(path.startswith(("/wp-admin", "/user", "/admin")) for path in built.requested)


def test_the_feed_sitemaps_and_sections_of_the_sample_site_are_found() -> None:
    with SampleSite(stories=40) as site:
        proposal = propose(site)
        sources = [(str(s.kind), s.path) for s in proposal.profile.sources]
        assert sources[:3] == [
            ("feed", "/feeds/feed.rss"),
            ("sitemap", "/sitemap.xml"),
            ("sitemap", "/sitemap_news.xml"),
        ]
        assert ("section", "/analysis/") in sources
        true = {article.title: article for article in site.truth()}
        for sample in proposal.samples:
            assert sample.article is not None
            article = true[sample.article.title or ""]
            assert sample.article.body == article.body
            assert sample.article.published_at == article.published_at
            assert sample.article.authors == list(article.authors)
        links = proposal.profile.links
        assert not links.is_article_path("/military-industrial-complex/")


def _numbers_alone(before: str) -> dict[str, Reply]:
    """The static site with its stories at `before` and a number, such as `/?p=81`."""
    numbered = {f"/posts/{story.slug}/": f"{before}{81 + story.number}" for story in STORIES}
    moved = {}
    for path, reply in BUILT["static"]().items():
        text = reply.text
        for old, new in numbered.items():
            text = text.replace(old, new)
        moved[numbered.get(path, path)] = Reply(text, reply.kind)
    return moved


@pytest.mark.parametrize("before", ["/?p=", "/news/?ELEMENT_ID="])  # WordPress, Bitrix
def test_pieces_that_differ_in_a_number_behind_one_path_are_found_and_recorded(
    before: str, workspace: Workspace
) -> None:
    with SmallSite(_numbers_alone(before)) as site:
        proposal = propose(site)
        workspace.config.write_text(
            f'[sites.outlet]\nbase_url = "{site.base_url}"\ndownload_delay = 0.0\n'
            "[crawl]\nreaders = 0\n",
            encoding="utf-8",
        )
        workspace.crawl("outlet")
    assert [source.path for source in proposal.profile.sources] == ["/index.xml"]
    assert proposal.profile.links.parameters == Links().parameters
    assert [sample.trouble for sample in proposal.samples] == [None] * 3
    urls = {record["title"]: record["url"] for record in workspace.records()}
    assert urls == {each.title: f"{site.base_url}{before}{81 + each.number}" for each in STORIES}


def test_a_parameter_in_which_a_feeds_addresses_differ_is_proposed_and_missed_in_a_profile() -> (
    None
):
    with SmallSite(_numbers_alone("/read/?story=")) as site:
        profile = propose(site).profile
        without = profile.links.model_copy(update={"parameters": ["id"]})
        former = profile.model_copy(update={"links": without})
        fits, lacks = (
            check_live("outlet", each, Visitor(Config(), delay=0), limit=3)
            for each in (profile, former)
        )
    assert profile.links.parameters == [*Links().parameters, "story"]
    assert fits.failures == []
    assert [sample.article is not None for sample in fits.samples] == [True] * 3
    (failure,) = lacks.failures
    assert failure.startswith("/index.xml: addresses that differ only in story count as one")


def test_a_part_of_a_site_can_be_followed_alone() -> None:
    pages = {f"/en{path}": reply for path, reply in BUILT["static"]().items()}
    moved = {
        path: Reply(reply.text.replace("/posts/", "/en/posts/"), reply.kind)
        for path, reply in pages.items()
    }
    with SmallSite({**moved, "/": page("<h1>Choose a language</h1>")}) as site:
        proposal = propose(site, "/en/")
    assert [source.path for source in proposal.profile.sources] == ["/en/index.xml"]
    assert proposal.profile.links.article == ["^/en/posts/[^/]+/?$"]
    assert proposal.problems == ()


def test_a_feed_on_another_host_is_told_and_left_aside() -> None:
    pages = BUILT["static"]()
    link = '<link rel="alternate" type="application/rss+xml" href="https://feeds.example.com/x">'
    pages["/"] = page(pages["/"].text.replace("<head>", f"<head>{link}"))
    with SmallSite(pages) as site:
        proposal = propose(site)
    assert [source.path for source in proposal.profile.sources] == ["/index.xml"]
    assert any("feeds.example.com" in note for note in proposal.finding.notes)
    assert "# Note: the feed https://feeds.example.com/x" in proposal.text


def test_a_menu_that_leads_to_a_piece_does_not_rule_it_out() -> None:
    pages = BUILT["drupal"]()
    old = STORIES[-1]  # the feed does not name it
    extra = f'<nav><a href="/{old.slug}">{old.title}</a></nav>'
    pages["/"] = page(pages["/"].text.replace("<body>", f"<body>{extra}"))
    with SmallSite(pages) as site:
        assert propose(site).profile.links.is_article_path(f"/{old.slug}")


def test_a_feed_of_one_section_does_not_keep_the_articles_of_others_out() -> None:
    pages = BUILT["static"]()
    for story in STORIES:
        dated = f"/{section_of(story)}/2026/11/{story.slug}/"
        pages = {
            path.replace(f"/posts/{story.slug}/", dated): replace(
                reply, text=reply.text.replace(f"/posts/{story.slug}/", dated)
            )
            for path, reply in pages.items()
        }
    items = re.findall("<item>.*?</item>", feed := pages["/index.xml"].text)
    others = "".join(item for item in items if "/politics/" not in item)
    assert others
    for item in re.findall("<item>.*?</item>", others):
        feed = feed.replace(item, "")
    pages["/index.xml"] = replace(pages["/index.xml"], text=feed)
    with SmallSite(pages) as site:
        links = propose(site).profile.links
    assert all(
        links.is_article_path(f"/{section_of(story)}/2026/11/{story.slug}/") for story in STORIES
    )
    assert not links.is_article_path("/politics/")


def test_a_feed_that_names_a_listing_too_does_not_make_listings_articles() -> None:
    pages = BUILT["static"]()  # as Hugo's feeds do in some themes
    item = f"<item><title>Tags</title><link>{BASE}/tags/</link></item>"
    feed = pages["/index.xml"]
    pages["/index.xml"] = replace(feed, text=feed.text.replace("<item>", f"{item}<item>", 1))
    with SmallSite(pages) as site:
        links = propose(site).profile.links
    assert links.article == ["^/posts/[^/]+/?$"]
    assert links.rules_out("/tags/gaza/")


def test_selectors_are_learnt_from_pages_with_a_text() -> None:
    pages = BUILT["static"]()
    issue = pages[path := f"/posts/{STORIES[0].slug}/"]
    note = '<div class="note"><p>This is our first issue; you can get it below.</p></div>'
    text = re.sub('<div class="post-body">.*?</div>', note, issue.text, flags=re.DOTALL)
    pages[path] = replace(issue, text=text)
    with SmallSite(pages) as site:
        samples = propose(site).samples
    read = [len(each.article.paragraphs) for each in samples if each.article]
    assert read == [1, *[len(STORIES[0].paragraphs)] * 3]


def test_a_piece_that_the_feed_alone_dates_is_read() -> None:
    byline = re.compile(r'<p class="(?:date|byline)">.*?</p>')
    pages = {k: replace(v, text=byline.sub("", v.text)) for k, v in BUILT["static"]().items()}
    with SmallSite(pages) as site:
        proposal = propose(site)
    assert [sample.trouble for sample in proposal.samples] == [None] * 3
    assert proposal.profile.markup.body[:1] == [".post-body"]
    assert proposal.problems == ()


def test_a_subtitle_that_only_some_articles_have_is_not_lost() -> None:
    pages, line = BUILT["static"](), "Who pays for it is not settled"
    path = f"/posts/{STORIES[1].slug}/"
    with_line = pages[path].text.replace("</h1>", f'</h1><h3 class="subtitle">{line}</h3>')
    pages[path] = replace(pages[path], text=with_line)
    with SmallSite(pages) as site:
        proposal = propose(site)
    subtitles = [each.article and each.article.subtitle for each in proposal.samples]
    assert subtitles == [None, line, None]
    assert proposal.profile.markup.subtitle == [".subtitle"]  # and none that nothing has shown


def test_pages_whose_only_sign_is_a_date_that_a_new_selector_finds_are_read() -> None:
    def as_bitrix(text: str) -> str:
        text = re.sub(r'<p class="byline">.*?</p>', "", text)
        return text.replace('class="date"', 'class="news-date-time"')

    pages = {k: replace(v, text=as_bitrix(v.text)) for k, v in BUILT["static"]().items()}
    del pages["/index.xml"]
    with SmallSite(pages) as site:
        proposal = propose(site)
    assert ".news-date-time" in proposal.profile.markup.published_text
    assert [sample.trouble for sample in proposal.samples] == [None] * 5
    assert proposal.problems == ()


def test_a_usual_selector_that_a_site_relies_on_comes_first_and_once() -> None:
    pages = {
        path: replace(reply, text=reply.text.replace('class="date"', 'class="posted-on"'))
        for path, reply in BUILT["static"]().items()
    }
    with SmallSite(pages) as site:
        selectors = propose(site).profile.markup.published_text
    assert selectors[0] == ".posted-on"
    assert len(selectors) == len(set(selectors))


def test_a_feed_that_the_front_page_links_to_for_readers_is_found() -> None:
    pages = BUILT["static"]()
    pages["/news/rss/"] = pages.pop("/index.xml")
    link = '<a class="icon" href="/news/rss/">RSS</a>'
    pages["/"] = page(pages["/"].text.replace("<main>", f"{link}<main>"))
    with SmallSite(pages) as site:
        [source] = propose(site).profile.sources
    assert (source.kind, source.path) == ("feed", "/news/rss/")


def test_the_second_page_of_a_listing_is_no_source() -> None:
    pages = BUILT["wordpress"]()
    for path in ("/", "/category/politics/"):  # as WordPress' own function prints it
        older = f'<a class="next" href="{BASE}{path}page/2/">Older</a>'
        assert older in pages[path].text
        numbered = f'<nav class="navigation pagination">{older}</nav>'
        pages[path] = page(pages[path].text.replace(older, numbered))
        pages[f"{path}page/2/"] = pages[path]
    with SmallSite(pages) as site:
        sources = propose(site).profile.sources
    assert [source.path for source in sources] == [path for _, path, _ in SOURCES["wordpress"]]


def test_a_section_whose_path_has_a_colon_is_found() -> None:
    pages = {
        path.replace("/category/", "/category:"): replace(
            reply, text=reply.text.replace("/category/", "/category:")
        )
        for path, reply in BUILT["wordpress"]().items()
    }
    with SmallSite(pages) as site:
        sources = propose(site).profile.sources
    assert "/category:politics/" in [source.path for source in sources]


def test_a_feed_of_comments_that_the_front_page_links_to_is_no_source() -> None:
    pages = BUILT["wordpress"]()
    pages["/comments/feed/"] = pages["/feed/"]
    link = '<a href="/comments/feed/">Comments feed</a>'
    pages["/"] = page(pages["/"].text.replace("<body>", f"<body>{link}"))
    with SmallSite(pages) as site:
        sources = propose(site).profile.sources
    assert "/comments/feed/" not in [source.path for source in sources]


def test_a_site_with_nothing_that_leads_to_articles_is_a_problem() -> None:
    with SmallSite({"/": page("<title>Soon</title><h1>Soon</h1>")}) as site:
        (problem,) = propose(site).problems
    assert (
        problem == "no source of articles was found; give the address of a page that lists articles"
    )


def test_a_front_page_alone_will_do_and_is_said_to_be_little() -> None:
    pages = BUILT["static"]()
    del pages["/index.xml"]
    with SmallSite(pages) as site:
        proposal = propose(site)
    (source,) = proposal.profile.sources
    assert (str(source.kind), source.path) == ("section", "/")
    assert proposal.profile.links.article == ["^/posts/[^/]+/?$"]
    assert [sample.trouble for sample in proposal.samples] == [None] * 3
    assert proposal.problems == ()
    assert (
        "# Note: no feed and no sitemap: new articles are found only on listings" in proposal.text
    )


def test_links_of_the_front_page_to_other_sites_do_not_shape_the_addresses_of_articles() -> None:
    pages = BUILT["static"]()
    del pages["/index.xml"]
    elsewhere = "".join(
        f'<a href="https://partner.example.net/2026/11/{number}/a-story-of-a-partner/">Partner</a>'
        for number in range(10, 20)
    )
    pages["/"] = page(pages["/"].text.replace("</body>", f"{elsewhere}</body>"))
    with SmallSite(pages) as site:
        assert propose(site).profile.links.article == ["^/posts/[^/]+/?$"]


def test_a_site_that_forbids_it_is_not_looked_at() -> None:
    with SmallSite({"/robots.txt": plain("User-agent: *\nDisallow: /\n"), "/": page("x")}) as site:
        with pytest.raises(PageUnavailable, match=r"robots\.txt forbids it"):
            propose(site)
        assert site.requested == ["/robots.txt"]


@pytest.mark.parametrize("url", ["ftp://example.org/", "http://", "https:///x"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="is not an address; allowed"):
        propose_site(url, Visitor(Config(), delay=0))


def test_a_profile_is_named_for_its_host() -> None:
    assert name_of("https://www.timesca.com") == "timesca"
    assert name_of("https://en.fergana.news:8443") == "en-fergana"
    assert name_of("http://127.0.0.1:8000") == "127-0-0-1"


# The command.


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_the_command_shows_the_profile_and_what_it_would_read() -> None:
    with SmallSite(BUILT["wordpress"]()) as site:
        result = run("add", site.base_url, "--delay", "0")
    assert result.exit_code == 0, result.output
    assert STORIES[0].title in result.stdout
    assert STORIES[0].author in result.stdout
    assert 'body = [".entry-content"]' in result.stdout


def test_the_command_saves_the_profile_once_and_never_over_another(tmp_path: Path) -> None:
    with SmallSite(BUILT["drupal"]()) as site:
        arguments = ("add", site.base_url, "--delay", "0", "--name", "oxus", "--write")
        result = run(*arguments, str(tmp_path / "sites"), "--json")
        assert result.exit_code == 0, result.output
        report = json.loads(result.stdout)
        path = tmp_path / "sites" / "oxus.toml"
        assert report["written"] == str(path)
        assert path.read_text(encoding="utf-8") == report["profile"]
        assert report["sources"][0]["path"] == "/rss.xml"
        again = run(*arguments, str(tmp_path / "sites"))
    assert isinstance(again.exception, ConfigurationError)
    assert "already exists; remove it, or choose another --name" in str(again.exception)


def test_what_would_be_in_vain_is_told_before_the_site_is_asked(tmp_path: Path) -> None:
    (tmp_path / "oxus.toml").write_text("# mine\n", encoding="utf-8")
    (tmp_path / "127-0-0-1.toml").write_text("# mine\n", encoding="utf-8")
    with SmallSite(BUILT["drupal"]()) as site:
        for arguments, says in (
            ((site.base_url, "--name", "oxus", "--write", str(tmp_path)), "already exists"),
            ((site.base_url, "--write", str(tmp_path)), "already exists"),
            ((site.base_url, "--write", str(tmp_path / "oxus.toml")), "is a file"),
            ((site.base_url, "--name", "Oxus!"), "--name: 'Oxus!': allowed: a-z"),
            (("http://[::1",), "is not an address; allowed: http(s)"),
            (("http://x.example:99999",), "is not an address; allowed: http(s)"),
        ):
            result = run("add", *arguments)
            assert isinstance(result.exception, ConfigurationError), arguments
            assert says in str(result.exception)
            assert result.stderr == ""
        assert site.requested == []


def test_the_command_ends_with_1_when_nothing_could_be_read() -> None:
    with SmallSite({"/": page("<h1>Soon</h1>")}) as site:
        result = run("add", site.base_url, "--delay", "0", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["problems"] != []


# The front page of the scripted one names no story by itself: its profile must name a source.
@pytest.mark.parametrize("name", sorted(BUILT.keys() - {"scripted"}))
def test_a_site_named_by_its_address_alone_is_crawled(name: str, workspace: Workspace) -> None:
    with SmallSite(BUILT[name]()) as site:
        workspace.config.write_text(
            f'[sites.outlet]\nbase_url = "{site.base_url}"\ndownload_delay = 0.0\n'
            "[crawl]\nreaders = 0\n",
            encoding="utf-8",
        )
        workspace.crawl("outlet")
    records = {record["title"]: record for record in workspace.records()}
    assert set(TRUE) == set(records)
    for title, record in records.items():
        assert record["body"] == "\n\n".join(TRUE[title].paragraphs)
        assert record["published_at"][:10] == f"{TRUE[title].published_at:%Y-%m-%d}"
