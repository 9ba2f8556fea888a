"""`rscrawler`, and `python -m rscrawler`."""

import sys

EXIT_INTERRUPTED = 130


def main() -> None:
    """Run the command line, which takes a second to load."""
    try:
        from rscrawler.cli import main as run
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    run()


if __name__ == "__main__":
    main()
