"""The compose file of a cluster is what the page says, and its files are right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from rscrawler.cli import load_command
from rscrawler.config import load_config

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


@pytest.fixture
def services() -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load((EXAMPLES / "compose.cluster.yaml").read_text())
    found: dict[str, Any] = values["services"]
    return found


def test_it_has_two_services_three_workers_postgresql_and_prometheus(
    services: dict[str, Any],
) -> None:
    commands = {name: each.get("command", [""])[0] for name, each in services.items()}
    assert [name for name, command in commands.items() if command == "run"] == [
        "service-1",
        "service-2",
    ]
    assert services["worker"]["deploy"]["replicas"] == 3
    assert {"database", "prometheus"} <= services.keys()


def test_its_commands_exist(services: dict[str, Any]) -> None:
    for service in services.values():
        if "command" in service:
            command, *arguments = service["command"]
            options = {option for each in load_command(command).params for option in each.opts}
            assert {word for word in arguments if word.startswith("--")} <= options


def test_only_the_services_and_the_dashboard_have_the_output(services: dict[str, Any]) -> None:
    having = [name for name, each in services.items() if "output:/data" in each.get("volumes", [])]
    assert having == ["service-1", "service-2", "dashboard"]


def test_the_files_that_it_mounts_are_there(services: dict[str, Any]) -> None:
    mounted = re.findall(r"'\./([^:']+):", str(services))
    assert mounted
    assert [name for name in mounted if not (EXAMPLES / name).exists()] == []


def test_its_configuration_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "RSCRAWLER_DATABASE_URL", "postgresql+psycopg://rscrawler:x@database/rscrawler"
    )
    assert load_config(EXAMPLES / "cluster" / "rscrawler.toml").uses_workers
