"""What can go wrong in a way that the person at the keyboard can mend.

    RscrawlerError
    ├── ConfigurationError   a file or key is wrong; exit status 2
    │   └── MissingExtra     a package that one of our extras brings is not installed
    ├── CrawlStopped         a crawl was ended from outside before it could say what came of it
    ├── StoreError           the database cannot be opened, read or migrated
    └── OutputError          the output folder cannot be written

Anything else that is raised is a bug and is left to show as one.
"""


class RscrawlerError(Exception):
    """The root: its text is one line that says what is wrong and what to do."""


class ConfigurationError(RscrawlerError):
    """A configuration file, site profile, watch-list or schedule is wrong.

    `problems` holds every line found wrong at once, each naming file and key.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class MissingExtra(ConfigurationError):
    """A package is not installed that one of our extras brings."""

    def __init__(self, what: str, package: str | None, extra: str) -> None:
        super().__init__(
            f'{what} needs the package {package}; install it with pip install "rscrawler[{extra}]"'
        )


class CrawlStopped(RscrawlerError):
    """A crawl was ended from outside; what it had recorded stays, the next one does the rest."""


class StoreError(RscrawlerError):
    """The database cannot be used as it is."""


class OutputError(RscrawlerError):
    """The output folder cannot be written; nothing has been lost."""
