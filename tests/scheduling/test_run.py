"""`rscrawler run` as users run it: a process of its own, real crawls of the sample site."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from rscrawler import read_records
from rscrawler.store.migrations import CURRENT_VERSION
from tests.databases import Databases, set_version
from tests.delivery.mailbox import Mailbox, serving
from tests.sample_site import Fault, SampleSite
from tests.scheduling.running import SCHEDULES, RunningService, write_schedule
from tests.workspace import Workspace, has_ended, wait_until

QUICK = (
    '[[job]]\nid = "quick"\nsites = ["responsiblestatecraft"]\nevery = "1s"\ntime_limit = "10s"\n'
)
NEVER = '[[job]]\nid = "never"\ncron = "0 0 29 2 *"\n'


def operators_at(mailbox: Mailbox) -> str:
    """The configuration of mails to a desk, and to operators."""
    return (
        f'[alerts.email]\nhost = "127.0.0.1"\nport = {mailbox.port}\nsecurity = "none"\n'
        'sender = "monitor@example.org"\nrecipients = ["desk@example.org"]\n'
        '[alerts.ops]\nrecipients = ["ops@example.org"]\n'
    )


@pytest.fixture
def run(workspace: Workspace) -> Iterator[Callable[..., RunningService]]:
    """Starts services in the workspace; what still runs at the end of the test is killed."""
    started: list[RunningService] = []

    def start(*options: str) -> RunningService:
        started.append(RunningService(workspace, options=options))
        return started[-1]

    yield start
    for service in started:
        service.kill()


@pytest.fixture
def quiet(workspace: Workspace) -> Workspace:
    """A workspace whose only job fires years from now."""
    write_schedule(workspace, NEVER)
    return workspace


def test_a_wrong_schedule_is_named_and_refused_at_the_start(quiet: Workspace) -> None:
    file = write_schedule(quiet, '[[job]]\nid = "a"\nevery = "often"\n')
    result = quiet.run("run", *SCHEDULES)
    assert result.status == 2
    assert f"{file}: job.0 ('a').every: 'often': allowed: a number and a unit" in result.stderr


def test_a_wrong_schedule_at_a_reload_leaves_the_old_ones_in_force(
    quiet: Workspace, run: Callable[[], RunningService]
) -> None:
    service = run()
    service.wait_until_it_says("service started, jobs: never")
    write_schedule(quiet, NEVER + "colour = 1\n")
    service.process.send_signal(signal.SIGHUP)
    service.wait_until_it_says("not reloaded: ")
    write_schedule(quiet, NEVER.replace("never", "later"))
    service.process.send_signal(signal.SIGHUP)
    service.wait_until_it_says("reloaded, jobs: later")


def test_operators_are_told_once_that_a_service_cannot_use_its_store_at_the_start(
    quiet: Workspace, run: Callable[[], RunningService]
) -> None:
    database = quiet.output / "rscrawler.db"
    database.mkdir(parents=True)
    with serving(Mailbox()) as mailbox:
        quiet.config.write_text(operators_at(mailbox))
        for _ in range(2):  # as systemd starts it
            assert quiet.run("run", *SCHEDULES).status == 1
        database.rmdir()
        run().wait_until_it_says("service started")
        notices = [(each.recipients, each.mail["Subject"]) for each in mailbox.received]
    ops = ("ops@example.org",)
    assert notices == [(ops, "Problem: the database fails"), (ops, "Over: the database fails")]


def test_a_server_that_starts_after_the_service_is_waited_for_and_told_to_nobody(
    quiet: Workspace,
    run: Callable[[], RunningService],
    databases: Databases,
    postgresql_url: str,
) -> None:
    server = psycopg.connect(postgresql_url, autocommit=True)
    with databases.empty() as url, server, serving(Mailbox()) as mailbox:
        name = sql.Identifier(urlsplit(url).path[1:])
        server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        quiet.config.write_text(f'database_url = "{url}"\n{operators_at(mailbox)}')
        service = run()
        service.wait_until_it_says("trying again for a minute: database ")
        server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
        service.wait_until_it_says("service started")
        service.kill()
    assert mailbox.received == []


def test_a_service_ends_once_a_newer_version_has_migrated_its_database(
    quiet: Workspace, run: Callable[[], RunningService], database_url: str
) -> None:
    write_schedule(quiet, '[[job]]\nid = "often"\naction = "deliver"\nevery = "1s"\n')
    quiet.config.write_text(f'database_url = "{database_url}"\n')
    service = run()
    service.wait_until_it_says("service started")
    set_version(database_url, CURRENT_VERSION + 1)
    assert service.process.wait().status == 1
    assert service.says("the service ends, since it cannot go on: NewerDatabase: the database has ")
    assert not service.says("Traceback")


@pytest.mark.parametrize("key", ["database_url", "output_dir"])
def test_a_reload_with_another_database_is_refused_until_a_restart(
    quiet: Workspace, run: Callable[[], RunningService], key: str
) -> None:
    quiet.config.write_text('output_dir = "first"\n')
    service = run()
    service.wait_until_it_says("service started, jobs: never")
    other = {"database_url": "sqlite:///secret/other.db", "output_dir": "second"}[key]
    quiet.config.write_text(f'{key} = "{other}"\n')
    write_schedule(quiet, NEVER.replace("never", "later"))
    service.process.send_signal(signal.SIGHUP)
    service.wait_until_it_says("not reloaded: ")
    assert service.says(f"{quiet.config}: database_url: names another database than")
    assert not service.says("secret")
    quiet.config.write_text('output_dir = "first"\n')
    service.process.send_signal(signal.SIGHUP)
    service.wait_until_it_says("reloaded, jobs: later")


RELOADED_WHILE_IT_LOADS = (
    "import os, signal, sys\n"
    "class Reloading:\n"
    "    def find_spec(self, name, *_):\n"
    "        if name == 'rscrawler.cli': os.kill(os.getpid(), signal.SIGHUP)\n"
    "sys.meta_path.insert(0, Reloading())\n"
    "from rscrawler.__main__ import main\n"
    "main()\n"
)


def test_a_reload_that_comes_while_the_program_loads_is_made_up_for(quiet: Workspace) -> None:
    service = RunningService(quiet, [sys.executable, "-c", RELOADED_WHILE_IT_LOADS])
    try:
        service.wait_until_it_says("reloaded, jobs: never")
        service.stop()
    finally:
        service.kill()


def test_a_reload_that_comes_while_the_program_loads_does_not_end_a_worker(
    quiet: Workspace,
) -> None:
    command = [sys.executable, "-c", RELOADED_WHILE_IT_LOADS, "worker"]
    before = f"import os, sys\nos.execv(sys.executable, {command!r})"
    result = quiet.start("worker", before=before).wait()
    assert result.status == 2, result  # it got as far as to refuse its configuration
    assert "is 'process', which has no workers" in result.stderr


@pytest.mark.slow
def test_runs_use_the_configuration_that_the_service_read_until_it_reads_it_again(
    workspace: Workspace, run: Callable[[], RunningService]
) -> None:
    write_schedule(workspace, '[[job]]\nid = "send"\naction = "deliver"\nevery = "1s"\n')
    workspace.config.write_text('output_dir = "first"\n')
    service = run()
    service.wait_until_it_says("deliver: ")
    workspace.config.write_text("")  # an editor begins to save
    service.wait_until_it_says_again("deliver: ", times=2)
    workspace.config.unlink()
    service.wait_until_it_says_again("deliver: ", times=2)
    assert not workspace.output.exists()
    database = 'database_url = "sqlite:///first/rscrawler.db"'
    workspace.config.write_text(f'output_dir = "second"\n{database}\n')
    service.process.send_signal(signal.SIGHUP)
    service.wait_until(lambda: (workspace.folder / "second").exists())
    service.stop()


def test_a_link_to_another_configuration_file_counts_for_no_run_before_a_reload(
    workspace: Workspace, run: Callable[[], RunningService]
) -> None:
    """As of releases with a link `current`: runs would write into another database."""
    write_schedule(workspace, '[[job]]\nid = "send"\naction = "deliver"\nevery = "1s"\n')
    for name in ("first", "second"):
        (workspace.folder / name).mkdir()
        (workspace.folder / name / "rscrawler.toml").write_text('output_dir = "out"\n')
    workspace.config.symlink_to("first/rscrawler.toml")
    service = run()
    service.wait_until_it_says("deliver: ")
    workspace.config.unlink()
    workspace.config.symlink_to("second/rscrawler.toml")
    service.wait_until_it_says_again("deliver: ", times=3)
    assert (workspace.folder / "first" / "out").exists()
    assert not (workspace.folder / "second" / "out").exists()
    service.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly(
    quiet: Workspace, run: Callable[[], RunningService], number: signal.Signals
) -> None:
    service = run()
    service.wait_until_it_says("service started")
    service.process.send_signal(number)
    assert service.process.wait().status == 0
    assert service.says("service stopped")
    assert not service.says("Traceback")


def test_with_verbose_it_logs_each_run_and_what_the_run_logged(
    workspace: Workspace, run: Callable[..., RunningService]
) -> None:
    workspace.write_config("http://127.0.0.1:1", "[crawl]\nretries = 0")
    write_schedule(workspace, QUICK)
    service = run("--verbose")
    service.wait_until_it_says("INFO    service started, jobs: quick")
    service.wait_until_it_says("INFO    job quick: ")
    service.stop()


def test_schedules_are_shown_for_people_and_for_machines(quiet: Workspace) -> None:
    (job,) = quiet.run("schedules", "--json", *SCHEDULES).json["jobs"]
    assert job == {
        "id": "never",
        "action": "crawl",
        "sites": ["responsiblestatecraft"],
        "when": "cron 0 0 29 2 * (UTC)",
        "enabled": True,
        "next_fire_at": job["next_fire_at"],
        "last_fired_at": None,
        "last_outcome": None,
        "file": str(quiet.folder / "schedules" / "responsiblestatecraft.toml"),
    }
    assert job["next_fire_at"].endswith("-02-29T00:00:00Z")
    shown = quiet.run("schedules", *SCHEDULES)
    assert (shown.status, "never" in shown.stdout) == (0, True)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="children die with the service on Linux")
def test_the_service_outlives_what_goes_wrong_and_loses_no_article(
    workspace: Workspace, run: Callable[[], RunningService]
) -> None:
    def problems() -> list[Any]:
        status = json.loads(workspace.run("status", "--json").stdout)
        found: list[Any] = status["sites"]["responsiblestatecraft"]["problems"]
        return [problem["code"] for problem in found]

    with SampleSite(stories=8) as site:
        workspace.write_config(site.base_url, "[crawl]\nretries = 0")
        write_schedule(workspace, QUICK)
        service = run()
        service.wait_until_it_says("cycle responsiblestatecraft: ")

        site.publish()
        site.fail("/", Fault.HANG)
        service.wait_until_it_says("ended after its time limit of 10s")
        wait_until(lambda: problems() == ["overdue"])
        site.heal()
        service.wait_until_it_says_again("cycle responsiblestatecraft: ")
        wait_until(lambda: problems() == [])

        site.publish()
        site.fail("/", Fault.SERVER_ERROR)
        service.wait_until_it_says("unreachable")
        site.heal()

        site.publish()
        service.kill_a_crawl()

        site.publish()
        wait_until(lambda: bool(service.crawls()))
        children = service.crawls()
        service.kill()
        wait_until(lambda: all(has_ended(pid) for pid in children))

        service = run()
        expected = {story.slug for story in site.stories}
        wait_until(lambda: len(list(read_records(workspace.output))) >= len(expected))
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait().status == 0
        recorded = [record["url"] for record in workspace.records()]
        assert len(recorded) == len(set(recorded)) == len(expected)
