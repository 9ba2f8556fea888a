"""The program, imported once and forked for every command: a crawl takes half the time.

Each command still runs in a process of its own, with its own folder, environment and
streams; only the second of imports is shared. What is to be run comes as JSON in a file.
"""

from __future__ import annotations

import gc
import json
import os
import random
import signal
import socket
import sys
import tempfile
import traceback
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from rscrawler.__main__ import main
from rscrawler.cli import COMMANDS, load_command
from rscrawler.cli.deliver import deliver_due
from rscrawler.cli.inputs import opened_store
from rscrawler.clock import utc_now
from rscrawler.config import Config
from rscrawler.crawling import load_flagger, prepare
from rscrawler.forks import serve
from rscrawler.identity.fingerprints import Fingerprint
from rscrawler.items import Article, Level, TopicFlag
from rscrawler.monitoring.status import read_status
from rscrawler.scheduling.warm import import_all
from rscrawler.sites import SiteProfile, Source, load_sites
from rscrawler.spiders.reading import ArticleToRead, PageReader
from rscrawler.spiders.sources import SourcePage
from rscrawler.store import Store
from rscrawler.store.articles import Recording, Visit
from rscrawler.store.discovery import Address, KeptRobots, SourceState
from rscrawler.store.tables import ARTICLES_CHANNEL, FLAGGED_CHANNEL
from tests.sample_site import pages
from tests.sample_site.state import SiteState

# What commands import when they read their options, guess an encoding or show something.
LATER = (
    "encodings.iso8859_13",
    "encodings.kz1048",
    "encodings.ptcp154",
    "rich.progress",
    "rich.table",
    "typer._adapters",
    "typer._click.decorators",
)


def run(descriptors: list[int]) -> int:
    """One command, in a child: its request, and standard input, output and error."""
    request, *streams = descriptors
    with open(request, "rb") as file:  # noqa: PTH123 (a descriptor)
        file.seek(0)
        command = json.load(file)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    encoding, _, errors = command["environment"].get("PYTHONIOENCODING", "utf-8").partition(":")
    # The former one could seek.
    sys.stdout = os.fdopen(1, "w", encoding=encoding, errors=errors or None, closefd=False)
    for number in command["closed"]:
        os.close(number)
        setattr(sys, ("stdin", "stdout", "stderr")[number], None)  # as Python does at its start
    os.chdir(command["folder"])
    os.environ.clear()
    os.environ.update(command["environment"])
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    random.seed()
    sys.path[0] = command["folder"]
    sys.argv = ["rscrawler", *command["arguments"]]
    return _status_of(command["before"])


def _status_of(before: str) -> int:
    status: Any
    try:
        exec(before, {})
        main()
        status = 0
    except SystemExit as end:
        status = end.code
    except BaseException:
        traceback.print_exc()
        status = 1
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    return status if isinstance(status, int) else int(status is not None)


def read_sample_site() -> None:
    """Read pages of the sample site: a pattern that is compiled here no child compiles again."""
    name, now = "responsiblestatecraft", utc_now()
    state = SiteState(12, 7, utc_now)
    state.base_url = base = "http://127.0.0.1:1"
    config = Config.model_validate({"sites": {name: {"base_url": base, "hosts": []}}})
    reader = PageReader(load_sites(config), load_flagger(config))
    for kind, path, text in (
        ("feed", "/feeds/feed.rss", pages.render_feed(state, "Feed", state.stories, 1)),
        ("sitemap", "/sitemap.xml", pages.render_sitemap_index(state)),
        ("sitemap", "/feeds/sitemaps/sitemap_1.xml", pages.render_sitemap(state, 1)),
        ("section", "/analysis/", pages.render_listing(state, "", "/analysis/", state.stories, 1)),
    ):
        source = Source(kind=kind, path=path)
        reader.read(SourcePage(name, base + path, text.encode(), None, source))
    for story in state.stories:
        page, url = pages.render_article(state, story).encode(), base + story.path
        reader.read(ArticleToRead(name, url, page, None, now))


def rehearse() -> None:
    """Record a cycle, and deliver nothing: SQL that is compiled here no child compiles again."""
    with tempfile.TemporaryDirectory() as folder:
        config = Config(output_dir=Path(folder))
        with opened_store(config) as store:
            record_cycle(store, "rehearsal", utc_now())
        with opened_store(config) as store:
            deliver_due(config, store)
            read_status(config, store, utc_now())


def record_cycle(store: Store, site: str, now: datetime) -> None:
    """What a cycle reads and writes that finds an article, and two at once: that is other SQL."""
    url = f"https://{site}.example.org/"
    store.health.site(site)
    store.discovery.over_limit(site)
    store.leases.acquire(site, site, now)
    store.health.record_start(site, site, now)
    store.discovery.adopt_rules(site, SiteProfile(base_url=url.rstrip("/")))
    store.discovery.sources(site)
    store.discovery.robots(site)
    store.discovery.record_robots(KeptRobots(site, b"", now))
    store.discovery.due(site, now, with_skipped=True)
    store.articles.due(site, now)
    found, another = Address(site, url, now), Address("another", f"{url}another", now)
    store.discovery.addresses(site, [found.key])
    state = SourceState(url, kind="feed", read_at=now)
    sitemaps = [state, SourceState(another.url)]
    store.discovery.record_reading(site, "/", state, [found], sitemaps=[state])
    store.discovery.record_reading(
        site, "/", state, [found, another], due_articles=[site], sitemaps=sitemaps
    )
    flags = [TopicFlag("topic", Level.PRIMARY, 1.0, (), ())]
    article, second, third = (
        Article(
            record_id=article_id,
            article_id=article_id,
            version=1,
            site=site,
            url=url,
            topics=flags,
            first_seen_at=now,
            fetched_at=now,
        )
        for article_id in (site, "second", "third")
    )
    fingerprint = Fingerprint(text_digest="", body_digest="", slug_stem="", keys=(1, 2))
    store.articles.by_ids([site])
    store.articles.candidates(site, fingerprint)
    visit = Visit({found.key: url}, "")
    store.articles.record(Recording(article, fingerprint, visit, site, now, (ARTICLES_CHANNEL,)))
    channels = (ARTICLES_CHANNEL, FLAGGED_CHANNEL)
    store.articles.record(
        *(Recording(each, fingerprint, visit, site, now, channels) for each in (second, third))
    )
    store.articles.record_unchanged(site, site, visit, now)
    store.articles.latest_record(site)
    store.discovery.addresses_of(site)
    store.history.observations(site, now, 1)
    store.history.publications(site, now, 1)
    store.discovery.failing(site, (now, now), 1)
    store.health.record_end(site, site, now, succeeded=True, counters={"requests": 1})
    store.leases.release(site, site)
    store.leases.rest(site, site, now)
    store.history.delivered_by_site(site)


if __name__ == "__main__":
    gc.disable()  # as the warm process does
    import_all()
    for name in LATER:
        import_module(name)
    for name in COMMANDS:
        for option in load_command(name).params:
            option.get_runtime_param()
    prepare(Config())
    read_sample_site()
    rehearse()
    gc.freeze()
    gc.enable()
    assert sys.path[0] == str(Path.cwd())
    serve(socket.socket(fileno=int(sys.argv[1])), run)
