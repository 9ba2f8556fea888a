"""The shipped profiles: what each says of itself, and that it holds on its stored page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rscrawler.config import Config
from rscrawler.errors import ConfigurationError
from rscrawler.probing.checking import check_stored
from rscrawler.sites import Links, Markup, Selectors, SiteProfile, chosen_sites, load_sites

STORED = Path(__file__).parent
SITES = load_sites(Config())
FIRST = "responsiblestatecraft"
OTHERS = [name for name in SITES if name != FIRST]


def test_at_least_eight_outlets_that_cover_the_region_are_shipped() -> None:
    assert {
        "astanatimes", "cacianalyst", "carnegiepolitika", "eurasianet", "novastan", "rferl",
        "thediplomat", "timesca",
    } <= set(OTHERS)  # fmt: skip


def test_a_crawl_that_names_no_site_visits_responsible_statecraft_alone() -> None:
    assert list(chosen_sites(SITES, [])) == [FIRST]


@pytest.mark.parametrize("name", OTHERS)
def test_a_profile_that_nobody_has_seen_at_work_says_so_and_since_when(name: str) -> None:
    profile = SITES[name]
    assert (profile.enabled, profile.verified) == (False, False)
    assert profile.reviewed_on is not None
    assert profile.download_delay >= 2


@pytest.mark.parametrize("name", SITES)
def test_a_profile_holds_on_its_stored_page(name: str) -> None:
    check = check_stored(name, SITES[name], STORED, limit=5)
    assert check.failures == []
    assert len(check.samples) >= 1


@pytest.mark.parametrize(
    ("name", "article", "other"),
    [
        ("eurasianet", "/kyrgyzstan-village-and-its-glacier", "/region/kyrgyzstan"),
        ("thediplomat", "/2026/03/bus-drivers-learn-mandarin/", "/regions/central-asia/"),
        ("rferl", "/a/tajikistan-teachers-chalk/33790412.html", "/z/695"),
        ("timesca", "/turkmenistan-opens-a-greenhouse/", "/category/kazakhstan/"),
        ("astanatimes", "/2026/05/librarians-on-horseback/", "/category/nation/"),
        (
            "cacianalyst",
            "/publications/analytical-articles/item/13988-cable.html",
            "/publications/analytical-articles.html",
        ),
        (
            "carnegiepolitika",
            "/russia-eurasia/politika/2026/06/kazakhstan-gas-bills",
            "/russia-eurasia/politika",
        ),
        ("novastan", "/en/tajikistan/the-last-workshop/", "/en/tajikistan/"),
    ],
)
def test_a_profile_tells_articles_from_the_lists_that_lead_to_them(
    name: str, article: str, other: str
) -> None:
    assert SITES[name].links.is_article_path(article)
    assert not SITES[name].links.is_article_path(other)


def test_an_address_alone_makes_the_generic_profile() -> None:
    profile = load_sites(Config(sites={"own": {"base_url": "https://example.org"}}))["own"]
    assert [(str(each.kind), each.path) for each in profile.sources] == [
        ("feed", "/feed/"),
        ("feed", "/rss.xml"),
        ("sitemap", "/sitemap.xml"),
        ("section", "/"),
    ]


@pytest.mark.parametrize("name", SITES)
def test_the_generic_profile_reads_a_stored_page_with_a_line_too_many_at_most(name: str) -> None:
    shipped = SITES[name]
    generic = SiteProfile(base_url=shipped.base_url, hosts=shipped.hosts)
    (sample,) = check_stored(name, generic, STORED, limit=1).samples
    expected = json.loads((STORED / name / "expected.json").read_text(encoding="utf-8"))["record"]
    assert sample.article is not None
    assert sample.article.title == expected["title"]
    read = sample.article.paragraphs
    assert [text for text in expected["paragraphs"] if text not in read] == []
    assert len(read) <= len(expected["paragraphs"]) + 1


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/en/",
        "/about/",
        "/en/contact-us",
        "/page/2/",
        "/news/page/2",
        "/category/water/",
        "/tag/water/",
        "/author/a/",
        "/wp-admin/x",
        "/files/a.pdf",
    ],
)
def test_what_is_no_article_on_most_sites_is_none_for_the_generic_profile(path: str) -> None:
    assert not Links().is_article_path(path)


@pytest.mark.parametrize(
    "path", ["/about-time/", "/news/48-title", "/2026/11/a/", "/en/uzbekistan/canal/", "/a/3.html"]
)
def test_anything_else_may_be_an_article_for_the_generic_profile(path: str) -> None:
    assert Links().is_article_path(path)


def test_a_verified_profile_has_to_say_since_when() -> None:
    with pytest.raises(ConfigurationError, match="verified needs reviewed_on"):
        load_sites(Config(sites={"own": {"base_url": "https://example.org", "verified": True}}))
    verified = SiteProfile.model_validate(
        {"base_url": "https://example.org", "verified": True, "reviewed_on": "2026-11-24"}
    )
    assert verified.verified


@pytest.mark.parametrize("selector", ["div[", "svg|p"])
def test_a_selector_that_is_none_is_named_with_its_key(selector: str) -> None:
    with pytest.raises(ConfigurationError, match=r"markup\.body\.0.*is not a CSS selector"):
        load_sites(Config(sites={FIRST: {"markup": {"body": [selector]}}}))


def test_every_field_of_selectors_is_among_the_selectors_of_the_markup() -> None:
    class Wider(Markup):
        box: Selectors = [".box"]

    assert set(Wider(cut_text=["^Share"]).selectors) == {*Markup().selectors, ".box"}
    assert {"article", "h1", "figcaption"} <= set(Markup().selectors)
