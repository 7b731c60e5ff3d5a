"""A Salesforce org on loopback: REST faces over `fairlead.sandbox.org`, strict and unkind.

Read in this order: `app` (routes) → `records`, `queries`, `collections`, `composite`,
`replication`, `resources`, `auth` (what each address does) → `rows` (what a write means) →
`values`, `rules`, `render` → `schema`, `objects` (what exists) → `state`, `knobs`, `ids`, `errors`.
`acts` plays people and other tools, `faults` answers as a broken service. It shares nothing with
the connector.
"""
