"""What the tests of whole crawls share: a site with few sources, and hands in its database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from tests.sample_site import SampleSite
from tests.sample_site.routes import Resource
from tests.workspace import DEADLINE_SECONDS, Workspace

FEED, SITEMAP, SECTION = "/feeds/feed.rss", "/sitemap.xml", "/analysis/"


def sources(*paths: str, site: str = "responsiblestatecraft") -> str:
    """Configuration that leaves a site these sources alone."""

    def kind(path: str) -> str:
        return "feed" if path == FEED else "sitemap" if path.endswith(".xml") else "section"

    return "".join(
        f'[[sites.{site}.sources]]\nkind = "{kind(path)}"\npath = "{path}"\n' for path in paths
    )


FEW_SOURCES = sources(FEED, SITEMAP, SECTION)
QUICK = "[crawl]\nretries = 0\nmax_response_mib = 1\n"
IMPATIENT = QUICK + 'timeout = "3s"\n'  # for a site that hangs


def listing_of(*addresses: str) -> Resource:
    """A page that links to these."""
    links = "".join(f'<a href="{address}">read</a>' for address in addresses)
    return Resource(body=f"<html><body>{links}</body></html>".encode(), lasts=False)


def paths_requested(site: SampleSite) -> list[str]:
    """Every path that was requested, in order, without robots.txt."""
    return [request.path for request in site.requests if request.path != "/robots.txt"]


def articles_requested(site: SampleSite) -> list[str]:
    """The slugs of the article pages that were requested, in order."""
    slugs = {story.slug for story in site.stories}
    requested = (request.path.strip("/") for request in site.requests)
    return [slug for slug in requested if slug in slugs]


def urls(workspace: Workspace) -> list[str]:
    """The address of every record, in order."""
    return [record["url"] for record in workspace.records()]


def change_database(workspace: Workspace, *statements: str) -> None:
    """Run SQL in the workspace's database, mostly to let time pass."""
    file = workspace.output / "rscrawler.db"
    with closing(sqlite3.connect(file, timeout=DEADLINE_SECONDS)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def rows_of(workspace: Workspace, query: str) -> list[tuple[Any, ...]]:
    """What a query finds in the workspace's database."""
    with closing(sqlite3.connect(workspace.output / "rscrawler.db")) as connection:
        return connection.execute(query).fetchall()


def let_retries_come(workspace: Workspace) -> None:
    """Let the time until the next attempt at each failed page pass."""
    change_database(workspace, "UPDATE address SET next_try_at = NULL")


def let_articles_be_due(workspace: Workspace) -> None:
    """Let every known article's next check on the ageing schedule come."""
    long_ago = "2020-01-01T00:00:00.000000Z"
    change_database(
        workspace,
        f"UPDATE article SET next_check_at = '{long_ago}' WHERE next_check_at IS NOT NULL",
    )


def let_time_pass(workspace: Workspace, *, hours: float) -> None:
    """Age what is known of addresses: when each was found, and when it is tried again."""
    earlier = f"strftime('%Y-%m-%dT%H:%M:%f000Z', {{}}, '-{hours * 3600:.0f} seconds')"
    changes = (f"{name} = {earlier.format(name)}" for name in ("seen_at", "next_try_at"))
    change_database(workspace, f"UPDATE address SET {', '.join(changes)}")


def let_a_day_pass(workspace: Workspace) -> None:
    """Age what was kept for a day: robots.txt, and the trust in "not modified" answers."""
    change_database(
        workspace,
        "UPDATE robots SET fetched_at = '2020-01-01T00:00:00.000000Z'",
        "UPDATE source SET read_at = '2020-01-01T00:00:00.000000Z' WHERE read_at IS NOT NULL",
    )
