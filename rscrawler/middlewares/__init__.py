"""Downloader middlewares for HTTP alone: hosts, robots.txt, Retry-After, redirects."""
