"""`rscrawler deliver`: what is due goes out, whatever else is wrong."""

from __future__ import annotations

from contextlib import closing

from rscrawler.store import Store
from tests.delivery.helpers import an_article, record
from tests.delivery.mailbox import Mailbox, serving
from tests.workspace import Workspace


def test_a_wrong_watch_list_does_not_hold_up_an_alert(workspace: Workspace) -> None:
    topics = workspace.folder / "topics"
    topics.mkdir()
    (topics / "central-asia.toml").write_text("title = = 1\n")
    with serving(Mailbox()) as mailbox:
        workspace.config.write_text(
            'topics_dir = "topics"\n[alerts.email]\nhost = "127.0.0.1"\nsecurity = "none"\n'
            f'port = {mailbox.port}\nsender = "m@example.org"\nrecipients = ["desk@example.org"]\n'
        )
        with closing(Store.open(f"sqlite:///{workspace.output / 'rscrawler.db'}")) as store:
            record(store, an_article(1), "email")
        result = workspace.run("deliver", "--json")
        assert (result.status, result.json["delivered"]) == (0, 1)
        assert len(mailbox.received) == 1
