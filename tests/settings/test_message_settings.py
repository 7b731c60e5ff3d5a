"""The tables about messages: every fault with its place and remedy, and no secret in any."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairlead.daemon.restart_needed import changed_settings
from fairlead.errors import ConfigError
from fairlead.settings import load_settings

GOOD = """\
[smtp]
host = "mail.acme.example"
from = "fairlead@acme.example"
user = "fairlead"
password_file = "smtp.password"

[channels.room]
kind = "chat"
url_file = "room.url"

[channels.board]
kind = "webhook"
url = "https://board.acme.example/x"
secret_file = "board.secret"

[channels.managers]
kind = "email"
to = ["Mona@acme.example"]

[alerts]
to = ["managers", "room"]

[heartbeat]
url = "https://watch.acme.example/x"
"""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


def load(folder: Path, text: str) -> object:
    (folder / "fairlead.toml").write_text(text, encoding="utf-8")
    return load_settings()


def test_all_tables_with_their_defaults(tmp_path: Path) -> None:
    (tmp_path / "room.url").touch()
    (tmp_path / "fairlead.toml").write_text(GOOD, encoding="utf-8")
    s = load_settings()
    assert s.smtp is not None
    assert (s.smtp.tls, s.smtp.at) == ("starttls", 587)
    assert s.alerts is not None
    assert (s.alerts.dead_letters, s.alerts.unreachable, s.alerts.silent) == (10, 900, True)
    assert s.heartbeat is not None
    assert (s.heartbeat.every, s.heartbeat.method) == (60, "GET")
    assert s.channels["managers"].to == ["mona@acme.example"]  # type: ignore[union-attr]
    assert s.channels["room"].url_file == tmp_path / "room.url"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('host = "mail.acme.example"', 'host = "mail.acme.example"\ntls = "none"', "without TLS"),
        ('user = "fairlead"\n', "", "user and password_file belong together"),
        ('"smtp.password"', '"https://hunter2.example/"', "holds a secret"),
        ('"room.url"', '"slack://hunter2/x"', "holds a secret"),
        ("https://board.acme.example/x", "http://board.acme.example/hunter2", "plain http"),
        ("https://board.acme.example/x", "https://me:hunter2@board.acme.example", "holds a secret"),
        ('kind = "chat"', 'kind = "pigeon"', "'chat'"),
        ("[channels.room]", '[channels."sales room"]', "a channel's name is letters"),
        ('["managers", "room"]', '["manager"]', "did you mean 'managers'?"),
        ('["managers", "room"]', "[]", "at least 1 item"),
        ('to = ["Mona@acme.example"]', 'to = ["Mona"]', "is no e-mail address"),
        ('"https://watch.acme.example/x"', '"https://watch.acme.example/x"\nurl_file = "y"', "one"),
        ("[heartbeat]\nurl", "[heartbeat]\nevery = 0\nurl", "greater than or equal to 1"),
        ("[alerts]", "[alerts]\nsilence = true", "silence"),
    ],
)
def test_a_fault_is_named_with_its_table_and_without_any_secret(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, GOOD.replace(old, new))
    assert said in str(caught.value)
    assert "fairlead.toml" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("[alerts]", "[alerts]\ndead_letters = 0", 21, "[alerts] dead_letters: input should"),
        ('["managers", "room"]', '["manager"]', 21, "[alerts] to: no channel is called"),
        ("[alerts]", "[alerts]\nsilence = true", 21, "[alerts] silence: unknown key"),
        ("[heartbeat]", "[heartbeat]\nevery = 0", 24, "[heartbeat] every: input should"),
        ('"mail.acme.example"', '"m.acme.example"\nport = 0', 3, "[smtp] port: input should"),
        ('from = "fairlead@acme.example"', 'from = "x"', 3, "[smtp] from: is no e-mail"),
        ('"room.url"', '"https://x.example"', 9, "[channels.room] url_file: holds a secret"),
        ('kind = "chat"', 'kind = "pigeon"', 8, "[channels.room] kind: must be one of 'chat'"),
        ('kind = "chat"\n', "", 7, "[channels.room] kind: is missing"),
        ('secret_file = "board.secret"', "", 11, "[channels.board] secret_file: is missing"),
        ('["Mona@acme.example"]', '[\n"m@acme.example",\n"no"]', 18, "to, entry 2: is no e-mail"),
    ],
)
def test_a_fault_is_told_with_the_line_of_its_key(
    old: str, new: str, line: int, said: str, tmp_path: Path
) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, GOOD.replace(old, new))
    assert f"fairlead.toml:{line}: " in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('# first\nalerts.to = ["a"]\nalerts.dead_letters = 0\n', 3),
        ('[alerts] # told\nto = ["a"]\n"dead_letters" = 0\n', 3),
        ('\n[ "alerts" ]\nto = ["a"]\n  dead_letters=0\n', 4),
        ('\nalerts = {to = ["a"], dead_letters = 0}\n', 2),
        ('[alerts]\nto = ["a"]\n[heartbeat]\nurl = "https://a.example"\n[x]\ndead_letters = 1', 5),
    ],
)
def test_its_line_is_found_in_each_way_of_writing_it(text: str, line: int, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"fairlead.toml:{line}: "):
        load(tmp_path, text)


def test_a_channel_of_mail_needs_a_mail_server(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"add a table \[smtp\]"):
        load(tmp_path, '[channels.managers]\nkind = "email"\nto = ["mona@acme.example"]\n')


def test_a_running_daemon_says_that_a_changed_table_needs_a_restart(tmp_path: Path) -> None:
    (tmp_path / "fairlead.toml").write_text(GOOD, encoding="utf-8")
    running = load_settings()
    (tmp_path / "fairlead.toml").write_text(
        GOOD.replace("[alerts]", "[alerts]\nsilent = false"), encoding="utf-8"
    )
    assert changed_settings(running, load_settings) == [
        "needs a restart: the setting [alerts] has changed"
    ]
