"""Recycling as the tests play it: campaigns and lists in both CRMs, and the policy."""

from __future__ import annotations

from e2e.live import Stage

TERMS = """\
fields:
  lost_reason: {{type: text, salesforce: Lost_Reason__c, hubspot: lost_reason}}
  future_interest: {{type: instant, salesforce: Future_Interest__c, hubspot: future_interest}}
slas:
  hot: {{respond_within: 30m, hours: always, when: country == "DE", on_breach: []}}
signals:
  webinar_attended:
    salesforce: {{campaign: {sf_webinar}, status: Responded}}
    hubspot: {{list: {hs_webinar}}}
recycling:
  max_cycles: 3
  cool_down: {cool_down}
  disqualified:
    - {{reason: spam, when: lost_reason == "Spam"}}
  tracks:
    no_budget:
      when: status in ["Recycle", "BAD_TIMING"] and lost_reason == "Budget"
      set: {{salesforce: {{Status: Nurture}}, hubspot: {{hs_lead_status: UNQUALIFIED}}}}
      set_back: {{salesforce: {{Status: Open - Not Contacted}}, hubspot: {{hs_lead_status: OPEN}}}}
      join: {{salesforce: {sf_warm}, hubspot: {hs_warm}}}
      owner: {{queue: Unmatched}}
      until: future_interest
      after: {after}
      reenter_when: signal("webinar_attended")
"""


Groups = dict[tuple[str, str], str]


def furnish(stage: Stage, *, cool_down: str = "1d", after: str = "180d") -> Groups:
    """The campaigns and lists that the policy names, and the policy; their ids by CRM and use."""
    groups: Groups = {}
    act = stage.crms.act
    kind = {"as": "person"}
    for use, name in (("webinar", "Webinar"), ("warm", "No budget")):
        made = act("salesforce", **kind, op="create", object="Campaign", fields={"Name": name})
        groups["salesforce", use] = str(made["id"])
        made = act(
            "hubspot", **kind, op="create_list", name=name, object="contacts", processing="MANUAL"
        )
        groups["hubspot", use] = str(made["id"])
    named = {f"{c[0]}{'f' if c[0] == 's' else 's'}_{u}": i for (c, u), i in groups.items()}
    path = stage.folder / "demo.yaml"
    terms = TERMS.format(cool_down=cool_down, after=after, **named)
    path.write_text(path.read_text("utf-8") + terms, "utf-8")
    return groups
