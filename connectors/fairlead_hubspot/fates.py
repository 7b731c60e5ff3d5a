"""What became of leads, by the lifecycle stage and the lead status of their records.

`customer` and `evangelist` are won, `opportunity` is converted. The lead status `UNQUALIFIED`, and
the end of HubSpot's own lead pipeline that is named so, is lost. Stages of a portal's own making
say nothing here: `won_when` and `closed_when` of the policy name them. Deals that were lost do not
move a contact's lifecycle stage back, so they stay converted.
"""

from __future__ import annotations

from fairlead.core.fate import OPEN, Fate
from fairlead.core.types import Gone, Record
from fairlead_hubspot.names import CONTACT_PREFIX

WON = frozenset({"customer", "evangelist"})
CONVERTED = frozenset({"opportunity"})
QUALIFIED_STAGE, UNQUALIFIED_STAGE = "qualified-stage-id", "unqualified-stage-id"


def fate(answer: Record | Gone) -> Fate:
    """What a record says; one that is gone says nothing."""
    if isinstance(answer, Gone) or answer.deleted:
        return OPEN

    def word(name: str) -> str:
        own = answer.fields.get(name) or answer.fields.get(CONTACT_PREFIX + name)
        return str(own or "")

    stage, status, end = word("lifecyclestage"), word("hs_lead_status"), word("hs_pipeline_stage")
    if stage.casefold() in WON:
        return Fate(True, True, why=f"lifecycle stage {stage}")
    if stage.casefold() in CONVERTED:
        return Fate(True, None, why=f"lifecycle stage {stage}")
    if end == QUALIFIED_STAGE:
        return Fate(True, None, why="qualified in the lead pipeline")
    if end == UNQUALIFIED_STAGE or status.casefold() == "unqualified":
        return Fate(lost=True, why="unqualified")
    return OPEN
