"""Settings of all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# How long inputs take to make tells of the machine and who else uses it, not of the code.
settings.register_profile("any", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any")
