"""Messages: composed once from outbox rows, stored, and sent unchanged to each recipient.

To send a message, a process claims it, sends it, and stores the outcome for each recipient.
"""

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from rscrawler.config.models import AlertSettings
from rscrawler.delivery.alert import Alert, Interest, alert_of
from rscrawler.delivery.channel import POSSIBLY_ACCEPTED, Batch, Outcome, OutcomeKind
from rscrawler.delivery.channels import Channels
from rscrawler.delivery.timing import SLOW, USUAL, gives_up, next_try
from rscrawler.errors import StoreError
from rscrawler.items import Article
from rscrawler.store import Store
from rscrawler.store.database import DamagedDatabase
from rscrawler.store.health import ProblemCode
from rscrawler.store.leases import LEASE_RENEWAL, process_identity
from rscrawler.store.messages import ALERT_KINDS, CLAIM_DURATION, ClaimedMessage, RecipientOutcome
from rscrawler.store.outbox import OutboxRow, UnalertedFlag

logger = logging.getLogger(__name__)

_POSSIBLY_ALERTED = (
    "The database was lost and has been rebuilt. These articles were published about that time: "
    "they may have been sent before."
)
FEW_ATTEMPTS = 3  # in which the process died, before the message is suspected
# A retry is of little use, or may deliver a second copy.
_SLOW_KINDS = frozenset(
    {OutcomeKind.SENDING, OutcomeKind.CUT_OFF, OutcomeKind.UNANSWERED, OutcomeKind.REFUSED}
)
_STORE_POLL_SECONDS = 1.0
# Other messages to the same address would fail as well now.
_CLOSED_KINDS = frozenset({OutcomeKind.UNREACHABLE, OutcomeKind.CUT_OFF, OutcomeKind.UNANSWERED})


@dataclass(slots=True)
class DeliveryReport:
    """The results of one delivery, and what is left to do."""

    lines: int = 0  # written to the JSONL files
    feeds: int = 0  # feed files that changed
    composed: int = 0  # messages
    messages: int = 0  # finished, and accepted by a recipient
    served: int = 0  # recipients
    put_off: int = 0  # recipients: failed, to be retried
    failed: int = 0  # recipients: refused or given up
    waiting: int = 0  # pending deliveries of every kind
    problems: tuple[str, ...] = ()  # one line for each reason for which recipients fail
    was_stopped: bool = False  # before every due message was tried
    output_problem: str | None = None  # why the output folder could not be written


@dataclass(frozen=True, slots=True)
class DeliveryContext:
    """The context of one delivery; `must_stop` is checked before each message."""

    alerts: AlertSettings
    channels: Channels
    store: Store
    interest: Interest
    clock: Callable[[], datetime]
    must_stop: Callable[[], bool]
    report: DeliveryReport = field(default_factory=DeliveryReport)
    # Addresses, by channel, to skip for the rest of the delivery.
    unreachable: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


def compose_due(delivery: DeliveryContext, now: datetime) -> int:
    """Compose every message that is due; returns how many."""
    channels = delivery.channels
    return sum(
        _compose(rows.channel, delivery, now)
        for rows in channels.uncomposed(delivery.store, now)
        if channels.wait_to_compose(rows, now) is None
    )


def _compose(name: str, delivery: DeliveryContext, now: datetime) -> int:
    channel, outbox, composed = delivery.channels.by_name[name], delivery.store.outbox, 0
    running = delivery.store.leases.running_cycles(now) if channel.waits_for_cycles else ()
    while rows := outbox.unassigned_rows(channel.name, excluding=running):
        alerts = _alerts_of(delivery, rows) if channel.is_for_people else []
        is_flood = len(rows) > delivery.alerts.flood_limit
        assigned = [
            outbox.assign(new, [row.number for row in carried])
            for new, carried in channel.compose(Batch(rows, alerts, now, is_flood))
        ]
        composed += sum(assigned)
        if all(assigned):
            break  # else another process has taken some rows: compose the rest
    return composed


def _alerts_of(delivery: DeliveryContext, rows: Sequence[OutboxRow]) -> list[Alert]:
    """An alert for each row; the highest level first, then in the order of the outbox."""
    store = delivery.store
    articles = [Article.from_json(row.record) for row in rows]
    copies = store.browsing.copies(article.article_id for article in articles)
    alerts = [
        alert_of(
            article,
            delivery.interest,
            reprints=[copy.url for copy in copies.get(article.article_id, ())],
            title_before=_title_before(article, store),
            followed=store.articles.latest_record(article.follows) if article.follows else None,
        )
        for article in articles
    ]
    return sorted(alerts, key=lambda alert: -alert.level.rank)


def _title_before(article: Article, store: Store) -> str | None:
    if article.change is None or "title" not in article.change.fields:
        return None
    history = store.articles.history(article.article_id)
    return next((each.title for each in history if each.version == article.version - 1), None)


def readdress(delivery: DeliveryContext) -> None:
    """Redirect what was not delivered at addresses that left the configuration to the new ones.

    A renewed token and a corrected misspelling each make a new address.
    """
    messages, channels, now = delivery.store.messages, delivery.channels.by_name, delivery.clock()
    for each in messages.undelivered():
        if (channel := channels.get(each.channel)) is not None:
            addresses = channel.addresses if each.kind in ALERT_KINDS else channel.operators
            if each.address not in addresses and each.state != "failed":
                messages.readdress(each.message_id, addresses, now)


def send_due(delivery: DeliveryContext, *, are_alerts: bool) -> None:
    """Send every alert, or every other message, that is due or becomes due meanwhile.

    Once each, until `must_stop`. Adds the results to the report.
    """
    attempted: set[str] = set()
    due = delivery.store.messages.due
    while fresh := [each for each in due(delivery.clock()) if each.message_id not in attempted]:
        for message in fresh:
            if delivery.must_stop():
                delivery.report.was_stopped = True
                return
            attempted.add(message.message_id)
            wait = delivery.channels.wait_to_send(message.channel, message.kind, delivery.clock())
            if not wait and (message.kind in ALERT_KINDS) == are_alerts:
                _claim_and_send(message.message_id, message.channel, delivery)


def _claim_and_send(message_id: str, name: str, delivery: DeliveryContext) -> None:
    messages, owner, now = delivery.store.messages, process_identity(), delivery.clock()
    claimed = messages.claim(message_id, owner, now, excluding=delivery.unreachable[name])
    if claimed is not None:
        try:
            _send(claimed, delivery)
        finally:
            messages.release(claimed)


def _send(claimed: ClaimedMessage, delivery: DeliveryContext) -> None:
    channel = delivery.channels.by_name[claimed.channel]
    kinds: dict[str, OutcomeKind] = {}
    states: dict[str, str] = {}
    is_over, renewed_at = False, datetime.min.replace(tzinfo=UTC)
    with closing(channel.send_guarded(claimed.content, list(claimed.attempts))) as steps:
        for step in steps:
            now = delivery.clock()
            if not step and now - renewed_at < LEASE_RENEWAL:
                continue  # a recipient was accepted, and the claim lasts
            renewed_at = now
            marks = [_mark(claimed, address, outcome, now) for address, outcome in step.items()]
            # If this outcome is not stored, the message goes out again.
            is_out = not POSSIBLY_ACCEPTED.isdisjoint(outcome.kind for outcome in step.values())
            patience = CLAIM_DURATION if is_out else timedelta()
            is_ours, is_over = _store_step(delivery, claimed, marks, patience)
            if served := [mark.address for mark in marks if mark.state == "done"]:
                delivery.store.messages.retry_refused(channel.name, served, now)
            kinds |= {address: outcome.kind for address, outcome in step.items()}
            states |= {mark.address: mark.state for mark in marks}
            if not is_ours:
                logger.warning("%s: another process has taken it over", claimed.message_id)
                break
    counted, report = Counter(states.values()), delivery.report
    report.messages += is_over and counted["done"] > 0
    report.served += counted["done"]
    report.put_off += counted["pending"]
    report.failed += counted["refused"] + counted["failed"]
    if closed := [address for address, kind in kinds.items() if kind in _CLOSED_KINDS]:
        others = channel.all_addresses if channel.has_one_server else ()
        delivery.unreachable[channel.name].update(closed, others)


def _store_step(
    delivery: DeliveryContext,
    claimed: ClaimedMessage,
    marks: Sequence[RecipientOutcome],
    patience: timedelta,
) -> tuple[bool, bool]:
    """Store a step; retry for `patience` while the database is busy or away.

    Returns whether the claim is still ours, and whether a served message has ended.

    Raises:
        StoreError: the step could not be stored; at once if the database is damaged.
    """
    messages, complaint = delivery.store.messages, ""
    deadline = time.monotonic() + patience.total_seconds()
    while True:
        try:
            is_ours = messages.renew(claimed, delivery.clock())
            return is_ours, bool(marks) and messages.mark(claimed.message_id, marks)
        except DamagedDatabase:
            raise
        except StoreError as error:
            if time.monotonic() >= deadline:
                raise
            if str(error) != complaint:
                logger.warning("the outcome of a message is not stored yet: %s", error)
            complaint = str(error)
            time.sleep(_STORE_POLL_SECONDS)


def _mark(
    claimed: ClaimedMessage, address: str, outcome: Outcome, now: datetime
) -> RecipientOutcome:
    kind, error, attempts = outcome.kind, outcome.error, claimed.attempts[address]
    if kind is OutcomeKind.SERVED:
        return RecipientOutcome(address, "done")
    if kind is not OutcomeKind.SENDING and gives_up(attempts, claimed.created_at, now):
        return RecipientOutcome(address, "failed", error)
    if kind is OutcomeKind.SENDING and attempts < FEW_ATTEMPTS:
        # Due at once: while we live, our claim protects it; if we die, it must not wait.
        return RecipientOutcome(address, "pending", error, now)
    # When a connection breaks for the first time, the message is more often lost than its response.
    is_slow = kind in _SLOW_KINDS and not (kind is OutcomeKind.CUT_OFF and attempts == 1)
    due = next_try(attempts, claimed.message_id, now, SLOW if is_slow else USUAL)
    state = "refused" if kind is OutcomeKind.REFUSED else "pending"
    return RecipientOutcome(address, state, error, due)


# After a database was lost: one message with the articles published meanwhile.


def alert_unalerted(delivery: DeliveryContext, now: datetime) -> int:
    """Compose the messages that follow the rebuilding of a lost database; returns how many.

    The first cycle after it is a baseline, which alerts nobody. Articles that it finds flagged,
    recent and newer than their site's last known article are alerted all the same. Some may have
    been alerted before the loss, without a record of it, so the messages say so. The rebuilding
    ends when every enabled site with known articles has had its baseline.
    """
    store, interest = delivery.store, delivery.interest
    problem = next((p for p in store.health.problems() if p.code is ProblemCode.REBUILT), None)
    if problem is None:
        return 0
    oldest = now - timedelta(days=delivery.alerts.max_age_days)
    flags = store.outbox.unalerted(interest.topics, interest.levels, problem.since, oldest)
    composed = _compose_unalerted(delivery, flags, now)
    known = [name for name, site in interest.sites.items() if site.enabled]
    waiting = (n for n in known if store.articles.count(n) and not store.health.site(n).baseline_at)
    if known and not any(waiting):
        store.health.clear_problem(problem.subject, problem.code)
    return composed


def _compose_unalerted(
    delivery: DeliveryContext, flags: Sequence[UnalertedFlag], now: datetime
) -> int:
    records = {flag.record_id: flag.record for flag in flags}
    news = [OutboxRow(0, "", id_, "rebuilt", now, record) for id_, record in records.items()]
    if not news:
        return 0
    is_flood = len(news) > delivery.alerts.flood_limit
    batch = Batch(news, _alerts_of(delivery, news), now, is_flood, note=_POSSIBLY_ALERTED)
    channels = (each for each in delivery.channels.by_name.values() if each.addresses)
    messages = [message for channel in channels for message, _ in channel.compose(batch)]
    return len(messages) if delivery.store.outbox.alert_unalerted(flags, messages, now) else 0
