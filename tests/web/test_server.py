"""The server: what every answer carries, what it refuses, how it starts and ends."""

from __future__ import annotations

import gzip
import os
import re
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
import yaml  # type: ignore[import-untyped]

from rscrawler.cli.inputs import open_existing
from rscrawler.config import Config, load_config
from rscrawler.maintenance.recovery import StoreKeeper
from rscrawler.store import Store
from rscrawler.store.index import IndexStore
from rscrawler.web.dashboard import Dashboard
from tests.databases import Databases
from tests.delivery.helpers import NOW, a_config, an_article, record, record_all
from tests.web.conftest import Browser, served
from tests.workspace import DEADLINE_SECONDS, Workspace, wait_until

CLUSTER = Path(__file__).parents[2] / "examples" / "cluster"
PATHS = (
    "/", "/sites", "/outbox", "/charts", "/judgements", "/healthz", "/metrics", "/feeds/x.atom",
    "/static/style.css", "/nowhere", "/?level=x",
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_is_guarded(browser: Browser, path: str) -> None:
    headers = browser.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self';")
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Server"] is None


@pytest.mark.parametrize("path", ["/", "/charts", "/nowhere"])
def test_pages_need_nothing_but_the_style_sheet(browser: Browser, path: str) -> None:
    tree = browser.get(path).tree
    assert tree.xpath("//script | //style | //@style | //@onclick | //img | //iframe") == []
    assert tree.xpath("//link[@rel='stylesheet']/@href") == ["/static/style.css"]
    assert browser.get("/static/style.css").headers["Content-Type"].startswith("text/css")


def test_a_nul_breaks_no_page_on_postgresql_either(databases: Databases, config: Config) -> None:
    with (
        databases.with_tables() as url,
        closing(Store.open(url)) as store,
        served(Dashboard(config, store, now=lambda: NOW)) as browser,
    ):
        assert browser.get("/articles/%00").status == 404
        for name in ("section", "author", "q"):
            assert browser.get(f"/?{name}=%00").status == 200
        assert browser.submit("/outbox/retry", {"message": "\0"}).status == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/sites", "/outbox", "/articles/00"])
def test_pages_can_only_be_read(browser: Browser, path: str, method: str) -> None:
    answer = browser.get(path, method)
    assert answer.status == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD"}


@pytest.mark.parametrize("path", ["/outbox/retry", "/outbox/cancel", "/articles/00/judgements"])
def test_nothing_is_changed_by_get(browser: Browser, path: str) -> None:
    assert browser.get(path).status == 405


def test_head_gives_the_headers_of_get_without_the_page(browser: Browser) -> None:
    whole, head = browser.get("/sites"), browser.get("/sites", "HEAD")
    assert head.status == 200
    assert head.body == b""
    assert head.headers["Content-Type"] == whole.headers["Content-Type"]


def test_pages_are_packed_for_who_can_unpack_them(browser: Browser) -> None:
    packed = browser.get("/sites", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert b"<h1>Health</h1>" in gzip.decompress(packed.body)


@pytest.mark.parametrize("host", ["evil.example.net", "127.0.0.1.evil.example.net",
                                  "10.0.0.1/evil.example.net", "[::", ""])  # fmt: skip
def test_whoever_comes_by_another_name_was_led_there_and_is_refused(
    browser: Browser, shelf: Store, host: str
) -> None:
    article = record(shelf, an_article(1))
    for path in (*PATHS, f"/articles/{article.article_id}"):
        answer = browser.get(path, headers={"Host": host})
        assert answer.status == 400
        assert "evil" not in answer.text
        assert "Kazakhstan" not in answer.text
        assert answer.headers["Location"] is None


@pytest.mark.parametrize("host", ["10.42.0.7:8000", "192.168.1.20", "[fd00::5]:8000"])
def test_health_checks_and_scrapes_come_by_the_address_of_a_pod(
    browser: Browser, host: str
) -> None:
    for path in ("/healthz", "/metrics", "/"):
        assert browser.get(path, headers={"Host": host}).status == 200


def test_a_name_in_capitals_or_in_another_script_is_the_one_that_browsers_send(
    tmp_path: Path, shelf: Store
) -> None:
    web = {"url": "https://Монитор.қаз/", "hosts": ["Desk.Internal", "дежурные.рф"]}
    config = Config(output_dir=tmp_path, web=web)
    with served(Dashboard(config, shelf, now=lambda: NOW)) as browser:
        for name in ("монитор.қаз", "desk.internal", "дежурные.рф"):
            assert browser.get("/", headers={"Host": name.encode("idna").decode()}).status == 200


def test_the_dashboard_of_the_cluster_answers_to_the_name_by_which_prometheus_requests_it(
    tmp_path: Path, shelf: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    scraped = yaml.safe_load((CLUSTER / "prometheus.yml").read_text())
    (target,) = scraped["scrape_configs"][0]["static_configs"][0]["targets"]
    monkeypatch.setenv("RSCRAWLER_OUTPUT_DIR", str(tmp_path))
    monkeypatch.setenv("RSCRAWLER_DATABASE_URL", "postgresql+psycopg://rscrawler@database/x")
    config = load_config(CLUSTER / "rscrawler.toml")
    with served(Dashboard(config, shelf, now=lambda: NOW)) as browser:
        assert browser.get("/metrics", headers={"Host": target}).status == 200


def test_it_answers_to_the_names_that_the_configuration_gives_it(
    tmp_path: Path, shelf: Store
) -> None:
    web = {"url": "https://monitor.example.org", "hosts": ["desk.example.org"]}
    config = Config(output_dir=tmp_path, web=web)
    with served(Dashboard(config, shelf, now=lambda: NOW)) as browser:
        for host in ("monitor.example.org", "desk.example.org:8443", "localhost", "127.0.0.1"):
            assert browser.get("/", headers={"Host": host}).status == 200
        assert browser.get("/", headers={"Host": "example.org"}).status == 400
        browser.cookies.clear()
        cookie = browser.get("/", headers={"Host": "desk.example.org"}).headers["Set-Cookie"]
    assert "httponly" in cookie
    assert "secure" in cookie
    assert "samesite=lax" in cookie


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
    ],
    ids=["nonsense", "version", "address", "many headers"],
)
def test_what_is_no_request_is_refused_and_disturbs_nobody(browser: Browser, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", browser.port), timeout=DEADLINE_SECONDS) as client:
        with suppress(ConnectionError):  # refused before its end
            client.sendall(sent)
        received = client.recv(65_536)
    assert re.match(rb"HTTP/1\.1 400 ", received)
    assert browser.get("/").status == 200


def test_a_client_that_goes_away_disturbs_nobody(browser: Browser) -> None:
    with socket.create_connection(("127.0.0.1", browser.port), timeout=DEADLINE_SECONDS) as client:
        client.sendall(b"GET / HT")
    assert browser.get("/").status == 200


def test_the_command_serves_until_it_is_told_to_stop(workspace: Workspace) -> None:
    workspace.output.mkdir()
    Store.open(f"sqlite:///{workspace.output / 'rscrawler.db'}").close()
    for number in (signal.SIGTERM, signal.SIGINT):
        reader, writer = os.pipe()
        process = workspace.start("web", "--port", "0", stdout=writer)
        os.close(writer)
        with open(reader, encoding="utf-8") as printed:  # noqa: PTH123 (a descriptor)
            line = printed.readline()
            match = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
            assert match, line
            assert Browser(int(match[1])).get("/").status == 200
            process.send_signal(number)
            ended = process.wait()
            assert (ended.status, printed.read(), ended.stderr) == (0, "", "")


def test_a_lack_of_descriptors_is_logged_once(workspace: Workspace) -> None:
    workspace.output.mkdir()
    Store.open(f"sqlite:///{workspace.output / 'rscrawler.db'}").close()
    few = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (80, 80))"
    reader, writer = os.pipe()
    process = workspace.start("web", "--port", "0", before=few, stdout=writer)
    os.close(writer)
    with open(reader, encoding="utf-8") as printed, ExitStack() as clients:  # noqa: PTH123
        port = int(printed.readline().split(":")[2].partition("/")[0])
        for _ in range(100):
            clients.enter_context(socket.create_connection(("127.0.0.1", port)))
        wait_until(lambda: psutil.Process(process.pid).num_fds() == 80)
        process.send_signal(signal.SIGTERM)
        assert process.wait().stderr.count("Too many open files") == 1


def test_a_store_that_is_not_there_is_one_line_and_is_not_made(workspace: Workspace) -> None:
    result = workspace.run("web", "--port", "0")
    assert result.status == 1
    assert re.fullmatch(r"rscrawler: database \S+: is not there yet; .*\n", result.stderr)
    assert not workspace.output.exists()


def test_a_damaged_store_is_one_line_and_stays_as_it_is(workspace: Workspace) -> None:
    workspace.output.mkdir()
    database = workspace.output / "rscrawler.db"
    content = b"no database at all " * 100
    database.write_bytes(content)
    result = workspace.run("web", "--port", "0")
    assert result.status == 1
    assert len(result.stderr.splitlines()) == 1
    assert "damaged" in result.stderr
    assert database.read_bytes() == content
    # A mark tells the next crawl or service to look at the whole file.
    assert {path.name for path in workspace.output.iterdir()} == {
        "rscrawler.db",
        "rscrawler.db.suspect",
    }


def test_a_port_that_is_taken_is_named(workspace: Workspace, browser: Browser) -> None:
    workspace.output.mkdir()
    Store.open(f"sqlite:///{workspace.output / 'rscrawler.db'}").close()
    port = str(browser.port)
    result = workspace.run("web", "--port", port)
    assert result.status == 2
    assert f"--port {port}: cannot be listened on" in result.stderr


def test_a_database_that_was_replaced_is_the_one_that_is_shown(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    database, aside = tmp_path / "rscrawler.db", tmp_path / "aside.db"
    with closing(Store.open(config.database)) as store:
        record(store, an_article(1, title="An article of the former file"))
    with closing(StoreKeeper(config, open_existing)) as keeper:
        dashboard = Dashboard(config, keeper, now=lambda: NOW)
        with served(dashboard) as browser:
            assert "An article of the former file" in browser.get("/").text
            database.rename(aside)
            gone = browser.get("/healthz")
            assert gone.status == 503
            assert "is not there yet" in gone.text
            assert not database.exists()
            with closing(Store.open(config.database)) as store:
                record(store, an_article(2, title="An article of the present file"))
            shown = browser.get("/").text
            assert "An article of the present file" in shown
            assert "An article of the former file" not in shown
            assert browser.get("/healthz").status == 200
            database.unlink()
            aside.rename(database)
            assert "An article of the former file" in browser.get("/").text


def test_the_index_is_brought_up_to_date_again_whatever_kept_it_from_that(
    config: Config, shelf: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("rscrawler.web.app._PAUSE_SECONDS", 0.01)
    record(shelf, an_article(1))
    index_some, tries = IndexStore.index_some, iter(range(3))

    def refused_thrice(index: IndexStore) -> bool:
        if next(tries, None) is not None:
            raise TimeoutError("no connection within 30 s")
        return index_some(index)

    monkeypatch.setattr(IndexStore, "index_some", refused_thrice)
    with served(Dashboard(config, shelf, now=lambda: NOW)):
        wait_until(lambda: shelf.index.backlog() == 0)
    assert caplog.text.count("the search index cannot be updated: no connection") == 1


def test_two_hundred_clients_at_once_are_all_answered(browser: Browser, shelf: Store) -> None:
    record_all(shelf, map(an_article, range(30)))
    paths = ["/charts", "/", "/?q=tokayev", "/sites", *["/outbox"] * 21] * 8
    with ThreadPoolExecutor(200) as clients:
        answers = list(clients.map(Browser(browser.port).get, paths))
    assert [answer.status for answer in answers] == [200] * 200
