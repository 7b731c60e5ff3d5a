"""For connector authors and the house's own tests: a hand-moved clock, builders, a fake CRM, and
the contract suite (`fairlead.testing.contract`, which needs pytest and is therefore not imported
here). docs/connectors.md tells how to use them.
"""

from fairlead.testing.builders import a_lead, a_record, an_account, an_owner
from fairlead.testing.clock import ManualClock
from fairlead.testing.fake_connector import FakeConnector
from fairlead.testing.fake_crm import FakeCrm
from fairlead.testing.fake_faults import FakeFaults

__all__ = [
    "FakeConnector",
    "FakeCrm",
    "FakeFaults",
    "ManualClock",
    "a_lead",
    "a_record",
    "an_account",
    "an_owner",
]
