"""Killed at random moments over crawl and delivery: nothing lost, nothing twice."""

from __future__ import annotations

import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from rscrawler.demo.mailbox import Mailbox
from rscrawler.demo.site import SampleSite, Story
from tests.workspace import Workspace

# Children are forked from a server that has the program loaded already: a kill then
# falls into its work, not into its start.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.zygote"])

EMAIL = """
[alerts]
flood_limit = 1000

[alerts.email]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "monitor@example.org"
recipients = ["desk@example.org"]
"""


def crawl(config: str, log: str) -> None:
    """What the child does: one `rscrawler crawl`."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.argv = ["rscrawler", "crawl", "--json", "--config", config]
    from rscrawler.cli import main

    main()


@dataclass
class Figures:
    """What came of it."""

    kills: int = 0
    survived: int = 0
    published: int = 0
    lost: int = 0
    recorded_twice: int = 0
    not_mailed: int = 0
    mailed_under_two_ids: int = 0
    mails_repeated: int = 0


def piece(number: int) -> Story:
    """A piece on Kazakhstan that is news now."""
    words = random.Random(number)  # so that no piece is a near-duplicate of another
    paragraphs = tuple(
        "Kazakhstan's government in Astana spoke of "
        + " ".join("".join(words.choices("aeiourstlnmkdp", k=6)) for _ in range(40))
        + "."
        for _ in range(4)
    )
    return Story(
        slug=f"kazakhstan-grain-deal-{number}-of-the-season",
        post_id=f"{2_700_000_000 + number}",
        title=f"Kazakhstan signs grain deal number {number}",
        subtitle=None,
        authors=("Aliya Serik",),
        sections=("analysis", "asia-pacific"),
        tags=("kazakhstan",),
        published_at=datetime.now(UTC),
        modified_at=None,
        paragraphs=paragraphs,
    )


def kill_at_random(folder: Path, database: str, kills: int, seed: int) -> Figures:
    """Publish and crawl, until so many crawls were killed at a random moment; then let one end."""
    chance = random.Random(seed)
    workspace, figures = Workspace(folder), Figures()
    titles: dict[str, str] = {}
    with SampleSite(stories=30) as site, Mailbox(folder / "mailbox") as mailbox:
        workspace.write_config(site.base_url, EMAIL.format(port=mailbox.port))
        config = workspace.config.read_text(encoding="utf-8")
        workspace.config.write_text(f'database_url = "{database}"\n{config}', encoding="utf-8")
        run_child(workspace).join()  # starts the server of the children as well
        site.publish(piece(kills + 1_000_000))
        started = time.monotonic()
        run_child(workspace).join()
        whole_life_seconds = time.monotonic() - started
        for number in count():
            if figures.kills == kills:
                break
            if chance.random() < 0.7:
                story = piece(number)
                site.publish(story)
                titles[f"{site.base_url}/{story.slug}/"] = story.title
            child = run_child(workspace)
            # Up to half as long again as a crawl takes, so that some of them finish.
            child.join(chance.random() * 1.5 * whole_life_seconds)
            if child.is_alive():
                child.kill()
                child.join()
                figures.kills += 1
            else:
                assert child.exitcode == 0, (folder / "crawl.log").read_text()[-3000:]
                figures.survived += 1
            child.close()
        make_pending_due(database)
        workspace.crawl("--full")
        workspace.crawl()
        truth = {true.url for true in site.truth()}
        mails = mailbox.messages()
    recorded = Counter(record["record_id"] for record in workspace.records())
    urls = Counter(record["url"] for record in workspace.records())
    article_of = {record["url"]: record["article_id"] for record in workspace.records()}
    identities: dict[str, set[str]] = {}
    for mail in mails:
        for article_id in str(mail["X-RSCrawler-Articles"]).replace(",", " ").split():
            identities.setdefault(article_id, set()).add(str(mail["Message-ID"]))
    figures.published = len(titles)
    figures.lost = len(truth - set(urls))
    figures.recorded_twice = sum(times > 1 for times in (*recorded.values(), *urls.values()))
    figures.not_mailed = sum(not identities.get(article_of.get(url, "")) for url in titles)
    figures.mailed_under_two_ids = sum(len(ids) > 1 for ids in identities.values())
    figures.mails_repeated = len(mails) - len({str(mail["Message-ID"]) for mail in mails})
    return figures


def run_child(workspace: Workspace) -> ForkServerProcess:
    """A crawl, started."""
    log = workspace.folder / "crawl.log"
    child = CONTEXT.Process(target=crawl, args=(str(workspace.config), str(log)))
    child.start()
    return child


def make_pending_due(database: str) -> None:
    """Let the time until the next attempt pass."""
    from sqlalchemy import create_engine, text

    engine = create_engine(database)
    with engine.begin() as connection:
        connection.execute(text("UPDATE address SET next_try_at = NULL"))
        connection.execute(text("UPDATE recipient SET next_try_at = '2020-01-01T00:00:00.000000Z'"))
    engine.dispose()


def check(figures: Figures) -> None:
    print(figures)
    assert figures.published > 0
    assert (figures.lost, figures.recorded_twice) == (0, 0)
    assert (figures.not_mailed, figures.mailed_under_two_ids) == (0, 0)


def test_six_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    check(kill_at_random(tmp_path, f"sqlite:///{tmp_path / 'state.db'}", 6, seed=1))


@pytest.mark.slow
def test_two_hundred_kills_lose_and_double_nothing(tmp_path: Path, database_url: str) -> None:
    check(kill_at_random(tmp_path, database_url, 200, seed=2))
