"""The interface of channels that send messages, and the outcomes of sending.

A channel exists if it is configured. docs/alerts.md says how to add a kind.
"""

import logging
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from threading import Thread
from typing import ClassVar, TypeVar

from rscrawler.delivery.alert import Alert
from rscrawler.delivery.timing import Wait
from rscrawler.delivery.wording import SUBJECT_LIMIT, one_line
from rscrawler.identity.fingerprints import digest
from rscrawler.store.messages import NewMessage
from rscrawler.store.outbox import OutboxRow

logger = logging.getLogger(__name__)

ResultT = TypeVar("ResultT")
# The parts of an HTTP library's error that can be shown: the rest may hold a token.
_SHOWN = r"certificate verify failed: .+?(?= \(_ssl)|Tunnel connection failed: \d{3}[\w ]*\b"


class OutcomeKind(Enum):
    """The kinds of outcomes of sending a message to one recipient."""

    SERVED = auto()  # accepted by the recipient's side
    TEMPORARY = auto()  # not accepted now; a retry may succeed
    UNREACHABLE = auto()  # cannot send now; other messages to the address would fail as well
    SENDING = auto()  # the end of the message goes out now; from here on it may be accepted
    CUT_OFF = auto()  # all was sent, then the connection broke: it may have been accepted
    UNANSWERED = auto()  # all was sent, but no response came in time: it may have been accepted
    REFUSED = auto()  # rejected for good; retried at the slow pace all the same


POSSIBLY_ACCEPTED = frozenset({OutcomeKind.SERVED, OutcomeKind.CUT_OFF, OutcomeKind.UNANSWERED})


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one attempt; `error` is one line, without addresses that hold tokens."""

    kind: OutcomeKind
    error: str = ""


Step = Mapping[str, Outcome]  # outcomes of some recipients, by address
SERVED = Outcome(OutcomeKind.SERVED)
SENDING = Outcome(OutcomeKind.SENDING, "interrupted before the other side confirmed it")


@dataclass(frozen=True)
class Batch:
    """Outbox rows for one channel, each with its alert; channels for machines need no alerts."""

    rows: Sequence[OutboxRow]
    alerts: Sequence[Alert]
    now: datetime
    is_flood: bool = False  # too many rows to show each article
    note: str = ""  # text at the top; with a note, a mail is a summary that lists the articles


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to the operators; the same `key` and `kind` give the same message id."""

    subject: str
    text: str
    key: str
    kind: str
    now: datetime


@dataclass(frozen=True)
class MessageChannel:
    """A channel that sends messages to recipients.

    Attributes:
        name: `KIND` or `KIND:NAME`, as in the outbox.
        addresses: the recipients of alerts, as in the store: without tokens; empty if only
            notices go out here.
        operators: the recipients of notices about problems, likewise.
    """

    name: str
    addresses: tuple[str, ...]
    operators: tuple[str, ...] = ()
    is_for_people: ClassVar[bool] = True  # quiet hours apply
    has_one_server: ClassVar[bool] = False  # if one address is unreachable, so are the others

    @property
    def all_addresses(self) -> tuple[str, ...]:
        """Every address, without repeats."""
        return tuple(dict.fromkeys([*self.addresses, *self.operators]))

    @property
    def waits_for_cycles(self) -> bool:
        """Whether the alerts of a cycle go out together, at its end, if it is soon."""
        return self.is_for_people

    def reason_to_wait(self, oldest: datetime, now: datetime) -> Wait | None:
        """Why rows, the oldest created at `oldest`, are not composed yet; None if they are due."""
        return None

    def identity(self, key: str) -> str:
        """The permanent id of a message; the same key gives the same id."""
        return f"{self.name}/{digest(key)}"

    def compose(self, batch: Batch) -> Iterator[tuple[NewMessage, Sequence[OutboxRow]]]:
        """The messages for a batch, each with its rows; by default one message for all rows."""
        message_id = self.identity(" ".join([self.name, *(row.record_id for row in batch.rows)]))
        kind = "summary" if batch.is_flood or batch.note else "alert"
        content = self.content(batch, message_id)
        new = NewMessage(message_id, self.name, kind, batch.now, content, self.addresses)
        yield new, batch.rows

    def content(self, batch: Batch, message_id: str) -> bytes:
        """The message for a batch, as it is stored and sent."""
        raise NotImplementedError

    def notice(self, notice: Notice) -> NewMessage:
        """A message to the operators; only called if the channel has some."""
        message_id = self.notice_id(notice.kind, notice.key)
        shown = replace(notice, subject=one_line(notice.subject, SUBJECT_LIMIT))
        content = self.notice_content(shown, message_id)
        return NewMessage(message_id, self.name, notice.kind, notice.now, content, self.operators)

    def notice_id(self, kind: str, key: str) -> str:
        """The id of the message for a notice."""
        return self.identity(f"{kind} {key}")

    def notice_content(self, notice: Notice, message_id: str) -> bytes:
        """A notice as it is stored and sent."""
        raise NotImplementedError

    def send(self, content: bytes, addresses: Sequence[str]) -> Iterator[Step]:
        """Send to these addresses, by default one after another; yields steps with outcomes.

        The caller stores each step before it asks for the next; the last outcome of an address
        counts. `SENDING` is yielded before the end of a message goes out: from then on it may
        be accepted, whether or not a response arrives. An empty step renews the claim, twice a
        minute at most.
        """
        for address in addresses:
            yield {address: SENDING}
            yield {address: self.attempt(content, address)}

    def attempt(self, content: bytes, address: str) -> Outcome:
        """Send to one address."""
        raise NotImplementedError

    def send_guarded(self, content: bytes, addresses: Sequence[str]) -> Generator[Step]:
        """Send as `send` does; an exception becomes an outcome and stops no other channel."""
        kinds: dict[str, OutcomeKind] = {}
        try:
            for step in self.send(content, addresses):
                kinds |= {address: outcome.kind for address, outcome in step.items()}
                yield step
        except Exception as error:
            logger.exception("a message could not be sent")
            for address in addresses:
                if address not in kinds:
                    yield {address: Outcome(OutcomeKind.UNREACHABLE, type(error).__name__)}
                elif kinds[address] is OutcomeKind.SENDING:
                    yield {address: Outcome(OutcomeKind.CUT_OFF, type(error).__name__)}


def unreachable(error: str, known: str | None = None) -> Outcome:
    """The outcome of an HTTP library's error before anything was sent.

    It shows what is wrong with the certificate or the proxy, else at most what is `known`.
    """
    cause = re.search(_SHOWN, error)
    shown = f"cannot be reached: {cause[0]}" if cause else known or "cannot be reached"
    return Outcome(OutcomeKind.UNREACHABLE, shown)


def last_outcomes(steps: Iterable[Step]) -> dict[str, Outcome]:
    """The last outcome of each recipient."""
    return {address: outcome for step in steps for address, outcome in step.items()}


def bounded(limit: timedelta, call: Callable[[], ResultT]) -> ResultT:
    """The result of a call, made in a thread that is abandoned after `limit`.

    Raises:
        TimeoutError: the call took longer.
        Exception: whatever the call raises.
    """
    result: Future[ResultT] = Future()

    def run() -> None:
        try:
            result.set_result(call())
        except Exception as error:
            result.set_exception(error)

    # A daemon thread: a call that never returns must not keep the process from exiting.
    Thread(target=run, name="bounded", daemon=True).start()
    return result.result(limit.total_seconds())
