"""Who belongs to a group of leads that a CRM keeps: a campaign of Salesforce, a list of HubSpot's.

Pure values that connectors fill; what a membership means is for the policy to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fairlead.core.types import Ref


@dataclass(frozen=True, slots=True)
class Member:
    """A lead that joined a group, or whose status there has changed.

    `ref` is the lead's, `group` the id of the campaign or list. `status` is the CRM's own word
    ("Sent", "Responded"), "" where it keeps none. `at` is when the lead joined or its membership
    was last changed, as far as the CRM tells. `row` proves it: the CRM's record of the membership,
    or, where it keeps none, a name of this joining that another joining does not bear.
    """

    ref: Ref
    group: str
    status: str
    at: datetime
    row: Ref
