"""The contract of `scrapy check news -a site=…`."""

from collections.abc import Callable
from typing import Any

from scrapy.contracts import Contract

from rscrawler.sites import SourceKind


class SourceContract(Contract):
    """`@source`: the sample address is the site's first source that is not a sitemap, if any."""

    name = "source"

    def __init__(self, method: Callable[..., Any], *args: Any) -> None:
        super().__init__(method, *args)
        self._method = method

    def adjust_request_args(self, args: dict[str, Any]) -> dict[str, Any]:
        """The arguments of the sample request, with its address."""
        profile = self._method.__self__.profile  # type: ignore[attr-defined]
        source = min(profile.sources, key=lambda each: each.kind is SourceKind.SITEMAP)
        return {**args, "url": profile.address(source.path)}
