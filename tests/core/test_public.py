"""The two functions that others build on, through the package's own door."""

import subprocess
import sys

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


def test_a_page_that_is_cut_off_is_incomplete() -> None:
    with pytest.raises(rscrawler.IncompletePage):
        rscrawler.extract_page(b"", _ADDRESS)


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


def test_the_package_itself_imports_next_to_nothing() -> None:
    code = "import sys, rscrawler; print('lxml' in sys.modules, 'pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
