"""Tests of rscrawler."""

import gc

# Seldom: imports and tests make many objects that stay.
gc.set_threshold(10_000, 20, 20)
