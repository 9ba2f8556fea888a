"""The page on alerts says what is true."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from rscrawler.config import AlertSettings
from rscrawler.delivery.webhook import signature_of

PAGE = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")


def samples(language: str) -> list[str]:
    """The samples of a language on the page."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_sample_that_checks_a_signature_does() -> None:
    (sample,) = samples("python")
    names: dict[str, Any] = {}
    exec(sample, names)
    is_genuine = names["is_genuine"]
    body = '{"title": "Қазақстан"}'.encode()
    assert is_genuine(body, signature_of(body, "key"), "key")
    assert not is_genuine(body + b" ", signature_of(body, "key"), "key")


@pytest.mark.parametrize("sample", samples("toml"))
def test_each_sample_of_configuration_is_accepted(sample: str) -> None:
    alerts = tomllib.loads(sample)["alerts"]
    if "ops" in alerts:
        alerts["email"] = {"host": "h", "sender": "a@b.c", "recipients": ["d@e.f"]}
    settings = AlertSettings.model_validate(alerts)
    assert settings != AlertSettings()


@pytest.mark.parametrize("name", [*AlertSettings.model_fields])
def test_every_setting_is_on_the_page(name: str) -> None:
    assert name in PAGE
