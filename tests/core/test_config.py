"""A wrong configuration is one line for each problem, with file, key and remedy; no secret."""

from __future__ import annotations

import json
import os
import re
import shutil
import tomllib
from collections.abc import Callable
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from rscrawler.cli.records import SchemaName, schema_of
from rscrawler.cli.setup import TEMPLATE
from rscrawler.config import Config, checked, find_config, load_config, read_toml
from rscrawler.config.models import EmailSettings, format_duration, parse_duration
from rscrawler.errors import ConfigurationError
from rscrawler.schedules import ScheduleFile
from rscrawler.sites import SiteProfile, load_sites
from rscrawler.store import Store
from rscrawler.store.database import sqlite_file
from rscrawler.topics import WatchList, check_alerted

SECRET = "hunter2"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RSCRAWLER_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


def written(folder: Path, text: str) -> Path:
    path = folder / "rscrawler.toml"
    path.write_text(text, encoding="utf-8")
    return path


def email_of(path: Path) -> EmailSettings:
    email = load_config(path).alerts.email
    assert email is not None
    return email


def set_keys(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"RSCRAWLER_{name}", value)


def problems_of(path: Path | None) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load_config(path)
    assert all("\n" not in problem for problem in caught.value.problems)
    return caught.value.problems


A_LIST = """
title = "Central Asia"
states = { KZ = "Kazakhstan" }
[[entity]]
name = "Kazakhstan"
kind = "state"
spellings = ["Kazakhstan"]
"""
EMAIL = '[alerts.email]\nhost = "h"\nsender = "a@b.org"\nrecipients = ["c@d.org"]\n'


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        ("output = 1", "output", "unknown key; allowed here: alerts, archive, contact"),
        ("[alert]", "alert", "unknown key; allowed here: alerts, archive, contact"),
        ("[alerts]\nmin_levle = 'x'", "alerts.min_levle", "key; allowed here: channels, "),
        (EMAIL + "pasword = 'x'", "alerts.email.pasword", "allowed here: ca_file, digest"),
        ("[crawl]\nretries = -1", "crawl.retries", "-1: allowed: 0 or more"),
        ("[crawl]\nretries = 'two'", "crawl.retries", "'two': allowed: a whole number"),
        ("[crawl]\ntimeout = 30", "crawl.timeout", '"90s"'),
        ("[crawl]\nrecheck_after = ['1h', 'soon']", "crawl.recheck_after.1", '"90s"'),
        ("[alerts]\nmin_level = 'high'", "alerts.min_level", "'primary', 'substantial'"),
        ("[alerts.email]\nport = 25", "alerts.email.host", "is missing"),
        (EMAIL + "port = 70000", "alerts.email.port", "allowed: 65535 or less"),
        (EMAIL + "timezone = 'Mars/One'", "alerts.email.timezone", "IANA time zone"),
        ("[crawl]\npage_memory_limit = '2Mi'", "crawl.page_memory_limit", 'as "512MiB" or "2GiB"'),
        ("[crawl]\npage_memory_limit = 512", "crawl.page_memory_limit", 'at least "1MiB"'),
        ("[archive]\nkeep_days = 999999", "archive.keep_days", "36500 or less"),
        ("[alerts]\nmax_age_days = 1e308", "alerts.max_age_days", "36500 or less"),
        ('output_dir = "~no-such-user/x"', "output_dir", "no home folder is known"),
        ('database_url = "mysql://u@h/d"', "database_url", "allowed: sqlite:///path or postgres"),
        ('database_url = "postgresql+asyncpg://h/d"', "database_url", "or postgresql+psycopg:"),
        ('database_url = "sqlite:///~no-such-user/x"', "database_url", "no home folder is known"),
        ("[alerts.ops]\nchannels = ['x']", "alerts", "not in alerts.channels"),
        ("sites = 'all'", "sites", "allowed: a table"),
        ("[sites]\nx = 1", "sites.x", "1: allowed: a table"),
        ("[scheduling]\ntime_limit = '-1s'", "scheduling.time_limit", "allowed"),
        ("[crawl]\ntimeout = '0s'", "crawl.timeout", 'allowed: more than "0s", at most "1d"'),
        (EMAIL + "timeout = '2d'", "alerts.email.timeout", 'allowed: more than "0s"'),
        (EMAIL.replace('"h"', '"h..i"'), "alerts.email.host", "'h..i': allowed: a host name"),
        (EMAIL.replace('"h"', '"h:25"'), "alerts.email.host", "'h:25': allowed: a host name alone"),
        (EMAIL.replace('"h"', '"h "'), "alerts.email.host", "'h ': allowed: a host name alone"),
        ("[web]\nhosts = ['*.h.org']", "web.hosts.0", "'*.h.org': allowed: a host name alone"),
        ("[web]\nurl = 'https://a..b'", "web.url", "allowed: scheme and host alone"),
        ("[monitoring]\noverdue_after = '0s'", "monitoring.overdue_after", 'more than "0s"'),
        ("[crawl]\nrecheck_after = ['6h', '1h']", "crawl.recheck_after", "ages that ascend"),
        ("[crawl]\nrecheck_after = ['1h', '60m']", "crawl.recheck_after", "ages that ascend"),
        (EMAIL + "password = 'ü'", "alerts.email.password", "allowed: ASCII characters"),
        (EMAIL + "username = 'ü'", "alerts.email.username", "allowed: ASCII characters"),
        (EMAIL + "username = ''", "alerts.email.username", "leave it out"),
        (EMAIL + "digest_at = 7", "alerts.email.digest_at", "7: allowed: a time of day, such as"),
        (EMAIL + "digest_at = '07:00Z'", "alerts.email.digest_at", "allowed: a time of day"),
        (EMAIL + "digest_at = '25:00'", "alerts.email.digest_at", "allowed: a time of day"),
        ("[alerts.channels]\ndesk = []", "alerts.channels.desk", "a list that is not empty"),
        (
            "[alerts.quiet_hours]\nstart = '22:00'\nend = '22:00'",
            "alerts.quiet_hours",
            "start and end must differ",
        ),
        ("[alerts.ops]\nrecipients = ['x@h.org']", "alerts", "ops.recipients needs alerts.email"),
    ],
)
def test_a_wrong_key_or_value_is_named_with_its_file_and_what_is_allowed(
    tmp_path: Path, text: str, key: str, says: str
) -> None:
    path = written(tmp_path, text)
    lines = problems_of(path)
    assert any(line.startswith(f"{path}: {key}: ") and says in line for line in lines), lines


@pytest.mark.parametrize(
    ("model", "text", "line"),
    [
        (Config, "[crawl]\nretries = 1.5", "crawl.retries: 1.5: allowed: a whole number"),
        (
            Config,
            "[crawl]\nmax_response_mib = 0",
            "crawl.max_response_mib: 0: allowed: more than 0",
        ),
        (Config, "[archive]\nenabled = 3", "archive.enabled: 3: allowed: true or false"),
        (Config, "contact = true", "contact: true: allowed: text in quotes"),
        (Config, "output_dir = 3", "output_dir: 3: allowed: a path in quotes"),
        (Config, "alerts = 3", "alerts: 3: allowed: a table, in {…} or under […]"),
        (
            Config,
            "[alerts]\ntopics = 'x'",
            "alerts.topics: 'x': allowed: a list, in […] or as tables under [[…]]",
        ),
        (
            Config,
            EMAIL + "digest_at = 'noon'",
            "alerts.email.digest_at: 'noon': allowed: a time of day, such as \"07:00\"",
        ),
        (
            Config,
            "[alerts.channels]\nops = 5",
            "alerts.channels.ops: allowed: text in quotes, or a list, in […] "
            "or as tables under [[…]]",
        ),
        (
            Config,
            "[alerts.channels]\nops = ['x', 5]",
            "alerts.channels.ops.1: allowed: text in quotes",
        ),
        (
            SiteProfile,
            "base_url = 'https://x.org'\nreviewed_on = 'today'",
            "reviewed_on: 'today': allowed: a day, such as 2026-11-24",
        ),
        (
            SiteProfile,
            "base_url = 'https://x.org'\nhosts = ['x.org/a']",
            "hosts.0: 'x.org/a': allowed: a host name, such as \"www.example.org\"",
        ),
        (
            SiteProfile,
            "base_url = 'https://x.org'\nsources = []",
            "sources: allowed: a list that is not empty",
        ),
        (
            SiteProfile,
            "base_url = 'x'",
            "base_url: allowed: an http or https address without a user and password",
        ),
        (
            SiteProfile,
            "base_url = 'https://ann:password@x.org'",
            "base_url: allowed: an http or https address without a user and password",
        ),
        (
            SiteProfile,
            "base_url = 'https://x.org'\n[[sources]]\nkind = 'feed'\n"
            "path = 'https://ann:password@x.org/feed'",
            'sources.0.path: allowed: a path, such as "/feed/", or an http or https address '
            "without a user and password",
        ),
        (
            ScheduleFile,
            "[[job]]\nid = 'a'\nevery = '1h'\naction = 'run'",
            "job.0 ('a').action: 'run': allowed: 'crawl', 'deliver' or 'digest'",
        ),
        (
            WatchList,
            A_LIST + "country = 'kz'",
            "entity.0 ('Kazakhstan').country: 'kz': allowed: an ISO 3166 code, "
            'such as "KZ", or a list, '
            "in […] or as tables under [[…]]",
        ),
        (
            WatchList,
            A_LIST + "country = ['kz']",
            "entity.0 ('Kazakhstan').country.0: 'kz': allowed: an ISO 3166 code, such as \"KZ\"",
        ),
        (WatchList, A_LIST + "weight = 2", "entity.0 ('Kazakhstan').weight: 2: allowed: 1 or less"),
        (
            WatchList,
            A_LIST + "[context.c]\nwords = ['w']\nwithin = 'page'",
            "context.c.within: 'page': allowed: a whole number, or 'paragraph', 'lead' or 'text'",
        ),
    ],
)
def test_a_wrong_value_in_any_file_is_one_line_in_plain_words(
    model: type[BaseModel], text: str, line: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        checked(model, tomllib.loads(text), "some.toml")
    assert caught.value.problems == (f"some.toml: {line}",)


A_JOB = '[[job]]\nid = "a"\n'


@pytest.mark.parametrize(
    ("model", "name", "valid", "wrong"),
    [
        (Config, "config", EMAIL + 'digest_at = "07:00"', EMAIL + 'digest_at = "7:00"'),
        (Config, "config", EMAIL + "digest_at = 07:00:00", EMAIL + 'digest_at = "07:00Z"'),
        (Config, "config", '[crawl]\ntimeout = "1.5m"', '[crawl]\ntimeout = "PT30S"'),
        (SiteProfile, "site", 'base_url = "HTTPS://x.org"', 'base_url = "https://u:pw@x.org"'),
        (
            ScheduleFile,
            "schedule",
            A_JOB + 'every = "1h"',
            A_JOB + 'every = "1h"\ncron = "0 7 * * *"',
        ),
        (ScheduleFile, "schedule", A_JOB + 'cron = "0 7 * * *"', A_JOB),
    ],
)
def test_the_json_schema_of_a_file_allows_what_the_program_does(
    model: type[BaseModel], name: SchemaName, valid: str, wrong: str
) -> None:
    schema = Draft202012Validator(schema_of(name))
    values = tomllib.loads(valid)
    checked(model, values, "some.toml")
    schema.validate(json.loads(json.dumps(values, default=str)))
    values = tomllib.loads(wrong)
    with pytest.raises(ConfigurationError):
        checked(model, values, "some.toml")
    assert not schema.is_valid(values)


@pytest.mark.parametrize("name", ["config", "site", "topic", "schedule"])
def test_a_default_in_a_json_schema_may_be_written_into_the_file(name: SchemaName) -> None:
    schema = schema_of(name)
    for table in (schema, *schema["$defs"].values()):
        for key in table.get("properties", {}).values():
            if "default" in key:
                allowed = Draft202012Validator({"$defs": schema["$defs"], **key})
                allowed.validate(key["default"])


def test_every_problem_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "a = 1\nb = 2\n[crawl]\nretries = 'x'\n[alerts]\ntopics = 1\n")
    monkeypatch.setenv("RSCRAWLER_OUTPUTDIR", "x")
    monkeypatch.setenv("RSCRAWLER_CRAWL__TIMEOUT", "y")
    assert len(problems_of(path)) == 6


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"output_dir = \n", "is not valid TOML"),
        (b"a = 1" + b"0" * 5000, "is not valid TOML"),
        (b"a = 1\na = 2\n", "is not valid TOML"),
        (b'contact = "caf\xe9"\n', "is not UTF-8 (byte 14)"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_so(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "rscrawler.toml"
    path.write_bytes(content)
    (line,) = problems_of(path)
    assert line.startswith(f"{path}: {says}")


def test_the_mark_that_some_editors_put_before_a_text_is_no_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "rscrawler.toml"
    path.write_text('contact = "a@b.org"\n', encoding="utf-8-sig")
    assert load_config(path).contact == "a@b.org"
    path.write_bytes(b"\xef\xbb\xbf\xff")
    (line,) = problems_of(path)
    assert line == f"{path}: is not UTF-8 (byte 3); save it as UTF-8"


def test_a_folder_in_place_of_a_file_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        read_toml(tmp_path)


def test_mail_for_the_operators_alone_needs_no_topic(tmp_path: Path) -> None:
    text = f'[alerts]\ntopics = []\n{EMAIL}[alerts.ops]\nrecipients = ["a@b.org"]\n'
    assert load_config(written(tmp_path, text)).alerts.topics == []
    assert load_config(written(tmp_path, "[alerts]\ntopics = []\n")).alerts.topics == []


def test_a_mail_server_may_be_named_by_its_ipv6_address(tmp_path: Path) -> None:
    assert email_of(written(tmp_path, EMAIL.replace('"h"', '"::1"'))).host == "::1"


# Where it is found.


def test_a_named_file_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match=r"no such file \(--config\); `rscrawler init`"):
        find_config(tmp_path / "missing.toml")
    monkeypatch.setenv("RSCRAWLER_CONFIG", str(tmp_path / "gone.toml"))
    with pytest.raises(ConfigurationError, match=r"no such file \(RSCRAWLER_CONFIG\)"):
        find_config(None)


def test_the_named_file_wins_over_the_environment_and_that_over_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_config(None) is None
    here = written(tmp_path, "")
    assert find_config(None) == here
    other = tmp_path / "other.toml"
    other.write_text("", encoding="utf-8")
    monkeypatch.setenv("RSCRAWLER_CONFIG", str(other))
    assert find_config(None) == other
    assert find_config(here) == here


@pytest.mark.parametrize("target", [None, "gone.toml", "rscrawler.toml"])
def test_a_file_in_the_folder_that_cannot_be_read_is_no_missing_one(
    tmp_path: Path, target: str | None
) -> None:
    path = tmp_path / "rscrawler.toml"
    path.symlink_to(tmp_path / target) if target else path.mkdir()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_config(find_config(None))


def test_a_link_is_followed_to_where_it_leads_at_each_reading(tmp_path: Path) -> None:
    """Kubernetes updates a mounted file by another folder, a new link and the old folder's end."""
    (tmp_path / "rscrawler.toml").symlink_to("..data/rscrawler.toml")
    for number in (1, 2):
        folder = tmp_path / f"..{number}"
        folder.mkdir()
        written(folder, f'contact = "{number}@example.org"\nsites_dir = "sites"\n')
        (tmp_path / "new").symlink_to(folder.name)
        (tmp_path / "new").rename(tmp_path / "..data")
        if number == 1:
            paths = [find_config(None), find_config(Path("rscrawler.toml"))]
        for path in paths:
            config = load_config(path)
            assert config.contact == f"{number}@example.org"
            assert config.sites_dir == folder / "sites"
        shutil.rmtree(folder)


def test_a_folder_whose_name_is_not_utf_8_is_a_problem(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (line,) = problems_of(written(folder, ""))
    assert "output_dir: 'output': allowed: a path in UTF-8" in line
    assert "caf\\udce9" in line


def test_a_folder_that_is_a_link_to_itself_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "s").symlink_to("s")
    config = load_config(written(tmp_path, 'sites_dir = "s"'))
    with pytest.raises(ConfigurationError, match=r"sites_dir: .*: cannot be read: Too many levels"):
        load_sites(config)


def test_the_lock_of_an_editor_is_no_site_profile(tmp_path: Path) -> None:
    folder = tmp_path / "sites"
    folder.mkdir()
    (folder / "mine.toml").write_text('base_url = "https://x.org"', encoding="utf-8")
    (folder / ".#mine.toml").symlink_to("anna@desk.12345")
    assert "mine" in load_sites(load_config(written(tmp_path, 'sites_dir = "sites"')))


def test_relative_paths_are_relative_to_the_files_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    path = written(
        folder,
        'output_dir = "../out"\ndatabase_url = "sqlite:///db/x.db"\nsites_dir = "s"\n'
        f'topics_dir = "/t"\n{EMAIL}ca_file = "ca.pem"\n'
        '[monitoring]\nmetrics_file = "m.prom"\n[archive]\nfolder = "pages"\n',
    )
    config = load_config(path)
    assert config.output_dir == tmp_path / "out"
    assert config.database == f"sqlite:///{folder / 'db/x.db'}"
    assert (config.sites_dir, config.topics_dir) == (folder / "s", Path("/t"))
    assert config.monitoring.metrics_file == folder / "m.prom"
    assert config.archive_folder == folder / "pages"
    assert config.alerts.email is not None
    assert config.alerts.email.ca_file == folder / "ca.pem"
    assert load_config(None).output_dir == tmp_path / "output"
    assert load_config(None).archive_folder == tmp_path / "output/archive"
    assert load_config(None).database == f"sqlite:///{tmp_path}/output/rscrawler.db"


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:///db/x.db", "w b%20c?é/db/x.db"),
        ("sqlite+pysqlite:///db/x.db", "w b%20c?é/db/x.db"),
        # An address: written as those are.
        ("sqlite:///my%20db/100%25.db", "w b%20c?é/my db/100%.db"),
        ("sqlite:///~/x.db", "home %20/x.db"),
    ],
)
def test_a_database_file_lies_in_the_configurations_folder_whatever_that_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, file: str
) -> None:
    folder = tmp_path / "w b%20c?é"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home %20"))
    config = load_config(written(folder, f'database_url = "{url}"'))
    assert sqlite_file(config.database) == tmp_path / file


def test_the_default_database_lies_in_the_output_folder_whatever_that_is_called(
    tmp_path: Path,
) -> None:
    config = load_config(written(tmp_path, 'output_dir = "a?b %20 é"'))
    Store.open(config.database).close()
    assert (tmp_path / "a?b %20 é" / "rscrawler.db").is_file()


def test_times_of_day_are_read_as_text_and_as_toml_has_them(tmp_path: Path) -> None:
    quiet = '[alerts.quiet_hours]\nstart = "22:00"\nend = 06:30:15\n'
    found = load_config(written(tmp_path, quiet)).alerts.quiet_hours
    assert found is not None
    assert (found.start, found.end) == (time(22), time(6, 30, 15))


# The environment.


@pytest.mark.parametrize("end", ["", "\n", "\r", "\r\n"])
def test_the_environment_overrides_single_keys_at_any_depth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """A line end behind a value is no part of it."""
    path = written(tmp_path, EMAIL + "port = 25\n[sites.a]\nconcurrency = 3\n")
    for name, value in {
        "CONTACT": "me@example.org",
        "OUTPUT_DIR": "records",
        "DATABASE_URL": "sqlite:///records/known.db",
        "ALERTS__EMAIL__PASSWORD": f"{SECRET} ",
        "ALERTS__EMAIL__SECURITY": "none",
        "ALERTS__TOPICS": '["one", "two"]',
        "ALERTS__EMAIL__RECIPIENTS": '["x@y.org"]',
        "CRAWL__RECHECK_AFTER": '["2h"]',
        "SITES__A__DOWNLOAD_DELAY": "0.5",
    }.items():
        monkeypatch.setenv(f"RSCRAWLER_{name}", f"{value}{end}")
    config, email = load_config(path), email_of(path)
    assert config.contact == "me@example.org"
    assert config.output_dir == tmp_path / "records"
    assert config.database == f"sqlite:///{tmp_path}/records/known.db"
    assert config.alerts.topics == ["one", "two"]
    assert config.crawl.recheck_after == [timedelta(hours=2)]
    assert config.sites == {"a": {"concurrency": 3, "download_delay": "0.5"}}
    assert (email.port, email.security, email.recipients) == (25, "none", ["x@y.org"])
    assert email.password.get_secret_value() == f"{SECRET} "
    assert SECRET not in repr(config) + str(config)


def test_text_in_brackets_that_is_no_json_is_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_keys(monkeypatch, ALERTS__EMAIL__PASSWORD="{me}")
    assert email_of(written(tmp_path, EMAIL)).password.get_secret_value() == "{me}"


@pytest.mark.parametrize(
    ("name", "value", "key", "read"),
    [
        ("HOSTS", '["a.example"]', "hosts", ["a.example"]),
        ("ENABLED", "no", "enabled", False),
        ("MARKUP__BODY", '["main"]', "markup.body", ["main"]),
        ("MARKUP", '{"body": ["main"]}', "markup.body", ["main"]),
        ("LINKS__ARTICLE", '["^/x"]', "links.article", ["^/x"]),
        ("SOURCES", '[{"kind": "feed", "path": "/f"}]', "sources.0.path", "/f"),
    ],
)
def test_lists_and_tables_of_a_site_are_json_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, key: str, read: object
) -> None:
    monkeypatch.setenv(f"RSCRAWLER_SITES__EURASIANET__{name}", value)
    found: Any = load_sites(load_config(None))["eurasianet"].model_dump()
    for part in key.split("."):
        found = found[int(part) if part.isdecimal() else part]
    assert found == read


def test_so_are_whole_sites_channels_and_webhooks(monkeypatch: pytest.MonkeyPatch) -> None:
    set_keys(
        monkeypatch,
        SITES__EURASIANET='{"concurrency": 1}',
        ALERTS__CHANNELS__OPS='["json://a", "json://b"]',
        ALERTS__CHANNELS__DESK="json://c",
        ALERTS__WEBHOOKS__W='{"url": "https://h.example", "secret": "s"}',
        ALERTS__OPS__CHANNELS='["ops"]',
        ARCHIVE__ENABLED="1",
    )
    config = load_config(None)
    assert load_sites(config)["eurasianet"].concurrency == 1
    assert config.alerts.channel_addresses("ops") == ["json://a", "json://b"]
    assert config.alerts.channel_addresses("desk") == ["json://c"]
    assert list(config.alerts.webhooks) == ["w"]
    assert config.archive.enabled is True


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("HOSTS", "a.example", "hosts: 'a.example': allowed: a list, in […]"),
        ("HOSTS", '["a.example', "hosts: '[\"a.example': allowed: a list, in […]"),
        ("MARKUP", "body", "markup: allowed: a table, in {…} or under […]"),
        ("ENABLED", "perhaps", "enabled: 'perhaps': allowed: true or false"),
    ],
)
def test_what_the_environment_says_wrong_of_a_site_is_laid_to_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, line: str
) -> None:
    monkeypatch.setenv(f"RSCRAWLER_SITES__EURASIANET__{name}", value)
    with pytest.raises(ConfigurationError) as caught:
        load_sites(load_config(None))
    (problem,) = caught.value.problems
    assert problem.startswith(f"environment: sites.eurasianet.{line}")


def test_an_unknown_name_in_the_environment_is_a_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RSCRAWLER_OUTPUTDIR", "x")
    (line,) = problems_of(None)
    assert line.startswith("environment: outputdir: unknown key; allowed here: alerts, ")
    assert "output_dir" in line


def test_the_names_that_kubernetes_gives_a_service_are_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_keys(monkeypatch, ALERTS__EMAIL__PORT="2525")
    names = (
        "SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT", "PORT_8000_TCP",
        "PORT_8000_TCP_ADDR", "PORT_8000_TCP_PORT", "PORT_8000_TCP_PROTO",
    )  # fmt: skip
    for service in ("", "WEB_", "ALERTS_"):
        set_keys(monkeypatch, **{f"{service}{name}": "tcp://10.96.7.1:8000" for name in names})
    assert email_of(written(tmp_path, EMAIL)).port == 2525


def test_a_port_of_no_service_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("RSCRAWLER_PORT", "8000")
    (line,) = problems_of(None)
    assert line.startswith("environment: port: unknown key")


def test_an_unknown_name_further_down_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RSCRAWLER_ALERTS__EMIAL__PASSWORD", SECRET)
    (line,) = problems_of(None)
    assert line.startswith("environment: alerts.emial: unknown key")
    assert SECRET not in line


def test_a_wrong_value_in_the_environment_is_not_laid_to_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RSCRAWLER_CRAWL__RETRIES", "many")
    path = written(tmp_path, "[crawl]\ntimeout = 1\n")
    assert {line.split(": ")[0] for line in problems_of(path)} == {"environment", str(path)}


@pytest.mark.parametrize(
    ("name", "value", "read", "key"),
    [
        ("SITES__EURASIANET__CONCURRENCY", "x", load_sites, "sites.eurasianet.concurrency"),
        ("ALERTS__TOPICS", '["nowhere"]', check_alerted, "alerts.topics"),
    ],
)
def test_nor_is_one_that_a_profile_or_a_watch_list_shows_to_be_wrong(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    read: Callable[[Config], object],
    key: str,
) -> None:
    monkeypatch.setenv(f"RSCRAWLER_{name}", value)
    path = written(tmp_path, '[sites.eurasianet]\ndownload_delay = "y"\n')
    with pytest.raises(ConfigurationError) as caught:
        read(load_config(path))
    (line,) = (each for each in caught.value.problems if key in each)
    assert line.startswith(f"environment: {key}: ")
    assert all(each.startswith(str(path)) for each in caught.value.problems if "delay" in each)


def test_a_table_of_file_and_environment_is_laid_to_both_and_its_text_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, EMAIL + '[alerts.ops]\nchannels = ["opz"]\n')
    monkeypatch.setenv("RSCRAWLER_ALERTS__EMAIL__PASSWORD", SECRET)
    (line,) = problems_of(path)
    assert line.startswith(f"{path} and environment: alerts: ops.channels names 'opz'")
    monkeypatch.setenv("RSCRAWLER_ALERTS__EMAIL", f'{{"password": "{SECRET}"')
    assert not any(SECRET in line for line in problems_of(path))


def test_a_name_may_have_the_joiners_of_its_script(tmp_path: Path) -> None:
    name = "میز خبر آسیای میانه‌ای"
    text = f'contact = "{name}"\n' + EMAIL.replace("a@b.org", f"{name} <a@b.org>")
    config = load_config(written(tmp_path, text))
    assert config.alerts.email is not None
    assert (config.contact, config.alerts.email.sender) == (name, f"{name} <a@b.org>")


@pytest.mark.parametrize("key", ["contact", "alerts.email.recipients.0"])
def test_what_goes_into_a_header_is_one_line(tmp_path: Path, key: str) -> None:
    text = {
        "contact": 'contact = "desk\\nX-More: 1"\n',
        "alerts.email.recipients.0": EMAIL.replace("c@d.org", "c@d.org\\nBcc: e@f.org"),
    }[key]
    (line,) = problems_of(written(tmp_path, text))
    assert line.startswith(f"{tmp_path / 'rscrawler.toml'}: {key}")
    assert "allowed: " in line


@pytest.mark.parametrize(
    "several", ["a@b.org, c@d.org", "A <a@b.org>, C <c@d.org>", "a@b.org; c@d.org", "x://u:p@h.org"]
)
def test_a_recipient_is_one_address(tmp_path: Path, several: str) -> None:
    (line,) = problems_of(written(tmp_path, EMAIL.replace("c@d.org", several)))
    assert "alerts.email.recipients.0: " in line
    assert 'allowed: "desk@example.org" or "Name <desk@example.org>"' in line


@pytest.mark.parametrize("name", ["ALERTS", "SITES"])
def test_a_table_in_the_environment_that_is_no_json_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(f"RSCRAWLER_{name}", SECRET)
    (line,) = problems_of(None)
    assert line.startswith("environment: ")
    assert SECRET not in line


# Secrets.


@pytest.mark.parametrize(
    "text",
    [
        f'[alerts.email]\npassword = "{SECRET}"',
        f'{EMAIL}password = ["{SECRET}"]',
        f"{EMAIL}password = 12345",
        f'[alerts]\nemail = "smtp://user:{SECRET}@host"',
        f'[alerts.channels]\nops = {{ url = "json://{SECRET}@host" }}',
        f'[alerts.channels]\nops = ["json://{SECRET}@host", 12345]',
        f'[alerts.channels]\nops = [{{ name = "{SECRET}" }}]',
        f'[alerts.email]\nrecipients = [{{ id = "mailto://{SECRET}@host" }}]',
        f'[alerts]\nchannels = "json://{SECRET}@host"',
        f'[alerts.webhooks.w]\nurl = "ftp://{SECRET}@host"\nsecret = "{SECRET}"',
        f'[alerts.webhooks.w]\nurl = "https://user:{SECRET}@host"\nsecret = "{SECRET}"',
        f'[alerts.webhooks.w]\nurl = "https://host"\nsecret = ["{SECRET}"]',
        f'[alerts.webhooks]\nw = "https://{SECRET}@host"',
        f'[alerts.ops]\nchannels = ["json://{SECRET}@host"]',
        "database_url = 12345",
        f'database_url = ["postgresql://u:{SECRET}@h/d"]',
        f'[monitoring]\nheartbeat_url = ["https://h/{SECRET}"]',
        f'[alerts.email]\npasswrd = "{SECRET}"',
    ],
)
def test_no_secret_is_in_a_message(tmp_path: Path, text: str) -> None:
    lines = "\n".join(problems_of(written(tmp_path, text)))
    assert SECRET not in lines
    assert "12345" not in lines


# The template.


def uncommented(text: str) -> str:
    """The template with every commented key and table in force."""
    return re.sub(r"(?m)^# (?=\[|[a-z_]+ = )", "", text)


def test_the_template_as_it_is_means_the_defaults(tmp_path: Path) -> None:
    shipped = tomllib.loads(TEMPLATE.read_text(encoding="utf-8"))
    assert shipped.pop("output_dir") == "output"
    assert shipped.pop("sites") == {"responsiblestatecraft": {}}
    assert all(table == {} for table in shipped.values())
    config = load_config(written(tmp_path, TEMPLATE.read_text(encoding="utf-8")))
    assert config.model_dump() | {"sites": {}} == load_config(None).model_dump()


def test_every_line_of_the_template_is_valid_once_it_is_uncommented(tmp_path: Path) -> None:
    text = uncommented(TEMPLATE.read_text(encoding="utf-8"))
    config = load_config(written(tmp_path, text))
    assert config.alerts.email is not None
    assert config.alerts.email.digest_at == time(7, 0)
    assert set(config.alerts.channels) == {"desk", "ops"}


def test_a_key_that_the_template_shows_with_its_default_has_that_default(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, uncommented(TEMPLATE.read_text(encoding="utf-8"))))
    for section in ("crawl", "scheduling"):
        assert getattr(config, section) == getattr(load_config(None), section)
    shown, default = config.alerts, load_config(None).alerts
    for key in ("topics", "min_level", "max_age_days", "flood_limit"):
        assert getattr(shown, key) == getattr(default, key)


def test_the_template_names_every_key() -> None:
    text = TEMPLATE.read_text(encoding="utf-8")

    def keys(model: type[BaseModel]) -> set[str]:
        found: set[str] = set()
        for name, field in model.model_fields.items():
            found.add(name)
            for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
                if isinstance(part, type) and issubclass(part, BaseModel):
                    found |= keys(part)
        return found

    named = set(re.findall(r"(?m)^(?:# )?\[?([a-z_.]+)(?:\]| = )", text))
    named |= {part for name in named for part in name.split(".")}
    assert keys(Config) - named == set()


# Durations.


@given(st.integers(min_value=0, max_value=10**8))
def test_a_duration_written_is_read_back(seconds: int) -> None:
    span = timedelta(seconds=seconds)
    assert parse_duration(format_duration(span)) == span


@pytest.mark.parametrize("wrong", ["", "5", "5 m s", "m5", "-5m", "5M", "1e3s", None, 5, ["5m"]])
def test_what_is_no_duration_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="allowed: a number and a unit"):
        parse_duration(wrong)


def test_a_duration_past_all_bounds_is_refused_in_one_line(tmp_path: Path) -> None:
    (line,) = problems_of(written(tmp_path, '[crawl]\ntimeout = "99999999999999w"\n'))
    assert "crawl.timeout" in line


def test_checked_names_the_file_when_the_whole_is_wrong() -> None:
    with pytest.raises(ConfigurationError, match=r"some\.toml: "):
        checked(Config, [1, 2], "some.toml")
