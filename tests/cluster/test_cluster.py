"""Services, workers and the database die; nothing is lost, doubled, or asked too fast."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cluster.cluster import run_cluster


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.1 is the only loopback host")
def test_nothing_is_lost_doubled_or_impolite_while_machines_die(tmp_path: Path) -> None:
    figures = run_cluster(tmp_path, sites=12, seconds=50, kills=8, every="15s")
    print(figures)
    assert figures.published_meanwhile > 0
    assert figures.worker_kills > 0
    assert figures.service_kills > 0
    assert figures.database_restarts == 1
    assert (figures.lost, figures.recorded_twice) == (0, 0)
    assert (figures.not_mailed, figures.mailed_under_two_ids) == (0, 0)
    assert (figures.crawls_of_a_host_at_once, figures.requests_too_early) == (0, 0)
    assert figures.runs_left_open == 0
