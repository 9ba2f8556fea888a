"""Commands of the service: run it or a worker, and show its jobs."""

import asyncio
import logging
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Option

from rscrawler.cli.deliver import store_failures_reported
from rscrawler.cli.inputs import ConfigOption, ConfigPath, JsonOption, opened_store
from rscrawler.cli.output import complain, log_runs, print_json, say
from rscrawler.clock import utc_now
from rscrawler.config import Config, find_config, load_config, read_text, read_toml
from rscrawler.errors import ConfigurationError, StoreError
from rscrawler.items import rfc3339
from rscrawler.maintenance.recovery import StoreKeeper
from rscrawler.schedules import ScheduledJob, active_jobs, load_schedules
from rscrawler.scheduling.service import Service
from rscrawler.scheduling.warm import WarmRuns, own_folders
from rscrawler.store.database import NoDatabase, sqlite_file
from rscrawler.store.jobs import JobState
from rscrawler.store.leases import process_identity
from rscrawler.topics import check_alerted

logger = logging.getLogger(__name__)

START_SECONDS = 60.0

SchedulesOption = Annotated[
    Path | None,
    Option("--schedules", resolve_path=True, help="Folder of schedules; default: schedules_dir."),
]


def run_command(
    context: typer.Context, schedules_dir: SchedulesOption = None, config_path: ConfigPath = None
) -> None:
    """Run the jobs of the schedules until SIGTERM or SIGINT; SIGHUP reloads the files."""
    load = _Loader(find_config(config_path), schedules_dir)
    config, _ = load()
    log_runs(context)
    with store_failures_reported(config):  # a supervisor that restarts the service tells nobody
        keeper = _open_keeper(config)
    _run(keeper, load)


def worker_command(
    context: typer.Context,
    name: Annotated[str | None, Option(help="In the log; default: host and process.")] = None,
    at_once: Annotated[int, Option(min=1, help="How many crawls at a time.")] = 2,
    schedules_dir: SchedulesOption = None,
    config_path: ConfigPath = None,
) -> None:
    """Run only crawls, beside other workers, until SIGTERM or SIGINT."""
    load = _Loader(find_config(config_path), schedules_dir, for_worker=True)
    config, _ = load()
    log_runs(context)
    _run(_open_keeper(config), load, worker=name or process_identity(), at_once=at_once)


def _open_keeper(config: Config) -> StoreKeeper:
    """The store; a PostgreSQL server that starts with this machine is given a minute."""
    last, is_server = time.monotonic() + START_SECONDS, sqlite_file(config.database) is None
    while True:
        try:
            return StoreKeeper(config)
        except StoreError as error:
            if not is_server or time.monotonic() > last:
                raise
            logger.warning("trying again for a minute", exc_info=error)  # logged once
        time.sleep(1)


class _Loader:
    """Reads configuration and schedules at each call; `runs` then use what was read last.

    Two changes need a restart. A file that had keys and has none now was probably truncated while
    it was saved, and the defaults would crawl into another database. With another database_url,
    the service would have the old database open, while its children write to the new one.
    `for_worker`: a configuration without workers is refused, too.

    Raises:
        ConfigurationError: when called, if a file is invalid or needs a restart.
    """

    def __init__(
        self, path: Path | None, schedules_dir: Path | None, *, for_worker: bool = False
    ) -> None:
        self._path, self._schedules_dir, self._for_worker = path, schedules_dir, for_worker
        self._had_keys = False
        self._database: str | None = None  # the one that the service has open
        self.runs = WarmRuns()

    def __call__(self) -> tuple[Config, Sequence[ScheduledJob]]:
        # A link may lead elsewhere before the next reload: until then, runs keep to this folder.
        path = Path(os.path.realpath(self._path)) if self._path else None
        text = read_text(path) if path else ""
        has_keys = path is not None and bool(read_toml(path, text))
        if self._had_keys and not has_keys:
            raise ConfigurationError(
                f"{path}: has no key any more; write one, or restart the service "
                "if the defaults are meant"
            )
        config = load_config(path, text)
        if self._for_worker and not config.uses_workers:
            raise ConfigurationError(
                f"{config.place_of('scheduling.executor')}: is 'process', which has no workers; "
                "allowed here: workers"
            )
        if self._database not in (None, config.database):
            raise ConfigurationError(
                f"{config.place_of('database_url')}: names another database than the one that "
                "the service has open; restart the service to change it"
            )
        check_alerted(config)
        jobs = active_jobs(config, self._schedules_dir)
        self._had_keys, self._database = has_keys, config.database
        self.runs.path, self.runs.text, self.runs.folders = path, text, own_folders(config)
        return config, jobs


def _run(keeper: StoreKeeper, load: _Loader, **options: Any) -> None:
    with closing(keeper), closing(load.runs):
        asyncio.run(Service(keeper, load, run=load.runs.run, **options).run())


def schedules_command(
    config: ConfigOption, schedules_dir: SchedulesOption = None, as_json: JsonOption = False
) -> None:
    """Show the jobs, and when each fires next."""
    jobs = load_schedules(config, schedules_dir)
    states: Mapping[str, JobState] = {}
    try:
        with opened_store(config, must_exist=True) as store:
            states = store.jobs.states()
    except NoDatabase as error:  # schedules are written and looked at before the first run
        complain(str(error))
    rows = [_job_json(scheduled, states.get(scheduled.id)) for scheduled in jobs]
    if as_json:
        print_json({"jobs": rows})
        return
    for row in rows:
        subject = " ".join([row["action"], ", ".join(row["sites"])]).strip()
        last = f"{row['last_fired_at']}: {row['last_outcome'] or 'running'}"
        say(f"{row['id']}: {subject}, {row['when']}")
        say(f"  next: {row['next_fire_at'] or 'never, it or each of its sites is not enabled'}")
        say(f"  last: {last if row['last_fired_at'] else 'never'}")
        say(f"  file: {row['file']}")


def _job_json(scheduled: ScheduledJob, state: JobState | None) -> dict[str, Any]:
    """One job as JSON. A job that is not active never fires: its `next_fire_at` is null."""
    next_fire_at = scheduled.next_fire(state, utc_now()) if scheduled.is_active else None
    return {
        "id": scheduled.id,
        "action": scheduled.job.action,
        "sites": list(scheduled.sites),
        "when": scheduled.job.when,
        "enabled": scheduled.is_active,
        "next_fire_at": rfc3339(next_fire_at),
        "last_fired_at": rfc3339(state.last_fired_at) if state else None,
        "last_outcome": state.last_outcome if state else None,
        "file": str(scheduled.file),
    }
