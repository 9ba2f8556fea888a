"""Batches of versions, recorded together so that a full crawl rarely waits for the disk.

Nothing is lost if the process dies: until a version is recorded, its address is pending
(or its article is due) in the database, and the next cycle requests it again.
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
OnRefusal = Callable[[Exception], None]


class RecordingBatch:
    """Recordings of all sites in this process that wait for one transaction.

    Look-ups in the store do not see them: call `concerns` first, and `flush` if it is true.
    """

    def __init__(self, articles: ArticleStore) -> None:
        self._articles = articles
        self._clear()

    def _clear(self) -> None:
        self._waiting: list[tuple[Recording, OnRefusal]] = []
        self._addresses: set[tuple[str, str]] = set()
        self._texts: dict[tuple[str, str] | str | int, list[Fingerprint]] = {}

    def add(self, recording: Recording, on_refusal: OnRefusal) -> None:
        """Add a recording; flush if there are many, or the first has waited long.

        A recording with alerts is written at once, since another process may crawl the same text.
        `on_refusal` is called if the database refuses this recording, which is then dropped.
        """
        self._keep(recording, on_refusal)
        if recording.alerted_topics or self._is_full(recording.recorded_at):
            self.flush()

    def _keep(self, recording: Recording, on_refusal: OnRefusal) -> None:
        self._waiting.append((recording, on_refusal))
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
        """Whether a waiting recording shares an address with a page, or has a similar text."""
        if any((site, key) in self._addresses for key in keys):
            return True
        waiting = (self._texts.get(shared, ()) for shared in _texts(site, fingerprint))
        candidates = {each.text_digest: each for each in chain.from_iterable(waiting)}
        return any(are_alike(each, fingerprint) for each in candidates.values())

    def flush(self, *, waits_for_disk: bool = True) -> None:
        """Record everything that waits; if the database refuses one recording, the others follow.

        `waits_for_disk=False` is enough if only look-ups have to see the recordings.

        Raises:
            StoreError: the database cannot be written at all; the recordings keep waiting.
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
            self._clear()

    def _record_singly(self) -> None:
        waiting = self._waiting
        self._clear()
        for number, (recording, on_refusal) in enumerate(waiting):
            try:
                self._articles.record(recording)
            except StoreError:
                for left in waiting[number:]:
                    self._keep(*left)
                raise
            except Exception as error:
                on_refusal(error)


def _texts(site: str, fingerprint: Fingerprint) -> set[tuple[str, str] | str | int]:
    """The keys by which a text is found as a candidate, as in `ArticleStore.candidates`."""
    found: set[tuple[str, str] | str | int] = {(site, fingerprint.slug_stem), *fingerprint.keys}
    if fingerprint.body_digest is not None:
        found.add(fingerprint.body_digest)
    return found
