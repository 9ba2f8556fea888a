"""`rscrawler history`: every version, and word by word what it changed."""

from __future__ import annotations

import pytest

from rscrawler.identity.fingerprints import Fingerprint
from rscrawler.items import Article
from rscrawler.store import Store
from rscrawler.store.articles import Recording, Visit
from tests.delivery.helpers import BODY, NOW, an_article
from tests.workspace import Workspace

SITE = "responsiblestatecraft"
URL = "https://responsiblestatecraft.org/kazakhstan-railway/"


@pytest.fixture
def edited(workspace: Workspace) -> Workspace:
    """A folder whose store has one article in two versions."""
    workspace.write_config("https://responsiblestatecraft.org")
    store = Store.open(f"sqlite:///{workspace.output / 'rscrawler.db'}")
    changed = BODY.replace("quarrelled", "made \x1b[31mpeace")
    _record(store, an_article(1, site=SITE, url=URL))
    _record(store, an_article(1, site=SITE, url=URL, version=2, body=changed))
    store.close()
    return workspace


def _record(store: Store, article: Article) -> None:
    visit = Visit({"/kazakhstan-railway": URL}, "digest")
    store.articles.record(
        Recording(article, Fingerprint("d", None, "s"), visit, "run", NOW, ("articles",))
    )


@pytest.mark.parametrize(
    "named",
    [
        an_article(1).article_id,
        an_article(1).record_id,
        "http://www.responsiblestatecraft.org/kazakhstan-railway?utm_source=x",
        "/kazakhstan-railway/",
    ],
)
def test_an_article_is_found_by_id_record_address_and_path(edited: Workspace, named: str) -> None:
    result = edited.run("history", named)
    assert result.status == 0, result.stderr
    lines = result.stdout.splitlines()
    assert [line for line in lines if line.startswith("version")] == [
        "version 1  2026-11-24T12:00:00Z  new",
        "version 2  2026-11-24T12:00:00Z  updated",
    ]
    assert "body: Kazakhstan and Russia [-quarrelled-] {+made [31mpeace+} over the war." in lines
    assert "\x1b" not in result.stdout


def test_an_address_that_two_sites_share_is_not_guessed(workspace: Workspace) -> None:
    workspace.write_config("https://responsiblestatecraft.org")
    workspace.config.write_text(
        workspace.config.read_text()
        + '[sites.twin]\nbase_url = "https://responsiblestatecraft.org"\n'
    )
    store = Store.open(f"sqlite:///{workspace.output / 'rscrawler.db'}")
    for number, site in ((1, SITE), (2, "twin")):
        _record(store, an_article(number, site=site, url=URL))
    store.close()
    for named in ("/kazakhstan-railway/", URL):
        result = workspace.run("history", named)
        assert (result.status, result.stdout) == (2, "")
        both = f"{an_article(1).article_id} ({SITE}), {an_article(2).article_id} (twin)"
        assert f"several sites; give an article_id: {both}" in result.stderr
    result = workspace.run("explain", "/kazakhstan-railway/")
    assert (result.status, result.stdout) == (2, "")
    assert f"several sites; give an article_id: {both}" in result.stderr


def test_a_terminal_gets_colours_instead_of_brackets(edited: Workspace) -> None:
    terminal = {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
    result = edited.run("history", an_article(1).article_id, **terminal)
    assert "Kazakhstan and Russia \x1b[9;31mquarrelled \x1b[0m" in result.stdout
    assert "\x1b[32mmade [31mpeace \x1b[0mover the war." in result.stdout


def test_json_has_the_whole_texts_as_kept_removed_and_added(edited: Workspace) -> None:
    answer = edited.run("history", an_article(1).article_id, "--json").json
    assert answer["url"] == URL
    first, second = answer["versions"]
    assert (first["event"], first["changes"]) == ("new", {})
    changes = second["changes"]["body"]
    kept = "".join(change["text"] for change in changes if change["kind"] != "added")
    assert kept == BODY
    assert [c["text"].strip() for c in changes if c["kind"] == "removed"] == ["quarrelled"]


def test_an_unknown_article_is_one_line(edited: Workspace) -> None:
    result = edited.run("history", "https://responsiblestatecraft.org/never-seen/")
    assert (result.status, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1
    assert "never-seen" in result.stderr
