"""x."""
CONCURRENCY = 16
