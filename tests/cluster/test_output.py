"""The files are one writer's, whichever machine it is on; workers write none."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from rscrawler.delivery import jsonl
from rscrawler.delivery.jsonl import deliver_jsonl
from rscrawler.errors import OutputError
from rscrawler.store import Store
from tests.cluster.sites import TinySites
from tests.delivery.helpers import a_config, an_article, record, record_ids
from tests.workspace import Workspace

ELSEWHERE = "another-machine/17/4711"


def test_a_process_of_another_machine_that_writes_is_waited_for(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: sum(slept), sleep=slept.append)
    monkeypatch.setattr(jsonl, "time", clock)
    record(store, an_article(1))
    store.leases.acquire(jsonl.WRITER, ELSEWHERE, datetime.now(UTC))
    with pytest.raises(OutputError, match="process 17 on another-machine writes the output"):
        deliver_jsonl(a_config(tmp_path), store)
    assert len(slept) <= sum(slept)  # the database is asked once a second at most
    store.leases.release(jsonl.WRITER, ELSEWHERE)
    assert deliver_jsonl(a_config(tmp_path), store) == 2
    assert store.leases.holder(jsonl.WRITER) is None


def test_each_of_two_folders_that_take_turns_holds_a_line_once(
    store: Store, tmp_path: Path
) -> None:
    articles = []
    for number, folder in enumerate(("a", "b", "a", "b"), start=1):
        articles.append(record(store, an_article(number)).record_id)
        deliver_jsonl(a_config(tmp_path / folder), store)
        found = record_ids(tmp_path / folder / "articles" / "2026-11-24.jsonl")
        assert sorted(found) == sorted(articles)


def test_a_crawl_with_workers_records_and_leaves_the_files_to_the_service(
    postgresql_database: str, workspace: Workspace
) -> None:
    url = "postgresql+psycopg" + postgresql_database[postgresql_database.index("://") :]
    with TinySites(1) as served:
        workspace.config.write_text(
            f'database_url = "{url}"\n[scheduling]\nexecutor = "workers"\n'
            f'[sites.rferl]\nbase_url = "http://{next(iter(served.sites))}"\ndownload_delay = 0\n'
            'sources = [{kind = "feed", path = "/feed/", page_parameter = ""}]\n'
            '[sites.rferl.links]\narticle = ["^/."]\nnot_article = []\n'
            '[sites.rferl.markup]\ncontainer = ["article"]\nbody = [".body"]\n'
        )
        report = workspace.crawl("rferl")
    assert (report["articles_new"], report["delivered"]) == (2, 0)
    assert not (workspace.output / "articles").exists()
    workspace.run("deliver", "--json")
    assert len(workspace.records()) == 2
