"""A site and its first crawls, made once for a module: each test goes on from a copy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path

from rscrawler.clock import utc_now
from tests.sample_site import SampleSite, Theme
from tests.sample_site.state import SiteState
from tests.workspace import Program, Workspace

# Some minutes after it was found, an address that was rejected is requested again.
LASTING = timedelta(minutes=4)


class Start:
    """A running site, a workspace in which `prepare` has crawled it, and its other first crawls.

    The site keeps its address, which is in all that a crawl stores. For each test its stories,
    faults and requests are what they were before `prepare`, and then what `change` makes of them.
    """

    def __init__(
        self,
        folder: Path,
        program: Program,
        prepare: Callable[[Start], None] = lambda _: None,
        *,
        stories: int = 60,
        change: Callable[[SampleSite], object] = lambda _: None,
    ) -> None:
        self.folder = folder
        self.site = SampleSite(stories)
        self._program, self._stories = program, stories
        self._prepare, self._change = prepare, change
        self._made_at = datetime.min.replace(tzinfo=UTC)
        self._base_url = ""  # once the site runs; a test may let it move

    @property
    def workspace(self) -> Workspace:
        """The one that is copied."""
        return Workspace(self.folder / "workspace", self._program)

    def begin(self) -> SampleSite:
        """The site as it was after `prepare`; that is done anew if it was long ago."""
        if utc_now() - self._made_at > LASTING:
            self._made_at = utc_now()
            shutil.rmtree(self.folder, ignore_errors=True)
            self.workspace.folder.mkdir(parents=True)
            self._reset()
            self._prepare(self)
        self._reset()
        self.change_site()
        return self.site

    def change_site(self) -> None:
        """Let the site change, always at the same time."""
        self.site.now = lambda: self._made_at
        self._change(self.site)
        self.site.now = utc_now

    def first_crawl(self, workspace: Workspace, *options: str) -> None:
        """Crawl the site as configured; what was crawled so before, and found the same, is copied.

        The site must be as it began, but for its extra pages. It forgets the requests.
        """
        found = workspace.config.read_text(encoding="utf-8"), options, self.site.extra_pages
        made = self.folder / blake2b(repr(found).encode(), digest_size=8).hexdigest()
        if not made.exists():
            report = workspace.crawl(*options)
            assert not any(site["problems"] for site in report["sites"].values())
            shutil.copytree(workspace.output, made)
            self.site.forget_requests()
        shutil.copytree(made, workspace.output, dirs_exist_ok=True)

    def copy_to(self, workspace: Workspace) -> None:
        """Make a workspace what it was after `prepare`."""
        shutil.copytree(self.workspace.folder, workspace.folder, dirs_exist_ok=True)

    def _reset(self) -> None:
        site, fresh = self.site, SiteState(self._stories, self.site.seed, lambda: self._made_at)
        fresh.base_url = self._base_url = self._base_url or site.base_url
        fresh.edition = site.edition + 1  # nothing that was rendered before is served
        fresh.now = utc_now
        with site.lock:
            vars(site).update(vars(fresh))
            site.theme = Theme.REBELMOUSE
            for changed in (site.gone, site.extra_pages, site.answers, site.held):
                changed.clear()
        site.heal()
        site.forget_requests()
