"""Reading a page of twice the size takes about twice the time, whatever it is made of."""

from __future__ import annotations

import pytest

from benchmarks.bench_linear import KINDS, page, read
from benchmarks.measure import SITE

SIZE = 130_000  # bytes of the larger page; its half holds more than the caches keep
MOST = 2.4  # times; a step for each pair of things would make it nearly 4
ATTEMPTS = 20  # other programs slow down one measurement, and not twenty in a row
STEP = 500  # bytes by which each attempt's page is longer: what was read before may be remembered
# Its time is that of depth, and the parser nests no deeper than 2,048.
OTHERS = sorted(KINDS.keys() - {"nested articles"})


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> None:
    """Make what a process makes once."""
    for site in (None, SITE):
        read(page(), site)


@pytest.mark.parametrize("site", [None, SITE], ids=["generic", "profile"])
@pytest.mark.parametrize("kind", OTHERS)
def test_twice_the_page_takes_twice_the_time(kind: str, site: str | None) -> None:
    halves: list[float] = []
    wholes: list[float] = []
    while len(wholes) < ATTEMPTS and (not wholes or min(wholes) > MOST * min(halves)):
        size = SIZE + STEP * len(wholes)
        # The whole goes first: it takes what a process makes once, which would hide in the half.
        wholes.append(read(KINDS[kind](size), site) / size)
        halves.append(read(KINDS[kind](size // 2), site) / size)
    assert min(wholes) <= MOST * min(halves)
