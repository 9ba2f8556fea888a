"""`rscrawler identity check`: what the present rules would decide otherwise; a dry run."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rscrawler.identity.fingerprints import fingerprint_of
from rscrawler.items import Article
from rscrawler.store import Store
from rscrawler.store.articles import Recording, Visit
from tests.delivery.helpers import NOW, an_article
from tests.sample_site.generator import generate_story
from tests.workspace import Workspace

SITE = "responsiblestatecraft"
BODY = generate_story(3, seed=5).body
REPLY = "The ministry was pleased to settle, and thanked everybody who had helped the townspeople."


@pytest.fixture
def folder(workspace: Workspace) -> Workspace:
    workspace.write_config("https://responsiblestatecraft.org")
    return workspace


def known(folder: Workspace, number: int, body: str, **fields: object) -> Article:
    """An article seen that many hours after noon, as an older version of the rules left it."""
    seen = NOW + timedelta(hours=number)
    url = f"https://responsiblestatecraft.org/{number}/"
    values = {"site": SITE, "url": url, "title": "A title", "body": body, "first_seen_at": seen}
    article = an_article(number, **values, **fields)
    store = Store.open(f"sqlite:///{folder.output / 'rscrawler.db'}")
    visit = Visit({f"/{number}": url}, "digest")
    store.articles.record(
        Recording(article, fingerprint_of(article, str(number)), visit, "run", seen, ())
    )
    store.close()
    return article


def changes(folder: Workspace) -> dict[str, tuple[str | None, str | None]]:
    """What would be repeated and followed, by the article whose relation changes."""
    before = (folder.output / "rscrawler.db").read_bytes()
    answer = folder.run("identity", "check", "--json").json
    assert (folder.output / "rscrawler.db").read_bytes() == before
    return {
        each["article_id"]: (each["duplicate_of_now"], each["follows_now"])
        for each in answer["changes"]
    }


def test_what_would_be_folded_and_unfolded_is_told_and_nothing_is_changed(
    folder: Workspace,
) -> None:
    first = known(folder, 1, BODY)
    copy = known(folder, 2, BODY)
    other = known(folder, 3, generate_story(9, seed=5).body, duplicate_of=first.article_id)
    assert changes(folder) == {
        copy.article_id: (first.article_id, None),
        other.article_id: (None, None),
    }
    assert f"stands alone → repeats {first.article_id}" in folder.run("identity", "check").stdout


@pytest.mark.parametrize(("days", "is_update"), [(10, True), (300, False)])
def test_an_update_follows_what_was_published_lately(
    folder: Workspace, days: int, is_update: bool
) -> None:
    first = known(folder, 1, BODY, published_at=NOW - timedelta(days=days))
    later = known(folder, 2, f"{BODY} {REPLY}", published_at=NOW)
    expected = {later.article_id: (None, first.article_id)} if is_update else {}
    assert changes(folder) == expected
