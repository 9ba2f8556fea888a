"""What the operators hear: each problem once when it starts, once when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from rscrawler.config import Config
from rscrawler.decisions import CLOCK_TOLERANCE
from rscrawler.delivery.channel import Channels, Notice
from rscrawler.delivery.channels import message_channels
from rscrawler.delivery.wording import date_in_words, one_line
from rscrawler.store import Store
from rscrawler.store.health import Problem, ProblemCode
from rscrawler.store.outbox import NewMessage, Undelivered

OUTBOX_SUBJECT = "outbox"
OUTPUT_SUBJECT = "output"
FAILING_ATTEMPTS = 3
NextTries = Mapping[str, datetime]  # when each site is crawled next, as far as is known


def tell_ops(
    config: Config, store: Store, now: datetime, next_tries: NextTries | None = None
) -> int:
    """Compose a message for each problem that started or ended untold; gives their number.

    They are sent with the next round, whatever the hour. Without anybody to tell, a
    problem stays untold and its end is forgotten.
    """
    channels, told, next_tries = message_channels(config), 0, next_tries or {}
    for problem in store.health.problems():
        if problem.told_at is None:
            started = _started(config, channels, problem, next_tries, now)
            told += bool(started) and store.health.tell_start(problem, started, now)
    for problem in store.health.problems(ended=True):
        told += store.health.tell_end(problem, _ended(channels, problem, now))
    return told


def notices(channels: Channels, notice: Notice) -> list[NewMessage]:
    """A message to each channel of the operators."""
    return [message for each in channels.values() if (message := each.notice(notice))]


def judge_delivery(channels: Channels, store: Store, now: datetime) -> list[Undelivered]:
    """Raise or clear `delivery-failing`; gives the recipients who cannot be served."""
    undelivered = store.outbox.undelivered()
    failing = [each for each in undelivered if is_failing(channels, each)]
    if failing:
        first = failing[0]
        message = f"{first.channel}: {first.address}: {first.reason}"
        if len(failing) > 1:
            message += f" (and {len(failing) - 1} more)"
        store.health.raise_problem(OUTBOX_SUBJECT, ProblemCode.DELIVERY_FAILING, message, now)
    elif not any(
        each.last_error and is_addressed(channels, each.channel, each.address)
        for each in undelivered
    ):  # who is being tried again just now has not been reached yet
        store.health.clear_problem(OUTBOX_SUBJECT, ProblemCode.DELIVERY_FAILING)
    return failing


def judge_output(store: Store, problem: str | None, now: datetime) -> None:
    """Raise or clear that the output folder cannot be written."""
    if problem is None:
        store.health.clear_problem(OUTPUT_SUBJECT, ProblemCode.DELIVERY_FAILING)
    else:
        store.health.raise_problem(OUTPUT_SUBJECT, ProblemCode.DELIVERY_FAILING, problem, now)


def end_overdue(store: Store, now: datetime) -> None:
    """A delivery that could be made ends what is overdue, but sites without a good cycle since."""
    as_of = now + CLOCK_TOLERANCE  # one dated later was dated by a wrong clock
    for each in store.health.problems():
        if each.code is not ProblemCode.OVERDUE:
            continue
        good_at = store.health.site(each.subject, as_of=as_of).last_success_at
        if each.subject == OUTBOX_SUBJECT or (good_at is not None and good_at > each.since):
            store.health.clear_problem(each.subject, each.code)


def is_failing(channels: Channels, each: Undelivered) -> bool:
    """Whether somebody should look into it: refused, given up, or tried in vain three times."""
    is_in_vain = each.state != "pending" or each.attempts >= FAILING_ATTEMPTS
    return is_in_vain and is_addressed(channels, each.channel, each.address)


def is_addressed(channels: Channels, channel: str, address: str) -> bool:
    """Whether the configuration still sends to an address of a channel."""
    return channel in channels and address in channels[channel].everybody


# What to do, for mails, `status` and the dashboard.
ADVICE = {
    ProblemCode.UNREACHABLE: "open the site; if it is up, ask it to lift a block of our address.",
    ProblemCode.ROBOTS_DISALLOWED: "take forbidden sources out of the profile, or ask the site.",
    ProblemCode.LAYOUT_DRIFT: "run `rscrawler sites check`, and mend the site's profile.",
    ProblemCode.SILENT: "open the site; if it does publish, run `rscrawler sites check`.",
    ProblemCode.DELIVERY_FAILING: "mend what the reason names; `rscrawler alerts test` tries it.",
    ProblemCode.OVERDUE: "see whether the service or cron runs, and read its log.",
    ProblemCode.DISK_FULL: "make room on the disk; `rscrawler prune` forgets old texts.",
    ProblemCode.OVER_LIMIT: "open the page; leave it out of the profile, or raise the limit.",
    ProblemCode.WATCH_LIST: "mend the file; `rscrawler config check` says when it is right.",
    ProblemCode.REBUILT: "nothing; it is over when every site has had a good cycle.",
}
_PAGES = {OUTBOX_SUBJECT: "outbox", OUTPUT_SUBJECT: "outbox"}  # of the dashboard; else sites


def what_next(config: Config, problem: Problem, next_tries: NextTries) -> list[str]:
    """When it is tried next, what to do, and where to look, as far as is known."""
    next_at = next_tries.get(problem.subject)
    url = config.web.url
    page = f"{url.rstrip('/')}/{_PAGES.get(problem.subject, 'sites')}" if url else ""
    tried = f"Next try {date_in_words(next_at)}." if next_at else ""
    return [line for line in (tried, f"What to do: {ADVICE[problem.code]}", page) if line]


def _started(
    config: Config, channels: Channels, problem: Problem, next_tries: NextTries, now: datetime
) -> list[NewMessage]:
    subject = f"Problem: {problem.subject}: {problem.code}"
    lines = [
        one_line(problem.message, 600),
        f"Since {date_in_words(problem.since)}.",
        *what_next(config, problem, next_tries),
    ]
    text = "\n\n".join(lines)
    return notices(channels, Notice(subject, text, _key(problem, "start"), "ops", now))


def _ended(channels: Channels, problem: Problem, now: datetime) -> list[NewMessage]:
    subject = f"Over: {problem.subject}: {problem.code}"
    text = (
        f"This is over. It began {date_in_words(problem.since)}, and was:\n\n"
        f"{one_line(problem.message, 600)}"
    )
    return notices(channels, Notice(subject, text, _key(problem, "end"), "ops", now))


def _key(problem: Problem, change: str) -> str:
    return f"{problem.subject} {problem.code} {problem.since.isoformat()} {change}"
