"""`rscrawler deliver`: what is due goes out, whatever else is wrong."""

from __future__ import annotations

from contextlib import closing

from rscrawler.clock import utc_now
from rscrawler.config import load_config
from rscrawler.errors import StoreError
from rscrawler.monitoring.direct import report_store_failure
from rscrawler.store import Store
from tests.delivery.helpers import an_article, record
from tests.delivery.mailbox import Mailbox, serving
from tests.sample_site import SampleSite
from tests.workspace import Workspace, taken_port

WITH_SPACE = """
import shutil
from types import SimpleNamespace

shutil.disk_usage = lambda folder: SimpleNamespace(free={free})
"""


def email_to(mailbox: Mailbox) -> str:
    """The configuration of alerts by mail."""
    return (
        '[alerts.email]\nhost = "127.0.0.1"\nsecurity = "none"\nsender = "m@example.org"\n'
        f'port = {mailbox.port}\nrecipients = ["desk@example.org"]\n'
    )


def test_a_wrong_watch_list_does_not_hold_up_an_alert(workspace: Workspace) -> None:
    topics = workspace.folder / "topics"
    topics.mkdir()
    (topics / "central-asia.toml").write_text("title = = 1\n")
    with serving(Mailbox()) as mailbox:
        workspace.config.write_text(f'topics_dir = "topics"\n{email_to(mailbox)}')
        with closing(Store.open(f"sqlite:///{workspace.output / 'rscrawler.db'}")) as store:
            record(store, an_article(1), "email")
        result = workspace.run("deliver", "--json")
        assert (result.status, result.json["delivered"]) == (0, 1)
        assert len(mailbox.received) == 1


def test_what_was_refused_goes_out_when_it_is_asked_for_again(workspace: Workspace) -> None:
    with serving(Mailbox(refuse={"desk@example.org": "550 nobody"})) as mailbox:
        workspace.config.write_text(email_to(mailbox))
        with closing(Store.open(f"sqlite:///{workspace.output / 'rscrawler.db'}")) as store:
            record(store, an_article(1), "email")
        assert workspace.run("deliver").status == 1
        mailbox.refuse.clear()
        assert workspace.run("deliver", "--json").json["delivered"] == 0
        again = workspace.run("deliver", "--retry-failed", "--json")
        assert (again.status, again.json["delivered"]) == (0, 1)
        assert len(mailbox.received) == 1


def test_with_quiet_for_cron_a_problem_that_lasts_is_printed_once(workspace: Workspace) -> None:
    with (
        serving(Mailbox(refuse={"desk@example.org": "550 nobody"})) as mailbox,
        taken_port() as port,
    ):
        workspace.write_config(f"http://127.0.0.1:{port}", email_to(mailbox))
        with closing(Store.open(f"sqlite:///{workspace.output / 'rscrawler.db'}")) as store:
            record(store, an_article(1), "email")
        commands = ["deliver", "crawl"]
        first, again = (
            [workspace.run(command, "--quiet") for command in commands] for _ in range(2)
        )
    refused = "rscrawler: email: desk@example.org: 550 nobody\n"
    down = "rscrawler: responsiblestatecraft: unreachable: the robots.txt of "
    assert first[0].stderr == refused
    assert first[1].stderr.startswith(down)
    assert first[1].stderr.count("\n") == 1
    assert [result.stdout + result.stderr for result in again] == ["", ""]
    assert [result.status for result in first + again] == [1] * 4


def test_with_quiet_nothing_is_printed_of_what_is_tried_again(workspace: Workspace) -> None:
    with (
        serving(Mailbox(refuse={"desk@example.org": "451 later"})) as mailbox,
        SampleSite(stories=1) as site,
    ):
        workspace.write_config(site.base_url, email_to(mailbox))
        with closing(Store.open(f"sqlite:///{workspace.output / 'rscrawler.db'}")) as store:
            record(store, an_article(1), "email")
        put_off = workspace.run("deliver", "--quiet")
        workspace.run("crawl")
        articles = workspace.output / "articles"
        articles.rename(articles.with_name("away"))
        articles.touch()  # a folder that cannot be written
        first, again = (workspace.run("crawl", "--quiet") for _ in range(2))
    assert (put_off.status, put_off.stdout + put_off.stderr) == (1, "")
    assert first.stderr.count("cannot be written") == 1
    assert (again.status, again.stdout + again.stderr) == (1, "")


def test_with_quiet_a_store_that_fails_is_printed_until_the_operators_know(
    workspace: Workspace,
) -> None:
    with serving(Mailbox()) as mailbox, taken_port() as port:
        workspace.config.write_text(
            f'database_url = "postgresql+psycopg://x@127.0.0.1:{port}/x"\n'
            f"{email_to(mailbox)}"
            '[alerts.ops]\nrecipients = ["ops@example.org"]\n'
        )
        first, *later = (
            workspace.run(command, "--quiet") for command in ("deliver", "deliver", "crawl")
        )
        assert "connection failed" in workspace.run("deliver", "--quiet", "--json").json["error"]
        assert mailbox.only().mail["Subject"] == "Problem: the database fails"
    assert first.stderr.count("connection failed") == 1
    assert [result.stdout + result.stderr for result in later] == ["", ""]
    assert [result.status for result in (first, *later)] == [1] * 3


def test_a_store_that_failed_is_not_said_to_work_again_while_its_disk_is_full(
    workspace: Workspace,
) -> None:
    def deliver(free: int) -> int:
        return workspace.start("deliver", before=WITH_SPACE.format(free=free)).wait().status

    with serving(Mailbox()) as mailbox:
        workspace.config.write_text(
            f'{email_to(mailbox)}[alerts.ops]\nrecipients = ["ops@example.org"]\n'
        )
        report_store_failure(load_config(workspace.config), StoreError("full"), utc_now())
        assert deliver(free=0) == 0  # what it writes is small enough
        subjects = [str(each.mail["Subject"]) for each in mailbox.received]
        assert subjects == ["Problem: the database fails", "Problem: disk: disk-full"]
        assert deliver(free=2**40) == 0
        subjects = [str(each.mail["Subject"]) for each in mailbox.received][2:]
        assert sorted(subjects) == ["Over: disk: disk-full", "Over: the database fails"]
