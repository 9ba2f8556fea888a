"""Monitoring: judges cycles, raises and clears problems, reports status and metrics."""
