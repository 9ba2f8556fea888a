"""The command line keeps to the contract: commands, options, output and exit statuses."""

from __future__ import annotations

import csv
import json
import os
import pty
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import jsonschema
import pyarrow.parquet
import pytest
from rich.cells import cell_len

from rscrawler import PACKAGE_DIR
from rscrawler.cli import COMMANDS, load_command, main
from rscrawler.cli.output import say
from rscrawler.clock import utc_now
from rscrawler.config import load_config
from rscrawler.delivery.jsonl import deliver_jsonl
from rscrawler.store import Store
from tests.crawl.probes import FEED, SECTION, sources
from tests.delivery import helpers
from tests.sample_site import Fault, SampleSite
from tests.sample_site.server import Reply
from tests.workspace import PROGRAM, Program, Result, Workspace, own_environment

REPOSITORY = PACKAGE_DIR.parent


class Crawled(Workspace):
    """A workspace that has crawled the sample site, which still runs."""

    site: SampleSite
    report: dict[str, Any]


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory, program: Program) -> Iterator[Crawled]:
    workspace = Crawled(tmp_path_factory.mktemp("crawled"), program)
    with SampleSite(stories=25) as site:
        workspace.write_config(site.base_url, sources(FEED, SECTION))
        workspace.site, workspace.report = site, workspace.crawl("--full")
        yield workspace


def complaints(result: Result) -> list[str]:
    """What was said on standard error, without logs; never a traceback."""
    assert "Traceback" not in result.stderr
    return [line for line in result.stderr.splitlines() if line.startswith("rscrawler: ")]


# Commands and options.


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_nothing_but_what_shows_them(option: str) -> None:
    code = (
        "import sys\nfrom rscrawler.cli import main\n"
        f"sys.argv = ['rscrawler', {option!r}]\n"
        "try: main()\n"
        "finally: print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(shown.stderr.split())
    own = {name for name in modules if name.startswith("rscrawler")}
    assert own == {"rscrawler", "rscrawler.errors", "rscrawler.cli", "rscrawler.cli.output"}
    known = {"typer", "typing_extensions", "annotated_doc", "rscrawler", "shellingham"}
    known.add("sitecustomize")  # Debian's Python imports it at each start
    packages = {name.partition(".")[0] for name in modules} - sys.stdlib_module_names
    assert {name for name in packages if not name.startswith("_")} <= known


def test_a_crawl_imports_early_what_takes_scrapy_long_from_a_deep_stack_and_no_reactor() -> None:
    code = "import sys, rscrawler.crawling; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(done.stdout.split())
    assert {f"scrapy.core.downloader.{name}" for name in ("contextfactory", "tls")} <= modules
    assert "twisted.internet.reactor" not in modules


@pytest.mark.parametrize("name", COMMANDS)
def test_what_help_says_of_a_command_is_what_the_command_says_of_itself(name: str) -> None:
    said = load_command(name).help.partition("\n\n")[0]
    assert " ".join(said.split()) == COMMANDS[name]


def test_a_shell_can_complete_commands_and_options() -> None:
    def completions(words: str) -> list[str]:
        shell = {"_RSCRAWLER_COMPLETE": "complete_bash", "COMP_WORDS": words}
        shell["COMP_CWORD"] = str(len(words.split()) - 1)
        program = Path(sys.executable).with_name("rscrawler")
        requested = subprocess.run(
            [program], env=os.environ | shell, capture_output=True, text=True
        )
        return requested.stdout.split()

    assert completions("rscrawler sta") == ["status"]
    assert completions("rscrawler config check --j") == ["--json"]


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("crawl", "--full --limit --config --json"),
        ("run", "--schedules --config"),
        ("schedules", "--json"),
        ("deliver", "--json"),
        ("status", "--json"),
        ("explain", "--site --url --json"),
        ("topics list", ""),
        ("topics show", ""),
        ("topics evaluate", "--json"),
        ("topics backtest", "--since --json"),
        ("export", "--topic --since --until --format --output -o"),
        ("alerts test", ""),
        ("init", ""),
        ("config check", ""),
        ("schema", ""),
        ("web", "--host --port"),
        ("demo", ""),
    ],
)
def test_every_command_of_the_contract_is_there_with_its_options(
    workspace: Workspace, command: str, options: str
) -> None:
    result = workspace.run(*command.split(), "--help", COLUMNS="200", TERM="dumb")
    assert result.status == 0, result.stderr
    assert [name for name in options.split() if name not in result.stdout] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("no-such-command",),
        ("crawl", "--no-such-option"),
        ("crawl", "--limit", "0"),
        ("crawl", "--limit", "many"),
        ("schema", "no-such-schema"),
        ("export", "--format", "xml"),
        ("export", "--since", "2026-13-45"),
        ("export", "--topic", ""),
        ("export", "--until", "tomorrow"),
        ("export", "--until", "9999-12-31"),
        ("export", "--since", "0001-01-01T00:00:00+10:00"),
        ("export", "--since", "2026-11-25", "--until", "2026-11-24"),
        ("export", "--format", "parquet"),
        ("topics", "show", "no-such-topic"),
        ("topics", "evaluate", "central-asia", "missing.jsonl"),
        ("topics", "backtest", "central-asia", "--since", "soon"),
        ("crawl", "no-such-site"),
        ("explain", "missing.html", "--site", "no-such-site"),
        ("explain", "missing.html"),
        ("explain", "."),
        ("alerts", "test"),
        ("crawl", "--config", "missing.toml"),
        ("status", "--config", "missing.toml"),
    ],
)
def test_wrong_usage_is_status_2_and_says_what_is_wrong(
    workspace: Workspace, arguments: tuple[str, ...]
) -> None:
    result = workspace.run(*arguments)
    assert (result.status, result.stdout) == (2, "")
    assert result.stderr.strip()
    assert "Traceback" not in result.stderr
    assert "Value error" not in result.stderr


def test_a_mistyped_command_is_answered_with_the_nearest_one(workspace: Workspace) -> None:
    for arguments, meant in ((["crwal"], "crawl"), (["topics", "lst"], "list")):
        result = workspace.run(*arguments)
        assert result.status == 2
        assert f"'{arguments[-1]}'. Did you mean '{meant}'?" in result.stderr


def test_an_unknown_site_is_told_with_those_that_are_known(workspace: Workspace) -> None:
    (line,) = complaints(workspace.run("crawl", "elsewhere"))
    assert line.startswith("rscrawler: site 'elsewhere' is not known; allowed: ")
    assert "responsiblestatecraft" in line


def test_every_problem_of_a_configuration_is_a_line_and_no_secret_is_shown(
    workspace: Workspace,
) -> None:
    workspace.config.write_text(
        "outptu_dir = 1\n[crawl]\nretries = 'x'\n[alerts.email]\npassword = 'hunter2'\n", "utf-8"
    )
    for command in (("crawl",), ("config", "check"), ("export",), ("status",)):
        result = workspace.run(*command)
        assert (result.status, result.stdout) == (2, "")
        lines = complaints(result)
        assert len(lines) == 5  # unknown key, wrong value, and three that email lacks
        assert all(str(workspace.config) in line for line in lines)
        assert "hunter2" not in result.stderr


def test_a_secret_is_in_no_output_of_a_run_that_fails(workspace: Workspace) -> None:
    workspace.write_config("http://127.0.0.1:1", "[crawl]\nretries = 0")
    result = workspace.run(
        "--verbose",
        "crawl",
        RSCRAWLER_DATABASE_URL="postgresql+psycopg://user:hunter2@127.0.0.1:1/db",
    )
    assert result.status == 1
    assert len(complaints(result)) == 1
    assert "hunter2" not in result.stdout + result.stderr


@pytest.mark.parametrize("password", ["a@hunter2", "a@hunter2/b", "a@hunter2?b", "a@b?c=hunter2"])
def test_an_address_with_an_at_sign_in_its_password_is_refused_and_not_shown(
    workspace: Workspace, password: str
) -> None:
    for command in ("config check", "status"):
        url = f"postgresql+psycopg://user:{password}@127.0.0.1:1/db"
        result = workspace.run(*command.split(), RSCRAWLER_DATABASE_URL=url)
        assert (result.status, "%40" in result.stderr, "hunter2" in result.stderr) == (
            2,
            True,
            False,
        )


# init, config check, schema.


def test_what_init_writes_is_valid_and_is_not_overwritten(workspace: Workspace) -> None:
    assert workspace.run("init").status == 0
    result = workspace.run("config", "check")
    assert (result.status, complaints(result)) == (0, [])
    assert workspace.run("config", "check", "--json").json["valid"] is True
    counted = workspace.run("config", "check").stdout
    assert re.fullmatch(r"\d+ sites, (1 watch-list|\d+ watch-lists), .*: all valid\n", counted)
    assert not re.search(r"\b1 \S+s\b", counted)
    workspace.config.write_text("# mine\n", "utf-8")
    refused = workspace.run("init")
    assert refused.status == 2
    assert "--force" in complaints(refused)[0]
    assert workspace.config.read_text("utf-8") == "# mine\n"
    assert workspace.run("init", "--force").status == 0
    assert workspace.run("init", "no/such/folder/x.toml").status == 2


def test_init_leaves_anything_but_a_regular_file_alone(workspace: Workspace) -> None:
    workspace.output.mkdir(mode=0o755)
    ends = pty.openpty()
    for path in (workspace.output, Path(os.ttyname(ends[1]))):
        before = path.stat().st_mode
        result = workspace.run("init", str(path), "--force")
        assert result.status == 2
        assert complaints(result) == [f"rscrawler: {path}: is not a regular file; allowed: a file"]
        assert path.stat().st_mode == before
    for end in ends:
        os.close(end)


def test_config_check_reads_profiles_watch_lists_and_schedules(workspace: Workspace) -> None:
    folders = ("sites", "topics", "schedules")
    for name in folders:
        (workspace.folder / name).mkdir()
        path = workspace.folder / name / "mine.toml"
        path.write_text("wrong = 1\n", "utf-8")
        workspace.config.write_text(f'{name}_dir = "{name}"\n', "utf-8")
        result = workspace.run("config", "check")
        lines = complaints(result)
        assert result.status == 2
        assert len(lines) == len(set(lines))
        assert any(line.startswith(f"rscrawler: {path}: wrong: unknown key") for line in lines)
    workspace.config.write_text("".join(f'{name}_dir = "{name}"\n' for name in folders), "utf-8")
    job = '[[job]]\nid = "a"\naction = "crawl"\nsites = ["mine"]\nevery = "1h"\n'
    (workspace.folder / "schedules" / "right.toml").write_text(job, "utf-8")
    lines = complaints(workspace.run("config", "check"))
    assert len(lines) == len(set(lines))
    assert {line.split("/mine.toml")[0].rpartition("/")[2] for line in lines} == set(folders)


EMAIL = """
[alerts.email]
host = "smtp.example.org"
sender = "a@example.org"
recipients = ["b@example.org"]
username = "a"
"""


def test_config_check_tells_what_cannot_work_on_this_machine(workspace: Workspace) -> None:
    nobody = f'output_dir = "file"\n[alerts]\ntopics = []\n{EMAIL}ca_file = "ca.pem"\n'
    workspace.config.write_text(nobody, "utf-8")
    (workspace.folder / "file").write_text("x")
    start = f"rscrawler: {workspace.config}: "
    ca_file = f"{start}alerts.email.ca_file: {workspace.folder / 'ca.pem'}: "

    def problems() -> list[str]:
        result = workspace.run("config", "check")
        assert result.status == (2 if complaints(result) else 0)
        return complaints(result)

    rest = problems()
    assert len(rest) == 3
    assert rest[0].startswith(f"{start}output_dir: {workspace.folder / 'file'} is a file")
    assert rest[1].startswith(f"{start}alerts.topics: is empty, so nobody would be alerted")
    assert rest[2].startswith(f"{ca_file}No such file or directory; allowed: ")
    (workspace.folder / "file").unlink()
    (workspace.folder / "ca.pem").write_text("x")
    workspace.config.write_text(f'{EMAIL}ca_file = "ca.pem"\n', "utf-8")
    (line,) = problems()
    assert line == f"{ca_file}holds no certificate; allowed: a PEM file of certificates"
    workspace.config.write_text(EMAIL, "utf-8")
    assert problems() == []
    workspace.config.write_text("[monitoring]\nweekly_mail = true\n", "utf-8")
    (line,) = problems()
    assert line.startswith(f"{start}monitoring.weekly_mail: would reach nobody; it needs ")
    workspace.config.write_text(f"{EMAIL}[monitoring]\nweekly_mail = true\n", "utf-8")
    assert problems() == []
    workspace.config.write_text(f'output_dir = "{"x" * 5000}"\n', "utf-8")
    (line,) = problems()
    assert line.startswith(f"{start}output_dir: {workspace.folder}/xxx")
    assert line.endswith("xxx: cannot be written: File name too long")


def test_config_check_warns_of_secrets_that_others_can_read_or_hear(workspace: Workspace) -> None:
    assert workspace.run("init").status == 0
    assert workspace.config.stat().st_mode & 0o777 == 0o600

    def warnings(text: str, mode: int, **environment: str) -> list[str]:
        workspace.config.write_text(text, "utf-8")
        workspace.config.chmod(mode)
        result = workspace.run("config", "check", "--json", **environment)
        assert result.status == 0
        expected = [f"rscrawler: warning: {each}" for each in result.json["warnings"]]
        assert complaints(result) == expected
        return expected

    secret = f'{EMAIL}password = "hunter2"\n'
    (line,) = warnings(secret, 0o644)
    assert line.startswith(
        f"rscrawler: warning: {workspace.config}: holds alerts.email.password and can be read by "
        "others (mode 644); run `chmod 600 "
    )
    assert warnings(secret, 0o600) == []
    assert warnings(EMAIL, 0o644, RSCRAWLER_ALERTS__EMAIL__PASSWORD="hunter2") == []
    query = 'database_url = "postgresql+psycopg://u@h/d?password=x"\n'
    assert "holds database_url" in warnings(query, 0o640)[0]
    (line,) = warnings(f'{EMAIL}security = "none"\n', 0o600)
    assert "the password goes to smtp.example.org in the clear" in line


@pytest.mark.parametrize("command", ["config check", "crawl", "run", "status"])
def test_a_topic_that_is_no_watch_list_is_a_problem(workspace: Workspace, command: str) -> None:
    workspace.config.write_text('[alerts]\ntopics = ["central-asai"]\n', "utf-8")
    result = workspace.run(*command.split())
    assert (result.status, result.stdout) == (2, "")
    (line,) = complaints(result)
    assert "'central-asai' is not a watch-list; allowed: " in line
    assert "central-asia" in line


def test_schemas_accept_what_they_describe(crawled: Crawled) -> None:
    def validator(name: str) -> jsonschema.Draft202012Validator:
        schema = crawled.run("schema", name).json
        jsonschema.Draft202012Validator.check_schema(schema)
        return jsonschema.Draft202012Validator(schema)

    article = validator("article")
    assert crawled.records()
    for record in crawled.records():
        article.validate(record)
    for name, folder in (
        ("site", PACKAGE_DIR / "sites"),
        ("topic", PACKAGE_DIR / "topics"),
        ("schedule", REPOSITORY / "schedules"),
    ):
        files = sorted(folder.glob("*.toml"))
        assert files
        check = validator(name)
        for path in files:
            check.validate(_as_json(tomllib.loads(path.read_text("utf-8"))))
    config = tomllib.loads(crawled.config.read_text("utf-8"))
    validator("config").validate(_as_json(config))
    assert not validator("config").is_valid({"unknown": 1})
    assert validator("site").is_valid({"base_url": "https://example.org:8443/@desk"})
    assert not validator("site").is_valid({"base_url": "https://ann:password@example.org"})
    assert not article.is_valid({**crawled.records()[0], "extra": 1})


def _as_json(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))


# --json.


@pytest.mark.parametrize(
    "arguments",
    [
        ("crawl", "--json"),
        ("deliver", "--json"),
        ("status", "--json"),
        ("schedules", "--json"),
        ("config", "check", "--json"),
        ("topics", "list", "--json"),
        ("topics", "show", "central-asia", "--json"),
        ("topics", "backtest", "central-asia", "--json"),
        ("schema",),
    ],
)
def test_json_is_one_object_and_nothing_else(crawled: Crawled, arguments: tuple[str, ...]) -> None:
    result = crawled.run(*arguments)
    assert isinstance(json.loads(result.stdout), dict)
    assert result.stdout.count("\n") == 1
    assert complaints(result) == []
    assert result.status == 0


def test_json_is_alone_on_standard_output_though_there_are_warnings(crawled: Crawled) -> None:
    crawled.site.fail(SECTION, Fault.SERVER_ERROR)
    result = crawled.run("--verbose", "crawl", "--json", RSCRAWLER_CRAWL__RETRIES="0")
    crawled.site.heal()
    assert result.status == 1
    assert result.json["errors"] == 1
    assert "WARNING" in result.stderr
    assert complaints(result)


def test_each_line_of_the_log_can_be_a_json_object(crawled: Crawled) -> None:
    crawled.site.fail(SECTION, Fault.SERVER_ERROR)
    result = crawled.run("--log-json", "crawl", RSCRAWLER_CRAWL__RETRIES="0")
    crawled.site.heal()
    lines = [line for line in result.stderr.splitlines() if line not in complaints(result)]
    entries = [json.loads(line) for line in lines]
    assert [entry["level"] for entry in entries] == ["warning"]
    assert SECTION in entries[0]["message"]
    assert abs(datetime.fromisoformat(entries[0]["time"]) - utc_now()) < timedelta(hours=1)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("explain", "{site}/no-such-article/"), 1),
        (("explain", "{site}/europe/"), 1),
        (("explain", "missing.html"), 2),
        (("history", "no-such-article"), 2),
        (("sites", "check", "elsewhere"), 2),
        (("sites", "add", "http://127.0.0.1:1"), 1),
        (("migrate-store", "sqlite:///missing.db", "sqlite:///other.db"), 2),
        (("topics", "show", "no-such-topic"), 2),
        (("status", "--config", "missing.toml"), 2),
    ],
)
def test_json_is_one_object_where_a_command_fails_too(
    crawled: Crawled, arguments: tuple[str, ...], status: int
) -> None:
    named = [each.format(site=crawled.site.base_url) for each in arguments]
    result = crawled.run(*named, "--json")
    assert result.status == status
    said = [line.removeprefix("rscrawler: ") for line in complaints(result)]
    assert result.json == {"error": "\n".join(said)}


@pytest.mark.parametrize("command", ["crawl", "status"])
def test_json_tells_every_problem_of_a_configuration_and_of_a_database_too(
    workspace: Workspace, command: str
) -> None:
    workspace.config.write_text("wrong = 1\n[crawl]\nretries = 'x'\n", "utf-8")
    result = workspace.run(command, "--json")
    assert result.status == 2
    assert len(result.json["error"].splitlines()) == 2
    workspace.config.write_text(f'database_url = "sqlite:///{workspace.folder}"\n', "utf-8")
    result = workspace.run(command, "--json")
    assert result.status == 1
    assert [f"rscrawler: {result.json['error']}"] == complaints(result)


def test_json_tells_wrong_usage_too(workspace: Workspace) -> None:
    result = workspace.run("crawl", "--limit", "0", "--json")
    assert result.status == 2
    assert "--limit" in result.json["error"]
    assert "--limit" in result.stderr


def test_the_report_of_a_crawl_has_the_counters_of_the_contract(crawled: Crawled) -> None:
    counters = {
        "requests", "not_modified", "bytes", "articles_new", "articles_updated",
        "articles_unchanged", "duplicates", "flagged", "dropped", "errors", "delivered",
    }  # fmt: skip
    report = crawled.report
    assert counters | {"run_id", "started_at", "elapsed_seconds", "sites"} <= set(report)
    assert counters | {"problems"} <= set(report["sites"]["responsiblestatecraft"])
    assert report["articles_new"] == len(crawled.records())
    for counter in counters - {"delivered"}:
        assert report[counter] == report["sites"]["responsiblestatecraft"][counter]


def test_the_status_has_the_keys_of_the_contract(crawled: Crawled) -> None:
    status = crawled.run("status", "--json").json
    assert {"healthy", "sites", "outbox"} <= set(status)
    site = status["sites"]["responsiblestatecraft"]
    assert {"last_run", "last_success", "articles", "problems"} <= set(site)
    assert site["articles"] == len({record["article_id"] for record in crawled.records()})
    assert {"pending", "failed"} <= set(status["outbox"])


def test_an_address_that_is_none_of_apprise_is_told_by_us_alone(workspace: Workspace) -> None:
    workspace.config.write_text(
        '[alerts.channels]\ndesk = "nosuch://hunter2"\nnight = ["slack://"]\n', "utf-8"
    )
    result = workspace.run("--verbose", "config", "check")
    assert result.status == 2
    assert result.stderr.splitlines() == [
        f"rscrawler: {workspace.config}: alerts.channels.{name}: "
        "is not an address that Apprise knows, or lacks a part; "
        "https://github.com/caronc/apprise/wiki shows the form of each"
        for name in ("desk", "night")
    ]


# topics.


RIGHT = '{"id": 1, "text": "Nothing.", "level": "none"}'


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (None, ["cannot be read: No such file or directory"]),
        ("", ["holds no labelled line; allowed: lines of {id, title, text, level}"]),
        ("\n \n", ["holds no labelled line; allowed: lines of {id, title, text, level}"]),
        (
            f'{RIGHT}\n\n{{"id": 2}}\n{{"id":\n[]\n',
            [
                "line 3: text: is missing",
                "line 3: level: is missing",
                "line 4: is not JSON: Expecting value",
                "line 5: is not a JSON object",
            ],
        ),
        (
            RIGHT.replace("none", "huge"),
            ["line 1: level: 'huge': allowed: 'none', 'mention', 'substantial' or 'primary'"],
        ),
        (RIGHT.replace('"Nothing."', "5"), ["line 1: text: 5: allowed: text in quotes"]),
        (
            RIGHT.replace("}", ', "title": null, "countries": "KZ"}'),
            ["line 1: countries: 'KZ': allowed: a list, in […] or as tables under [[…]]"],
        ),
        (RIGHT.replace("}", ', "weight": "x"}'), ["line 1: weight: 'x': allowed: a number"]),
    ],
)
def test_labelled_lines_that_are_wrong_are_told_with_file_and_line(
    workspace: Workspace, content: str | None, lines: list[str]
) -> None:
    if content is not None:
        (workspace.folder / "labelled.jsonl").write_text(content, "utf-8")
    result = workspace.run("topics", "evaluate", "central-asia", "labelled.jsonl")
    assert (result.status, result.stdout) == (2, "")
    assert complaints(result) == [f"rscrawler: labelled.jsonl: {line}" for line in lines]


def test_files_may_begin_with_a_byte_order_mark(workspace: Workspace) -> None:
    folders = ("sites", "topics", "schedules")
    text = "".join(f'{name}_dir = "{name}"\n' for name in folders)
    workspace.config.write_text(text, encoding="utf-8-sig")
    for name, content in {
        "sites": 'base_url = "https://example.org"\n',
        "topics": 'title = "T"\nstates = { KZ = "Kazakhstan" }\n[[entity]]\nname = "K"\n'
        'kind = "state"\ncountry = "KZ"\nspellings = ["Kazakhstan"]\n',
        "schedules": '[[job]]\nid = "j"\naction = "deliver"\nevery = "1h"\n',
    }.items():
        (workspace.folder / name).mkdir()
        (workspace.folder / name / "mine.toml").write_text(content, encoding="utf-8-sig")
    (workspace.folder / "labelled.jsonl").write_text(RIGHT, encoding="utf-8-sig")
    for arguments in (
        ("config", "check"),
        ("topics", "evaluate", "mine", "labelled.jsonl"),
    ):
        result = workspace.run(*arguments)
        assert (result.status, complaints(result)) == (0, []), arguments


def test_a_labelled_text_may_hold_a_line_separator(workspace: Workspace) -> None:
    line = RIGHT.replace("Nothing.", "Nothing.\u2028At all.")
    (workspace.folder / "labelled.jsonl").write_text(line, "utf-8")
    result = workspace.run("topics", "evaluate", "central-asia", "labelled.jsonl", "--json")
    assert len(result.json["predictions"]) == 1


# At the width of a terminal.


def test_an_entity_of_a_watch_list_has_a_line_for_its_facts_and_one_for_its_spellings(
    workspace: Workspace,
) -> None:
    shown = workspace.run("topics", "show", "central-asia", COLUMNS="80").stdout
    for entity in shown.split("\n\n")[1:]:
        _, facts, spellings = entity.splitlines()
        assert re.match(r"  [a-z]+, .*weight [\d.]+", facts)
        assert spellings.strip()


def test_the_columns_of_a_table_are_straight_in_any_script(workspace: Workspace) -> None:
    titles = ("粮食新闻", "Бишке\u0301кская газета", "خبرها", "A")
    workspace.config.write_text(
        "".join(
            f'[sites.s{number}]\nbase_url = "https://x{number}.org"\ntitle = "{title}"\n'
            for number, title in enumerate(titles)
        ),
        "utf-8",
    )
    shown = workspace.run("sites", "list").stdout.splitlines()
    own = [line for line in shown if re.match(r"s\d ", line)]
    assert {cell_len(line[: line.index(" yes ")]) for line in own} == {shown[0].index(" enabled")}


def test_the_status_cuts_no_name_and_tells_each_problem_below(workspace: Workspace) -> None:
    workspace.write_config("http://127.0.0.1:1", sources(FEED) + "[crawl]\nretries = 0")
    workspace.run("crawl")
    result = workspace.run("status", COLUMNS="80")
    assert result.status == 1
    _, row, problem, *_ = result.stdout.splitlines()
    assert row.split()[0] == "responsiblestatecraft"
    assert row.split()[-1] == "unreachable"
    assert problem.startswith("  responsiblestatecraft: unreachable since ")


def test_the_status_says_which_sites_are_not_watched(crawled: Crawled) -> None:
    def row(**environment: str) -> str:
        return crawled.run("status", **environment).stdout.splitlines()[1]

    assert row().endswith("  healthy")
    assert row(RSCRAWLER_SITES__RESPONSIBLESTATECRAFT__ENABLED="false").endswith("  not enabled")


def test_ctrl_c_while_the_program_loads_is_no_traceback() -> None:
    interrupted = (
        "import sys\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'rscrawler.cli': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "from rscrawler.__main__ import main\n"
        "main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", interrupted], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (130, "")


def test_text_in_a_style_is_printed_as_it_is_but_for_control_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say("a block with :100: and \x1b[2J", style="dim")
    assert capsys.readouterr().out == "a block with :100: and \\u001b[2J\n"


# explain.


def test_explain_does_not_divide_an_address_that_fits(crawled: Crawled) -> None:
    url = min((record["url"] for record in crawled.records()), key=len)
    shown = crawled.run("explain", url, COLUMNS="80").stdout
    assert json.dumps(url) in shown
    assert "html: link rel=canonical" in " ".join(shown.split())


def test_a_field_of_explain_is_one_line_in_a_pipe(crawled: Crawled) -> None:
    record = max(crawled.records(), key=lambda each: len(each["subtitle"] or ""))
    lines = crawled.run("explain", record["url"], COLUMNS="").stdout.splitlines()
    [subtitle] = (line for line in lines if line.startswith("subtitle "))
    assert json.dumps(record["subtitle"], ensure_ascii=False) in subtitle


def test_explain_finds_a_stored_article_by_its_ids_and_its_path(crawled: Crawled) -> None:
    record = crawled.records()[0]
    for named in (record["article_id"], record["record_id"], urlsplit(record["url"]).path):
        assert crawled.run("explain", named, "--json").json["record"]["url"] == record["url"]


def test_explain_of_a_file_makes_up_no_address(crawled: Crawled, tmp_path: Path) -> None:
    url = crawled.records()[0]["url"]
    page = tmp_path / "saved.html"
    with urlopen(url) as answer:
        page.write_bytes(answer.read())
    named = ("explain", str(page), "--site", "responsiblestatecraft", "--json")
    assert crawled.run(*named).json["record"]["aliases"] == []


def test_explain_shows_the_record_that_a_crawl_wrote_and_stores_nothing(crawled: Crawled) -> None:
    flagged = crawled.records("flagged")[0]
    count = len(crawled.records())
    explained = crawled.run("explain", flagged["url"], "--json").json
    assert set(explained) >= {"record", "provenance", "topics"}
    own = ("title", "body", "authors", "sections", "tags", "published_at", "topics", "article_id")
    assert {key: explained["record"][key] for key in own} == {key: flagged[key] for key in own}
    assert explained["topics"] == flagged["topics"]
    assert explained["provenance"]["title"]
    assert len(crawled.records()) == count
    shown = crawled.run("explain", flagged["url"])
    assert shown.status == 0
    assert flagged["title"] in " ".join(shown.stdout.split())
    evidence = [each for topic in flagged["topics"] for each in topic["evidence"]]
    (found, *_) = (each for each in evidence if each["term"] != each["entity"])
    assert f"[{found['term']}: {found['entity']}]" in shown.stdout


def test_explain_reads_a_saved_page(crawled: Crawled, tmp_path: Path) -> None:
    import urllib.request

    record = crawled.records()[0]
    page = tmp_path / "page.html"
    with urllib.request.urlopen(record["url"]) as answer:
        page.write_bytes(answer.read())
    with_url = crawled.run("explain", str(page), "--url", record["url"], "--json").json
    assert with_url["record"]["body"] == record["body"]
    assert with_url["record"]["url"] == record["url"]
    without = crawled.run("explain", str(page), "--json")
    assert without.json["record"]["body"] == record["body"]


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ("/europe/", "no"),
        ("/about/", "no"),
        ("/no-such-article/", "answers 404"),
        ("/caf\u00e9 au lait/", "answers 404"),
    ],
)
def test_explain_says_in_one_line_why_there_is_no_article(
    crawled: Crawled, page: str, says: str
) -> None:
    address = crawled.site.base_url + page if page.startswith("/") else page
    result = crawled.run("explain", address)
    assert (result.status, result.stdout) == (1, "")
    (line,) = complaints(result)
    assert says in line


def test_explain_names_the_file_of_which_no_article_comes(crawled: Crawled, tmp_path: Path) -> None:
    page = tmp_path / "saved.html"
    page.write_text("")
    (line,) = complaints(crawled.run("explain", str(page)))
    assert line == f"rscrawler: {page}: the page is empty"
    page.write_text(f"<html><body><h1>A talk</h1><p>{'They spoke. ' * 60}</p></body></html>")
    (line,) = complaints(crawled.run("explain", str(page)))
    assert line.startswith(f"rscrawler: {page}: ")
    assert line.endswith("; give the page's address with --url")


@pytest.mark.parametrize("url", ["foo", "ftp://example.org/x", "https://", "http://[::1"])
def test_explain_refuses_what_is_no_address_of_a_page(
    crawled: Crawled, tmp_path: Path, url: str
) -> None:
    page = tmp_path / "saved.html"
    page.write_text("x")
    named = ("explain", str(page), "--site", "responsiblestatecraft", "--url", url)
    result = crawled.run(*named)
    assert result.status == 2
    (line,) = complaints(result)
    assert line.startswith(f"rscrawler: --url: {url}: is not an address; allowed: https://")


def test_explain_refuses_an_address_for_a_page_that_has_one(crawled: Crawled) -> None:
    record = crawled.records()[0]
    for named in (record["url"], record["article_id"]):
        result = crawled.run("explain", named, "--url", f"{crawled.site.base_url}/another/")
        assert (result.status, result.stdout) == (2, "")
        (line,) = complaints(result)
        assert line.startswith(f"rscrawler: --url: is only for a saved page; {record['url']} is ")


@pytest.mark.parametrize(
    "fault",
    [
        Fault.SERVER_ERROR,
        Fault.HANG,
        Fault.TRUNCATED,
        Fault.GARBAGE,
        Fault.HUGE,
        Fault.EMPTY,
        Fault.REDIRECT_AWAY,
    ],
)
def test_explain_says_in_one_line_that_a_page_cannot_be_had(crawled: Crawled, fault: Fault) -> None:
    story = crawled.site.stories[0]
    crawled.site.fail(story.path, fault)
    limits = {"RSCRAWLER_CRAWL__TIMEOUT": "1s", "RSCRAWLER_CRAWL__MAX_RESPONSE_MIB": "1"}
    result = crawled.run("explain", crawled.site.base_url + story.path, **limits)
    crawled.site.heal()
    assert (result.status, result.stdout) == (1, "")
    assert len(complaints(result)) == 1


def test_explain_obeys_robots_txt(crawled: Crawled) -> None:
    crawled.site.fail("/robots.txt", Fault.FORBIDDEN_ROBOTS)
    crawled.site.forget_requests()
    result = crawled.run("explain", crawled.site.base_url + crawled.site.stories[0].path)
    crawled.site.heal()
    assert result.status == 1
    assert "robots.txt forbids it" in complaints(result)[0]
    assert [request.path for request in crawled.site.requests] == ["/robots.txt"]


@pytest.mark.parametrize("name", ["RSCrawler", "rscrawler/0.9 (+mailto:desk@example.org) # no"])
def test_explain_obeys_rules_for_its_name_alone_or_as_its_user_agent_has_it(
    crawled: Crawled, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = crawled.site.stories[0].path
    robots = f"User-agent: *\nAllow: /\n\nUser-agent: {name}\nDisallow: {path}\n"
    monkeypatch.setitem(crawled.site.answers, "/robots.txt", Reply(200, {}, robots.encode()))
    result = crawled.run("explain", crawled.site.base_url + path)
    assert result.status == 1
    assert "robots.txt forbids it" in complaints(result)[0]


def test_of_a_huge_robots_txt_commands_read_as_much_as_a_crawl_and_as_fast(
    crawled: Crawled, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, open_one = (each.path for each in crawled.site.stories[:2])
    names = "".join(f"useragent r{number}*\n" for number in range(12_000))
    rules = "".join(f"allow /{number}\n" for number in range(30_000))
    beyond = "User-agent: rscrawler\nDisallow: /\n"  # after 512 KiB
    robots = f"User-agent : *RS* # us\nDisallow: {own}\n{names}{rules}{beyond}"
    monkeypatch.setitem(crawled.site.answers, "/robots.txt", Reply(200, {}, robots.encode()))
    for command in (("explain",), ("sites", "add", "--delay", "0")):
        forbidden = crawled.run(*command, crawled.site.base_url + own)  # would else take hours
        assert forbidden.status == 1
        assert "robots.txt forbids it" in complaints(forbidden)[-1]
    assert crawled.run("explain", crawled.site.base_url + open_one).status == 0


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/x/", "http://[::1", "http:///x"])
def test_explain_of_an_address_that_leads_nowhere_is_one_line(
    crawled: Crawled, address: str
) -> None:
    result = crawled.run("explain", address, "--site", "responsiblestatecraft")
    assert result.status in (1, 2)
    assert len(complaints(result)) == 1


# export.


def test_export_to_a_dash_is_standard_output(crawled: Crawled) -> None:
    exported = crawled.run("export", "-o", "-")
    assert exported.stdout == crawled.run("export").stdout != ""
    assert crawled.run("export", "--format", "parquet", "-o", "-").status == 2


def test_export_gives_every_record_as_it_was_delivered(crawled: Crawled) -> None:
    lines = crawled.run("export").stdout.splitlines()
    assert [json.loads(line) for line in lines] == crawled.records()


def test_export_picks_by_topic_and_by_day(crawled: Crawled) -> None:
    def exported(*arguments: str) -> list[dict[str, Any]]:
        result = crawled.run("export", *arguments)
        assert result.status == 0, result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()]

    assert exported("--topic", "central-asia") == crawled.records("flagged")
    # A crawl around midnight is recorded on two days.
    today, day = datetime.now(UTC), timedelta(days=1)
    everything = crawled.records()
    assert exported("--since", f"{today - day:%Y-%m-%d}") == everything
    for form in ("%Y-%m-%d", "%Y%m%d"):
        assert exported("--until", f"{today:{form}}") == everything
    assert exported("--since", f"{today + day:%Y-%m-%d}") == []
    assert exported("--until", f"{today - 2 * day:%Y-%m-%d}") == []
    assert exported("--until", f"{today + day:%Y-%m-%dT%H:%M:%SZ}") == everything


def test_export_writes_a_table_that_can_be_read_back(crawled: Crawled, tmp_path: Path) -> None:
    records = crawled.records()
    table, columns = tmp_path / "x.csv", tmp_path / "x.parquet"
    assert crawled.run("export", "--format", "csv", "-o", str(table)).status == 0
    assert crawled.run("export", "--format", "parquet", "-o", str(columns)).status == 0
    with table.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    read = pyarrow.parquet.read_table(columns).to_pylist()
    assert len(rows) == len(read) == len(records)
    for row, typed, record in zip(rows, read, records, strict=True):
        assert (row["record_id"], row["body"]) == (record["record_id"], record["body"])
        assert row["authors"] == "; ".join(record["authors"])
        assert int(row["word_count"]) == record["word_count"]
        assert row["subtitle"] == (record["subtitle"] or "")
        for key in ("title", "body", "authors", "tags", "published_at", "word_count", "version"):
            assert typed[key] == record[key]


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_export_into_a_place_that_cannot_be_written_is_one_line(
    crawled: Crawled, tmp_path: Path, kind: str
) -> None:
    for place, status in ((tmp_path / "no" / "x", 2), (tmp_path, 2), (Path("/dev/full"), 1)):
        result = crawled.run("export", "--format", kind, "-o", str(place))
        assert result.status == status
        (line,) = complaints(result)
        assert line.startswith(f"rscrawler: {place}: cannot be written: ")


def test_a_terminal_is_shown_how_much_is_done_and_standard_output_is_not(
    crawled: Crawled, tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    with (tmp_path / "exported").open("w+b") as stdout:
        exporting = crawled.start(
            "export",
            environment=own_environment({"COLUMNS": "100", "TERM": "xterm"}),
            stdout=stdout.fileno(),
            stderr=theirs,
        )
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # the other side is closed
            while True:  # a terminal holds little, and who writes more waits
                shown += os.read(ours, 100_000)
        os.close(ours)
        assert exporting.wait().status == 0
        stdout.seek(0)
        exported = [json.loads(line) for line in stdout]
    count = len(crawled.records())
    assert f"of {count} records" in shown.decode()
    assert len(exported) == count


def test_prune_says_beforehand_what_it_would_forget(workspace: Workspace) -> None:
    workspace.config.write_text("")
    now = utc_now()
    with closing(Store.open(load_config(workspace.config).database)) as store:
        for number, days in ((1, 30), (2, 0)):
            article = helpers.an_article(number, fetched_at=now)
            helpers.record(store, article, at=now - timedelta(days=days))
        deliver_jsonl(load_config(workspace.config), store)
        prune = ("prune", "--older-than", "7d", "--json")
        preview = workspace.run(*prune, "--dry-run").json
        assert (preview["versions"], preview["dry_run"]) == (1, True)
        assert not any(each.is_pruned for each in store.articles.latest_articles())
        done = workspace.run(*prune).json
        assert done == preview | {"dry_run": False}
        assert workspace.run(*prune).json["versions"] == 0
    said = workspace.run(*prune[:-1]).stdout
    assert said == "deleted: the text of 0 versions, 0 messages, 0 runs, 0 files of the archive\n"


@pytest.mark.parametrize("arguments", [("export",), ("schema",), ("status",)])
def test_a_reader_that_has_had_enough_leaves_no_traceback(
    crawled: Crawled, arguments: tuple[str, ...]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        process = crawled.start(*arguments, stdout=writer)
    finally:
        os.close(writer)
    assert process.wait().stderr == ""


@pytest.mark.parametrize("is_closed", [False, True])
@pytest.mark.parametrize(
    "command",
    ["export", "status", "status --json", "schema", "--version", "topics show central-asia"],
)
def test_what_cannot_be_printed_is_one_line(
    crawled: Crawled, command: str, is_closed: bool
) -> None:
    with Path("/dev/full").open("wb") as full:
        streams = {"closed": [1]} if is_closed else {"stdout": full.fileno()}
        done = crawled.start(*command.split(), **streams).wait()
    reason = "Bad file descriptor" if is_closed else "No space left on device"
    assert (done.status, done.stderr) == (1, f"rscrawler: standard output: {reason}\n")


# Its status is the descriptor that a file gets which the program opens.
OPENS_A_FILE = """
import os
import sys

import rscrawler.cli

rscrawler.cli.main = lambda: sys.exit(os.open(os.devnull, os.O_RDONLY))
"""


@pytest.mark.parametrize("closed", [(2,), (0, 1, 2)])
def test_streams_that_are_closed_are_no_trouble_until_they_are_needed(
    workspace: Workspace, closed: tuple[int, ...]
) -> None:
    workspace.config.write_text("")

    def status(*arguments: str, before: str = "") -> int:
        return workspace.start(*arguments, closed=closed, before=before).wait().status

    assert status(before=OPENS_A_FILE) > 2
    assert status("alerts", "test") == 2  # the message is lost
    assert status("deliver", "--json") == (1 if 1 in closed else 0)
    assert (workspace.output / "rscrawler.db").is_file()


# A folder without a database.


@pytest.mark.parametrize(
    "command",
    [
        "export",
        "export -o records.jsonl",
        "history x",
        "identity check",
        "topics backtest central-asia",
        "topics marks",
    ],
)
def test_a_database_that_is_not_there_is_told_and_not_made(
    workspace: Workspace, command: str
) -> None:
    result = workspace.run(*command.split())
    assert (result.status, result.stdout) == (1, "")
    (line,) = complaints(result)
    assert f"{workspace.output / 'rscrawler.db'}: is not there yet" in line
    assert list(workspace.folder.iterdir()) == []


def test_jobs_are_shown_before_there_is_a_database(workspace: Workspace) -> None:
    result = workspace.run("schedules", "--json")
    (line,) = complaints(result)
    assert "is not there yet" in line
    assert (result.status, result.json["jobs"][0]["last_fired_at"]) == (0, None)
    assert list(workspace.folder.iterdir()) == []


# Paths that cannot be used. (Tests may be run by root, who may read everything.)

TOO_LONG = "x" * 300


@pytest.mark.parametrize(
    "arguments",
    [
        ("status", "--config", TOO_LONG),
        ("init", TOO_LONG),
        ("schedules", "--schedules", TOO_LONG),
        ("schedules", "--schedules", "rscrawler.toml"),
        ("demo", "--folder", TOO_LONG),
        ("demo", "--folder", "rscrawler.toml"),
        ("sites", "check", "eurasianet", "--pages", TOO_LONG),
        ("explain", TOO_LONG),
        ("topics", "evaluate", "central-asia", TOO_LONG),
    ],
)
def test_a_path_that_cannot_be_used_is_one_line_and_status_2(
    workspace: Workspace, arguments: tuple[str, ...]
) -> None:
    workspace.config.write_text("")
    result = workspace.run(*arguments)
    assert (result.status, result.stdout) == (2, "")
    (line,) = complaints(result)
    assert arguments[-1] in line


@pytest.mark.parametrize("key", ["sites_dir", "topics_dir", "schedules_dir"])
@pytest.mark.parametrize("folder", [TOO_LONG, "none", "rscrawler.toml"])
def test_a_folder_that_cannot_be_read_is_told_with_file_and_key(
    workspace: Workspace, key: str, folder: str
) -> None:
    workspace.config.write_text(f'{key} = "{folder}"\n', "utf-8")
    result = workspace.run("config", "check")
    assert result.status == 2
    (line,) = complaints(result)
    assert line.startswith(
        f"rscrawler: {workspace.config}: {key}: {workspace.folder / folder}: cannot be read: "
    )
    assert line.endswith("; allowed: an existing folder")


def test_a_folder_in_the_place_of_a_file_of_records_is_one_line(workspace: Workspace) -> None:
    workspace.config.write_text("")
    folder = workspace.output / "articles" / "2026-11-25.jsonl"
    folder.mkdir(parents=True)
    (folder / "x").touch()
    result = workspace.run("status")
    assert result.status == 1
    (line,) = complaints(result)
    assert line.startswith(f"rscrawler: {folder}: cannot be read: Is a directory; ")


@pytest.mark.parametrize("command", ["status", "explain /kazakhstan-railway/"])
def test_a_database_that_cannot_be_opened_says_what_it_takes(
    workspace: Workspace, command: str
) -> None:
    workspace.config.write_text('database_url = "sqlite:///output"\n')
    workspace.output.mkdir()
    result = workspace.run(*command.split())
    assert result.status == 1
    (line,) = complaints(result)
    assert line.endswith("; this user must be able to write the file and its folder")


def test_any_other_file_that_is_out_of_reach_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise PermissionError(13, "Permission denied", "/root/x")

    monkeypatch.setattr("rscrawler.cli.app", fail)
    monkeypatch.setattr("sys.argv", ["rscrawler", "status", "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    said = "/root/x: cannot be read or written: Permission denied"
    stdout, stderr = capsys.readouterr()
    assert (json.loads(stdout), stderr) == ({"error": said}, f"rscrawler: {said}\n")


# Entry points.


def test_the_program_is_a_script_and_a_module(workspace: Workspace) -> None:
    script = Path(sys.executable).with_name("rscrawler")
    for command in ([str(script)], PROGRAM):
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout.startswith("rscrawler ")
    assert "Show the version and exit." in workspace.run("--help", COLUMNS="200").stdout
