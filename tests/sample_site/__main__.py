"""`python -m tests.sample_site --stories 2000 --port 8000` serves the site.

Until it is told to end (SIGTERM or SIGINT); the first line that it prints is the site's address.
"""

from __future__ import annotations

import argparse
import signal

from tests.sample_site.site import SampleSite


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.sample_site", description=__doc__)
    parser.add_argument("--stories", type=int, default=120, help="public stories (default 120)")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--seed", type=int, default=1, help="another seed, another site")
    options = parser.parse_args()
    ending = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)
    with SampleSite(options.stories, options.seed, port=options.port) as site:
        site.warm_up()
        print(site.base_url, flush=True)
        signal.sigwait(ending)


if __name__ == "__main__":
    main()
