"""`rscrawler web`: the dashboard."""

import re
import sys
import tomllib
from contextlib import closing, suppress
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from rscrawler.cli.inputs import ConfigOption, open_existing, usable
from rscrawler.cli.output import say
from rscrawler.clock import utc_now
from rscrawler.config import read_text
from rscrawler.config.models import USER_NAME, USER_NAMES
from rscrawler.errors import ConfigurationError, MissingExtra
from rscrawler.maintenance.recovery import StoreKeeper

_SHORTEST_PASSWORD = 8
_USERS = re.compile(r"^\[web\.users\][^\n]*\n", re.MULTILINE)


def web_command(
    config: ConfigOption,
    host: Annotated[str, Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, Option(min=0, max=65_535, help="0 picks a free one.")] = 8000,
    add_user: Annotated[
        str | None, Option(help="Ask for a password, write its hash to [web.users], and exit.")
    ] = None,
) -> None:
    """Serve the dashboard until SIGTERM or Ctrl-C."""
    try:
        # The server is an extra, and is not imported for the other commands.
        from rscrawler.web.access import hash_password
        from rscrawler.web.app import serve
        from rscrawler.web.dashboard import Dashboard
    except ModuleNotFoundError as error:
        raise MissingExtra("the dashboard", error.name, "web") from None
    if add_user is not None:
        path = Path(config.origin)
        if not path.is_file():
            raise ConfigurationError(
                "--add-user: there is no configuration file; `rscrawler init` writes one"
            )
        if not USER_NAME.fullmatch(add_user):
            raise ConfigurationError(f"--add-user: allowed: {USER_NAMES}")
        _write_user(path, add_user, hash_password(_password()))
        say(f"wrote {add_user} to {path}; restart the dashboard")
        return
    with closing(StoreKeeper(config, open_existing)) as keeper:
        serve(
            Dashboard(config, keeper, now=utc_now),
            host,
            port,
            announce=lambda url: say(f"dashboard at {url} (Ctrl-C stops it)"),
        )


def _password() -> str:
    """Prompt for a new password twice; if standard input is no terminal, read a line of it."""
    if sys.stdin.isatty():
        password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if len(password) < _SHORTEST_PASSWORD:
        raise ConfigurationError(f"the password: at least {_SHORTEST_PASSWORD} characters")
    return password


def _write_user(path: Path, name: str, hashed: str) -> None:
    """Add a user to the table `[web.users]` of a configuration file, or replace their password."""
    line, before = f'"{name}" = "{hashed}"\n', read_text(path)
    former = re.compile(rf'^"?{re.escape(name)}"? *= *"scrypt[^\n]*\n?', re.MULTILINE)
    if former.search(before):
        text = former.sub(lambda _: line, before, count=1)
    elif _USERS.search(before):
        text = _USERS.sub(lambda header: header[0] + line, before, count=1)
    else:
        text = f"{before.rstrip()}\n\n[web.users]\n{line}"
    users: dict[str, str] = {}
    with suppress(tomllib.TOMLDecodeError):  # the table is there in another form
        users = tomllib.loads(text).get("web", {}).get("users", {})
    if users.get(name) != hashed:
        raise ConfigurationError(f"{path}: web.users: add this line to it by hand: {line.strip()}")
    with usable(path, to_be="written"):
        try:
            _overwrite(path, text)
        except OSError:  # a full disk: the text before still has its room
            _overwrite(path, before)
            raise


def _overwrite(path: Path, text: str) -> None:
    """Replace the text of a file in place: it is never empty, and keeps its owner."""
    with path.open("r+", encoding="utf-8") as file:
        file.write(text)
        file.truncate()
