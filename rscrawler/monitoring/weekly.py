"""One mail a week that says how it goes: its absence is a sign as well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from rscrawler.config import Config, OpsSettings
from rscrawler.delivery.channel import Notice
from rscrawler.delivery.channels import message_channels
from rscrawler.delivery.ops import notices
from rscrawler.monitoring.status import PlannedJob, Status, read_status
from rscrawler.store import Store
from rscrawler.store.history import WEEKLY_KIND, Cycles

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Week:
    """What is told of a week; `sources` counts those that were asked in it."""

    since: datetime
    sources: int
    cycles: Mapping[str, Cycles]
    status: Status


def compose_weekly(config: Config, store: Store, now: datetime, jobs: Iterable[PlannedJob]) -> bool:
    """Write the weekly mail if a week has passed since the last one, or since the first cycle.

    It goes to the operators, or to those who get the alerts if there are none, with the
    next delivery. Gives whether it was written.
    """
    since = store.history.last_weekly_at() or store.history.first_run_at()
    if since is None or now - since < WEEK:
        return False
    week = Week(
        since=since,
        sources=sum(
            state.asked_at is not None and state.asked_at >= since
            for name in store.health.crawled_sites()
            for state in store.discovery.sources(name).values()
        ),
        cycles=store.history.cycles_since(since),
        status=read_status(config, store, now, jobs),
    )
    subject, text = in_words(week)
    notice = Notice(subject, text, since.isoformat(), WEEKLY_KIND, now)
    messages = notices(message_channels(_addressed(config)), notice)
    return bool(messages) and store.history.record_weekly(messages)


def in_words(week: Week) -> tuple[str, str]:
    """Subject and text of the mail."""
    new = sum(cycles.counters.get("articles_new", 0) for cycles in week.cycles.values())
    problems = week.status.problems
    opening = "All well" if not problems else f"Not all well ({len(problems)})"
    lines = [f"Since {week.since:%Y-%m-%d %H:%M} UTC:", ""]
    for name, cycles in week.cycles.items():
        told = ", ".join(
            f"{cycles.counters.get(counter, 0)} {word}"
            for counter, word in (
                ("articles_new", "new"),
                ("articles_updated", "updated"),
                ("flagged", "flagged"),
            )
        )
        lines.append(f"{name}: {cycles.succeeded} of {cycles.count} cycles good, {told}")
    if not week.cycles:
        lines.append("There was no cycle.")
    if problems:
        lines += ["", "What is wrong:"]
        lines += [
            f"{each.subject}: {each.code} since {each.since:%Y-%m-%d %H:%M} UTC: {each.message}"
            for each in problems
        ]
    lines += [
        "",
        f"Deliveries: {week.status.outbox.pending} pending, {week.status.outbox.failed} failed.",
    ]
    return f"{opening}: {week.sources} sources checked, {new} new", "\n".join(lines)


def _addressed(config: Config) -> Config:
    """The configuration with somebody to tell: without operators, those who get the alerts."""
    alerts = config.alerts
    if alerts.ops.recipients or alerts.ops.channels or alerts.email is None:
        return config
    ops = OpsSettings(recipients=alerts.email.recipients)
    return config.model_copy(update={"alerts": alerts.model_copy(update={"ops": ops})})
