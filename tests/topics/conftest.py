from __future__ import annotations

import pytest

from rscrawler.topics import Flagger, load_watchlists


@pytest.fixture(scope="session")
def central_asia() -> Flagger:
    return Flagger([load_watchlists()["central-asia"]])
