"""What the operators hear: each problem once when it starts, once when it ends."""

from __future__ import annotations

from datetime import datetime

from rscrawler.config import AlertSettings, Config
from rscrawler.decisions import CLOCK_TOLERANCE
from rscrawler.delivery.chat import chat_content
from rscrawler.delivery.email.mail import Envelope, compose_notice
from rscrawler.delivery.messages import chat_addresses, mail_addresses, mail_id
from rscrawler.delivery.sending import transport_of
from rscrawler.delivery.wording import date_in_words, one_line
from rscrawler.store import Store
from rscrawler.store.health import Problem, ProblemCode
from rscrawler.store.outbox import NewMessage, Undelivered

OUTBOX_SUBJECT = "outbox"
FAILING_ATTEMPTS = 3


def tell_ops(config: Config, store: Store, now: datetime) -> int:
    """Compose a message for each problem that started or ended untold; gives their number.

    They are sent with the next round, whatever the hour. Without anybody to tell, a
    problem stays untold and its end is forgotten.
    """
    alerts, told = config.alerts, 0
    for problem in store.health.problems():
        if problem.told_at is None:
            started = _started(alerts, problem, now)
            told += bool(started) and store.health.tell_start(problem, started, now)
    for problem in store.health.ended_problems():
        told += store.health.tell_end(problem, _ended(alerts, problem, now))
    return told


def notices(
    alerts: AlertSettings, subject: str, text: str, *, key: str, kind: str, now: datetime
) -> list[NewMessage]:
    """A message to each channel of the operators; the same `key` gives the same identities."""
    found = []
    if alerts.email is not None and alerts.ops.recipients:
        message_id = mail_id(alerts.email, f"{kind} {key}")
        envelope = Envelope(message_id, alerts.email.sender, alerts.ops.recipients, now)
        content = compose_notice(subject, text, envelope)
        addresses = mail_addresses(alerts.ops.recipients)
        found.append(NewMessage(message_id, "email", kind, now, content, addresses))
    found += [
        NewMessage(
            f"channel:{name}/{kind} {key}",
            f"channel:{name}",
            kind,
            now,
            chat_content(subject, text),
            chat_addresses(alerts, name),
        )
        for name in alerts.ops.channels
    ]
    return found


def judge_delivery(alerts: AlertSettings, store: Store, now: datetime) -> list[Undelivered]:
    """Raise or clear `delivery-failing`; gives the recipients who cannot be served."""
    undelivered = store.outbox.undelivered()
    failing = [each for each in undelivered if is_failing(alerts, each)]
    if failing:
        first = failing[0]
        message = f"{first.channel}: {first.address}: {first.reason}"
        if len(failing) > 1:
            message += f" (and {len(failing) - 1} more)"
        store.health.raise_problem(OUTBOX_SUBJECT, ProblemCode.DELIVERY_FAILING, message, now)
    elif not any(
        each.last_error and is_addressed(alerts, each.channel, each.address) for each in undelivered
    ):  # who is being tried again just now has not been reached yet
        store.health.clear_problem(OUTBOX_SUBJECT, ProblemCode.DELIVERY_FAILING)
    return failing


def end_overdue(store: Store, now: datetime) -> None:
    """A delivery that could be made ends what is overdue, but sites without a good cycle since."""
    as_of = now + CLOCK_TOLERANCE  # one dated later was dated by a wrong clock
    for each in store.health.problems():
        if each.code is not ProblemCode.OVERDUE:
            continue
        good_at = store.health.site(each.subject, as_of=as_of).last_success_at
        if each.subject == OUTBOX_SUBJECT or (good_at is not None and good_at > each.since):
            store.health.clear_problem(each.subject, each.code)


def is_failing(alerts: AlertSettings, each: Undelivered) -> bool:
    """Whether somebody should look into it: refused, given up, or tried in vain three times."""
    is_in_vain = each.state != "pending" or each.attempts >= FAILING_ATTEMPTS
    return is_in_vain and is_addressed(alerts, each.channel, each.address)


def is_addressed(alerts: AlertSettings, channel: str, address: str) -> bool:
    """Whether the configuration still sends to an address of a channel."""
    if transport_of(alerts, channel) is None:
        return False
    kind, _, name = channel.partition(":")
    if kind == "email" and alerts.email is not None:
        return address in mail_addresses([*alerts.email.recipients, *alerts.ops.recipients])
    return kind == "webhook" or address in chat_addresses(alerts, name)


def _started(alerts: AlertSettings, problem: Problem, now: datetime) -> list[NewMessage]:
    subject = f"Problem: {problem.subject}: {problem.code}"
    text = f"{one_line(problem.message, 600)}\n\nSince {date_in_words(problem.since)}."
    return notices(alerts, subject, text, key=_key(problem, "start"), kind="ops", now=now)


def _ended(alerts: AlertSettings, problem: Problem, now: datetime) -> list[NewMessage]:
    subject = f"Over: {problem.subject}: {problem.code}"
    text = (
        f"This is over. It began {date_in_words(problem.since)}, and was:\n\n"
        f"{one_line(problem.message, 600)}"
    )
    return notices(alerts, subject, text, key=_key(problem, "end"), kind="ops", now=now)


def _key(problem: Problem, change: str) -> str:
    return f"{problem.subject} {problem.code} {problem.since.isoformat()} {change}"
