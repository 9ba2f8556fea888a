"""A request that says "I live": who does not get it in time raises the alarm.

The addresses are those of healthchecks and its like: the plain one after a good
cycle, `/fail` behind its path after a bad one.
"""

from __future__ import annotations

from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit, urlunsplit
from urllib.request import Request, urlopen

from rscrawler import __version__

TIMEOUT_SECONDS = 10.0


def heartbeat_address(url: str, *, is_good: bool) -> str:
    """The address to request; a query stays where it is."""
    if is_good:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + "/fail"))


def send_heartbeat(url: str, *, is_good: bool) -> str | None:
    """Request the address of a good or bad cycle; gives what went wrong, without the address.

    `url` holds a secret as a rule and must be http or https, as the configuration checks.
    """
    request = Request(  # noqa: S310 - the configuration lets only http and https through
        heartbeat_address(url, is_good=is_good), headers={"User-Agent": f"rscrawler/{__version__}"}
    )
    try:
        with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - as above
            answer.read(1024)
    except HTTPError as error:
        error.close()
        return f"answers {error.code}"
    except URLError as error:
        return str(error.reason)
    except (OSError, HTTPException, ValueError) as error:
        return type(error).__name__
    return None
