"""The JSONL files hold each version once, whatever happens to them."""

from __future__ import annotations

import errno
import gzip
import json
import os
import tempfile
from collections.abc import Callable
from datetime import timedelta
from io import FileIO
from pathlib import Path
from stat import S_ISDIR
from typing import Any

import pytest

from rscrawler.delivery import jsonl
from rscrawler.delivery.jsonl import deliver_jsonl, replace_file
from rscrawler.delivery.records import line_of
from rscrawler.errors import OutputError
from rscrawler.store import Store
from tests.delivery.helpers import (
    HOSTILE_TITLES,
    NOW,
    a_config,
    an_article,
    lines_of,
    on_sqlite,
    record,
    record_all,
    record_ids,
)
from tests.workspace import Program, Script

FILE = "articles/2026-11-24.jsonl"


@on_sqlite
def test_each_version_is_a_line_of_its_day_in_both_files(store: Store, tmp_path: Path) -> None:
    first = record(store, an_article(1))
    second = record(store, an_article(2), at=NOW + timedelta(days=1))
    assert deliver_jsonl(a_config(tmp_path), store) == 4
    for folder in ("articles", "flagged"):
        assert lines_of(tmp_path / folder / "2026-11-24.jsonl") == [first.to_record()]
        assert lines_of(tmp_path / folder / "2026-11-25.jsonl") == [second.to_record()]


@on_sqlite
def test_a_second_delivery_writes_nothing(store: Store, tmp_path: Path) -> None:
    record(store, an_article(1))
    deliver_jsonl(a_config(tmp_path), store)
    assert deliver_jsonl(a_config(tmp_path), store) == 0
    assert len(lines_of(tmp_path / FILE)) == 1


def test_more_lines_than_a_batch_are_written_in_order(store: Store, tmp_path: Path) -> None:
    count = jsonl.LINES_PER_BATCH + 20
    record_all(store, (an_article(number, body="short") for number in range(count)))
    deliver_jsonl(a_config(tmp_path), store)
    assert record_ids(tmp_path / FILE) == [an_article(number).record_id for number in range(count)]


@on_sqlite
@pytest.mark.parametrize("title", HOSTILE_TITLES.values(), ids=HOSTILE_TITLES)
def test_whatever_a_title_holds_makes_one_line(store: Store, tmp_path: Path, title: str) -> None:
    record(store, an_article(1, title=title))
    deliver_jsonl(a_config(tmp_path), store)
    data = (tmp_path / FILE).read_bytes()
    assert data.count(b"\n") == 1
    assert len(data.decode().splitlines()) == 1
    assert json.loads(data)["title"] == title


def test_a_lone_surrogate_becomes_its_escape() -> None:
    line = line_of('{"title": "\ud800"}')
    assert line == b'{"title": "\\ud800"}\n'
    assert json.loads(line) == {"title": "\ud800"}


# A file that is not as it was left.


@on_sqlite
@pytest.mark.parametrize(
    "rest", [b'{"schema": "rscrawler.article/1", "record_id": "00', b"\0" * 4096 + b"\n{}\n"]
)
def test_a_torn_line_or_rubbish_behind_the_committed_end_is_cut_off(
    store: Store, tmp_path: Path, rest: bytes
) -> None:
    record(store, an_article(1))
    deliver_jsonl(a_config(tmp_path), store)
    with (tmp_path / FILE).open("ab") as stream:
        stream.write(rest)
    record(store, an_article(2))
    deliver_jsonl(a_config(tmp_path), store)
    assert record_ids(tmp_path / FILE) == [an_article(1).record_id, an_article(2).record_id]


def test_what_was_written_but_not_committed_is_not_written_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(store, an_article(1))
    record(store, an_article(2))

    def crash(*_: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store.outbox, "commit_lines", crash)
        with pytest.raises(KeyboardInterrupt):
            deliver_jsonl(a_config(tmp_path), store)
    assert len(lines_of(tmp_path / FILE)) == 2
    record(store, an_article(3))
    deliver_jsonl(a_config(tmp_path), store)
    assert record_ids(tmp_path / FILE) == [an_article(n).record_id for n in (1, 2, 3)]


@on_sqlite
def test_a_file_that_was_deleted_is_written_again(store: Store, tmp_path: Path) -> None:
    for number in (1, 2):
        record(store, an_article(number))
    deliver_jsonl(a_config(tmp_path), store)
    (tmp_path / FILE).unlink()
    record(store, an_article(3))
    deliver_jsonl(a_config(tmp_path), store)
    assert record_ids(tmp_path / FILE) == [an_article(n).record_id for n in (1, 2, 3)]


@on_sqlite
def test_lines_that_were_cut_off_a_file_are_written_again(store: Store, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        record(store, an_article(number))
    deliver_jsonl(a_config(tmp_path), store)
    data = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(data[: len(data) // 2])
    record(store, an_article(4))
    deliver_jsonl(a_config(tmp_path), store)
    assert sorted(record_ids(tmp_path / FILE)) == [an_article(n).record_id for n in (1, 2, 3, 4)]


@on_sqlite
@pytest.mark.parametrize("is_deleted", [True, False])
def test_a_file_of_today_is_mended_though_nothing_new_has_come(
    store: Store, tmp_path: Path, is_deleted: bool
) -> None:
    config, path = a_config(tmp_path), tmp_path / FILE
    for number in (1, 2):
        record(store, an_article(number))
    deliver_jsonl(config, store, NOW.date())
    whole = path.read_bytes()
    if is_deleted:
        path.unlink()
    else:
        os.truncate(path, len(whole) // 2 + 7)
    tomorrow = NOW.date() + timedelta(days=1)
    assert deliver_jsonl(config, store, tomorrow) == 0  # a file of an earlier day is the user's
    assert deliver_jsonl(config, store, NOW.date()) == (2 if is_deleted else 1)
    assert path.read_bytes() == whole
    assert deliver_jsonl(config, store, NOW.date()) == 0


@on_sqlite
@pytest.mark.parametrize("how", ["a line put in front", "longer lines", "a line moved to the end"])
def test_lines_that_somebody_made_longer_stay_whole_and_each_is_there_once(
    store: Store, tmp_path: Path, how: str
) -> None:
    path, articles = tmp_path / FILE, [an_article(number) for number in range(1, 6)]
    for article in articles[:3]:
        record(store, article)
    deliver_jsonl(a_config(tmp_path), store)
    first, *others = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(
        {
            "a line put in front": b'{"note": "read by the desk"}\n' + first + b"".join(others),
            "longer lines": b"".join([first, *others]).replace(b"https://", b"https://www."),
            "a line moved to the end": b"".join([*others, b'{"note": "2"}\n', first]),
        }[how]
    )
    for article in articles[3:]:
        record(store, article)
        deliver_jsonl(a_config(tmp_path), store)
    present = [line["record_id"] for line in lines_of(path) if "record_id" in line]
    assert sorted(present) == [article.record_id for article in articles]
    assert store.outbox.pending_line_count() == 0


@pytest.mark.parametrize("record_id", ["\\u0000", "\\ud800"])
def test_a_foreign_line_whose_id_no_database_takes_stops_no_delivery(
    store: Store, tmp_path: Path, record_id: str
) -> None:
    path, foreign = tmp_path / FILE, f'{{"record_id": "{record_id}"}}\n'
    record(store, an_article(1))
    deliver_jsonl(a_config(tmp_path), store)
    path.write_text(foreign + path.read_text())
    record(store, an_article(2))
    deliver_jsonl(a_config(tmp_path), store)
    assert path.read_text().startswith(foreign)
    assert record_ids(path)[1:] == [an_article(1).record_id, an_article(2).record_id]


@on_sqlite
def test_lines_of_a_file_that_was_compressed_are_not_written_again(
    store: Store, tmp_path: Path
) -> None:
    config, path = a_config(tmp_path), tmp_path / FILE
    for number in (1, 2):
        record(store, an_article(number))
    deliver_jsonl(config, store)
    record(store, an_article(3))
    Path(f"{path}.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    deliver_jsonl(config, store)
    assert record_ids(path) == [an_article(3).record_id]
    record(store, an_article(4))
    deliver_jsonl(config, store)
    assert record_ids(path) == [an_article(3).record_id, an_article(4).record_id]
    assert store.outbox.pending_line_count() == 0


@on_sqlite
def test_a_file_of_a_lost_database_is_kept_and_gone_on_with(store: Store, tmp_path: Path) -> None:
    known, new = an_article(1), an_article(2)
    foreign = b'{"record_id": "of-the-lost-database-1"}\n'
    (tmp_path / "articles").mkdir()
    (tmp_path / FILE).write_bytes(
        foreign + line_of(json.dumps(known.to_record())) + b'{"record_id": "to'
    )
    record(store, known)
    record(store, new)
    deliver_jsonl(a_config(tmp_path), store)
    assert (tmp_path / FILE).read_bytes().startswith(foreign)
    assert record_ids(tmp_path / FILE) == [
        "of-the-lost-database-1",
        known.record_id,
        new.record_id,
    ]
    assert store.outbox.pending_line_count() == 0


# A disk that does not take it.


@on_sqlite
def test_a_full_disk_stops_with_a_clear_error_and_loses_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(store, an_article(1))
    deliver_jsonl(a_config(tmp_path), store)
    record(store, an_article(2))
    write = os.pwrite

    def half_then_full(descriptor: int, data: memoryview, position: int) -> int:
        if len(data) < 200:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data[: len(data) // 2], position)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", half_then_full)
        with pytest.raises(OutputError, match="No space left on device; nothing is lost"):
            deliver_jsonl(a_config(tmp_path), store)
    assert record_ids(tmp_path / FILE) == [an_article(1).record_id]
    deliver_jsonl(a_config(tmp_path), store)
    assert record_ids(tmp_path / FILE) == [an_article(1).record_id, an_article(2).record_id]


@on_sqlite
@pytest.mark.parametrize("refusal", [errno.EINVAL, errno.ENOTSUP])
def test_lines_are_written_where_the_names_in_a_folder_cannot_be_synced(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    sync = os.fsync

    def only_files(descriptor: int) -> None:
        if S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(refusal, os.strerror(refusal))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", only_files)
    record(store, an_article(1))
    assert deliver_jsonl(a_config(tmp_path), store) == 2


def test_a_file_is_replaced_where_its_mode_cannot_be_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, mode: int) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted", str(path))

    monkeypatch.setattr(Path, "chmod", refuse)
    assert replace_file(tmp_path / "feed.atom", b"content")
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [b"content"]


@on_sqlite
def test_a_full_disk_shows_nothing_torn_to_who_follows_the_file(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`tail -F` prints all of a file again once it has seen it cut."""
    record(store, an_article(1))
    deliver_jsonl(a_config(tmp_path), store)
    record(store, an_article(2))
    written: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "TemporaryFile", lambda **_: FileIO("/dev/full", "w"))
        patch.setattr(os, "pwrite", lambda *_: written.append(1))
        with pytest.raises(OutputError, match="No space left on device; nothing is lost"):
            deliver_jsonl(a_config(tmp_path), store)
    assert not written
    deliver_jsonl(a_config(tmp_path), store)
    assert record_ids(tmp_path / FILE) == [an_article(1).record_id, an_article(2).record_id]


_LIMITED = """
import resource, sys
from pathlib import Path
from rscrawler.config import Config
from rscrawler.delivery.jsonl import deliver_jsonl
from rscrawler.errors import OutputError
from rscrawler.store import Store
store = Store.open(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    deliver_jsonl(Config(output_dir=Path(sys.argv[2])), store)
except OutputError as error:
    print(error)
"""


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_file_that_may_not_grow_keeps_only_whole_lines(
    store: Store, database_url: str, program: Program, tmp_path: Path
) -> None:
    record(store, an_article(1))
    output = tmp_path / "out"
    # The limit would stop SQLite's own files as well. One and a half lines fit.
    deliver_jsonl(a_config(output), store)
    size = (output / FILE).stat().st_size
    record(store, an_article(2))
    writer = Script(program, _LIMITED, database_url, str(output), str(size * 3 // 2))
    assert "File too large; nothing is lost" in writer.end()
    assert record_ids(output / FILE) == [an_article(1).record_id]
    deliver_jsonl(a_config(output), store)
    assert record_ids(output / FILE) == [an_article(1).record_id, an_article(2).record_id]


@on_sqlite
def test_a_folder_that_cannot_be_written_is_named(store: Store, tmp_path: Path) -> None:
    record(store, an_article(1))
    (tmp_path / "articles").write_text("a file where the folder should be")
    with pytest.raises(OutputError, match=r"articles.*cannot be written"):
        deliver_jsonl(a_config(tmp_path), store)
    assert store.outbox.pending_line_count() == 2


# More than one writer.


def test_a_writer_waits_for_another_and_says_when_it_waited_too_long(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(store, an_article(1))
    monkeypatch.setattr(jsonl, "LOCK_TIMEOUT_SECONDS", 0.05)
    with (
        jsonl.output_lock(tmp_path),
        pytest.raises(OutputError, match="another process has held it"),
    ):
        deliver_jsonl(a_config(tmp_path), store)
    assert deliver_jsonl(a_config(tmp_path), store) == 2


_WRITER = """
import sys
from pathlib import Path
from rscrawler.config import Config
from rscrawler.delivery.jsonl import deliver_jsonl
from rscrawler.store import Store
store = Store.open(sys.argv[1])
sys.stdin.readline()
print(deliver_jsonl(Config(output_dir=Path(sys.argv[2])), store))
"""


def test_two_processes_write_each_line_once(
    store: Store, database_url: str, program: Program, tmp_path: Path
) -> None:
    record_all(store, map(an_article, range(300)))
    writers = [Script(program, _WRITER, database_url, str(tmp_path)) for _ in range(2)]
    for writer in writers:
        writer.type("go")
    written = [int(writer.end()) for writer in writers]
    assert sum(written) == 600
    assert record_ids(tmp_path / FILE) == [an_article(number).record_id for number in range(300)]


def test_a_second_machine_that_came_late_changes_nothing(
    open_store: Callable[[], Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, elsewhere = open_store(), open_store()
    record(store, an_article(1))
    commit = store.outbox.commit_lines

    def after_the_other(*arguments: Any) -> bool:
        monkeypatch.undo()
        assert commit(*arguments)
        return elsewhere.outbox.commit_lines(*arguments)

    monkeypatch.setattr(store.outbox, "commit_lines", after_the_other)
    with pytest.raises(OutputError, match="only one machine may write"):
        deliver_jsonl(a_config(tmp_path), store)
    deliver_jsonl(a_config(tmp_path), store)
    assert len(lines_of(tmp_path / FILE)) == 1
