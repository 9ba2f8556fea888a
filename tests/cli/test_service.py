"""What the service reads when it is told to read its files again."""

from __future__ import annotations

from pathlib import Path

import pytest

from rscrawler.cli.service import _Loader
from rscrawler.errors import ConfigurationError


def test_a_file_that_was_cut_off_while_it_was_saved_is_not_taken_for_the_defaults(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rscrawler.toml"
    path.write_text('contact = "desk@example.org"\n')
    load = _Loader(path, None)
    assert load()[0].contact == "desk@example.org"
    path.write_text("# contact\n")
    with pytest.raises(ConfigurationError, match=r"rscrawler\.toml: has no key any more"):
        load()
    path.write_text('contact = "other@example.org"\n')
    assert load()[0].contact == "other@example.org"


def test_a_file_that_never_had_a_key_means_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "rscrawler.toml"
    path.write_text("")
    load = _Loader(path, None)
    assert load()[0].contact == load()[0].contact


def test_a_worker_does_not_become_a_service_when_it_reads_that_there_are_no_workers(
    tmp_path: Path,
) -> None:
    path, address = tmp_path / "rscrawler.toml", "postgresql+psycopg://localhost/x"
    path.write_text(f'database_url = "{address}"\n[scheduling]\nexecutor = "workers"\n')
    load = _Loader(path, None, for_worker=True)
    assert load()[0].uses_workers
    path.write_text(f'database_url = "{address}"\n')
    with pytest.raises(ConfigurationError, match="is 'process', which has no workers"):
        load()
