"""A visitor asks politely, and takes no for an answer."""

from __future__ import annotations

import pytest

from rscrawler.config import Config
from rscrawler.probing.visitor import PageUnavailable, Visitor
from tests.probing.server import BASE, Reply, SmallSite, page, plain
from tests.workspace import taken_port

ROBOTS = "User-agent: *\nDisallow: /closed/\nSitemap: /map.xml\n"


def visitor() -> Visitor:
    return Visitor(Config(contact="desk@example.org"), delay=0)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_robots_txt_is_read_once_and_heeded(mark: str) -> None:
    with SmallSite({"/robots.txt": plain(mark + ROBOTS), "/open": page("yes")}) as site:
        guest = visitor()
        assert guest.get(f"{site.base_url}/open").body == b"yes"
        for path in ("/closed/x", "/closed/y"):
            with pytest.raises(PageUnavailable, match=r"robots\.txt forbids it"):
                guest.get(f"{site.base_url}{path}")
        assert guest.sitemaps(site.base_url) == [f"{site.base_url}/map.xml"]
        assert site.requested == ["/robots.txt", "/open"]
        assert guest.requests == 2
        assert all("desk@example.org" in agent for agent in site.agents)


def test_a_sitemap_whose_address_cannot_be_parsed_is_unavailable_as_others() -> None:
    with SmallSite({"/robots.txt": plain("Sitemap: http://[x\n")}) as site:
        (address,) = visitor().sitemaps(site.base_url)
        with pytest.raises(PageUnavailable, match="is not an http"):
            visitor().get(address)


def test_what_a_server_packs_unasked_is_unpacked() -> None:
    pages = {
        "/robots.txt": Reply(ROBOTS, "text/plain", is_packed=True),
        "/open": Reply("yes", is_packed=True),
    }
    with SmallSite(pages) as site:
        guest = visitor()
        assert guest.get(f"{site.base_url}/open").body == b"yes"
        with pytest.raises(PageUnavailable, match=r"robots\.txt forbids it"):
            guest.get(f"{site.base_url}/closed/x")


def test_a_page_that_waits_for_its_cookie_is_had() -> None:
    waiting = Reply(status=302, location=f"{BASE}/open", cookie="seen=1; Path=/")
    with SmallSite({"/open": waiting, "/open seen=1": page("yes")}) as site:
        assert visitor().get(f"{site.base_url}/open").body == b"yes"


def test_a_redirect_leads_nowhere_that_robots_txt_forbids() -> None:
    pages = {
        "/robots.txt": plain(ROBOTS),
        "/moved": Reply(status=302, location=f"{BASE}/closed/x"),
        "/also": Reply(status=301, location=f"{BASE}/open"),
        "/odd": Reply(status=302, location="ftp://127.0.0.1/x"),
        "/open": page("yes"),
        "/closed/x": page("no"),
    }
    with SmallSite(pages) as site:
        guest = visitor()
        assert guest.get(f"{site.base_url}/also").url == f"{site.base_url}/open"
        for path in ("/moved", "/odd"):
            with pytest.raises(PageUnavailable):
                guest.get(site.base_url + path)
        assert "/closed/x" not in site.requested


@pytest.mark.parametrize(("target", "is_open"), [("/rules.txt", False), ("/", True)])
def test_a_robots_txt_that_leads_to_another_page_is_heeded(target: str, is_open: bool) -> None:
    pages = {
        "/robots.txt": Reply(status=301, location=f"{BASE}{target}"),
        "/rules.txt": plain(ROBOTS),
        "/": page("<h1>Today</h1>"),
        "/closed/x": page("yes"),
    }
    with SmallSite(pages) as site:
        if is_open:
            assert visitor().get(f"{site.base_url}/closed/x").body == b"yes"
        else:
            with pytest.raises(PageUnavailable, match=r"robots\.txt forbids it"):
                visitor().get(f"{site.base_url}/closed/x")
        assert site.requested[:2] == ["/robots.txt", target]


def test_without_a_robots_txt_all_is_allowed_and_with_a_broken_one_nothing() -> None:
    with SmallSite({"/open": page("yes")}) as site:
        assert visitor().get(f"{site.base_url}/open").body == b"yes"
    with SmallSite({"/robots.txt": Reply(status=500), "/open": page("yes")}) as site:
        with pytest.raises(PageUnavailable):
            visitor().get(f"{site.base_url}/open")
        assert site.requested == ["/robots.txt"]


@pytest.mark.parametrize(("wished", "kept"), [(1, 2), (7, 7), (86_400, 10)])
def test_the_longer_of_the_delay_and_the_one_that_robots_txt_wishes_is_kept_within_reason(
    wished: int, kept: int
) -> None:
    robots = plain(f"User-agent: *\nCrawl-delay: {wished}\n")
    pages = {"/robots.txt": robots, "/a": page("a")}
    waits: list[float] = []
    with SmallSite(pages) as site:
        guest = Visitor(Config(), delay=2.0, sleep=waits.append)
        guest.get(f"{site.base_url}/a")
        guest.get(f"{site.base_url}/a")
    assert [round(wait) for wait in waits] == [kept, kept]


def test_a_host_that_asks_for_a_pause_is_not_asked_again() -> None:
    with SmallSite({"/busy": Reply(status=429), "/a": page("a")}) as site:
        guest = visitor()
        with pytest.raises(PageUnavailable, match="answers 429"):
            guest.get(f"{site.base_url}/busy")
        with pytest.raises(PageUnavailable, match="asked for a pause"):
            guest.get(f"{site.base_url}/a")
        assert "/a" not in site.requested


def test_after_the_most_requests_nothing_is_asked_any_more() -> None:
    with SmallSite({"/a": page("a")}) as site:
        guest = Visitor(Config(), delay=0, most=2)
        guest.get(f"{site.base_url}/a")
        with pytest.raises(PageUnavailable, match="not requested, after 2 requests"):
            guest.get(f"{site.base_url}/a")
        assert len(site.requested) == 2


def test_an_address_in_another_script_is_asked_for_in_its_escaped_form() -> None:
    with SmallSite({"/%D0%BE%D1%88": page("yes")}) as site:
        assert visitor().get(f"{site.base_url}/ош").body == b"yes"


def test_a_host_that_does_not_answer_is_one_line() -> None:
    unreachable = r"cannot be reached: .*; check the address"
    with taken_port() as port, pytest.raises(PageUnavailable, match=unreachable) as caught:
        visitor().get(f"http://127.0.0.1:{port}/")
    assert "\n" not in str(caught.value)


def test_a_redirect_leads_to_no_other_host_and_into_no_private_network() -> None:
    with SmallSite({"/open": page("yes")}) as inside:
        pages = {
            "/": page("front"),
            "/away": Reply(status=302, location=f"{inside.base_url}/open"),
        }
        with SmallSite(pages) as site:
            with pytest.raises(PageUnavailable, match="is in a private network; name it yourself"):
                visitor().get(f"{site.base_url}/away")
            guest = visitor()
            guest.get(f"{site.base_url}/")
            for url in (f"{site.base_url}/away", f"{inside.base_url}/open"):
                with pytest.raises(PageUnavailable, match="is not a host of the site"):
                    guest.get(url)
            named = Visitor(
                Config(),
                delay=0,
                hosts=[each.partition("//")[2] for each in (site.base_url, inside.base_url)],
            )
            assert named.get(f"{site.base_url}/away").body == b"yes"
        assert [path for path in inside.requested if path != "/robots.txt"] == ["/open"]
