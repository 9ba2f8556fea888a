"""A disk without room: one line, the operators told once, and everything made up for later."""

from __future__ import annotations

import os
import resource
import subprocess

from rscrawler.demo.mailbox import Mailbox
from rscrawler.demo.site import SampleSite
from tests.crawl.test_recovery import EMAIL
from tests.workspace import PROGRAM, Workspace

ROOM_BYTES = 600_000  # that a file may have: the database wants more


def without_room(workspace: Workspace, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command that can write no large file."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM_BYTES, ROOM_BYTES))

    return subprocess.run(
        [*PROGRAM, *arguments],
        cwd=workspace.folder,
        env=os.environ.copy(),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
    )


def test_a_crawl_without_room_says_so_in_a_line_and_is_made_up_for(
    workspace: Workspace, mailbox: Mailbox
) -> None:
    def subjects() -> list[str]:
        return [str(mail["Subject"]) for mail in mailbox.messages()]

    with SampleSite(stories=60) as site:
        workspace.write_config(site.base_url, EMAIL.format(port=mailbox.port))
        for _ in range(2):
            failed = without_room(workspace, "crawl")
            assert failed.returncode == 1
            logged, said = failed.stderr.splitlines()
            for line in (logged, said):
                assert "rscrawler.db: cannot be written (" in line
                assert "make room on its disk; nothing is lost" in line
        assert workspace.run("status").status == 1
        assert subjects().count("Problem: the store fails") <= 1
        assert len(set(subjects())) == len(subjects())
        assert workspace.run("crawl").status == 0
    assert len({record["article_id"] for record in workspace.records()}) == 60
    assert len(workspace.records()) == 60
    assert workspace.run("status").status == 0
    for start in [each for each in subjects() if each.startswith("Problem")]:
        assert subjects().count(start.replace("Problem", "Over")) == 1
