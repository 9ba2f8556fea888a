"""Archives article pages as they were fetched, as WARC (ISO 28500), if `archive.enabled` is set.

One file for each site, day and run: `SITE/2026-11-24/RUN_ID.warc.gz`, so no two processes
write the same one. Every record is a gzip member of its own, written out before the page is
parsed: a killed crawl leaves whole records, and at most one truncated record at the end.
Bodies are stored without their transfer and content encoding, as extraction sees them.
"""

import logging
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Self

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.http import Response
from warcio.archiveiterator import WARCIterator
from warcio.exceptions import ArchiveLoadFailed
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from rscrawler.errors import OutputError
from rscrawler.spiders.outcomes import RequestedArticle, request_context
from rscrawler.spiders.session import log_error, session_of

logger = logging.getLogger(__name__)

KEY_HEADER = "X-Rscrawler-Address-Key"  # the key of the requested address in the store
SUFFIX = ".warc.gz"
_WARC_VERSION = "1.1"  # the first whose dates have fractions of a second
_CHUNK_BYTES = 65_536
# Headers that are wrong once the body has been decoded.
_OUTDATED_HEADERS = frozenset({"content-length", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class ArchivedPage:
    """One article page as it was fetched.

    `key` is the address key of the request, `url` the final address; `headers` are those
    of the response, with a Content-Length that fits the decoded `body`.
    """

    key: str
    url: str
    fetched_at: datetime
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """A header of the response by its name in any case; None if missing or empty; no NUL."""
        found = (text for key, text in self.headers if key.lower() == name.lower())
        return next(found, "").replace("\0", "") or None


def add_page(folder: Path, site: str, run_id: str, page: ArchivedPage) -> None:
    """Append a page to the file of its site, day and run.

    Raises:
        OSError: the file cannot be created or written; it may end in a truncated record.
    """
    fetched_at = page.fetched_at.astimezone(UTC)
    path = folder / site / fetched_at.date().isoformat() / f"{run_id}{SUFFIX}"
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        writer = WARCWriter(file, warc_version=_WARC_VERSION)
        record = writer.create_warc_record(
            page.url,
            "response",
            payload=BytesIO(page.body),
            length=len(page.body),
            http_headers=StatusAndHeaders("200 OK", list(page.headers), protocol="HTTP/1.1"),
            warc_headers_dict={
                "WARC-Date": fetched_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                KEY_HEADER: page.key,
            },
        )
        writer.write_record(record)


def page_of(response: Response, key: str, fetched_at: datetime) -> ArchivedPage:
    """A response as the archive stores it."""
    headers = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, values in response.headers.items()
        for value in values
        if name.decode("latin-1").lower() not in _OUTDATED_HEADERS
    ]
    headers.append(("Content-Length", str(len(response.body))))
    return ArchivedPage(key, response.url, fetched_at, tuple(headers), response.body)


def archive_files(folder: Path, site: str) -> list[Path]:
    """The files that hold pages of a site, the latest first."""
    return sorted((folder / site).glob(f"????-??-??/*{SUFFIX}"), reverse=True)


def archived_pages(files: Iterable[Path], since: datetime | None = None) -> Iterator[ArchivedPage]:
    """The pages in `files`, in their order; `since` skips pages fetched earlier.

    From the first unreadable record of a file on, the rest is skipped with a warning.
    """
    for path in files:
        if since is not None and path.parent.name < since.astimezone(UTC).date().isoformat():
            continue
        try:
            with path.open("rb") as file:
                for page in _pages_in(file):
                    if since is None or page.fetched_at >= since:
                        yield page
        except (
            OSError, ValueError, KeyError, EOFError, zlib.error, ArchiveLoadFailed
        ) as error:  # fmt: skip
            logger.warning("%s: the rest of it cannot be read: %s", path, error)


def _pages_in(file: BinaryIO) -> Iterator[ArchivedPage]:
    for member in _members(file):
        for record in WARCIterator(BytesIO(member)):
            if record.rec_type == "response":
                headers = dict(record.rec_headers.headers)
                yield ArchivedPage(
                    key=headers[KEY_HEADER],
                    url=headers["WARC-Target-URI"],
                    fetched_at=datetime.fromisoformat(headers["WARC-Date"]),
                    headers=tuple(record.http_headers.headers),
                    body=record.raw_stream.read(),
                )


def _members(file: BinaryIO) -> Iterator[bytes]:
    """The content of each gzip member; warcio would take a truncated one for a short record.

    Raises:
        EOFError: the last one is truncated.
        zlib.error: one is damaged.
    """
    ahead = b""
    while ahead := ahead or file.read(_CHUNK_BYTES):
        member = zlib.decompressobj(wbits=zlib.MAX_WBITS + 16)
        content = bytearray()
        while not member.eof:
            content += member.decompress(ahead)
            ahead = member.unused_data if member.eof else file.read(_CHUNK_BYTES)
            if not (ahead or member.eof):
                raise EOFError("it ends within a record")
        yield bytes(content)


def prune_archive(folder: Path, before: date, *, is_dry: bool = False) -> int:
    """Delete all sites' files of days before `before` (`is_dry`: count them); returns how many.

    Raises:
        OutputError: one cannot be deleted.
    """
    old = [
        path
        for path in folder.glob(f"*/????-??-??/*{SUFFIX}")
        if path.parent.name < before.isoformat()
    ]
    if is_dry:
        return len(old)
    try:
        for path in old:
            path.unlink(missing_ok=True)
        for day in {path.parent for path in old}:
            if not any(day.iterdir()):
                day.rmdir()
    except OSError as error:
        raise OutputError(f"{folder}: cannot be pruned: {error}") from error
    return len(old)


class ArchiveExtension:
    """Archives every article page of a crawl before it is parsed.

    An archive that fails costs no article: the failure is logged once and counted, and the
    rest of the cycle is not archived.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler, self._session = crawler, session_of(crawler)
        self._has_failed = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Connect to the responses of the crawl; `NotConfigured` unless `archive.enabled`."""
        if not session_of(crawler).config.archive.enabled:
            raise NotConfigured
        extension = cls(crawler)
        crawler.signals.connect(extension.response_received, signals.response_received)
        return extension

    def response_received(self, response: Response, request: Request) -> None:
        """Archive a response with status 200 to the request of an article."""
        requested, session = request_context(request), self._session
        if not isinstance(requested, RequestedArticle) or response.status != 200:
            return
        if self._has_failed:
            return
        page = page_of(response, requested.address.key, session.now())
        try:
            add_page(session.config.archive_folder, session.site, session.run_id, page)
        except OSError as error:
            self._has_failed = True
            end = f"archive: no more pages of this cycle are archived: {error}"
            log_error(self._crawler, end, logging.ERROR)
