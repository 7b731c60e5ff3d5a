"""Policies that use everything at once, and differ in who gets what: for histories with reloads."""

from __future__ import annotations

REPS = (
    "anna@example.com",
    "ben@example.com",
    "carla@example.com",
    "dan@example.com",
    "eve@example.com",
)
COUNTRIES = ("DE", "FR", "GB", "US", "IT", "ES", "NL", "SE", "AT")
TEAMS = ("inbound", "claims", "demo", "upnext", "load", "order", "early", "late", "seniors")
OFFERED = "Demo requests"

OFFERING = "    method: {claim: {queue: Demo requests, unclaimed_after: 5m}}\n"
_PEOPLE = """\
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
"""

_TEAMS = """\
  claims:
    members: [ben@example.com, carla@example.com]
    method: {claim: {queue: Demo requests, unclaimed_after: 5m}}
    backup: {team: inbound}
  demo:
    method:
      group:
        roles:
          - {role: AE, members: [anna@example.com, ben@example.com]}
          - {role: SE, team: seniors}
  upnext: {members: [ben@example.com, dan@example.com], method: next_up}
  load: {members: [anna@example.com, dan@example.com], method: {least_loaded: {by: employees}}}
  order: {members: [carla@example.com, ben@example.com], method: ranked, backup: {team: seniors}}
  early: {members: [anna@example.com, eve@example.com], method: first_available}
  late:
    members: [carla@example.com, dan@example.com, eve@example.com]
    method: {override: {max_delay: 10m}}
    fairness: company
  triage:
    members:
      [anna@example.com, ben@example.com, carla@example.com, dan@example.com, eve@example.com]
"""


def wide_policy(number: int) -> str:
    """One of a family: countries go to other teams, and some options are on in every other one."""
    n = number % 8
    odd, more = n % 2 == 1, n % 4 >= 2
    some = n % 3 == 1
    limits = "{open: 3, per_hour: 6}" if not more else "{per_day: 9}"
    inbound = ["anna", "ben", "carla", "dan"] if not odd else ["anna", "carla", "eve"]
    lines = [
        _PEOPLE,
        f"reroute_on: {['country', 'employees'] if not some else []}\n",
        "credit_back: {when: status == \"Junk\", handed_back: true, within: 1h}\n" if not odd
        else "credit_back: {handed_back: true}\n" if more else "",
        "sticky: 2h\n" if more else "",
        "reps:\n"
        f"  anna@example.com: {{calendar: days, cover: ben@example.com, capacity: {limits}}}\n"
        f"  ben@example.com: {{capacity: {limits}}}\n"
        "  carla@example.com: {weight: 2, skills: {language: [de]}}\n"
        f"  dan@example.com: {{calendar: nights, weight: {1 if odd else '1/2'}}}\n"
        "  eve@example.com: {}\n",
        "teams:\n"
        "  inbound:\n"
        f"    members: [{', '.join(f'{m}@example.com' for m in inbound)}]\n"
        f"    charge: {['by_hand', 'named', 'followed'] if not some else ['by_hand']}\n"
        f"    make_up: {'none' if odd else '{at_most: 2}'}\n"
        "    peak: {team: seniors, above: 2}\n"
        "  seniors:\n"
        "    members: [carla@example.com, eve@example.com]\n"
        f"    fairness: {'company' if not more else 'team'}\n"
        "    coverage: {team: late, below: 2}\n",
        _TEAMS if not odd else _TEAMS.replace(OFFERING, "").replace("method: ranked,", ""),
        "rules:\n"
        "  - {name: Named, when: 'country == \"PL\"', to: {rep: anna@example.com},"
        " if_away: {hold: 10m}}\n"
        "  - {name: Waits, when: 'country == \"BE\"', hold_until: {field: state, at_most: 5m},"
        " to: {team: inbound}}\n"
        "  - {name: Spoken, when: 'country == \"CH\"', need: {language: de}, relax_after: 10m,"
        " to: {team: inbound}, priority: high}\n",
    ]  # fmt: skip
    for i, country in enumerate(COUNTRIES):
        team = TEAMS[(i + n) % len(TEAMS)]
        more_rule = ", pool: valuable" if team in ("inbound", "seniors") and odd else ""
        lines.append(
            f"  - {{name: In {country}, when: 'country == \"{country}\"',"
            f" to: {{team: {team}}}{more_rule}, if_away: {{hold: 20m}}}}\n"
        )
    lines.append("otherwise: {to: {team: triage}}\n")
    return "".join(lines)


CALM = (
    wide_policy(0)
    .replace("capacity: {open: 3, per_hour: 6}", "weight: 1")
    .replace("method: next_up", "method: round_robin")
    .replace("reroute_on: ['country', 'employees']", "reroute_on: []")
)
"""Without limits and waiting for turns: under it everything comes to rest."""
