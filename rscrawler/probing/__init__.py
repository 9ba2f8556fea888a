"""Probing: proposes a profile for a site, and checks whether a profile fits its site.

One module for each step (`visitor` fetches the pages): `finding` finds feeds, sitemaps and
sections; `paths` learns the patterns of article addresses; `induction` finds selectors in a few
article pages; `proposal` makes a profile of these; `checking` checks a profile against live or
saved pages. `explaining` shows how a single page is recorded.
"""
