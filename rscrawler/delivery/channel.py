"""The interface of a channel. The table of them all is in `channels`.

A channel is made of its part of the configuration; without one it is not there. Adding one
takes a file with a class and `configured`, a row in the table, and its settings in `config`.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import ClassVar

from rscrawler.config import AlertSettings
from rscrawler.delivery.alert import Alert, Interest
from rscrawler.delivery.outcome import Outcome
from rscrawler.delivery.timing import Wait
from rscrawler.store import Store
from rscrawler.store.outbox import NewMessage, OutboxRow


@dataclass(frozen=True)
class Batch:
    """Outbox rows for one channel; what is said of them is worked out when it is asked for."""

    rows: Sequence[OutboxRow]
    now: datetime
    flood_limit: int
    alerts_of: Callable[[Sequence[OutboxRow]], list[Alert]]
    nonce: str = ""  # another one gives the same rows another identity
    note: str = ""  # said before everything else; a mail then lists the pieces in one summary

    @cached_property
    def alerts(self) -> list[Alert]:
        """What is said of each row."""
        return self.alerts_of(self.rows)

    @property
    def is_flood(self) -> bool:
        """Whether they are too many to be told one by one."""
        return len(self.rows) > self.flood_limit

    @property
    def key(self) -> str:
        """What identifies the batch."""
        return " ".join([*(row.record_id for row in self.rows), *filter(None, [self.nonce])])


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to the operators; the same `key` and `kind` give the same identity."""

    subject: str
    text: str
    key: str
    kind: str
    now: datetime


class FileChannel(ABC):
    """A channel that keeps files up to date; nobody has to take them."""

    name: ClassVar[str]

    @abstractmethod
    def write(self, store: Store, interest: Interest, now: datetime) -> int:
        """Write what is missing; returns how many lines or files.

        Raises:
            OutputError: the folder cannot be written. Nothing is lost.
        """


class MessageChannel(ABC):
    """A channel whose messages somebody takes; in the outbox it goes by its name."""

    is_for_people: ClassVar[bool] = True  # keeps quiet hours
    gets_alerts: bool = True  # else only word for the operators

    @property
    @abstractmethod
    def name(self) -> str:
        """`KIND` or `KIND:NAME`, as in the outbox."""

    @property
    @abstractmethod
    def addresses(self) -> tuple[str, ...]:
        """Who gets alerts, as the store has them: without tokens."""

    @property
    def operators(self) -> tuple[str, ...]:
        """Who hears of problems, as the store has them."""
        return ()

    @property
    def everybody(self) -> tuple[str, ...]:
        """Every address, once."""
        return tuple(dict.fromkeys([*self.addresses, *self.operators]))

    def waits(self, oldest: datetime, now: datetime) -> Wait | None:
        """Why rows, the oldest written at `oldest`, are not composed yet; None: they are."""
        return None

    def identity(self, key: str) -> str:
        """The id of a message for good: the same for the same key."""
        return f"{self.name}/{digest(key)}"

    def compose(self, batch: Batch) -> Iterator[tuple[NewMessage, Sequence[OutboxRow]]]:
        """The messages for a batch, each with the rows that it carries; here one for all."""
        message_id = self.identity(f"{self.name} {batch.key}")
        kind = "summary" if batch.is_flood or batch.note else "alert"
        content = self.content(batch, message_id)
        yield (
            NewMessage(message_id, self.name, kind, batch.now, content, self.addresses),
            batch.rows,
        )

    @abstractmethod
    def content(self, batch: Batch, message_id: str) -> bytes:
        """A batch as it is stored and sent."""

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

    @abstractmethod
    def send(self, content: bytes, addresses: Sequence[str]) -> Iterator[Mapping[str, Outcome]]:
        """Send to these addresses; yields step by step what came of some of them, or of nobody.

        The last word on an address counts, and each is stored before the next step: before the
        end of a message goes out, `Sending` is yielded, since from then on it may be taken
        whether or not an answer arrives.
        """


Channel = FileChannel | MessageChannel
Channels = Mapping[str, MessageChannel]  # by name
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Round:
    """What one delivery works with; `must_stop` is asked before each message."""

    alerts: AlertSettings
    channels: Channels
    store: Store
    interest: Interest
    clock: Clock
    must_stop: Callable[[], bool]


def digest(key: str) -> str:
    """32 hexadecimal digits for a key."""
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
