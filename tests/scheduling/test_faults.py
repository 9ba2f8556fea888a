"""Faults under a running service: real children, a real database, a real mail server.

Each test breaks something while `rscrawler run` crawls a site that goes on publishing.
When it is over, every article is in the JSONL once, the operators have had one mail at the
beginning and one at the end of what health calls a problem, and none otherwise.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from tests.delivery.mailbox import Mailbox, serving
from tests.sample_site import Fault, SampleSite
from tests.sample_site.stories import Story
from tests.scheduling.running import RunningService, write_schedule
from tests.workspace import PROGRAM, Workspace, has_ended, taken_port, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="children die with the service on Linux"),
]

OPS = "ops@example.org"
SITE = "responsiblestatecraft"
GOOD_CYCLE = f"INFO    cycle {SITE}: "
BAD_CYCLE = f"WARNING cycle {SITE}: "
CYCLES_OF_AN_HOUR = 3  # of the shipped schedule, a cycle every 20 minutes
JOB = '[[job]]\nid = "quick"\nsites = ["{site}"]\nevery = "2s"\ntime_limit = "{limit}"\n'
CONFIG = """
[alerts.email]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "monitor@example.org"
recipients = ["desk@example.org"]

[alerts.ops]
recipients = ["{ops}"]

[crawl]
{crawl}
"""
FAKETIME = next(
    itertools.chain.from_iterable(
        Path(folder).glob("**/faketime/libfaketimeMT.so.1") for folder in ("/usr/lib", "/usr/lib64")
    ),
    None,
)


class Watched:
    """A site that is watched by a service, and the operators' mailbox."""

    def __init__(self, workspace: Workspace, site: SampleSite, mailbox: Mailbox) -> None:
        self.workspace, self.site, self.mailbox = workspace, site, mailbox
        self.started: list[RunningService] = []

    def start(
        self, *, crawl: str = "retries = 0", limit: str = "1m", **environment: str
    ) -> RunningService:
        """A service that has had its first good cycle."""
        settings = CONFIG.format(port=self.mailbox.port, ops=OPS, crawl=crawl)
        self.workspace.write_config(self.site.base_url, settings, readers=1)
        write_schedule(self.workspace, JOB.format(site=SITE, limit=limit))
        service = self.start_again(**environment)
        service.wait_until_it_says(GOOD_CYCLE)
        return service

    def start_again(self, **environment: str) -> RunningService:
        """A service with what the last one left."""
        self.started.append(RunningService(self.workspace, PROGRAM, **environment))
        return self.started[-1]

    def recorded(self) -> Counter[str]:
        """How often each article is in the JSONL as new, by address; whole lines only."""
        lines = (
            line
            for path in (self.workspace.output / "articles").glob("*.jsonl")
            for line in path.read_bytes().splitlines(keepends=True)
        )
        records = [json.loads(line) for line in lines if line.endswith(b"\n")]
        return Counter(record["url"] for record in records if record["event"] == "new")

    def has_recorded(self, story: Story) -> bool:
        return self.site.base_url + story.path in self.recorded()

    def ops_mails(self) -> list[str]:
        """Subjects of the mails to the operators, in the order in which they came."""
        received = list(self.mailbox.received)
        return [str(each.mail["Subject"]) for each in received if each.recipients == (OPS,)]

    def break_in_mid_crawl(self, service: RunningService) -> None:
        """Return when a crawl is at work: it waits for a page that does not come."""
        self.site.publish()
        awaited = self.site.publish()
        self.site.forget_requests()
        self.site.fail(awaited.path, Fault.HANG)
        service.wait_until(lambda: any(each.path == awaited.path for each in self.site.requests))
        self.site.heal()

    def check_the_end(
        self, service: RunningService, problem: str | None, *, may_be_unnotified: bool = False
    ) -> None:
        """The fault is over: all is well again, nothing is lost, nobody was told twice.

        `problem`: the one that the operators heard of, and of whose end; None: of none.
        `may_be_unnotified`: perhaps of none, since the next crawl may come before the mail.
        """
        over_at = time.monotonic()
        notices = [f"{word}: {SITE}: {problem}" for word in ("Problem", "Over") if problem]
        service.wait_until(lambda: may_be_unnotified or len(self.ops_mails()) >= len(notices))
        after = self.site.publish()
        service.wait_until(lambda: self.has_recorded(after))
        seconds = time.monotonic() - over_at
        # Two more good ones, for what would be notices too often, or recorded twice.
        service.wait_until_it_says_again(GOOD_CYCLE, times=2)
        service.stop()
        recorded = self.recorded()
        print(f"all well {seconds:.1f} s later: {recorded.total()} articles, {self.ops_mails()}")
        assert self.ops_mails() == notices or (may_be_unnotified and not self.ops_mails())
        assert recorded == Counter(true.url for true in self.site.truth())
        status = self.workspace.run("status", "--json").json
        assert status["healthy"], status


@pytest.fixture
def watched(workspace: Workspace) -> Iterator[Watched]:
    """A site of a dozen articles; services that still run at the end are killed."""
    with (
        taken_port() as port,
        SampleSite(stories=12, port=port) as site,
        serving(Mailbox()) as mailbox,
    ):
        watched = Watched(workspace, site, mailbox)
        yield watched
        for service in watched.started:
            service.kill()


@contextmanager
def closed(site: SampleSite) -> Iterator[None]:
    """The site is down: its port refuses connections."""
    site.close()
    yield
    site.__enter__()


def test_a_site_that_is_down_for_an_hour_of_cycles(watched: Watched) -> None:
    service = watched.start()
    watched.site.publish()
    with closed(watched.site):
        for _ in range(CYCLES_OF_AN_HOUR + 1):
            watched.site.publish()
            service.wait_until_it_says_again(BAD_CYCLE)
        assert service.says("sources failed (", times=CYCLES_OF_AN_HOUR + 1)
    watched.check_the_end(service, "unreachable")


def test_a_site_that_asks_for_a_long_pause_gets_it(watched: Watched) -> None:
    pause = timedelta(seconds=8)
    service = watched.start(crawl='retries = 0\nretry_after_limit = "1s"')
    site = watched.site
    site.forget_requests()
    site.publish()
    site.fail("/", Fault.TOO_MANY, retry_after_seconds=int(pause.total_seconds()))

    def refused() -> list[int]:
        return [number for number, each in enumerate(site.requests) if each.status == 429]

    service.wait_until(lambda: len(refused()) >= 3)
    site.publish()
    service.wait_until_it_says_again("asked for a pause that has not passed")
    site.heal()
    watched.check_the_end(service, "unreachable")
    requests = site.requests
    for number in refused():
        assert requests[number + 1].at - requests[number].at >= pause


def test_a_short_pause_is_waited_for_and_nobody_is_told(watched: Watched) -> None:
    pause = timedelta(seconds=4)
    service = watched.start(crawl="")
    site = watched.site
    site.forget_requests()
    site.publish()
    site.fail("/", Fault.TOO_MANY, times=1, retry_after_seconds=int(pause.total_seconds()))
    service.wait_until_it_says_again(GOOD_CYCLE)
    watched.check_the_end(service, None)
    requests = site.requests
    (refused,) = (number for number, each in enumerate(requests) if each.status == 429)
    assert requests[refused + 1].at - requests[refused].at >= pause


def test_a_site_that_hangs_until_the_download_times_out(watched: Watched) -> None:
    service = watched.start(crawl='retries = 0\ntimeout = "3s"')
    watched.site.publish()
    watched.site.fail("/", Fault.HANG)
    service.wait_until_it_says(BAD_CYCLE, times=2)
    assert service.says("sources failed (")
    watched.site.publish()
    watched.site.heal()
    watched.check_the_end(service, "unreachable")


def test_a_site_that_hangs_until_the_crawl_is_ended(watched: Watched) -> None:
    service = watched.start(limit="5s")
    watched.site.publish()
    watched.site.forget_requests()
    watched.site.fail("/", Fault.HANG)
    service.wait_until(lambda: bool(watched.site.requests))
    family = [
        process.pid
        for crawl in service.crawls()
        for process in (psutil.Process(crawl), *psutil.Process(crawl).children(recursive=True))
    ]
    assert len(family) > 1  # its readers, too
    service.wait_until_it_says("ended after its time limit of 5s")
    wait_until(lambda: all(map(has_ended, family)))
    service.wait_until(lambda: bool(watched.ops_mails()))  # no crawl comes to its end meanwhile
    watched.site.heal()
    watched.site.publish()
    watched.check_the_end(service, "overdue")


def test_a_database_that_is_locked_for_longer_than_anybody_waits(watched: Watched) -> None:
    service = watched.start(crawl='retries = 0\ntimeout = "2m"')
    watched.site.publish()
    watched.site.forget_requests()
    service.wait_until(lambda: bool(watched.site.requests))
    database = sqlite3.connect(watched.workspace.output / "rscrawler.db", isolation_level=None)
    with closing(database):
        database.execute("BEGIN IMMEDIATE")
        story = watched.site.publish()
        service.wait_until_it_says("the database failed, trying again: ")
        # The child began to wait before, or has been waiting for as long.
        service.wait_until(lambda: not service.crawls())
        watched.site.fail(story.path, Fault.HANG)
        database.execute("ROLLBACK")
    service.wait_until(lambda: bool(watched.ops_mails()))  # no crawl comes to its end meanwhile
    watched.site.heal()
    watched.check_the_end(service, "overdue")
    assert service.log.read_text().count("the database failed, trying again: ") == 1


class WallClock:
    """The clock of the service and its children: set apart from ours, while time itself goes on."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.environment = {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.set_ahead(0)

    def set_ahead(self, hours: int) -> None:
        part = self._file.with_suffix(".part")
        part.write_text(f"+{hours}h\n")
        part.rename(self._file)


needs_faketime = pytest.mark.skipif(
    FAKETIME is None, reason="libfaketime is not installed (apt: faketime)"
)


@needs_faketime
def test_a_clock_that_jumps_forward_by_hours_and_back(watched: Watched, tmp_path: Path) -> None:
    clock = WallClock(tmp_path)
    service = watched.start(**clock.environment)
    for jumps, hours in enumerate((5, 11), start=1):
        watched.break_in_mid_crawl(service)
        clock.set_ahead(hours)
        watched.site.publish()
        service.wait_until_it_says(" late, due at ", times=jumps)
        service.wait_until_it_says_again(GOOD_CYCLE)
        watched.site.publish()
        service.wait_until(lambda: not service.crawls())
        clock.set_ahead(0)
        service.wait_until_it_says("the clock was set back", times=jumps)
        service.wait_until_it_says_again(GOOD_CYCLE)
    watched.check_the_end(service, None)


@needs_faketime
def test_a_clock_that_is_set_back_during_a_crawl(watched: Watched, tmp_path: Path) -> None:
    clock = WallClock(tmp_path)
    clock.set_ahead(5)
    service = watched.start(limit="10s", **clock.environment)
    watched.break_in_mid_crawl(service)
    clock.set_ahead(0)
    watched.site.publish()
    # Its timers go by the wall clock, so it stands still; its time limit does not.
    service.wait_until_it_says("ended after its time limit of 10s")
    watched.check_the_end(service, "overdue", may_be_unnotified=True)


def test_a_crawl_that_is_killed(watched: Watched) -> None:
    service = watched.start()
    watched.break_in_mid_crawl(service)
    (crawl,) = service.crawls()
    psutil.Process(crawl).kill()
    watched.site.publish()
    service.wait_until_it_says("failed: ended by SIGKILL")
    watched.check_the_end(service, "overdue", may_be_unnotified=True)


def test_a_service_that_is_killed_and_started_again(watched: Watched) -> None:
    service = watched.start()
    watched.break_in_mid_crawl(service)
    children = service.crawls()
    assert children
    service.kill()
    watched.site.publish()
    again = watched.start_again()
    again.wait_until_it_says("was interrupted when")
    wait_until(lambda: all(map(has_ended, children)))
    again.wait_until_it_says(GOOD_CYCLE)
    watched.check_the_end(again, None)
