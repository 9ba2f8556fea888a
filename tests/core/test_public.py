"""The functions that others build on, through the package's own door."""

import gzip
import json
import pickle
import re
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

import rscrawler
from rscrawler.errors import ConfigurationError

_PARAGRAPH = "The delegation spent two days in the capital and met three ministers. " * 6
_LAST = "They left on Friday, and neither side said what had been agreed upon, or when they meet."
_PAGE = f"""<html><head><title>Talks in the capital</title></head><body>
<nav><a href="/">Home</a></nav>
<article><h1>Talks in the capital</h1><p>{_PARAGRAPH}</p><p>{_LAST}</p></article>
</body></html>""".encode()
_ADDRESS = "https://news.example.org/2026/talks-in-the-capital/"


def test_a_page_is_read_by_the_generic_profile() -> None:
    article = rscrawler.extract_page(_PAGE, _ADDRESS)
    assert article.title == "Talks in the capital"
    assert article.body == f"{_PARAGRAPH.strip()}\n\n{_LAST}"
    assert article.url == _ADDRESS
    assert article.extraction.warnings == ("published_at: not found",)


def test_a_page_that_is_cut_off_is_incomplete() -> None:
    with pytest.raises(rscrawler.IncompletePage):
        rscrawler.extract_page(b"", _ADDRESS)


@pytest.mark.parametrize("error", [rscrawler.NotAnArticle, rscrawler.IncompletePage])
def test_an_error_of_a_page_reaches_another_process(error: type[rscrawler.PageError]) -> None:
    received = pickle.loads(pickle.dumps(error(_ADDRESS, "the page is empty")))
    assert type(received) is error
    assert (received.url, received.reason) == (_ADDRESS, "the page is empty")
    assert str(received) == f"{_ADDRESS}: the page is empty"


@pytest.mark.parametrize("page", [gzip.compress(_PAGE * 3), Random(0).randbytes(20_000)])
def test_a_page_of_compressed_or_random_bytes_is_incomplete(page: bytes) -> None:
    with pytest.raises(rscrawler.IncompletePage, match="not readable text"):
        rscrawler.extract_page(page, _ADDRESS)


@pytest.mark.parametrize("site", [None, "responsiblestatecraft"])
@pytest.mark.parametrize(
    "url", ["", "/2026/talks/", "ftp://a.example/b", "http://[::1/b", "http://a.example:99999/b"]
)
def test_an_address_that_is_none_of_the_web_is_named(url: str, site: str | None) -> None:
    with pytest.raises(ConfigurationError, match="is no web address; allowed: https://host/path"):
        rscrawler.extract_page(_PAGE, url, site=site)


def test_text_instead_of_bytes_is_named() -> None:
    with pytest.raises(TypeError, match="page is str; allowed: the bytes of the page as fetched"):
        rscrawler.extract_page(_PAGE.decode(), _ADDRESS)  # type: ignore[arg-type]


def test_a_login_in_an_address_does_no_harm() -> None:
    address = _ADDRESS.replace("//", "//anna:secret@")
    assert rscrawler.extract_page(_PAGE, address).title == "Talks in the capital"


def test_an_unknown_site_is_named_with_those_that_are_known() -> None:
    with pytest.raises(ConfigurationError, match=r"'nowhere' is not known.*responsiblestatecraft"):
        rscrawler.extract_page(_PAGE, _ADDRESS, site="nowhere")


def test_a_text_is_flagged_with_its_countries() -> None:
    flag = rscrawler.flag_text(
        "Kazakhstan's parliament voted on Tuesday to raise taxes on mining. "
        "President Kassym-Jomart Tokayev said that Kazakhstan needed the revenue.\n\n"
        "Miners in Karaganda warned that the Kazakh budget would not gain from it.",
        title="Kazakhstan raises taxes on mining",
    )
    assert (flag.level, flag.countries) == ("primary", ("KZ",))
    assert 0.5 < flag.score <= 1
    assert {each.term for each in flag.evidence} >= {"Kazakhstan"}


def test_a_text_about_something_else_is_not_flagged() -> None:
    assert rscrawler.flag_text("The council of Lyon mends its bridges.").level == "none"


def test_an_unknown_topic_is_named_with_those_that_are_known() -> None:
    with pytest.raises(ConfigurationError, match=r"'nothing' is not known.*central-asia"):
        rscrawler.flag_text("A text.", topic="nothing")


def test_a_topic_is_judged_though_another_watch_list_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rscrawler.toml").write_text('topics_dir = "."\n[sites]\n')
    (tmp_path / "mining.toml").write_text(
        'title = "Mining"\n[[entity]]\nname = "mines"\nkind = "project"\nspellings = ["mine*"]\n'
    )
    monkeypatch.setenv("RSCRAWLER_CONFIG", str(tmp_path / "rscrawler.toml"))
    assert rscrawler.flag_text("Miners went to the mine.", topic="mining").score > 0
    with pytest.raises(ConfigurationError, match=r"rscrawler\.toml: sites: unknown key"):
        rscrawler.flag_text("A text.", topic="rscrawler")


def test_the_package_itself_imports_next_to_nothing() -> None:
    code = "import sys, rscrawler; print('lxml' in sys.modules, 'pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def _output_folder(folder: Path) -> Path:
    """Two records, of a compressed day and of one whose last line is being written."""
    articles = folder / "output/articles"
    articles.mkdir(parents=True)
    read = rscrawler.extract_page(_PAGE, _ADDRESS)
    lines = []
    for number in (1, 2):
        read.article_id, read.version, read.record_id = "a", number, f"a-{number}"
        lines.append(json.dumps(read.to_record()).encode() + b"\n")
    with gzip.open(articles / "2026-11-01.jsonl.gz", "wb") as day:
        day.write(lines[0])
    (articles / "2026-11-02.jsonl").write_bytes(lines[1] + b'{"record_id": "a-')
    return folder / "output"


def test_records_are_read_from_an_output_folder_or_a_file(tmp_path: Path) -> None:
    output = _output_folder(tmp_path)
    first, second = rscrawler.read_records(output)
    assert (first.version, second.version) == (1, 2)
    assert (first.event, first.title) == (rscrawler.Event.NEW, "Talks in the capital")
    assert first.fetched_at.tzinfo is not None
    (same,) = rscrawler.read_records(output / "articles/2026-11-01.jsonl.gz")
    assert same == first


def test_a_day_that_ends_in_half_a_line_hides_no_later_day(tmp_path: Path) -> None:
    articles = _output_folder(tmp_path) / "articles"
    (articles / "2026-11-02.jsonl").rename(articles / "2026-10-31.jsonl")
    assert [each.version for each in rscrawler.read_records(articles)] == [2, 1]


@pytest.mark.parametrize(
    "line",
    [
        '{"title": "Talks"}',
        '{"site": "x", "url": "https://x.example/", "fetched_at": "2026-11-01T00:00:00Z"}',
        "[]",
        "1",
    ],
)
def test_a_line_that_is_no_record_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "2026-11-01.jsonl"
    file.write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(rscrawler.RecordError, match=r"2026-11-01\.jsonl: line 1: is not a record"):
        list(rscrawler.read_records(tmp_path))


def test_a_folder_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="none: is not there"):
        rscrawler.read_records(tmp_path / "none")


def test_every_public_name_is_there_and_explained() -> None:
    page = (rscrawler.PACKAGE_DIR.parent / "docs/python.md").read_text(encoding="utf-8")
    for name in rscrawler.__all__:
        assert getattr(rscrawler, name).__doc__
        assert f"`{name}" in page, f"docs/python.md says nothing of {name}"


def test_the_public_names_are_listed_before_their_first_use() -> None:
    program = "import rscrawler; print(set(rscrawler.__all__) - set(dir(rscrawler)))"
    listed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert listed.stdout == "set()\n"


def test_the_examples_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(_output_folder(tmp_path).parent)
    (tmp_path / "page.html").write_bytes(_PAGE)
    page = (rscrawler.PACKAGE_DIR.parent / "docs/python.md").read_text(encoding="utf-8")
    for example in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(example, "docs/python.md", "exec"), {})
