"""Fixtures that the tests of scheduling share with others."""

from tests.monitoring.conftest import pulse

__all__ = ["pulse"]
