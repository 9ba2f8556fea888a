"""Reading a page of twice the size takes about twice the time, whatever it is made of."""

from __future__ import annotations

import pytest

from benchmarks.bench_linear import KINDS, page, read
from benchmarks.measure import SITE

SIZE = 130_000  # bytes of the larger page; its half holds more than the caches keep
MOST = 2.2  # times; a step for each pair of things would make it nearly 4
ATTEMPTS = 20  # other programs slow down one measurement, and not twenty in a row by a tenth
STEP = 500  # bytes by which pages differ: what was read before may be remembered
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
    ratios: list[float] = []
    while len(ratios) < ATTEMPTS and min(ratios, default=MOST + 1) > MOST:
        size = SIZE + STEP * (2 * len(ratios) + bool(site))
        # The whole goes first: it takes what a process makes once, which would hide in the half.
        whole = read(KINDS[kind](size), site)
        ratios.append(whole / read(KINDS[kind](size // 2), site))
    assert min(ratios) <= MOST
