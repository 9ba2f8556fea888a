"""Scheduling: the service, its workers and its runs."""
