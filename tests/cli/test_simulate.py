"""`rscrawler simulate`: a history replayed under each schedule."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rscrawler.cli.simulate import simulate_command, stored_history
from rscrawler.errors import ConfigurationError
from rscrawler.store import Store
from tests.delivery.helpers import NOW, a_piece, record
from tests.workspace import Workspace

START = datetime(2026, 1, 5, tzinfo=UTC)


def write_csv(path: Path, days: int = 21) -> None:
    """Two sources, a piece each morning and each evening."""
    lines = [
        f"{(START + timedelta(days=day, hours=hour)).isoformat()},{source}"
        for day in range(days)
        for source, hour in (("morning", 9), ("evening [bold]", 19))
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_a_csv_is_replayed_under_every_schedule(workspace: Workspace) -> None:
    write_csv(workspace.folder / "history.csv")
    answer = workspace.run(
        "simulate", "history.csv", "--every", "1h", "--cron", "30 9 * * *",
        "--min", "10m", "--max", "12h", "--visits-per-day", "24", "--json",
    ).json  # fmt: skip
    assert answer["visits_per_day"] == 24
    rows = {(row["site"], row["schedule"]): row for row in answer["rows"]}
    assert {site for site, _ in rows} >= {"morning", "evening [bold]", "all sites"}
    hourly, daily = rows["morning", "every 1h"], rows["morning", "cron 30 9 * * *"]
    assert hourly["pieces"] == daily["pieces"] == 21
    assert daily["requests"] < 24 < hourly["requests"]
    # The first visit is at the first piece; each further one is found half an hour late.
    assert daily["median_minutes"] == pytest.approx(30)
    adaptive, fixed = rows["morning", "adaptive"], rows["morning", "fixed interval"]
    assert adaptive["requests"] == pytest.approx(fixed["requests"], rel=0.01)


def test_people_get_a_table_and_a_plot(workspace: Workspace) -> None:
    write_csv(workspace.folder / "history.csv", days=8)
    result = workspace.run("simulate", "history.csv", "--every", "20m")
    assert result.status == 0, result.stderr
    assert "48 visits a day and site; delays in minutes" in result.stdout
    assert "every 20m" in result.stdout
    assert "evening [bold]" in result.stdout
    assert "█" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"every": "soon"}, "--every: 'soon': allowed: "),
        ({"every": "0s"}, "--every: '0s': must be above zero"),
        ({"shortest": "7h"}, "--min, --max, --visits-per-day: "),
        ({"visits_per_day": 9999.0}, "--min, --max, --visits-per-day: "),
        ({"cron": "often"}, "--cron: "),
        ({"history": Path("absent.csv")}, "absent.csv: "),
        ({"history": Path("absent.csv"), "site": "x"}, "name one of them, not both"),
        ({"site": "nobody"}, "site 'nobody' is not known"),
    ],
)
def test_wrong_usage_is_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(named)):
        simulate_command(**options)


def test_wrong_usage_is_one_line_and_exit_status_2(workspace: Workspace) -> None:
    result = workspace.run("simulate", "--every", "soon")
    assert (result.status, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1


def test_a_stored_history_is_the_past_year_by_date_of_publication(store: Store) -> None:
    for number, days in enumerate((700, 30, 1)):
        record(store, a_piece(number, published_at=NOW - timedelta(days=days)))
    record(store, a_piece(9, site="elsewhere"))
    history = stored_history(store, "sample", NOW + timedelta(hours=1))
    assert history.moments == (NOW - timedelta(days=30), NOW - timedelta(days=1))
    assert (history.start, history.end) == (history.moments[0], NOW + timedelta(hours=1))


def test_a_site_with_too_few_pieces_is_refused(store: Store) -> None:
    record(store, a_piece(1))
    with pytest.raises(ConfigurationError, match="fewer than two pieces"):
        stored_history(store, "sample", NOW + timedelta(hours=1))
