from __future__ import annotations

import pytest

from rscrawler.topics import FlaggableText, Flagger
from tests.topics.cases import CASES, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_careful_reader_would_agree(case: Case, central_asia: Flagger) -> None:
    text = FlaggableText(title=case.title, paragraphs=tuple(case.text.split("\n\n")))
    flags = central_asia.flag(text)
    level = str(flags[0].level) if flags else "none"
    assert level in case.levels
    if case.countries is not None:
        assert flags[0].countries == case.countries
