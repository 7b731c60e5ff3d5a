"""What the daemon keeps and shows: health and numbers on loopback, and nothing of any lead."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator

import pytest
from e2e.live import TOKEN, Stage, staged, wait_for

CANARIES = (
    "canary.person",
    "canary-mail.example",
    "Wolpertinger",
    "Kanarienvogel",
    "4711 0815",
    "47110815",
    TOKEN,
)
LEAD = {
    "FirstName": "Wolpertinger",
    "LastName": "Kanarienvogel",
    "Phone": "+49 171 4711 0815",
    "MobilePhone": "+4917147110815",
}
CONTACT = {
    "firstname": "Wolpertinger",
    "lastname": "Kanarienvogel",
    "phone": "+49 171 4711 0815",
    "mobilephone": "+4917147110815",
}


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """A daemon that talks as much as it can."""
    with staged(log_level="debug") as stage:
        yield stage


def address(stage: Stage) -> str:
    [ready] = stage.events("daemon.ready")
    return f"http://{ready['address']}"


def get(stage: Stage, path: str, **headers: str) -> tuple[int, str]:
    answer = stage.crms.http.get(address(stage) + path, headers=headers, timeout=10)
    return answer.status_code, answer.text


def test_health_and_numbers_answer_on_loopback_only(stage: Stage) -> None:
    assert address(stage).startswith("http://127.0.0.1:")
    keys = stage.crms.arrivals(2)
    wait_for("they are routed", lambda: stage.crms.routed_once(keys) and stage.idle())
    wait_for("it is well", lambda: get(stage, "/healthz")[0] == 200)
    assert get(stage, "/healthz", Host="evil.example")[0] == 421
    _, numbers = get(stage, "/metrics")
    for crm, states in stage.status()["leads"].items():
        # Changed ones count again, our own writes among them.
        seen = re.search(rf'fairlead_leads_seen_total{{crm="{crm}"}} (\d+)', numbers)
        assert seen is not None
        assert int(seen[1]) >= sum(states.values())
        assert f'fairlead_connector_up{{crm="{crm}"}} 1.0' in numbers
    assert re.search(r'fairlead_effects_total{kind="set_owner",outcome="verified"} [1-9]', numbers)
    assert re.search(r"fairlead_time_to_owner_seconds_count [1-9]", numbers)


def test_health_tells_when_a_crm_cannot_be_seen(stage: Stage) -> None:
    stage.crms.fault("hubspot", "unauthorized_401", count=None)
    try:
        wait_for("it is not well", lambda: get(stage, "/healthz")[0] == 503)
        assert "hubspot: stopped: HubSpot does not accept the token" in get(stage, "/healthz")[1]
    finally:
        stage.crms.heal()

    def well() -> bool:
        stage.client.call("resume")
        return get(stage, "/healthz")[0] == 200

    wait_for("it is well again", well)


def test_nothing_of_a_lead_and_no_secret_is_in_log_numbers_or_journal(stage: Stage) -> None:
    """Leads that go well, and one that cannot be read."""
    crms = stage.crms
    mail = "canary.person{}@canary-mail.example"
    good = [
        ("salesforce", crms.lead(mail.format(1), **LEAD)),
        ("hubspot", crms.contact(mail.format(2), **CONTACT)),
        ("hubspot", crms.contact(mail.format(1), **CONTACT)),
    ]
    face = crms.both.faces["salesforce"]
    fields = {**LEAD, "Company": "Kanarienvogel AG", "OwnerId": crms.inbound}
    with face.org.lock:
        spoilt = face.act({"op": "create", "fields": {**fields, "Email": mail.format(3)}})["id"]
        garbage = {"SystemModstamp": {"Wolpertinger": 1}, "Email": [mail.format(3)]}
        face.act({"op": "corrupt", "id": spoilt, "fields": garbage})
    wait_for("the good ones are routed", lambda: crms.routed_once(good) and stage.idle())
    wait_for("the bad one is set aside", lambda: len(stage.client.call("dead-letters")) == 1)
    assert_clean(stage)


def test_what_the_crm_says_of_a_lead_is_shown_with_its_dead_letter_and_nowhere_else() -> None:
    with staged(log_level="debug") as stage:
        said = "Kanarienvogel (canary.person@canary-mail.example, +49 171 4711 0815) is blocked"
        rule = {"changed": "OwnerId", "by": "integration", "message": said, "op": "update"}
        stage.crms.tune("salesforce", refusals=[rule])
        stage.crms.lead("canary.person9@canary-mail.example", **LEAD)
        wait_for("it is refused", lambda: len(stage.client.call("dead-letters")) == 1)
        assert said in stage.client.call("dead-letters")[0]["reason"]
        assert_clean(stage, but=("dead letters",))


def assert_clean(stage: Stage, *, but: tuple[str, ...] = ()) -> None:
    copy = stage.folder / "copy.sqlite"
    stage.client.call("backup", path=str(copy))
    db = sqlite3.connect(copy)
    try:
        journal = "\n".join(map(str, db.execute("SELECT * FROM journal")))
        letters = "\n".join(map(str, db.execute("SELECT * FROM dead_letters")))
    finally:
        db.close()
    assert "lead.decided" in journal
    state = copy.read_bytes()
    copy.unlink()
    assert TOKEN.encode() not in state
    places = {
        "log": stage.said(),
        "numbers": get(stage, "/metrics")[1],
        "health": get(stage, "/healthz")[1],
        "journal": journal,
        "dead letters": letters,
        "status": str(stage.status()),
    }
    for place, text in places.items():
        if place in but:
            continue
        assert len(text) > 10, place
        found = [c for c in CANARIES if c.lower() in text.lower()]
        assert not found, f"{found} in the {place}"
