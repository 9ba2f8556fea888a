"""`sites check` says field by field what holds, and fails for what a piece cannot be without."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest
from typer.testing import CliRunner, Result

from rscrawler.cli.sites import sites_app as app
from rscrawler.config import Config
from rscrawler.errors import ConfigurationError
from rscrawler.probing.checking import SiteCheck, check_live, check_stored
from rscrawler.probing.proposal import propose_site
from rscrawler.probing.visitor import Visitor
from rscrawler.sites import SiteProfile, load_sites
from tests.probing.built import BUILT
from tests.probing.server import BASE, Reply, SmallSite

STORED = Path(__file__).parents[1] / "sites"
SHIPPED = load_sites(Config())


@pytest.fixture
def daily() -> Iterator[SmallSite]:
    with SmallSite(BUILT["wordpress"]()) as site:
        yield site


def profile_of(site: SmallSite, **changes: object) -> SiteProfile:
    values: dict[str, object] = {
        "base_url": site.base_url,
        "sources": [{"kind": "feed", "path": "/feed/"}],
        "links": {"article": [r"^/\d{4}/\d{2}/[^/]+/$"]},
        "markup": {"container": ["article.type-post"], "body": [".entry-content"]},
    }
    return SiteProfile.model_validate({**values, **changes})


def check(profile: SiteProfile, limit: int = 3) -> SiteCheck:
    return check_live("daily", profile, Visitor(Config(), delay=0), limit)


def test_a_profile_that_fits_holds_field_by_field(daily: SmallSite) -> None:
    result = check(profile_of(daily))
    assert result.failures == []
    fields = result.fields
    assert (fields["body"].found, fields["body"].pages) == (3, 3)
    assert fields["body"].by == {"profile: .entry-content": 3}
    assert fields["published_at"].by == {"meta: article:published_time": 3}
    assert fields["subtitle"].found == 0
    (source,) = result.sources
    assert (len(source.entries), source.trouble) == (10, None)


def test_a_selector_for_the_body_that_matches_nothing_fails(daily: SmallSite) -> None:
    markup = {"container": ["article.type-post"], "body": [".story-text"], "credit": [".credit"]}
    result = check(profile_of(daily, markup=markup))
    (failure,) = result.failures
    first = result.samples[0].page.url
    expected = f"matched nothing on 3 of 3 pages, such as {first}; correct markup.body"
    assert failure == f"body: .story-text {expected}"
    assert result.unmatched == {"body": [".story-text"], "credit": [".credit"]}


def test_a_selector_for_the_container_that_matches_nothing_fails(daily: SmallSite) -> None:
    markup = {"container": [".old-theme"], "body": [".entry-content"]}
    (failure,) = check(profile_of(daily, markup=markup)).failures
    assert failure.startswith("container: .old-theme matched nothing on 3 of 3 pages")


def test_a_date_that_only_the_feed_gives_counts_as_in_a_crawl(daily: SmallSite) -> None:
    for path, reply in list(daily.pages.items()):
        text = reply.text.replace("article:published_time", "article:other")
        daily.pages[path] = Reply(text, reply.kind)
        if path.startswith("/20"):  # the feed has the former address
            daily.pages[path] = Reply(status=301, location=f"{BASE}/moved{path}")
            daily.pages[f"/moved{path}"] = Reply(text, reply.kind)
    result = check(profile_of(daily))
    assert result.failures == []
    assert "/moved/" in result.samples[0].page.url
    assert result.fields["published_at"].by == {"hint: published_at": 3}
    undated = check(profile_of(daily, sources=[{"kind": "section", "path": "/"}]))
    first = undated.samples[0].page.url.replace("/moved", "")  # as the page itself says
    assert undated.failures == [f"published_at: not found on 3 of 3 pages, such as {first}"]


def test_a_source_that_is_gone_or_leads_to_no_article_is_told(daily: SmallSite) -> None:
    sources = [
        {"kind": "feed", "path": "/gone/"},
        {"kind": "section", "path": "/about/"},
        {"kind": "feed", "path": "/about/"},
        {"kind": "section", "path": "/category/politics/"},
    ]
    result = check(profile_of(daily, sources=sources))
    troubles = [each.trouble or "" for each in result.sources]
    assert "answers 404" in troubles[0]
    assert "none of them an article's" in troubles[1]
    assert troubles[2] == "is not a feed, but a web page"
    assert troubles[3] == ""
    assert result.failures == []


def test_a_profile_of_which_no_source_leads_to_an_article_fails(daily: SmallSite) -> None:
    result = check(profile_of(daily, sources=[{"kind": "feed", "path": "/gone/"}]))
    assert any(line.startswith("no source leads to an article") for line in result.failures)


def test_a_page_that_is_something_else_is_no_failure_among_articles(daily: SmallSite) -> None:
    sources = [
        {"kind": "section", "path": "/category/politics/"},
        {"kind": "feed", "path": "/feed/"},
    ]
    links = {"article": ["^/.+"], "not_article": ["^/category/", r"\.css$"]}
    result = check(profile_of(daily, sources=sources, links=links), limit=5)
    assert [sample.trouble is None for sample in result.samples].count(False) == 1
    assert result.failures == []


def test_pages_that_are_cut_off_are_not_read(daily: SmallSite) -> None:
    for path, reply in list(daily.pages.items()):
        if "type-post" in reply.text:
            daily.pages[path] = type(reply)(reply.text.partition("</main>")[0], reply.kind)
    result = check(profile_of(daily))
    reasons = [each.rpartition(": ")[2] for each in result.failures[:3]]
    assert reasons == ["the page ends before its end tag"] * 3
    (problem,) = propose_site(daily.base_url, Visitor(Config(), delay=0)).problems
    assert problem.endswith("pages could be read; set markup.container by hand")


def test_stored_pages_are_checked_without_asking_anybody() -> None:
    result = check_stored("eurasianet", SHIPPED["eurasianet"], STORED, limit=5)
    assert result.failures == []
    assert result.sources == []
    fields = result.fields
    assert fields["authors"].by == {"profile: a.author-link": 1}


def test_the_stored_page_of_another_site_does_not_hold() -> None:
    result = check_stored("other", SHIPPED["eurasianet"], STORED / "cacianalyst", limit=5)
    assert result.failures != []


def test_a_folder_without_pages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no saved page of eurasianet; allowed:"):
        check_stored("eurasianet", SHIPPED["eurasianet"], tmp_path, limit=5)


# The commands.


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_the_command_checks_stored_pages_of_several_sites() -> None:
    result = run("check", "eurasianet", "novastan", "--pages", str(STORED), "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["holds"] is True
    assert set(report["sites"]) == {"eurasianet", "novastan"}
    assert report["sites"]["novastan"]["fields"]["body"] == {
        "found": 1,
        "pages": 1,
        "essential": True,
        "by": {"profile: .entry-content": 1},
    }


def test_the_command_shows_what_holds_and_what_matches_nothing() -> None:
    result = run("check", "cacianalyst", "--pages", str(STORED))
    assert result.exit_code == 0, result.output
    assert "body*" in result.stdout
    assert "profile: .itemFullText" in result.stdout
    assert "matches nothing: credit: .itemImageCredits" in result.stdout


def test_each_site_is_shown_as_soon_as_it_is_checked(tmp_path: Path) -> None:
    copytree(STORED / "cacianalyst", tmp_path / "cacianalyst")
    result = run("check", "cacianalyst", "novastan", "--pages", str(tmp_path))
    assert "holds no saved page of novastan" in str(result.exception)
    assert "profile: .itemFullText" in result.stdout


def test_the_command_ends_with_1_and_says_why_when_a_profile_does_not_hold(
    daily: SmallSite, tmp_path: Path
) -> None:
    config = tmp_path / "rscrawler.toml"
    config.write_text(
        f'[sites.daily]\nbase_url = "{daily.base_url}"\ndownload_delay = 0.0\n'
        'markup = { body = [".story-text"] }\n',
        encoding="utf-8",
    )
    result = run("check", "daily", "--config", str(config), "--limit", "2")
    assert result.exit_code == 1
    assert "rscrawler: daily: body: .story-text matched nothing on 2 of 2 pages" in result.stderr


def test_every_profile_is_listed_with_what_is_known_of_it() -> None:
    rows = {row["site"]: row for row in json.loads(run("list", "--json").stdout)["sites"]}
    assert set(rows) == set(SHIPPED)
    assert rows["timesca"] == {
        "site": "timesca",
        "title": "The Times of Central Asia",
        "enabled": False,
        "verified": False,
        "reviewed_on": "2026-11-24",
        "base_url": "https://timesca.com",
    }
    assert "https://eurasianet.org" in run("list").stdout
