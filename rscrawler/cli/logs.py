"""Logs on standard error: lines for people, or JSON lines for machines."""

import json
import logging
import math
import sys
from datetime import UTC, datetime
from typing import Any

import typer

from rscrawler.errors import RscrawlerError, StoreError


class JsonFormatter(logging.Formatter):
    """Formats each record as a JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, logger and message, and the traceback if there is one."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


LOGGED_AGAIN_AFTER_SECONDS = 3600.0
_logged_at: dict[str, float] = {}


def shorten(record: logging.LogRecord) -> bool:
    """Filter a record: an error that the operator can fix is one line, without a traceback.

    The same failure of the store is logged once an hour, wherever it occurs.
    """
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, RscrawlerError):
        if isinstance(error, StoreError):
            since = record.created - _logged_at.get(str(error), -math.inf)
            if since < LOGGED_AGAIN_AFTER_SECONDS:
                return False
            _logged_at[str(error)] = record.created
        record.msg, record.args = f"{record.getMessage()}: {error}", ()
        record.exc_info = record.exc_text = None
    return True


def configure_logging(level: int, *, as_json: bool) -> None:
    """Send this process's logs to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter()
        if as_json
        else logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%d %H:%M:%S")
    )
    handler.setLevel(level)
    handler.addFilter(shorten)
    # Scrapy sets the root logger to every level, so the handler filters.
    logging.basicConfig(handlers=[handler], force=True)
    for chatty in ("asyncio", "apscheduler", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.ERROR)


def log_runs(context: typer.Context) -> None:
    """Log each run at INFO, where other commands log warnings only; `-v` logs everything."""
    options: dict[str, Any] = context.parent.params if context.parent else {}
    configure_logging(logging.INFO, as_json=bool(options.get("log_json")))
    if options.get("verbose"):
        return
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("rscrawler.scheduling").setLevel(logging.INFO)
    # A worker logs in one line that the database is away; these loggers would add a page each.
    for name in ("procrastinate", "psycopg.pool"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
