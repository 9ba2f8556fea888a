from __future__ import annotations

import http.client
import socket

import pytest

from tests.demo.conftest import Get
from tests.sample_site import Fault, SampleSite
from tests.workspace import DEADLINE_SECONDS, wait_until


def test_a_server_error_lasts_for_as_many_requests_as_it_was_told_to(
    site: SampleSite, get: Get
) -> None:
    site.fail("/europe/", Fault.SERVER_ERROR, times=2)
    assert [get("/europe/").status for _ in range(3)] == [500, 500, 200]


def test_a_fault_strikes_only_paths_with_its_prefix(site: SampleSite, get: Get) -> None:
    site.fail("/tag/", Fault.SERVER_ERROR)
    assert get("/tag/kazakhstan/").status == 500
    assert get("/europe/").status == 200


def test_healing_ends_every_fault(site: SampleSite, get: Get) -> None:
    site.fail("/", Fault.SERVER_ERROR)
    site.fail("/europe/", Fault.EMPTY)
    site.heal()
    assert get("/europe/").body


def test_the_newest_fault_decides(site: SampleSite, get: Get) -> None:
    site.fail("/", Fault.SERVER_ERROR)
    site.fail("/europe/", Fault.TOO_MANY)
    assert get("/europe/").status == 429


def test_too_many_says_when_to_come_back(site: SampleSite, get: Get) -> None:
    site.fail("/", Fault.TOO_MANY, retry_after_seconds=7)
    reply = get("/")
    assert (reply.status, reply.headers["Retry-After"]) == (429, "7")


def test_a_hanging_request_is_never_answered(site: SampleSite) -> None:
    site.fail("/", Fault.HANG)
    host, port = site.base_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=DEADLINE_SECONDS) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: sample\r\n\r\n")
        wait_until(lambda: bool(site.requests))
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)
    assert [request.status for request in site.requests] == [0]


def test_a_truncated_page_ends_before_its_announced_length(site: SampleSite, get: Get) -> None:
    whole = get("/europe/").body
    site.fail("/europe/", Fault.TRUNCATED)
    with pytest.raises(http.client.IncompleteRead) as caught:
        get("/europe/")
    assert whole.startswith(caught.value.partial[:500])
    assert len(caught.value.partial) == len(whole) // 2


def test_garbage_is_no_text(site: SampleSite, get: Get) -> None:
    site.fail("/europe/", Fault.GARBAGE)
    reply = get("/europe/")
    assert reply.headers["Content-Type"].startswith("text/html")
    with pytest.raises(UnicodeDecodeError):
        reply.body.decode()


def test_a_huge_page_passes_32_mebibytes(site: SampleSite, get: Get) -> None:
    site.fail("/europe/", Fault.HUGE)
    reply = get("/europe/")
    assert reply.headers["Content-Length"] is None
    assert len(reply.body) > 32 * 2**20


def test_an_empty_page_has_no_body(site: SampleSite, get: Get) -> None:
    site.fail("/europe/", Fault.EMPTY)
    reply = get("/europe/")
    assert (reply.status, reply.body) == (200, b"")


def test_robots_can_forbid_everything_while_pages_are_served(site: SampleSite, get: Get) -> None:
    site.fail("/", Fault.FORBIDDEN_ROBOTS)
    assert "Disallow: /\n" in get("/robots.txt").text
    assert get("/europe/").status == 200


def test_a_lying_304_hides_a_change(site: SampleSite, get: Get) -> None:
    etag = get("/asia-pacific/").headers["ETag"]
    site.fail("/asia-pacific/", Fault.LYING_304)
    site.publish()
    assert get("/asia-pacific/", If_None_Match=etag).status == 304
    assert get("/asia-pacific/").status == 200


def test_without_validators_every_request_is_answered_in_full(site: SampleSite, get: Get) -> None:
    etag = get("/feeds/feed.rss").headers["ETag"]
    site.fail("/", Fault.NO_VALIDATORS)
    reply = get("/feeds/feed.rss", If_None_Match=etag)
    assert reply.status == 200
    assert reply.headers["ETag"] is None
    assert reply.headers["Last-Modified"] is None


def test_a_redirect_away_leads_to_another_host(site: SampleSite, get: Get) -> None:
    site.fail("/europe/", Fault.REDIRECT_AWAY)
    reply = get("/europe/")
    assert reply.status == 302
    assert reply.headers["Location"] == "http://elsewhere.invalid/europe/"
