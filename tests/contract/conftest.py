"""Failures of the shipped suite are explained as those of our own tests are."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("fairlead.testing.promises")
