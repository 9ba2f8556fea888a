"""Whose page is this, and is its news new? Decided over plain values: no store, no clock.

`addresses` gives one form to the addresses of a page, `fingerprints` what a text is found
by again, `sameness` compares two texts and says how the later one relates to the earlier,
and `kinship` draws from that which article an article is, repeats or follows.
"""
