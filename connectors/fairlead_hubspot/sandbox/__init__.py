"""A strict, stateful stand-in for the HubSpot CRM API, over the CRM-neutral `fairlead.sandbox.org`.

It shares nothing with the connector: what both know, both took from HubSpot's own contract.
`docs/sandbox-hubspot.md` lists its knobs, orders, faults and refusals.
"""
