"""Versions that are recorded together, so that a full crawl does not wait for the disk each time.

Nothing is lost by waiting here: until a version is recorded, its address is pending
in the database, and a process that dies leaves it to the next cycle.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import chain

from rscrawler.errors import StoreError
from rscrawler.identity.fingerprints import Fingerprint
from rscrawler.identity.kinship import are_alike
from rscrawler.store.articles import ArticleStore, Recording

MAX_RECORDINGS = 50
MAX_WAIT = timedelta(seconds=1)
Refused = Callable[[Exception], None]


class RecordingBatch:
    """Recordings, of whatever site this process crawls, that wait for one transaction.

    Look-ups in the store do not see them: ask `concerns` first, and `flush` if it says so.
    """

    def __init__(self, articles: ArticleStore) -> None:
        self._articles = articles
        self._forget()

    def _forget(self) -> None:
        self._waiting: list[tuple[Recording, Refused]] = []
        self._addresses: set[tuple[str, str]] = set()
        self._texts: dict[tuple[str, str] | str | int, list[Fingerprint]] = {}

    def add(self, recording: Recording, refused: Refused) -> None:
        """Let a recording wait, and record all of them if they are many or have waited long.

        One that somebody is told of does not wait: another process may meet its text as well.
        `refused` is called if the database refuses this one, which is then forgotten.
        """
        self._keep(recording, refused)
        if recording.alerted_topics or self._is_full(recording.recorded_at):
            self.flush()

    def _keep(self, recording: Recording, refused: Refused) -> None:
        self._waiting.append((recording, refused))
        site = recording.article.site
        self._addresses.update((site, key) for key, _ in recording.visit.address_keys)
        for shared in _texts(site, recording.fingerprint):
            self._texts.setdefault(shared, []).append(recording.fingerprint)

    def _is_full(self, now: datetime) -> bool:
        return (
            len(self._waiting) >= MAX_RECORDINGS
            or now - self._waiting[0][0].recorded_at >= MAX_WAIT
        )

    def concerns(self, site: str, keys: list[str], fingerprint: Fingerprint) -> bool:
        """Whether something that waits shares an address with a page, or may share its text."""
        if any((site, key) in self._addresses for key in keys):
            return True
        waiting = (self._texts.get(shared, ()) for shared in _texts(site, fingerprint))
        candidates = {each.text_digest: each for each in chain.from_iterable(waiting)}
        return any(are_alike(each, fingerprint) for each in candidates.values())

    def flush(self, *, waits_for_disk: bool = True) -> None:
        """Record all that waits; one that the database refuses keeps no other back.

        Without waiting for the disk it is done where look-ups must see what waits.

        Raises:
            StoreError: the database cannot be written at all; what waits goes on waiting.
        """
        if not self._waiting:
            return
        try:
            self._articles.record(
                *(recording for recording, _ in self._waiting), waits_for_disk=waits_for_disk
            )
        except StoreError:
            raise
        except Exception:
            self._record_singly()
        else:
            self._forget()

    def _record_singly(self) -> None:
        waiting = self._waiting
        self._forget()
        for number, (recording, refused) in enumerate(waiting):
            try:
                self._articles.record(recording)
            except StoreError:
                for left in waiting[number:]:
                    self._keep(*left)
                raise
            except Exception as error:
                refused(error)


def _texts(site: str, fingerprint: Fingerprint) -> set[tuple[str, str] | str | int]:
    """What makes two texts candidates for being the same, as `ArticleStore.candidates` looks."""
    found: set[tuple[str, str] | str | int] = {(site, fingerprint.slug_stem), *fingerprint.keys}
    if fingerprint.body_digest is not None:
        found.add(fingerprint.body_digest)
    return found
