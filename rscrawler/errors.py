"""Errors that the user can fix.

    RscrawlerError
    ├── ConfigurationError   a file or key is wrong; exit status 2
    │   └── MissingExtra     a package of one of our extras is not installed
    ├── CrawlStopped         a crawl was ended from outside before its outcome was recorded
    ├── StoreError           the database cannot be opened, read or migrated
    └── OutputError          the output folder cannot be written

Any other exception is a bug, and is not hidden.
"""


class RscrawlerError(Exception):
    """The root of the tree; its text says what is wrong and what to do."""


class ConfigurationError(RscrawlerError):
    """A configuration file, site profile, watch-list or schedule is wrong.

    `problems` has one line for each error found, with its file and key.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class MissingExtra(ConfigurationError):
    """A package of one of our extras is not installed."""

    def __init__(self, what: str, package: str | None, extra: str) -> None:
        super().__init__(
            f'{what} needs the package {package}; install it with pip install "rscrawler[{extra}]"'
        )


class CrawlStopped(RscrawlerError):
    """A crawl was ended from outside; its records stay, and the next crawl does the rest."""


class StoreError(RscrawlerError):
    """The database cannot be used as it is."""


class OutputError(RscrawlerError):
    """The output folder cannot be written; nothing has been lost."""
