"""Batches of versions, recorded together so that a full crawl rarely waits for the disk.

Nothing is lost if the process dies: until a version is recorded, its address is pending
(or its article is due) in the database, and the next cycle requests it again.
"""

from collections.abc import Callable
from datetime import timedelta

from rscrawler.errors import StoreError
from rscrawler.identity.fingerprints import Fingerprint
from rscrawler.identity.kinship import are_alike, has_same_body
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
        self._waiting: list[tuple[Recording, OnRefusal]] = []

    def add(self, recording: Recording, on_refusal: OnRefusal) -> None:
        """Add a recording; flush if there are many, or the first has waited long.

        A recording with alerts is written at once, since another process may crawl the same text.
        `on_refusal` is called if the database refuses this recording, which is then dropped.
        """
        self._waiting.append((recording, on_refusal))
        waited = recording.recorded_at - self._waiting[0][0].recorded_at
        is_full = len(self._waiting) >= MAX_RECORDINGS or waited >= MAX_WAIT
        if recording.alerted_topics or is_full:
            self.flush()

    def concerns(self, site: str, keys: list[str], fingerprint: Fingerprint) -> bool:
        """Whether a waiting recording shares an address with a page, or has a similar text.

        A similar text is one that `ArticleStore.candidates` would find.
        """
        text_keys = set(fingerprint.keys)
        for recording, _ in self._waiting:
            text, is_same_site = recording.fingerprint, recording.article.site == site
            if is_same_site and any(key in keys for key in recording.visit.addresses):
                return True
            has_same_stem = is_same_site and text.slug_stem == fingerprint.slug_stem
            shares_key = has_same_stem or not text_keys.isdisjoint(text.keys)
            if has_same_body(text, fingerprint) or (shares_key and are_alike(text, fingerprint)):
                return True
        return False

    def flush(self, *, waits_for_disk: bool = True) -> None:
        """Record everything that waits; if the database refuses one recording, the others follow.

        `waits_for_disk=False` is enough if only look-ups have to see the recordings.

        Raises:
            StoreError: the database cannot be written at all; the recordings keep waiting.
        """
        if not (recordings := [recording for recording, _ in self._waiting]):
            return
        try:
            self._articles.record(*recordings, waits_for_disk=waits_for_disk)
        except StoreError:
            raise
        except Exception:
            self._record_singly()
        else:
            self._waiting.clear()

    def _record_singly(self) -> None:
        while self._waiting:
            recording, on_refusal = self._waiting[0]
            try:
                self._articles.record(recording)
            except StoreError:
                raise
            except Exception as error:
                del self._waiting[0]
                on_refusal(error)
            else:
                del self._waiting[0]
