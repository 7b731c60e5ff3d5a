"""What became of leads in HubSpot, by lifecycle stage and lead status, against the sandbox."""

from __future__ import annotations

from contract.crm_hubspot import HubSpotUnderTest

from fairlead.spi.connector import Direction


def test_stage_and_status_say_what_became_of_a_contact() -> None:
    crm = HubSpotUnderTest()
    reader = crm.connector(Direction.READ)
    ends = (
        {"lifecyclestage": "customer"},
        {"lifecyclestage": "opportunity"},
        {"hs_lead_status": "UNQUALIFIED"},
        {"lifecyclestage": "lead"},
    )
    try:
        refs = []
        for n, end in enumerate(ends):
            ref = crm.create_lead({"email": f"x{n}@acme.example"})
            crm.sandbox.act(op="update", object=ref.object, id=ref.id, fields=end)
            refs.append(ref)
        found = [reader.became(refs)[r] for r in refs]
    finally:
        reader.close()
        crm.close()
    told = [(f.converted, f.won, f.lost) for f in found]
    assert told == [
        (True, True, False), (True, None, False), (False, None, True), (False, None, False),
    ]  # fmt: skip
