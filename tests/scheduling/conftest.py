"""Fixtures that the tests of scheduling share with others."""

from tests.monitoring.conftest import pulse
from tests.scheduling.services import clock

__all__ = ["clock", "pulse"]
