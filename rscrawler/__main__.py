"""The entry point of `rscrawler` and `python -m rscrawler`."""

import os
import signal
import sys
from contextlib import suppress
from io import TextIOWrapper

EXIT_INTERRUPTED = 130


def main() -> None:
    """Run the command line, whose import takes about a second."""
    _open_standard_streams()
    command = next((each for each in sys.argv[1:] if not each.startswith("-")), None)
    if command in ("run", "worker"):
        # SIGHUP means reload: blocked until the service handles it, else it would end the process.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        from rscrawler.cli import main as run
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    run()


def _open_standard_streams() -> None:
    """Replace standard streams that are closed; standard output escapes what it cannot encode.

    Otherwise a file that is opened later, such as the database, would get their descriptors, and
    output would be written into it. A write to the replaced standard output fails; what is written
    to the replaced standard error is lost.
    """
    for descriptor, flags in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            with suppress(OSError):
                os.set_inheritable(os.open(os.devnull, flags), True)  # gets the lowest free number
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    # Python's choice is strict, in the locale C (as in cron and containers) surrogateescape.
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors in ("strict", "surrogateescape"):
        sys.stdout.reconfigure(errors="backslashreplace")
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)


if __name__ == "__main__":
    main()
