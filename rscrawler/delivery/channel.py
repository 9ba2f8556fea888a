"""The interface of a channel that sends, and what comes of it. The table of all is in `channels`.

A channel is made of its part of the configuration; without one it is not there. Adding one
takes a file with a class and `configured`, a row in the table, and its settings in `config`.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from threading import Thread
from typing import ClassVar, TypeVar

from rscrawler.delivery.alert import Alert
from rscrawler.delivery.timing import Wait
from rscrawler.store.outbox import NewMessage, OutboxRow

ResultT = TypeVar("ResultT")
ALERT_KINDS = frozenset({"alert", "summary"})


class Fate(Enum):
    """What came of a message for one recipient."""

    SERVED = auto()  # the recipient's side has taken it
    PASSING = auto()  # not taken now; it may be later
    UNREACHABLE = auto()  # no connection: other messages to the address would fare the same now
    SENDING = auto()  # its end goes out now; if nothing more is heard, it may have been taken
    CUT_OFF = auto()  # all was sent, and the connection broke: it may have been taken
    UNANSWERED = auto()  # all was sent, and no answer came in time: it may have been taken
    REFUSED = auto()  # rejected for good; retried at the slow pace all the same


MAY_HAVE_IT = frozenset({Fate.SERVED, Fate.CUT_OFF, Fate.UNANSWERED})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt; `error` is one line, without addresses that hold tokens."""

    fate: Fate
    error: str = ""


Step = Mapping[str, Outcome]  # what came of some recipients, by address
SERVED = Outcome(Fate.SERVED)
CUT_SHORT = Outcome(Fate.SENDING, "cut short before the other side said that it took it")


def last_words(steps: Iterable[Step]) -> dict[str, Outcome]:
    """What came of each recipient in the end."""
    return {address: outcome for step in steps for address, outcome in step.items()}


@dataclass(frozen=True)
class Batch:
    """Outbox rows for one channel, and what is said of each to people; to machines nothing."""

    rows: Sequence[OutboxRow]
    alerts: Sequence[Alert]
    now: datetime
    flood_limit: int
    nonce: str = ""  # another one gives the same rows another identity
    note: str = ""  # said before everything else; a mail then lists the articles in one summary

    @property
    def is_flood(self) -> bool:
        """Whether they are too many to be told one by one."""
        return len(self.rows) > self.flood_limit


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to the operators; the same `key` and `kind` give the same identity."""

    subject: str
    text: str
    key: str
    kind: str
    now: datetime


@dataclass(frozen=True)
class MessageChannel:
    """A channel whose messages somebody takes.

    Attributes:
        name: `KIND` or `KIND:NAME`, as in the outbox.
        addresses: who gets alerts, as the store has them: without tokens.
        operators: who hears of problems, likewise.
        gets_alerts: else only word for the operators.
    """

    name: str
    addresses: tuple[str, ...]
    operators: tuple[str, ...] = ()
    gets_alerts: bool = True
    is_for_people: ClassVar[bool] = True  # keeps quiet hours

    @property
    def everybody(self) -> tuple[str, ...]:
        """Every address, once."""
        return tuple(dict.fromkeys([*self.addresses, *self.operators]))

    def beside(self, address: str) -> tuple[str, ...]:
        """The addresses that cannot be reached either while this one cannot."""
        return (address,)

    def waits(self, oldest: datetime, now: datetime) -> Wait | None:
        """Why rows, the oldest written at `oldest`, are not composed yet; None: they are."""
        return None

    def identity(self, key: str) -> str:
        """The id of a message for good: the same for the same key."""
        return f"{self.name}/{digest(key)}"

    def compose(self, batch: Batch) -> Iterator[tuple[NewMessage, Sequence[OutboxRow]]]:
        """The messages for a batch, each with the rows that it carries; here one for all."""
        ids = [self.name, *(row.record_id for row in batch.rows), batch.nonce]
        message_id = self.identity(" ".join(filter(None, ids)))
        kind = "summary" if batch.is_flood or batch.note else "alert"
        content = self.content(batch, message_id)
        new = NewMessage(message_id, self.name, kind, batch.now, content, self.addresses)
        yield new, batch.rows

    def content(self, batch: Batch, message_id: str) -> bytes:
        """A batch as it is stored and sent."""
        raise NotImplementedError

    def notice(self, notice: Notice) -> NewMessage | None:
        """A message to the operators; None: there are none here."""
        if not self.operators:
            return None
        message_id = self.identity(f"{notice.kind} {notice.key}")
        content = self.notice_content(notice, message_id)
        return NewMessage(message_id, self.name, notice.kind, notice.now, content, self.operators)

    def notice_content(self, notice: Notice, message_id: str) -> bytes:
        """A notice as it is stored and sent, for a channel that has operators."""
        raise NotImplementedError

    def send(self, content: bytes, addresses: Sequence[str]) -> Iterator[Step]:
        """Send to these addresses; yields step by step what came of some of them, or of nobody.

        The last word on an address counts, and each is stored before the next step: before the
        end of a message goes out, `Fate.SENDING` is yielded, since from then on it may be taken
        whether or not an answer arrives. Here one address after another.
        """
        for address in addresses:
            yield {address: CUT_SHORT}
            yield {address: self.attempt(content, address)}

    def attempt(self, content: bytes, address: str) -> Outcome:
        """Send to one address."""
        raise NotImplementedError


def digest(key: str) -> str:
    """32 hexadecimal digits for a key."""
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def within(limit: timedelta, call: Callable[[], ResultT]) -> ResultT:
    """What a call gives; one that takes longer is left alone.

    Raises:
        TimeoutError: it took longer.
        Exception: whatever it raises.
    """
    result: Future[ResultT] = Future()

    def run() -> None:
        try:
            result.set_result(call())
        except Exception as error:
            result.set_exception(error)

    # A daemon thread: one that never comes back must not keep the process from ending.
    Thread(target=run, name="bounded", daemon=True).start()
    return result.result(limit.total_seconds())
