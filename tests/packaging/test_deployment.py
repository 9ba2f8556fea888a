"""The files by which it is installed and run: image, compose files, systemd units, locks."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
IN_LOCK = ("web", "parquet")
DOCKERFILE = (EXAMPLES / "Dockerfile").read_text(encoding="utf-8")


def pinned(lock: str) -> set[str]:
    return set(re.findall(r"^\S+==[^ \\;]+", (ROOT / lock).read_text(encoding="utf-8"), re.M))


def instructions() -> list[tuple[str, str]]:
    lines = re.sub(r"\\\n\s*|^#.*\n", "", DOCKERFILE, flags=re.M).splitlines()
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines) if name]


def test_the_dockerfile_is_good_style() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), "--no-color", EXAMPLES / "Dockerfile"],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_has_a_user_a_health_check_and_nothing_that_builds() -> None:
    steps = instructions()
    last = steps[max(at for at, step in enumerate(steps) if step[0] == "FROM") :]
    assert ("USER", "10001") in last
    assert ("VOLUME", "/data") in last
    assert any(name == "HEALTHCHECK" and '"rscrawler", "status"' in rest for name, rest in last)
    assert not any("pip" in rest for name, rest in last if name == "RUN")
    assert "--require-hashes" in DOCKERFILE


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    named = [
        source
        for name, rest in instructions()
        if name == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    ]
    kept = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert [name for name in named if not (ROOT / name).exists() or f"!{name}" not in kept] == []


def test_an_installation_pins_what_the_tests_ran_with() -> None:
    runtime = pinned("requirements.runtime.lock")
    assert runtime < pinned("requirements.lock")
    names = {line.partition("==")[0] for line in runtime}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    for requirement in (*project["dependencies"], *chain(*(extras[name] for name in IN_LOCK))):
        assert re.split(r"[\[<>=!~ ]", requirement)[0] in names


def test_an_installation_brings_time_zones_for_a_system_without_any() -> None:
    text = (ROOT / "requirements.runtime.lock").read_text(encoding="utf-8")
    assert re.search(r"^tzdata==\S+ \\$", text, re.MULTILINE)  # on every platform


@pytest.mark.parametrize("name", ["compose.yaml", "compose.cluster.yaml"])
def test_containers_of_compose_may_write_to_their_volumes_alone(name: str) -> None:
    values: dict[str, Any] = yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))
    ours = [each for each in values["services"].values() if "build" in each]
    assert ours
    for service in ours:
        assert service["read_only"]
        assert service["tmpfs"] == ["/tmp"]
        assert service["cap_drop"] == ["ALL"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    units = []
    for unit in sorted((EXAMPLES / "systemd").iterdir()):
        units.append(tmp_path / unit.name)
        # It checks that the program is there.
        text = unit.read_text(encoding="utf-8").replace("/opt/rscrawler/bin/rscrawler", "/bin/true")
        units[-1].write_text(text, encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
