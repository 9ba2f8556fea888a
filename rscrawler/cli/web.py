"""`rscrawler web`: the dashboard."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from rscrawler.cli.common import ConfigOption, out, read_config
from rscrawler.cli.reading import open_existing
from rscrawler.clock import utc_now
from rscrawler.recovery import StoreKeeper
from rscrawler.web.dashboard import Dashboard, newest_store
from rscrawler.web.server import DashboardServer, stopped_by_signals


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command("web")(web_command)


def web_command(
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65_535, help="0 takes a free one.")
    ] = 8000,
    config_path: ConfigOption = None,
) -> None:
    """Serve the dashboard until SIGTERM or Ctrl-C."""
    config = read_config(config_path)
    with (
        closing(StoreKeeper(config, open_existing)) as keeper,
        DashboardServer(
            Dashboard.of(config, newest_store(keeper), now=utc_now), host, port
        ) as server,
        stopped_by_signals(server),
    ):
        out.print(f"dashboard at {server.url} (Ctrl-C stops it)", markup=False)
        server.serve_forever(poll_interval=0.2)
