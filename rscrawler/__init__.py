"""Watches news sites for coverage of Central Asia."""

__version__ = "0.1.0"
