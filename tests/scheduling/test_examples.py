"""The examples and the page about schedules are right."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from rscrawler.cli import load_command
from rscrawler.config import Config
from rscrawler.schedules import Job, load_schedules
from rscrawler.schedules.adaptive import Adaptive
from rscrawler.schedules.triggers import cron_trigger

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
DOCS = ROOT / "docs" / "schedules.md"


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(EXAMPLES / "systemd" / name)
    return parser


def options_of(command: str) -> set[str]:
    return {option for each in load_command(command).params for option in each.opts}


def assert_is_a_command(line: str) -> None:
    """`…/rscrawler COMMAND --options`, as the command line knows it."""
    program, command, *arguments = line.split()
    assert program.endswith("rscrawler")
    assert set(arguments) <= options_of(command)


def test_the_crontab_has_times_and_commands_that_exist() -> None:
    lines = [
        line
        for line in (EXAMPLES / "crontab").read_text().splitlines()
        if line and not re.match(r"#|\w+=", line)
    ]
    assert len(lines) == 2
    for line in lines:
        *fields, command = line.split(None, 5)
        cron_trigger(" ".join(fields), "UTC")
        assert_is_a_command(command.partition(">")[0])


@pytest.mark.parametrize("name", ["rscrawler.service", "rscrawler-crawl.service"])
def test_a_systemd_service_starts_a_command_that_exists(name: str) -> None:
    service = unit(name)["Service"]
    assert_is_a_command(service["ExecStart"])
    assert service["User"] == "rscrawler"


def test_the_systemd_service_leaves_its_children_to_itself() -> None:
    service = unit("rscrawler.service")["Service"]
    assert service["KillMode"] == "mixed"
    assert int(service["TimeoutStopSec"]) > 35


def test_the_systemd_service_does_not_stay_away_whoever_ended_it() -> None:
    service = unit("rscrawler.service")["Service"]
    assert service["Restart"] == "always"
    assert service["RestartPreventExitStatus"] == "2"
    assert service["OOMPolicy"] == "continue"


def test_the_timer_belongs_to_the_service_of_its_name() -> None:
    assert unit("rscrawler-crawl.timer")["Timer"]["OnCalendar"] == "*:0/20"
    assert (EXAMPLES / "systemd" / "rscrawler-crawl.service").is_file()


def test_the_compose_file_builds_the_image_and_checks_health() -> None:
    services: dict[str, Any] = yaml.safe_load((EXAMPLES / "compose.yaml").read_text())["services"]
    build = services["rscrawler"]["build"]
    assert (EXAMPLES / build["context"] / build["dockerfile"]).is_file()
    assert all("healthcheck" in service for service in services.values())
    _, *command = services["rscrawler"]["healthcheck"]["test"]
    assert_is_a_command(" ".join(command))


def test_every_key_of_a_schedule_is_explained() -> None:
    keys = {*Job.model_fields, *Adaptive.model_fields}
    page = DOCS.read_text(encoding="utf-8")
    assert [key for key in sorted(keys) if not re.search(rf"`[^`\n]*\b{key}\b", page)] == []


def test_the_jobs_on_the_page_are_valid(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.S)
    (tmp_path / "jobs.toml").write_text(text, encoding="utf-8")
    jobs = load_schedules(Config(), tmp_path)
    assert [job.id for job in jobs] == ["rs-sections", "rs-everything", "morning-digest"]
