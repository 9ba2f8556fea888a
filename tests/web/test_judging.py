"""Judging flags: who may, what is kept, what it is good for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from resource import RLIMIT_FSIZE, getrlimit, setrlimit
from tempfile import TemporaryFile
from urllib.parse import urlencode

import pytest

from rscrawler.cli.web import _write_user
from rscrawler.config import Config
from rscrawler.errors import RscrawlerError
from rscrawler.items import Level
from rscrawler.store import Store
from rscrawler.store.judgements import Verdict
from rscrawler.web.access import hash_password, is_password
from rscrawler.web.dashboard import Dashboard
from tests.delivery.helpers import HOSTILE_TITLES, NOW, a_flag, an_article, record
from tests.web.conftest import Answer, Browser, quickly_hashed, served
from tests.workspace import Workspace

Fields = Mapping[str, str | Sequence[str]]
RIGHT: Fields = {"topic": "central-asia", "verdict": "right"}
WRONG: Fields = {
    "topic": "central-asia", "verdict": "wrong", "level": "mention", "country": ["KG", "UZ"],
    "note": "only a list",
}  # fmt: skip
PASSWORD = "correct horse battery"


def judge(browser: Browser, fields: Fields, **headers: str) -> Answer:
    action = f"/articles/{an_article(1).article_id}/judgements"
    return browser.submit(action, fields, headers)


@pytest.fixture(autouse=True)
def article(shelf: Store) -> None:
    """The article that is judged."""
    record(shelf, an_article(1))


def test_a_judgement_is_kept_with_what_the_flag_said(browser: Browser, shelf: Store) -> None:
    answer = judge(browser, WRONG)
    assert (answer.status, answer.headers["Location"]) == (
        303, f"/articles/{an_article(1).article_id}#judgements",
    )  # fmt: skip
    [said] = shelf.judgements.history(an_article(1).article_id)
    assert (said.flagged_level, said.flagged_countries) == (Level.PRIMARY, ("KZ", "UZ"))
    assert (said.verdict, said.level, said.countries) == (Verdict.WRONG, "mention", ("KG", "UZ"))
    assert (said.note, said.judged_at) == ("only a list", NOW)
    page = browser.get(f"/articles/{an_article(1).article_id}")
    assert "it is mention on Kyrgyzstan, Uzbekistan" in page.texts("//p[@class='said']")[0]
    assert "judged wrong" in browser.get("/").text


def test_the_last_judgement_holds_and_the_former_ones_stay(browser: Browser, shelf: Store) -> None:
    judge(browser, WRONG)
    judge(browser, RIGHT)
    assert [said.verdict for said in shelf.judgements.history(an_article(1).article_id)] == [
        "right",
        "wrong",
    ]
    [held] = shelf.judgements.current("central-asia")
    assert (held.verdict, held.level, held.countries) == ("right", "primary", ("KZ", "UZ"))
    page = browser.get(f"/articles/{an_article(1).article_id}")
    assert len(page.texts("//p[contains(@class, 'said')]")) == 2


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"topic": "central-asia"},
        {"topic": "elsewhere", "verdict": "right"},
        {"topic": "central-asia", "verdict": "maybe"},
        {"topic": "central-asia", "verdict": "wrong"},
        {**WRONG, "level": "high"},
        {**WRONG, "country": ["DE"]},
        {**WRONG, "level": "primary", "country": ["UZ", "KZ"]},
    ],
)
def test_what_says_nothing_is_refused(browser: Browser, shelf: Store, fields: Fields) -> None:
    assert judge(browser, fields).status == 400
    assert shelf.judgements.history(an_article(1).article_id) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example.net"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "", "Origin": ""},
        {"Sec-Fetch-Site": "", "Origin": "null"},
        {"Sec-Fetch-Site": "", "Origin": "https://evil.example.net"},
        {"X-Forwarded-For": "10.0.0.1"},
        {"Via": "1.1 proxy"},
    ],
    ids=str,
)
def test_what_another_site_or_a_proxy_sends_is_refused(
    browser: Browser, shelf: Store, headers: dict[str, str]
) -> None:
    assert judge(browser, RIGHT, **headers).status == 403
    assert shelf.judgements.history(an_article(1).article_id) == []


@pytest.mark.parametrize("url", ["https://monitor.example.org", "https://Monitor.Example.org/"])
def test_who_comes_through_a_proxy_that_adds_no_header_is_not_at_this_machine(
    tmp_path: Path, shelf: Store, url: str
) -> None:
    config = Config(output_dir=tmp_path / "out", web={"url": url})
    with served(Dashboard(config, shelf, now=lambda: NOW)) as browser:
        for headers in ({}, {"Sec-Fetch-Site": ""}):
            answer = judge(browser, RIGHT, Origin="https://monitor.example.org", **headers)
            assert answer.status == 403
            assert (
                "on the machine itself, or run `rscrawler web --add-user`, to judge" in answer.text
            )
        assert judge(browser, RIGHT).status == 303
    assert len(shelf.judgements.history(an_article(1).article_id)) == 1


def test_a_judgement_is_of_the_version_on_the_page_though_it_was_updated_meanwhile(
    browser: Browser, shelf: Store
) -> None:
    path = f"/articles/{an_article(1).article_id}"
    [form] = browser.get(path).tree.xpath("//form[contains(@action, 'judgements')]")
    record(shelf, an_article(1, version=2, body="Lisbon and Porto quarrelled.", topics=[]))
    browser.submit(form.get("action"), {**dict(form.form_values()), **RIGHT})
    [(said, judged)] = shelf.judgements.judged("central-asia")
    assert (said.flagged_level, said.level, said.countries) == ("primary", "primary", ("KZ", "UZ"))
    assert judged.body == an_article(1).body
    assert "(of an earlier flag: primary)" in browser.get(path).texts("//p[@class='said']")[0]


def test_an_article_that_is_not_there_and_a_form_without_end_are_refused(browser: Browser) -> None:
    assert browser.submit("/articles/ff/judgements", RIGHT).status == 404
    assert browser.submit("/articles/x%00/judgements", RIGHT).status == 404
    assert judge(browser, {**RIGHT, "note": "x" * 100_000}).status == 400


@pytest.mark.parametrize("note", HOSTILE_TITLES.values(), ids=HOSTILE_TITLES.keys())
def test_a_hostile_note_is_text(browser: Browser, note: str) -> None:
    judge(browser, {**WRONG, "note": note})
    for path in (f"/articles/{an_article(1).article_id}", "/judgements"):
        page = browser.get(path)
        assert page.status == 200
        assert page.tree.xpath("//script | //img | //iframe | //@onerror | //@style") == []


# Logging in.


@pytest.fixture
def guarded(tmp_path: Path, shelf: Store) -> Iterator[Browser]:
    """Asks a dashboard that knows two users."""
    hashed = quickly_hashed(PASSWORD)
    config = Config(output_dir=tmp_path / "out", web={"users": {"anna": hashed, "b.ek": hashed}})
    with served(Dashboard(config, shelf, now=lambda: NOW)) as browser:
        yield browser


def log_in(browser: Browser, name: str, password: str, following: str = "/outbox") -> Answer:
    return browser.submit(
        f"/login?{urlencode({'next': following})}", {"name": name, "password": password}
    )


def test_where_there_are_users_only_who_logs_in_may_judge(guarded: Browser, shelf: Store) -> None:
    page = guarded.get(f"/articles/{an_article(1).article_id}")
    assert "Log in" in page.text
    assert page.tree.xpath("//form[contains(@action, 'judgements')]") == []
    refused = judge(guarded, RIGHT)
    assert (refused.status, refused.texts("//main/p")[0]) == (403, "log in to judge")
    answer = log_in(guarded, "b.ek", PASSWORD)
    assert (answer.status, answer.headers["Location"]) == (303, "/outbox")
    assert judge(guarded, RIGHT).status == 303
    assert shelf.judgements.history(an_article(1).article_id)[0].judged_by == "b.ek"
    assert guarded.submit("/logout", {}).status == 303
    assert judge(guarded, RIGHT).status == 403


@pytest.mark.parametrize(
    ("name", "password"), [("anna", "wrong"), ("nobody", PASSWORD), ("", ""), ("anna", "")]
)
def test_a_login_that_is_not_right_is_none(guarded: Browser, name: str, password: str) -> None:
    answer = log_in(guarded, name, password)
    assert answer.status == 403
    assert "Name or password is not right" in answer.text
    assert PASSWORD not in answer.text
    assert judge(guarded, RIGHT).status == 403


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("desk.local:8000", "http://desk.local:8000"),  # plain http on a local network
        ("127.0.0.1:8000", "https://monitor.example.org"),  # behind a proxy that changes the host
        ("desk.local", "https://desk.local"),  # behind one that does not tell the scheme
        ("desk.local:443", "https://desk.local"),  # behind one that adds the port
        ("desk.local:80", "http://desk.local"),
    ],
)
def test_a_browser_that_sends_the_origin_alone_can_log_in(
    tmp_path: Path, shelf: Store, host: str, origin: str
) -> None:
    web = {
        "url": "https://Monitor.example.org",  # in lower case in the origin
        "hosts": ["desk.local"],
        "users": {"anna": quickly_hashed(PASSWORD)},
    }
    config = Config(output_dir=tmp_path / "out", web=web)
    with served(Dashboard(config, shelf, now=lambda: NOW)) as browser:
        form = {"name": "anna", "password": PASSWORD}
        headers = {"Host": host, "Origin": origin, "Sec-Fetch-Site": ""}
        answer = browser.submit("/login", form, headers)
        assert answer.status == 303
        assert ("secure" in answer.headers["Set-Cookie"]) == origin.startswith("https:")
        assert "Log out anna" in browser.get("/").text
        for evil in ("http://evil.example.net", "https://desk.local:8443", "http://127.0.0.1"):
            assert browser.submit("/login", form, {**headers, "Origin": evil}).status == 403


@pytest.mark.parametrize("following", ["https://evil.example", "//evil.example", "/\\evil.example",
                                       "javascript:alert(1)", "http://[", "/a\nb", ""])  # fmt: skip
def test_a_login_leads_to_no_other_site(guarded: Browser, following: str) -> None:
    assert log_in(guarded, "anna", PASSWORD, following).headers["Location"] == "/"


def test_a_cookie_that_was_not_signed_by_us_says_nothing(guarded: Browser) -> None:
    guarded.cookies["rscrawler"] = "eyJ1c2VyIjogImFubmEifQ==.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb"
    assert "Log out" not in guarded.get("/").text


def test_a_session_ends_when_its_user_is_taken_out(tmp_path: Path, shelf: Store) -> None:
    users = dict.fromkeys(("anna", "bek"), quickly_hashed(PASSWORD))
    cookies: dict[str, str] = {}
    for known in (["anna", "bek"], ["bek"]):
        web = {"users": {name: users[name] for name in known}}
        config = Config(output_dir=tmp_path / "out", web=web)
        with served(Dashboard(config, shelf, now=lambda: NOW)) as browser:
            browser.cookies |= cookies
            if "anna" in known:
                log_in(browser, "anna", PASSWORD)
                cookies = browser.cookies
            assert ("Log out anna" in browser.get("/").text) is ("anna" in known)


def test_the_command_writes_a_user_whose_password_nobody_can_read(workspace: Workspace) -> None:
    workspace.config.write_text('output_dir = "output"\n\n[crawl]\nretries = 1\n')
    for name, password in (("anna", "first password"), ("bek", PASSWORD), ("anna", PASSWORD)):
        assert add_user(workspace, name, password) == (0, "")
    text = workspace.config.read_text()
    assert text.count("scrypt$") == 2
    assert PASSWORD not in text
    assert "retries = 1" in text
    assert workspace.run("config", "check").status == 0


@pytest.mark.parametrize(("name", "password"), [("x y", PASSWORD), ("anna", "short")])
def test_a_user_without_a_name_or_with_a_short_password_is_refused(
    workspace: Workspace, name: str, password: str
) -> None:
    workspace.config.write_text("")
    status, errors = add_user(workspace, name, password)
    assert status == 2
    assert "allowed: " in errors or "at least 8 characters" in errors
    assert workspace.config.read_text() == ""


def test_a_full_disk_leaves_the_configuration_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "rscrawler.toml"
    path.write_text("[web.users]\n\n[crawl]\nretries = 1\n")
    before = path.read_text()
    size, most = getrlimit(RLIMIT_FSIZE)
    setrlimit(RLIMIT_FSIZE, (len(before), most))
    try:
        with pytest.raises(RscrawlerError, match=r"rscrawler\.toml: cannot be written"):
            _write_user(path, "anna", quickly_hashed(PASSWORD))
    finally:
        setrlimit(RLIMIT_FSIZE, (size, most))
    assert path.read_text() == before


def add_user(workspace: Workspace, name: str, password: str) -> tuple[int, str]:
    """Exit status and errors of the command, to which a password is typed."""
    with TemporaryFile() as typed:
        typed.write(f"{password}\n".encode())
        typed.seek(0)
        done = workspace.start("web", "--add-user", name, stdin=typed.fileno()).wait()
    return done.status, done.stderr


def test_a_password_is_known_by_its_hash_alone() -> None:
    hashed = hash_password(PASSWORD)
    assert hashed != hash_password(PASSWORD)
    assert is_password(PASSWORD, hashed)
    assert not is_password(PASSWORD + "x", quickly_hashed(PASSWORD))
    assert not is_password(PASSWORD, None)


# What judgements are good for.


def test_precision_and_what_was_wrong_most(browser: Browser, shelf: Store) -> None:
    assert "Nothing has been judged yet" in browser.get("/judgements").text
    for number in range(2, 5):
        record(shelf, an_article(number))
    for number, fields in ((1, WRONG), (2, RIGHT), (3, RIGHT), (4, {**WRONG, "level": "primary"})):
        browser.submit(f"/articles/{an_article(number).article_id}/judgements", fields)
    answer = browser.get("/judgements")
    facts = dict(zip(answer.texts("//dt"), answer.texts("//dd"), strict=True))
    assert facts["Flagged rightly (precision)"] == "3 (75.0 %)"
    assert facts["Right in every point"] == "2"
    assert answer.tree.xpath("//*[local-name()='svg']")
    rows = answer.rows
    assert "23 Nov 4 3 75.0 %" in rows
    assert "primary mention 1" in rows
    assert "KG missed 2" in rows
    assert "Astana 1" in rows


def test_the_topics_to_choose_are_in_their_order_with_one_whose_watch_list_is_gone(
    tmp_path: Path, shelf: Store
) -> None:
    config = Config(output_dir=tmp_path / "out", alerts={"topics": ["south-caucasus"]})
    record(shelf, an_article(2, topics=[a_flag(topic="balkans")]))
    with served(Dashboard(config, shelf, now=lambda: NOW)) as browser:
        action = f"/articles/{an_article(2).article_id}/judgements"
        assert browser.submit(action, {**RIGHT, "topic": "balkans"}).status == 303
        options = browser.get("/judgements").tree.xpath("//option")
        first = next(each for each in options if each.get("value"))
        assert "selected" in first.attrib  # the first below
        assert [each.get("value") for each in options] == ["", "south-caucasus", "balkans"]
        charts = browser.get("/charts").texts("//select[@name='topic']/option")
        assert charts == ["the first below", "South Caucasus", "Central Asia"]


def test_marks_are_lines_that_evaluate_reads(
    browser: Browser, shelf: Store, workspace: Workspace, config: Config
) -> None:
    judge(browser, {**WRONG, "note": "only a list 🌾"})
    workspace.config.write_text(f'output_dir = "{config.output_dir}"\n')
    result = workspace.run("topics", "marks", "--export", "marks.jsonl")
    assert result.status == 0, result.stderr
    [line] = map(json.loads, (workspace.folder / "marks.jsonl").read_text().splitlines())
    assert (line["level"], line["countries"], line["note"]) == (
        "mention", ["KG", "UZ"], "only a list 🌾",
    )  # fmt: skip
    assert line["text"] == an_article(1).body
    evaluated = workspace.run("topics", "evaluate", "central-asia", "marks.jsonl", "--json")
    assert evaluated.status == 0
    assert len(evaluated.json["predictions"]) == 1
    printed = workspace.run("topics", "marks", PYTHONIOENCODING="ascii")  # of a terminal
    assert printed.json == line
    assert workspace.run("topics", "marks", "--export", "-").json == line
    assert not (workspace.folder / "-").exists()
    assert workspace.run("topics", "marks", "--topic", "x").status == 2


def test_without_judgements_a_backup_stays_and_it_is_said_where_they_are_made(
    workspace: Workspace,
) -> None:
    (workspace.folder / "marks.jsonl").write_text("of the database before\n")
    with closing(Store.open(f"sqlite:///{workspace.folder / 'output' / 'rscrawler.db'}")):
        pass
    result = workspace.run("topics", "marks", "--export", "marks.jsonl")
    assert result.status == 0, result.stderr
    assert (workspace.folder / "marks.jsonl").read_text() == "of the database before\n"
    assert "rscrawler web" in result.stderr


def test_a_password_in_the_place_of_its_hash_is_refused_and_not_shown(workspace: Workspace) -> None:
    workspace.config.write_text('[web.users]\nanna = "my own password"\n')
    result = workspace.run("config", "check")
    assert result.status == 2
    assert "web.users.anna: allowed: " in result.stderr
    assert "my own" not in result.stderr
