"""Killed at random moments over crawl and delivery: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from rscrawler.demo.server import Mailbox
from rscrawler.scheduling.processes import ChildResult
from rscrawler.scheduling.warm import WarmRuns
from tests.crawl.probes import FEW_SOURCES
from tests.sample_site import SampleSite
from tests.sample_site.stories import Story
from tests.workspace import Workspace

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs are forked on Linux")
LIMIT = timedelta(minutes=10)
VICTIMS = {"warm process": 2, "crawl": 6, "nursery": 2, "reader": 6}  # and how often

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


@dataclass
class Figures:
    """What came of it."""

    kills: Counter[str] = field(default_factory=Counter)
    survived: int = 0
    published: int = 0
    lost: int = 0
    recorded_twice: int = 0
    not_mailed: int = 0
    mailed_under_two_ids: int = 0
    mails_repeated: int = 0


def article(number: int) -> Story:
    """An article on Kazakhstan that is news now."""
    words = random.Random(number)  # so that no article is a near-duplicate of another
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


class Crawls:
    """Crawls forked from a warm process, as the service has them."""

    def __init__(self, workspace: Workspace, runs: WarmRuns) -> None:
        self.runs = runs
        self._command = ["crawl", "--json", "--config", str(workspace.config)]

    async def crawl(
        self, seconds: float = 1e6, victim: str = "", arguments: Sequence[str] = ()
    ) -> tuple[ChildResult, str]:
        """One crawl, of which a process is killed after so long; how it ended, and which it was."""
        await self.runs.run(["--version"], LIMIT, asyncio.Event())  # there is a warm process
        command = [*self._command, *arguments]
        run = asyncio.create_task(self.runs.run(command, LIMIT, asyncio.Event()))
        await asyncio.wait({run}, timeout=seconds)
        killed = "" if run.done() else self._kill(victim)
        return await run, killed

    def _kill(self, wanted: str) -> str:
        """Kill a process of that kind, or one that it is forked from if there is none yet."""
        found = [
            child
            for child in psutil.Process().children()
            if "rscrawler.scheduling.warm" in child.cmdline()
        ]
        killed = ""
        try:
            for kind in VICTIMS:
                if not found:
                    break
                victim, killed = found[-1], kind
                if kind == wanted:
                    break
                found = victim.children()
            if killed:
                victim.kill()
        except psutil.NoSuchProcess:  # it has ended by itself
            return ""
        return killed


def kill_at_random(folder: Path, database: str, kills: int, seed: int) -> Figures:
    """Publish and crawl, until so often a process died at a random moment; then let one end."""
    workspace, figures = Workspace(folder), Figures()
    titles: dict[str, str] = {}
    with SampleSite(stories=12) as site, Mailbox(folder / "mailbox") as mailbox:
        settings = EMAIL.format(port=mailbox.port) + FEW_SOURCES
        workspace.write_config(site.base_url, settings, readers=1)
        config = workspace.config.read_text(encoding="utf-8")
        workspace.config.write_text(f'database_url = "{database}"\n{config}', encoding="utf-8")

        async def play() -> None:
            with closing(WarmRuns()) as runs:
                crawls = Crawls(workspace, runs)
                await crawl_and_kill(crawls, site, titles, figures, kills, random.Random(seed))
                make_pending_due(database)
                await come_to_rest(crawls)

        asyncio.run(play())
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


async def crawl_and_kill(
    crawls: Crawls,
    site: SampleSite,
    titles: dict[str, str],
    figures: Figures,
    kills: int,
    chance: random.Random,
) -> None:
    await crawls.crawl()
    site.publish(article(kills + 1_000_000))
    started = time.monotonic()
    await crawls.crawl()
    whole_life_seconds = time.monotonic() - started
    for number in count():
        if figures.kills.total() >= kills:
            break
        if chance.random() < 0.7:
            story = article(number)
            site.publish(story)
            titles[f"{site.base_url}/{story.slug}/"] = story.title
        (victim,) = chance.choices(list(VICTIMS), list(VICTIMS.values()))
        # Up to half as long again as a crawl takes, so that some of them finish.
        seconds = chance.random() * 1.5 * whole_life_seconds
        result, killed = await crawls.crawl(seconds, victim)
        if killed:
            figures.kills[killed] += 1
        if killed in ("", "nursery", "reader"):  # which a crawl goes on without
            figures.survived += 1
            assert result.exit_status == 0, result.error_lines


async def come_to_rest(crawls: Crawls) -> None:
    for arguments in (["--full"], []):
        result, _ = await crawls.crawl(arguments=arguments)
        assert result.exit_status == 0, result.error_lines


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


def test_a_kill_of_each_process_loses_and_doubles_nothing(tmp_path: Path) -> None:
    # By this seed, each kind of process is the first choice once, in the middle of a crawl.
    check(kill_at_random(tmp_path, f"sqlite:///{tmp_path / 'state.db'}", 4, seed=1117))


@pytest.mark.slow
def test_two_hundred_kills_lose_and_double_nothing(tmp_path: Path, database_url: str) -> None:
    check(kill_at_random(tmp_path, database_url, 200, seed=2))
