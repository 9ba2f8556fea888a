"""The workflow for whoever forks the project, its issue forms, and the version."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

import rscrawler

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHONS = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if ":: 3." in line]


def read(path: str) -> dict[Any, Any]:
    values: dict[Any, Any] = yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))
    return values


JOBS: dict[str, Any] = read(".github/workflows/ci.yml")["jobs"]
COMMANDS = [step["run"] for job in JOBS.values() for step in job["steps"] if "run" in step]


def test_every_target_that_is_called_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    called = set(re.findall(r"^make ([a-z-]+)", "\n".join(COMMANDS), re.M))
    assert called == {"lint", "docs", "test", "dist", "dist-test"}
    assert called <= targets


def test_every_step_does_something_and_every_action_has_a_version() -> None:
    for job in JOBS.values():
        for step in job["steps"]:
            assert "run" in step or re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"])


def test_it_runs_on_every_python_that_the_package_names() -> None:
    assert JOBS["test"]["strategy"]["matrix"]["python"] == PYTHONS


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "docs/start.md", "docs/setup.md", "Makefile"]
)
def test_a_page_names_the_oldest_and_the_newest_python_of_the_package(page: str) -> None:
    assert f"Python {PYTHONS[0]} to {PYTHONS[-1]}" in (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("has_environment", [True, False])
def test_make_asks_the_python_that_it_will_use_for_its_version(
    tmp_path: Path, *, has_environment: bool
) -> None:
    for name in ("requirements.runtime.lock", "pyproject.toml", ".venv/bin/python"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".venv/bin/python").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / ".venv/bin/python").chmod(0o755 if has_environment else 0o600)
    make = ["make", "-f", str(ROOT / "Makefile"), "PYTHON=false", "install"]
    ended = subprocess.run(make, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ("Python 3.11 to 3.14 is needed, not false" in ended.stdout) is not has_environment
    assert (ended.returncode == 0) is has_environment


def test_the_files_that_it_builds_are_there() -> None:
    named = re.findall(r"--file (\S+)", "\n".join(COMMANDS))
    assert named
    assert all((ROOT / name).exists() for name in named)


FORMS = sorted(path.name for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*-*.yml"))


@pytest.mark.parametrize("form", [*FORMS, "fault.yml"])
def test_an_issue_form_asks_by_name(form: str) -> None:
    values = read(f".github/ISSUE_TEMPLATE/{form}")
    assert values["name"]
    assert values["description"]
    ids = [each["id"] for each in values["body"]]
    assert len(ids) == len(set(ids)) > 0


def test_the_version_is_one_and_in_the_changelog() -> None:
    assert PROJECT["version"] == rscrawler.__version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {rscrawler.__version__}" in changelog
