"""`rscrawler demo`: two cycles against a small news site on loopback, and a mailbox beside it."""
