"""Scheduling: the schedule files, the service and its workers, and the adaptive policy."""
