"""A cycle that could not record what it read says why, by the name of the fault."""

from __future__ import annotations

import pytest

from rscrawler.errors import StoreError
from rscrawler.monitoring.cycle import judge
from rscrawler.scheduling.runs import judge_run
from rscrawler.store.database import FullDisk
from rscrawler.store.health import ProblemCode
from tests.scheduling.services import MINUTE, crawled, scheduled


@pytest.mark.parametrize(
    ("write_error", "code"),
    [
        (FullDisk("database or disk is full"), ProblemCode.DISK_FULL),
        (StoreError("database is locked"), ProblemCode.OVERDUE),
    ],
)
def test_only_a_full_disk_is_called_one(write_error: StoreError, code: ProblemCode) -> None:
    outcome = judge({"rscrawler/unrecorded": 1}, "shutdown", write_error=write_error)
    assert outcome.problems == {code: f"not everything could be recorded: {write_error}"}
    assert not outcome.succeeded


def test_a_site_that_could_not_be_recorded_is_not_done_with() -> None:
    locked = {"code": "overdue", "message": "not everything could be recorded: locked"}
    outcome = judge_run(scheduled(), crawled(status=1, problems=[locked]), MINUTE)
    assert outcome.finished == ()
