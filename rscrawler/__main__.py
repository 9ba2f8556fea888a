"""`rscrawler`, and `python -m rscrawler`."""

import os
import signal
import sys
from contextlib import suppress

EXIT_INTERRUPTED = 130


def main() -> None:
    """Run the command line, which takes a second to load."""
    _open_standard_streams()
    command = next((each for each in sys.argv[1:] if not each.startswith("-")), None)
    if command == "run":
        # It means a reload. Until the service can hear it, it is held, and must not end it.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        from rscrawler.cli import main as run
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    run()


def _open_standard_streams() -> None:
    """Put something in the place of streams that were closed.

    A file that is opened later, such as the database, would have their numbers and be written
    into. What was meant for standard output fails as soon as anything is; what was meant for
    standard error is lost.
    """
    for descriptor, flags in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            with suppress(OSError):
                os.set_inheritable(os.open(os.devnull, flags), True)  # the lowest that is free
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)


if __name__ == "__main__":
    main()
