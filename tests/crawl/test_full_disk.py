"""A disk without room: one line, the operators told once, and everything made up for later."""

from __future__ import annotations

import pytest

from rscrawler.demo.server import Mailbox
from tests.crawl.test_recovery import EMAIL
from tests.sample_site import SampleSite
from tests.workspace import Workspace

WITHOUT_ROOM = """
import resource

resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))
"""


# The bytes that a file may have: the database wants more, before the first request or later.
@pytest.mark.parametrize("room", [350_000, 600_000])
def test_a_crawl_without_room_says_so_in_a_line_and_is_made_up_for(
    workspace: Workspace, mailbox: Mailbox, room: int
) -> None:
    def subjects() -> list[str]:
        return [str(mail["Subject"]) for mail in mailbox.messages()]

    with SampleSite(stories=60) as site:
        workspace.write_config(site.base_url, EMAIL.format(port=mailbox.port))
        for _ in range(2):
            failed = workspace.start("crawl", before=WITHOUT_ROOM.format(room=room)).wait()
            assert failed.status == 1
            logged, said = failed.stderr.splitlines()
            for line in (logged, said):
                assert "rscrawler.db: cannot be written (" in line
                assert "make room on its disk; nothing is lost" in line
        assert workspace.run("status").status == 1
        assert subjects().count("Problem: the database fails") <= 1
        assert len(set(subjects())) == len(subjects())
        assert workspace.run("crawl").status == 0
    assert len({record["article_id"] for record in workspace.records()}) == 60
    assert len(workspace.records()) == 60
    assert workspace.run("status").status == 0
    for start in [each for each in subjects() if each.startswith("Problem")]:
        assert subjects().count(start.replace("Problem", "Over")) == 1
