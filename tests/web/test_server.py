"""The server: what every answer carries, what it refuses, how it starts and ends."""

from __future__ import annotations

import base64
import hashlib
import re
import signal
import socket
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from rscrawler.cli.reading import open_existing
from rscrawler.recovery import StoreKeeper
from rscrawler.store import Store
from rscrawler.web.dashboard import Dashboard, newest_store
from rscrawler.web.messages import Request, Response
from rscrawler.web.routes import respond
from rscrawler.web.server import DashboardServer
from tests.delivery.helpers import NOW, a_config, a_piece, record
from tests.web.conftest import Browser
from tests.workspace import PROGRAM, Workspace

PATHS = ("/", "/sites", "/outbox", "/healthz", "/metrics", "/feeds/x.atom", "/nowhere", "/?level=x")


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_is_guarded(browser: Browser, path: str) -> None:
    headers = browser.get(path).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "script-src" not in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Server"] == "rscrawler"
    assert headers["Set-Cookie"] is None


@pytest.mark.parametrize("path", ["/", "/nowhere"])
def test_the_policy_allows_the_style_sheet_of_the_page_and_it_needs_no_other(
    browser: Browser, path: str
) -> None:
    answer = browser.get(path)
    [style] = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in answer.headers["Content-Security-Policy"]
    assert answer.tree.xpath("//script | //@style | //link[@rel='stylesheet'] | //img") == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_it_can_only_be_read(browser: Browser, method: str) -> None:
    answer = browser.get("/", method)
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"


def test_head_gives_the_headers_of_get_without_the_page(browser: Browser) -> None:
    whole, head = browser.get("/"), browser.get("/", "HEAD")
    assert head.status == 200
    assert head.body == b""
    assert head.headers["Content-Length"] == str(len(whole.body))


def test_the_host_that_a_client_names_is_in_no_page(browser: Browser, shelf: Store) -> None:
    piece = record(shelf, a_piece(1))
    for path in (*PATHS, f"/articles/{piece.article_id}"):
        answer = browser.get(path, headers={"Host": "evil.example.net"})
        assert "evil.example.net" not in answer.text
        assert answer.headers["Location"] is None


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"BREW / HTTP/1.1\r\n\r\n",
        b"GET /?" + b"a=1&" * 50 + b" HTTP/1.1\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\n\r\n",
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    ],
    ids=["nonsense", "version", "method", "parameters", "address", "long line", "many headers"],
)
def test_what_is_no_request_is_refused_in_one_line(
    server: DashboardServer, browser: Browser, sent: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(sent)
        received = bytearray()
        while block := client.recv(65_536):
            received += block
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    assert re.match(rb"HTTP/1\.0 (4\d\d|50[15]) ", head)
    assert b"X-Content-Type-Options: nosniff" in head
    assert re.fullmatch(rb"\d{3} [A-Za-z -]+\n", body)
    assert browser.get("/").status == 200


def test_a_client_that_goes_away_disturbs_nobody(server: DashboardServer, browser: Browser) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(b"GET / HT")
    assert browser.get("/").status == 200


def test_the_command_serves_until_it_is_told_to_stop(workspace: Workspace) -> None:
    workspace.output.mkdir()
    Store.open(f"sqlite:///{workspace.output / 'rscrawler.db'}").close()
    for number in (signal.SIGTERM, signal.SIGINT):
        process = subprocess.Popen(
            [*PROGRAM, "web", "--port", "0"],
            cwd=workspace.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        match = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
        assert match, line
        assert Browser(int(match[1])).get("/").status == 200
        process.send_signal(number)
        rest, errors = process.communicate(timeout=30)
        assert (process.returncode, rest, errors) == (0, "", "")


def test_a_store_that_is_not_there_is_one_line_and_is_not_made(workspace: Workspace) -> None:
    result = workspace.run("web", "--port", "0")
    assert result.status == 1
    assert re.fullmatch(r"rscrawler: database \S+: is not there yet; .*\n", result.stderr)
    assert not workspace.output.exists()


def test_a_damaged_store_is_one_line_and_stays_as_it_is(workspace: Workspace) -> None:
    workspace.output.mkdir()
    database = workspace.output / "rscrawler.db"
    database.write_bytes(b"no database at all " * 100)
    result = workspace.run("web", "--port", "0")
    assert result.status == 1
    assert len(result.stderr.splitlines()) == 1
    assert "damaged" in result.stderr
    assert [path.name for path in workspace.output.iterdir()] == ["rscrawler.db"]


def test_a_port_that_is_taken_is_named(workspace: Workspace, server: DashboardServer) -> None:
    workspace.output.mkdir()
    Store.open(f"sqlite:///{workspace.output / 'rscrawler.db'}").close()
    port = str(server.port)
    result = workspace.run("web", "--port", port)
    assert result.status == 2
    assert f"--port {port}: cannot be listened on" in result.stderr


def test_a_database_that_was_replaced_is_the_one_that_is_shown(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    database, aside = tmp_path / "rscrawler.db", tmp_path / "aside.db"
    with closing(Store.open(config.database)) as store:
        record(store, a_piece(1, title="A piece of the former file"))
    with closing(StoreKeeper(config, open_existing)) as keeper:
        dashboard = Dashboard.of(config, newest_store(keeper), now=lambda: NOW)

        def shown(path: str) -> Response:
            return respond(dashboard, Request("GET", path))

        assert b"A piece of the former file" in shown("/").body
        database.rename(aside)
        gone = shown("/healthz")
        assert gone.status == 503
        assert b"is not there yet" in gone.body
        assert not database.exists()
        with closing(Store.open(config.database)) as store:
            record(store, a_piece(2, title="A piece of the present file"))
        assert b"A piece of the present file" in shown("/").body
        assert b"A piece of the former file" not in shown("/").body
        assert shown("/healthz").status == 200
        database.unlink()
        aside.rename(database)
        assert b"A piece of the former file" in shown("/").body
