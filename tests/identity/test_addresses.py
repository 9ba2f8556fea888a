"""One form for each address, whatever it looks like on the way in."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rscrawler.identity.addresses import (
    address_key,
    article_address,
    canonical_url,
    end_of_month,
    is_article_address,
    missing_parameters,
    slug_stem,
)
from rscrawler.sites import SiteProfile, Source, SourceKind
from tests.extraction.pages import BASE, PROFILE

LOCAL = PROFILE.model_copy(update={"base_url": "http://127.0.0.1:8080"})
slugs = st.from_regex(r"[a-z0-9]{1,12}(?:-[a-z0-9]{1,12}){0,6}", fullmatch=True)
paths = st.builds(
    lambda parts, slash: "/" + "/".join(parts) + slash,
    st.lists(slugs, min_size=1, max_size=4),
    st.sampled_from(["", "/"]),
)
wild_paths = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40).map(
    lambda text: f"/{text}"
)
tracking = st.sampled_from(
    ["", "?utm_source=x&utm_medium=y", "?fbclid=1", "?ref=home", "?rebelltitem=2#r", "#top", "?"]
)
prefixes = st.sampled_from(
    [
        "https://responsiblestatecraft.org",
        "http://responsiblestatecraft.org",
        "https://www.responsiblestatecraft.org",
        "HTTPS://ResponsibleStatecraft.ORG:443",
        "http://responsiblestatecraft.org:80",
        "https://responsiblestatecraft.org.",
    ]
)


@given(prefixes, paths, tracking)
def test_every_spelling_of_an_address_has_one_form_and_one_key(
    prefix: str, path: str, query: str
) -> None:
    plain = BASE + path
    assert canonical_url(prefix + path + query, PROFILE) == plain
    assert address_key(prefix + path + query, PROFILE) == address_key(plain, PROFILE)


@given(prefixes, st.one_of(paths, wild_paths), tracking)
def test_the_canonical_form_of_a_canonical_form_is_itself(
    prefix: str, path: str, query: str
) -> None:
    once = canonical_url(prefix + path + query, PROFILE)
    if once is not None:
        assert canonical_url(once, PROFILE) == once
        assert address_key(once, PROFILE) == address_key(prefix + path + query, PROFILE)
        assert once.isascii()


@given(st.text(max_size=60))
def test_no_text_breaks_them(text: str) -> None:
    assert canonical_url(text, PROFILE) is None or text.strip().lower().startswith("http")
    assert isinstance(address_key(text, PROFILE), str)
    assert isinstance(slug_stem(text, PROFILE), str)
    assert is_article_address(text, PROFILE) in (True, False)


@given(slugs, st.integers(min_value=1_000_000_000, max_value=9_999_999_999))
def test_a_slug_with_a_post_id_or_a_date_has_the_stem_of_the_plain_one(
    slug: str, post: int
) -> None:
    plain = slug_stem(f"{BASE}/{slug}/", PROFILE)
    assert slug_stem(f"{BASE}/{slug}-{post}/", PROFILE) == plain
    assert slug_stem(f"{BASE}/2022/06/21/{slug}", PROFILE) == plain
    assert slug_stem(f"{BASE}/{slug}/index.html", PROFILE) == plain


def test_an_address_keeps_its_trailing_slash_or_the_lack_of_one() -> None:
    assert canonical_url(f"{BASE}/a-canal", PROFILE) == f"{BASE}/a-canal"
    assert canonical_url(f"{BASE}/a-canal/", PROFILE) == f"{BASE}/a-canal/"
    assert address_key(f"{BASE}/a-canal", PROFILE) == address_key(f"{BASE}/a-canal/", PROFILE)


def test_an_address_has_one_key_in_both_cases_of_its_percent_encoding() -> None:
    forms = ("%d1%82%d0%b5%d0%bd", "%D1%82%D0%B5%D0%BD", "тен")
    assert {address_key(f"{BASE}/{each}/", PROFILE) for each in forms} == {f"/{forms[1]}"}


@pytest.mark.parametrize(
    ("address", "canonical"),
    [
        ("/caf%C3%A9//x/./../y", "/caf%C3%A9/y"),
        # A plug-in of WordPress answers 404 if a Cyrillic slug is in upper case.
        ("/caf%c3%a9//x/./../y", "/caf%c3%a9/y"),
        ("/%7Euser/é/", "/~user/%C3%A9/"),
        ("/story?ref=front&id=81", "/story?id=81"),
        ("/a-canal/?xid=81", "/a-canal/"),
        ("/en/news/?SECTION_ID=7&ELEMENT_ID=81", "/en/news/?ELEMENT_ID=81"),  # Bitrix
        ("/index.php?id=81&utm_source=a", "/index.php?id=81"),
        ("/index.php?PHPSESSID=0a1b2c&id=81", "/index.php?id=81"),
        ("/index.php?s=d41d8cd98f00b204e9800998ecf8427e&t=81", "/index.php?t=81"),  # a session
        ("/viewtopic.php?t=81&sid=d41d8cd98f00b204e9800998ecf8427e", "/viewtopic.php?t=81"),
        ("/modules.php?name=News&sid=81", "/modules.php?name=News&sid=81"),  # PHP-Nuke
        ("/Global/story.asp?S=13894269&nav=m2", "/Global/story.asp?S=13894269&nav=m2"),  # WorldNow
        ("/?p=12345&fbclid=1", "/?p=12345"),
        ("/spip.php?breve1323", "/spip.php?breve1323"),  # SPIP without rewritten addresses
        ("/spip.php?article81&lang=&utm_source=a&print", "/spip.php?article81"),
        ("/index.php?n=81&v2", "/index.php?n=81"),
        ("/news.php?id=81&1732967890", "/news.php?id=81"),
        ("/cgi-bin/show.pl?air_date=05/31/05&x=", "/cgi-bin/show.pl?air_date=05%2F31%2F05"),
        ("/news/canal.html;jsessionid=0A1B.live731?nn=5", "/news/canal.html"),
        ("/news;jsessionid=0A1B/canal.jsp;jsessionid=0A1B?id=81", "/news/canal.jsp?id=81"),
        ("/?utm_source=a", "/"),
        ("", "/"),
        ("/a-canal.html?x=1", "/a-canal.html"),
        ("/a canal/", "/a%20canal/"),
    ],
)
def test_paths_are_normalised(address: str, canonical: str) -> None:
    assert canonical_url(BASE + address, PROFILE) == BASE + canonical


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org/a-canal/",
        "https://responsiblestatecraft.org.evil.example/a-canal/",
        "https://responsiblestatecraft.org@evil.example/a-canal/",
        "https://responsiblestatecraft.org:8443/a-canal/",
        "ftp://responsiblestatecraft.org/a-canal/",
        "mailto:desk@responsiblestatecraft.org",
        "javascript:void(0)",
        "/a-canal/",
        "https://[broken/",
        "http://responsiblestatecraft.org:port/",
        "",
    ],
)
def test_an_address_elsewhere_has_no_canonical_form(address: str) -> None:
    assert canonical_url(address, PROFILE) is None


@pytest.mark.parametrize("base", ["https://новости.қаз", "https://xn--b1amnebsh.xn--80ao21a"])
@pytest.mark.parametrize(
    "address",
    [
        "http://www.новости.қаз/a/",
        "https://XN--b1amnebsh.xn--80ao21a/a/",
        "https://НОВОСТИ.ҚАЗ./a/",
    ],
)
def test_a_host_in_letters_of_its_own_is_the_one_that_is_requested(base: str, address: str) -> None:
    profile = SiteProfile(base_url=base)
    assert canonical_url(address, profile) == "https://xn--b1amnebsh.xn--80ao21a/a/"
    assert canonical_url(f"https://{'н' * 80}.қаз/a/", profile) is None


def test_a_base_on_loopback_keeps_its_port_and_takes_the_sites_own_hosts() -> None:
    assert canonical_url("http://127.0.0.1:8080/x?a=1", LOCAL) == "http://127.0.0.1:8080/x"
    assert canonical_url(f"{BASE}/x/", LOCAL) == "http://127.0.0.1:8080/x/"
    assert canonical_url("http://127.0.0.1:9090/x/", LOCAL) is None
    assert canonical_url("http://127.0.0.1/x/", LOCAL) is None


def test_articles_are_told_from_sections_by_their_paths() -> None:
    assert is_article_address(f"{BASE}/uzbek-canal-dispute/", PROFILE)
    assert is_article_address(f"{BASE}/2022/06/21/uzbek-canal-dispute", PROFILE)
    for path in ("/", "/europe/", "/tag/uzbekistan/", "/author/nora-weiss", "/donate"):
        assert not is_article_address(BASE + path, PROFILE), path
    assert not is_article_address("https://example.org/uzbek-canal-dispute/", PROFILE)


def test_the_address_of_a_source_is_no_articles_and_nor_is_that_of_its_next_page() -> None:
    paths = ("/live-news/", "/story", "/list?of=canals", "https://feeds.example.net/canals")
    sources = [Source(kind=SourceKind.SECTION, path=path) for path in paths]
    profile = SiteProfile(base_url=BASE, sources=sources)
    for path in ("/live-news/", "/live-news", "/live%2Dnews/?page=2", "/story"):
        assert article_address(BASE + path, profile) is None, path
    for path in ("/live-news/uzbek-canal-dispute/", "/story?id=81", "/list", "/canals"):
        assert article_address(BASE + path, profile), path


def test_an_article_behind_the_front_pages_path_is_told_by_the_parameter_that_names_it() -> None:
    links = PROFILE.links.model_copy(update={"parameters": ["story"]})
    profile = PROFILE.model_copy(update={"links": links})
    for query in ("?p=81", "?lang=ru&story=81"):  # WordPress names its articles by `p`
        assert is_article_address(f"{BASE}/{query}", profile), query
    for query in ("", "?lang=ru", "?page=2", "?story=", "?id=81", "?utm_source=p"):
        assert not is_article_address(f"{BASE}/{query}", profile), query
    assert is_article_address(f"{BASE}/?id=81", PROFILE)


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("pattern", [r"^/story/\d+$", r"^/story/\d+/$"])
def test_a_pattern_for_paths_holds_with_and_without_the_trailing_slash(
    pattern: str, slash: str
) -> None:
    url = f"{BASE}/story/81{slash}"
    for key, is_article in (("article", True), ("not_article", False)):
        links = PROFILE.links.model_copy(update={key: [pattern]})
        profile = PROFILE.model_copy(update={"links": links})
        assert is_article_address(url, profile) is is_article


def test_a_profile_names_the_parameters_that_tell_articles_apart() -> None:
    links = PROFILE.links.model_copy(update={"parameters": ["n", "part"]})
    profile = PROFILE.model_copy(update={"links": links})
    url = f"{BASE}/story?utm_source=x&part=2&n=81&id=7"
    assert canonical_url(url, profile) == f"{BASE}/story?n=81&part=2"
    assert address_key(url, profile) != address_key(f"{BASE}/story?n=82&part=2", profile)
    assert canonical_url(f"{BASE}/story?n=&part=2&part=2", profile) == f"{BASE}/story?part=2"


def test_parameters_in_which_several_addresses_of_one_key_differ_may_be_missing() -> None:
    paths = [f"/read/?story={n}&lang=en&id=7&utm_source={n}" for n in range(3)]
    others = ["/read/?order=1", "/read/?order=2", "/show.php?n=1", "/show.php?n=2", "/show.php?n=3"]
    urls = [BASE + path for path in (*paths, *others)]
    assert missing_parameters(urls, PROFILE) == ["story"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("2016/12/gas/", datetime(2017, 1, 1, tzinfo=UTC)),
        ("news/2017/01/09/gas", datetime(2017, 2, 1, tzinfo=UTC)),
        ("1999/12/archive/2016/12/gas/", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2016/13/gas/", None),
        ("2016/gas/", None),
        ("gas-2016/12/", None),
    ],
)
def test_an_address_may_say_when_its_month_was_over(path: str, expected: datetime | None) -> None:
    assert end_of_month(f"{BASE}/{path}") == expected
