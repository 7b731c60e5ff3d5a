"""A real daemon over both CRMs mails by real SMTP, calls a signed webhook and the heartbeat's URL;
and a mail server that hangs keeps nothing waiting."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from e2e.live import Stage, staged, wait_for
from notify.mailhost import MailHost
from notify.receiver import Receiver

CRMS = ("salesforce", "hubspot")
SLAS = """\
slas:
  at_once:
    respond_within: 2s
    hours: always
    when: email is not null
    on_breach:
      - {notify: rep, by: email}
      - {tell: board}
"""


@dataclass
class Post:
    stage: Stage
    mail: MailHost
    board: Receiver
    heart: Receiver


@pytest.fixture(scope="module")
def post() -> Iterator[Post]:
    with MailHost() as mail, Receiver() as board, Receiver() as heart:
        with staged(start=False) as stage:
            path = stage.folder / "demo.yaml"
            path.write_text(path.read_text("utf-8") + SLAS, "utf-8")
            stage.secret("board.secret", "canary-of-a-shared-secret")
            tables = f"""
[smtp]
host = "127.0.0.1"
port = {mail.port}
from = "fairlead@example.com"
tls = "none"

[channels.board]
kind = "webhook"
url = "{board.url}"
secret_file = "board.secret"

[alerts]
to = ["board"]

[heartbeat]
url = "{heart.url}"
every = 1
"""
            stage.config.write_text(stage.config.read_text("utf-8") + tables, "utf-8")
            stage.start()
            yield Post(stage, mail, board, heart)


def arrive(post: Post, crm: str) -> str:
    return post.stage.crms.lead() if crm == "salesforce" else post.stage.crms.contact()


def told(post: Post, id: str) -> bool:
    """Whether the board was told of the lead."""
    return any(id in c.body.decode() for c in post.board.calls)


@pytest.mark.parametrize("crm", CRMS)
def test_a_breach_mails_the_rep_and_tells_the_board_once(post: Post, crm: str) -> None:
    id = arrive(post, crm)
    wait_for("it is routed", lambda: post.stage.crms.routed_once([(crm, id)]))
    wait_for("the board knows", lambda: told(post, id))
    owner = post.stage.crms.owner(crm, id)
    wait_for(
        "the rep has a mail of it",
        lambda: [m for m in post.mail.mails if id in m.parsed.get_content() and owner in m.to],
    )
    calls = [json.loads(c.body) for c in post.board.calls if id in c.body.decode()]
    assert [c["event"] for c in calls] == ["sla.breached"]
    assert [i["sla"] for i in calls[0]["items"]] == ["at_once"]


def test_the_heartbeat_is_sent_while_all_is_well(post: Post) -> None:
    before = len(post.heart.calls)
    wait_for("it beats", lambda: len(post.heart.calls) > before + 1)


def test_a_policy_that_names_an_unknown_channel_is_refused_and_the_last_good_one_stays(
    post: Post,
) -> None:
    path = post.stage.folder / "demo.yaml"
    good = path.read_text("utf-8")
    path.write_text(good.replace("tell: board", "tell: bord"), "utf-8")
    refused = post.stage.fairlead("reload", exit_code=78)
    assert "no channel is called 'bord'" in refused.stdout
    assert "did you mean 'board'?" in refused.stdout
    checked = post.stage.fairlead("check", exit_code=78)
    assert "no channel is called 'bord'" in checked.stdout
    path.write_text(good, "utf-8")
    wait_for("the policy is good again", lambda: not post.stage.status()["policy_refused"])


def test_the_commands_show_what_is_sent_and_test_a_channel(post: Post) -> None:
    sent = post.stage.json("messages", "list", "--all")
    assert {m["state"] for m in sent} == {"sent"}
    post.stage.fairlead("notify", "test", "board")
    assert json.loads(post.board.calls[-1].body)["event"] == "notify.test"
    assert (
        "did you mean 'board'" in post.stage.fairlead("notify", "test", "bord", exit_code=78).stderr
    )
    found = post.stage.json("doctor")
    assert {f["where"]: f["ok"] for f in found if f["where"] in ("smtp", "channel board")} == {
        "smtp": True, "channel board": True,
    }  # fmt: skip
    assert "canary-of-a-shared-secret" not in post.stage.said() + json.dumps([sent, found])


def test_a_mail_server_that_hangs_keeps_neither_leads_nor_the_board_waiting(post: Post) -> None:
    post.mail.silent = True
    before = post.mail.connections
    keys = [(crm, arrive(post, crm)) for crm in CRMS]
    wait_for("they are routed", lambda: post.stage.crms.routed_once(keys))
    wait_for("the mail server was tried", lambda: post.mail.connections > before)
    more = [(crm, arrive(post, crm)) for crm in CRMS]
    wait_for("others are routed meanwhile", lambda: post.stage.crms.routed_once(more), within=9)
    wait_for("the board knows of all", lambda: all(told(post, id) for _, id in keys + more))
    wait_for("it is said", lambda: post.stage.events("channel.failed"))
    assert len(post.stage.events("channel.failed")) == 1
    assert post.stage.status()["messages"]["new"] >= 1
