"""Getting to know a site: what it offers, a profile for it, and whether a profile holds.

The steps, a module each (`rscrawler.probing.visitor` fetches the pages): `finding` looks for feeds,
sitemaps and sections; `paths` learns what an article's address looks like; `induction` finds
selectors in a few article pages; `proposal` puts a profile together from that, and
`checking` holds one against live or stored pages.
"""

from rscrawler.probing.checking import SiteCheck, check_live, check_stored
from rscrawler.probing.proposal import Proposal, propose_site
from rscrawler.probing.visitor import PageUnavailable, Visitor

__all__ = [
    "PageUnavailable",
    "Proposal",
    "SiteCheck",
    "Visitor",
    "check_live",
    "check_stored",
    "propose_site",
]
