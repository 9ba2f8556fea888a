"""Killed at any moment, with articles appearing all the while: nothing lost, nothing doubled."""

from __future__ import annotations

import itertools
import multiprocessing
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from rscrawler.config import Config
from rscrawler.delivery import deliver
from rscrawler.store import Store
from tests.delivery.conftest import EmailConfig
from tests.delivery.helpers import an_article, record, record_ids
from tests.delivery.mailbox import Mailbox
from tests.workspace import DEADLINE_SECONDS

RECIPIENTS = ["one@example.org", "two@example.org"]
LONGEST_LIFE_SECONDS = 0.2  # from its first article on, for every other process


def work(database_url: str, config: Config, numbers_from: int, parent: Connection) -> None:
    """Record articles and deliver, for ever; tells the parent of each article that is known."""
    store = Store.open(database_url)
    parent.send(None)
    for number in itertools.count(numbers_from):
        now = datetime.now(UTC)
        record(store, an_article(number), "email", at=now)
        parent.send(number)
        if number % 2 == 0:
            deliver(config, store, now=now)


@dataclass(frozen=True)
class Figures:
    """What a run of kills came to; printed, and asserted on."""

    kills: int
    articles: int
    lost_articles: int
    lines: int
    lines_missing: int
    lines_twice: int
    mails: int
    mails_sent_again: int
    articles_never_mailed: int
    articles_under_two_ids: int


def kill_again_and_again(
    store: Store, database_url: str, config: Config, mailbox: Mailbox, kills: int
) -> Figures:
    """Let one process after another work, and kill each at a random moment."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.delivery.test_kill"])
    dice = random.Random(kills)
    known: set[int] = set()
    for life in range(kills):
        mine, theirs = context.Pipe()
        process = context.Process(
            target=work, args=(database_url, config, life * 10_000, theirs), daemon=True
        )
        process.start()
        theirs.close()
        assert mine.poll(DEADLINE_SECONDS)
        mine.recv()
        mailbox.drop = dice.random() < 0.2
        if life % 2 == 0:  # however slow the machine is, some come to articles
            assert mine.poll(DEADLINE_SECONDS)
            known.add(mine.recv())
        process.join(dice.uniform(0, LONGEST_LIFE_SECONDS))
        assert process.exitcode is None, "it ended by itself"
        process.kill()
        process.join()
        known |= set(_reported(mine))
        mine.close()
    mailbox.drop = False
    now = datetime.now(UTC)
    while deliver(config, store, now=now).waiting:
        now += timedelta(hours=1)
    return _figures(store, config.output_dir, mailbox, kills, known)


def _reported(connection: Connection) -> list[int]:
    numbers = []
    try:
        while connection.poll():
            numbers.append(connection.recv())
    except EOFError:
        pass  # the last thing that it said, or half of it
    return numbers


def _figures(
    store: Store, output_dir: Path, mailbox: Mailbox, kills: int, reported: set[int]
) -> Figures:
    known = {line["record_id"] for line in store.articles.records()}
    lines = Counter(
        (folder, record_id)
        for folder in ("articles", "flagged")
        for path in (output_dir / folder).glob("*.jsonl")
        for record_id in record_ids(path)
    )
    deliveries = Counter(
        (mail.mail["Message-ID"], address)
        for mail in mailbox.received
        for address in mail.recipients
    )
    identities: dict[str, set[str]] = {}
    for mail in mailbox.received:
        for article_id in mail.mail["X-RSCrawler-Articles"].split(", "):
            identities.setdefault(f"{article_id}-1", set()).add(mail.mail["Message-ID"])
    expected = {(folder, record_id) for folder in ("articles", "flagged") for record_id in known}
    return Figures(
        kills=kills,
        articles=len(known),
        lost_articles=len({an_article(number).record_id for number in reported} - known),
        lines=lines.total(),
        lines_missing=len(expected - set(lines)),
        lines_twice=sum(count > 1 for count in lines.values()),
        mails=len({message_id for message_id, _ in deliveries}),
        mails_sent_again=sum(count - 1 for count in deliveries.values()),
        articles_never_mailed=len(known - set(identities)),
        articles_under_two_ids=sum(len(ids) > 1 for ids in identities.values()),
    )


def check(figures: Figures, capsys: pytest.CaptureFixture[str]) -> None:
    """Print the figures, then hold them to the promise."""
    with capsys.disabled():
        print(f"\n{figures}")
    assert figures.articles > 0
    assert figures.lost_articles == figures.lines_missing == figures.articles_never_mailed == 0
    assert figures.lines == 2 * figures.articles
    assert figures.lines_twice == figures.articles_under_two_ids == 0


@pytest.mark.parametrize(
    "kills", [10, pytest.param(200, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_nothing_is_lost_and_nothing_doubled(
    open_store: Callable[[], Store],
    database_url: str,
    mailbox: Mailbox,
    email_config: EmailConfig,
    capsys: pytest.CaptureFixture[str],
    kills: int,
) -> None:
    config = email_config({"flood_limit": 10_000}, recipients=RECIPIENTS)
    check(kill_again_and_again(open_store(), database_url, config, mailbox, kills), capsys)
