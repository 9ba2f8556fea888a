"""Identity: which article a page is, repeats or follows. Plain values: no store, no clock.

`addresses` gives canonical forms and keys, `fingerprints` the digests and keys by which texts
are found, `sameness` compares two texts, `kinship` decides which article a text is, repeats or
follows, `changes` shows what an update changed.
"""
