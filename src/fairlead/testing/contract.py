"""The contract every connector must keep, as a pytest class to inherit.

    class TestMyCrm(ConnectorContract):
        @pytest.fixture
        def crm(self):
            with MyCrmUnderTest() as crm:
                yield crm

`MyCrmUnderTest` satisfies `CrmUnderTest`: it makes connectors and acts on the CRM as its people
and tools do. What a CRM cannot do is said in its `Abilities`, and the promises about it are
skipped; everything else must hold. `pytest.register_assert_rewrite("fairlead.testing.promises")`
in a conftest makes failures readable. docs/connectors.md is the guide.
"""

from __future__ import annotations

from fairlead.testing.promises.about import AboutPromises
from fairlead.testing.promises.activity import ActivityPromises
from fairlead.testing.promises.failing import FailurePromises
from fairlead.testing.promises.feed import FeedPromises
from fairlead.testing.promises.groups import GroupPromises
from fairlead.testing.promises.reading import ReadPromises
from fairlead.testing.promises.under_test import Abilities, Breakage, CrmUnderTest, TaskTruth
from fairlead.testing.promises.values import ValuePromises
from fairlead.testing.promises.writing import WritePromises

__all__ = ["Abilities", "Breakage", "ConnectorContract", "CrmUnderTest", "TaskTruth"]


class ConnectorContract(
    FeedPromises,
    ReadPromises,
    ActivityPromises,
    WritePromises,
    ValuePromises,
    GroupPromises,
    AboutPromises,
    FailurePromises,
):
    """All promises; override the fixture `crm`."""
