"""Policies in which time acts: clocks, decay, second chances, follow-ups, signals, all at once."""

from __future__ import annotations

MONA = "mona@example.com"
LATER = {"salesforce": "701000000000001AAA", "hubspot": "42"}
"""The campaign and the list of recycled leads."""
EVENTS = {"salesforce": "701000000000002AAA", "hubspot": "7"}
"""Those whose members have come to an event."""
MAX_CYCLES = 2
TEAMS = ("inbound", "offered", "load", "rescue", "second")

_HEAD = """\
version: 1
sources:
  sf:
    crm: salesforce
    pick_up: 'owner is null or owner.kind == "queue" and owner.name == "Inbound"'
  hs: {crm: hubspot, object: contacts}
owner_authority: sf
calendars:
  days: {timezone: Europe/Berlin, hours: {mon-sun: ["06:00-12:00", "12:20-23:00"]}}
  nights: {timezone: America/New_York, hours: {mon-sun: ["09:00-11:00", "11:10-02:00"]}}
closed_when: status == "Junk"
fields:
  call_at: {type: instant, salesforce: Call_At__c, hubspot: call_at}
  seen_at: {type: instant, salesforce: Seen_At__c, hubspot: seen_at}
signals:
  came:
    salesforce: {campaign: "701000000000002AAA", status: Attended}
    hubspot: {list: 7}
  wrote: {activity: [call, email], incoming: true}
  visited: {at: seen_at}
scoring:
  groups:
    fit: {points: [{when: employees >= 1000, points: 30}]}
    did:
      half_life: 1d
      points:
        - {when: signal.wrote is not null, points: 30, at: signal.wrote}
        - {when: signal.visited is not null, points: 20, at: signal.visited}
        - {when: 'signal("came", within: 2d)', points: 25}
  bands: {mql: 25, sql: 50}
  write_to: {salesforce: Score__c, hubspot: lead_points}
"""

_SLAS = """\
slas:
  hot:
    respond_within: 30m
    hours: always
    warn_at: [50%]
    paused_when: status == "Waiting"
    on_breach:
      - {notify: manager, by: [task, email]}
      - {raise: priority}
      - {after: 30m, reassign: next}
      - {after: 1h, reassign: {team: rescue}}
      - {after: 90m, tell: room}
      - {after: 2h, escalate: mona@example.com}
      - {after: 2h, set_away: {for: 2h}}
OVERRIDE
  calm:
    respond_within: 3h
    hours: rep
    warn_at: [30m]
    counts_as_response: [call, email, meeting, message, note]
    responded_when: status in ["Contacted", "Later", "Spam"]
    on_breach: [{notify: rep}, {after: 2h, reassign: next}]
  big:
    respond_within: 1h
    hours: team
    when: score >= 30
    on_breach: [{notify: manager}, {after: 1h, reassign: {team: rescue}}]
cadences:
  standard: [6h, {after: 1d, subject: Again}, 2d]
"""

_DECAY = """\
decay:
  - {name: cooling, after: {silence: 8h}, do: [{raise: priority}, {notify: rep}, {tell: room}]}
  - {name: faded, after: {below: mql}, do: [{notify: rep}, {reassign: next}]}
  - {name: cold, after: {silence: 1d}, critical: true, do: [{notify: manager}]}
  - {name: old, after: {age: 2d}, do: [{set_away: {for: 4h}}, {reassign: {team: rescue}}]OVERRIDE}
  - {name: frozen, after: {silence: 3d}, do: [{reassign: next}, {escalate: mona@example.com}]}
"""

_RECYCLING = """\
recycling:
  max_cycles: 2
  cool_down: 6h
  contact_cap: {at_most: 3, within: 1d}
  disqualified: [{reason: spam, when: status == "Spam"}]
  tracks:
    later:
      when: status == "Later"
      set: {salesforce: {rating: Nurture}, hubspot: {rating: Nurture}}
      set_back: {salesforce: {status: Open}, hubspot: {status: Open}}
      join: {salesforce: "701000000000001AAA", hubspot: "42"}
      owner: {queue: Nurture}
      until: call_at
      after: 2d
      reenter_when: score >= 25 or signal.came is not null
TO
    lost: {when: rating == "Cold", after: 1d}
STALE
"""

_TEAMS = """\
teams:
  inbound:
    members: [anna@example.com, ben@example.com, carla@example.com]
    manager: mona@example.com
  offered:
    members: [ben@example.com, carla@example.com]
    method: {claim: {queue: Demo requests, unclaimed_after: 30m}}
    backup: {team: inbound}
  load: {members: [anna@example.com, dan@example.com, eve@example.com], method: least_loaded}
  rescue:
    members: [dan@example.com, eve@example.com]
    manager: mona@example.com
    backup: {team: inbound}
  second: {members: [carla@example.com, eve@example.com]}
  triage:
    members:
      [anna@example.com, ben@example.com, carla@example.com, dan@example.com, eve@example.com]
"""


def timed_policy(number: int) -> str:
    """One of a family: what is on differs, and who gets what."""
    n = number % 8
    odd, more, third = n % 2 == 1, n % 4 >= 2, n % 3 == 1
    limits = "" if not more else ", capacity: {open: 6}"
    override = "override_people: true"
    recycling = _RECYCLING.replace("TO\n", "      to: {team: second}\n" if odd else "")
    stale = '    stale: {when: age(created_at) > 5d and cycles == 0, reenter_when: grade == "sql"}'
    recycling = recycling.replace("STALE\n", f"{stale}\n" if more else "")
    parts = [
        _HEAD,
        "reroute_on: [country, signal(came)]\n" if not third else "",
        "" if odd else "credit_back: {handed_back: true, within: 4h}\n",
        _SLAS.replace("OVERRIDE\n", f"    {override}\n" if odd else ""),
        _DECAY.replace("OVERRIDE", f", {override}" if odd else "") if n != 6 else "",
        recycling if n != 5 else "",
        "reps:\n"
        f"  anna@example.com: {{calendar: days{limits}}}\n"
        "  ben@example.com: {}\n"
        "  carla@example.com: {weight: 2}\n"
        "  dan@example.com: {calendar: nights}\n"
        f"  eve@example.com: {{weight: 1{limits}}}\n",
        _TEAMS,
        "rules:\n",
    ]
    for i, country in enumerate(("DE", "FR", "GB", "US", "IT")):
        team = TEAMS[(i + n) % len(TEAMS)]
        sla = ("hot", "calm", "hot", "calm", None)[(i + n // 2) % 5]
        cadence = i % 2 == 0 or odd
        parts.append(
            f"  - {{name: In {country}, when: 'country == \"{country}\"', to: {{team: {team}}},"
            f" if_away: {{hold: 20m}}{f', sla: {sla}' if sla else ''}"
            f"{', cadence: standard' if cadence else ''}}}\n"
        )
    parts.append(
        "  - {name: Came, when: 'signal(\"came\", within: 1d)', to: {team: second}, sla: hot}\n"
    )
    parts.append("otherwise: {to: {team: triage}, sla: calm, cadence: standard}\n")
    return "".join(parts)
