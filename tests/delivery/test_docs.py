"""The page on alerts says what is true."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from rscrawler.config.models import AlertSettings
from rscrawler.delivery import deliver
from rscrawler.delivery.webhook import signature_of
from rscrawler.store import Store
from tests.delivery.helpers import NOW, a_config, an_article, on_sqlite, record
from tests.delivery.listener import Listener

PAGE = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")


def samples(language: str) -> list[str]:
    """The samples of a language on the page."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@on_sqlite
def test_the_sample_of_a_receiver_takes_what_is_genuine_and_fresh(
    store: Store, listener: Listener, tmp_path: Path
) -> None:
    (sample,) = samples("python")
    names: dict[str, Any] = {}
    exec(sample, names)
    hook = {"url": f"http://127.0.0.1:{listener.port}/hook", "secret": "key"}
    record(store, an_article(1, title="Қазақстан"), "webhook:hook")
    deliver(a_config(tmp_path / "out", webhooks={"hook": hook}), store, now=NOW)
    (posted,) = listener.posted
    is_genuine, sent_at = names["is_genuine"], int(posted.headers["x-rscrawler-timestamp"])

    def is_taken(
        body: bytes = posted.body, timestamp: int = sent_at, secret: str = "key", late: int = 0
    ) -> bool:
        headers = posted.headers | {"x-rscrawler-timestamp": str(timestamp)}
        return bool(is_genuine(body, headers, secret, now=sent_at + late))

    assert is_taken()
    assert is_taken(late=299)
    assert not is_taken(late=301)
    assert not is_taken(late=301, timestamp=sent_at + 301)
    assert not is_taken(body=posted.body + b" ")
    assert not is_taken(secret="another")
    assert posted.headers["x-rscrawler-signature"] == signature_of(posted.body, "key")


@pytest.mark.parametrize("sample", samples("toml"))
def test_each_sample_of_configuration_is_accepted(sample: str) -> None:
    alerts = tomllib.loads(sample)["alerts"]
    if "ops" in alerts:
        alerts["email"] = {"host": "h", "sender": "a@b.c", "recipients": ["d@e.f"]}
    settings = AlertSettings.model_validate(alerts)
    assert settings != AlertSettings()
