"""Settings: three sources laid over each other, every fault named with place, key and remedy."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from settings.fake_connectors import install

from fairlead.errors import ConfigError
from fairlead.settings import load_settings


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in list(os.environ):
        if name.startswith("FAIRLEAD_") or name in ("STATE_DIRECTORY", "CREDENTIALS_DIRECTORY"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, text: str) -> Path:
    file = folder / "fairlead.toml"
    file.write_text(text, encoding="utf-8")
    return file


def complaint(config: Path | None = None, **overrides: object) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(config, overrides)
    return str(caught.value)


def test_without_any_configuration_everything_lives_in_the_working_directory(
    tmp_path: Path,
) -> None:
    s = load_settings()
    assert s.state == tmp_path / "fairlead.sqlite"
    assert s.policy == tmp_path / "policy.yaml"
    assert s.kill_switch_path == tmp_path / "fairlead.sqlite.stop"
    assert s.socket_path == tmp_path / "fairlead.sqlite.sock"
    assert (s.host, s.port) == ("127.0.0.1", 9464)
    assert (s.poll_interval, s.quiet_period) == (5.0, 120.0)
    assert (s.log_format, s.log_level) == ("auto", "info")
    assert s.connectors == {}


def test_under_systemd_the_state_lies_in_the_state_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path}/var:/elsewhere")
    assert load_settings().state == tmp_path / "var" / "fairlead.sqlite"


def test_the_command_line_beats_the_environment_which_beats_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write(tmp_path, 'poll_interval = 7\nquiet_period = 60\nlog_level = "debug"\n')
    monkeypatch.setenv("FAIRLEAD_QUIET_PERIOD", "90")
    monkeypatch.setenv("FAIRLEAD_LOG_LEVEL", "ERROR")
    s = load_settings(overrides={"log_level": "warning", "log_format": None})
    assert (s.poll_interval, s.quiet_period) == (7.0, 90.0)
    assert (s.log_level, s.log_format) == ("warning", "auto")


def test_a_relative_path_in_the_file_starts_at_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    s = load_settings(
        write(folder, 'state = "lead.db"\npolicy = "/srv/policy.yaml"\nshadow = "next.yaml"\n')
    )
    assert s.state == folder / "lead.db"
    assert s.shadow == folder / "next.yaml"
    assert s.socket_path == folder / "lead.db.sock"
    assert s.policy == Path("/srv/policy.yaml")


def test_the_environment_may_name_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = write(tmp_path, "poll_interval = 9\n").rename(tmp_path / "other.toml")
    monkeypatch.setenv("FAIRLEAD_CONFIG", str(file))
    s = load_settings()
    assert s.poll_interval == 9.0
    assert s.config_file == file


def test_a_file_that_was_named_must_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "--config: there is no file" in complaint(tmp_path / "none.toml")
    monkeypatch.setenv("FAIRLEAD_CONFIG", "none.toml")
    assert "FAIRLEAD_CONFIG: there is no file none.toml" in complaint()


def test_a_misspelt_key_is_named_with_its_line_and_the_right_one(tmp_path: Path) -> None:
    file = write(tmp_path, '# where\nlog_level = "info"\npoll_intervall = 3\n')
    assert complaint() == (f"{file}:3: poll_intervall: unknown key; did you mean 'poll_interval'?")


def test_a_misspelt_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRLEAD_POLL_INTERVALL", "3")
    assert complaint() == (
        "environment: FAIRLEAD_POLL_INTERVALL: unknown variable;"
        " did you mean 'FAIRLEAD_POLL_INTERVAL'?"
    )


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    file = write(tmp_path, 'poll_interval = "soon"\nquiet_period = -1\nlog_format = "xml"\n')
    lines = complaint().splitlines()
    assert [line.rsplit(": ", 1)[0] for line in lines] == [
        f"{file}:3: log_format",
        f"{file}:1: poll_interval",
        f"{file}:2: quiet_period",
    ]
    assert "'auto', 'json' or 'text'" in lines[0]


@pytest.mark.parametrize("value", ["0", "-5", "nan", "inf", "3601", "soon"])
def test_an_interval_is_a_positive_number_of_seconds_up_to_an_hour(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRLEAD_POLL_INTERVAL", value)
    assert complaint().startswith("environment: FAIRLEAD_POLL_INTERVAL: ")


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [
        ("127.0.0.1:0", "127.0.0.1", 0),
        ("127.8.9.1:80", "127.8.9.1", 80),
        ("localhost:9000", "127.0.0.1", 9000),
        ("[::1]:9464", "::1", 9464),
    ],
)
def test_any_loopback_address_may_be_listened_on(listen: str, host: str, port: int) -> None:
    s = load_settings(overrides={"listen": listen})
    assert (s.host, s.port) == (host, port)


@pytest.mark.parametrize(
    "listen",
    ["0.0.0.0:9464", "[::]:9464", "192.0.2.4:9464", "metrics.example:9464", "127.0.0.1", ":1"],
)
def test_no_other_address_may(listen: str) -> None:
    assert complaint(listen=listen).startswith("command line: --listen: must ")


def test_a_socket_path_that_linux_cannot_bind_is_refused_before_the_start(tmp_path: Path) -> None:
    assert "is longer than 107 bytes" in complaint(state=tmp_path / ("x" * 100))


def test_broken_toml_is_told_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, "poll_interval = 5\nstate = \n")
    assert "is not valid TOML" in complaint()
    assert "line 2" in complaint()


def test_a_file_of_another_encoding_is_told(tmp_path: Path) -> None:
    (tmp_path / "fairlead.toml").write_bytes(b'state = "\xe4"\n')
    assert complaint().endswith("is not UTF-8 text; save it as UTF-8")


class TestConnectorTables:
    @pytest.fixture(autouse=True)
    def crm(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = tmp_path / "site"
        folder.mkdir()
        install(folder, monkeypatch, "acmecrm")

    def test_a_table_is_handed_to_the_connector_as_written(self, tmp_path: Path) -> None:
        write(tmp_path, '[acmecrm]\nkey_file = "acme.key"\nretries = 5\n')
        s = load_settings()
        assert s.connectors == {"acmecrm": {"key_file": "acme.key", "retries": 5}}
        factory, table = s.connector("acmecrm")
        assert factory.name == "acmecrm"
        assert table.model_dump()["retries"] == 5

    def test_the_environment_adds_to_a_table(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(tmp_path, '[acmecrm]\nkey_file = "a"\nretries = 5\n')
        monkeypatch.setenv("FAIRLEAD_ACMECRM__RETRIES", "8")
        _, table = load_settings().connector("acmecrm")
        assert table.model_dump()["retries"] == 8

    def test_a_secret_file_is_looked_for_beside_the_settings(self, tmp_path: Path) -> None:
        (tmp_path / "acme.key").write_text("k")
        write(tmp_path, '[acmecrm]\nkey_file = "acme.key"\n')
        assert load_settings().connectors["acmecrm"]["key_file"] == str(tmp_path / "acme.key")

    def test_a_systemd_credential_goes_before_a_file_of_that_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        credentials = tmp_path / "credentials"
        credentials.mkdir()
        for folder in (tmp_path, credentials):
            (folder / "acme.key").write_text("k")
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
        write(tmp_path, '[acmecrm]\nkey_file = "acme.key"\n')
        assert load_settings().connectors["acmecrm"]["key_file"] == "acme.key"

    def test_its_misspelt_key_is_named_with_its_line(self, tmp_path: Path) -> None:
        file = write(tmp_path, "[acmecrm]\nkey_fil = 'x'\n")
        with pytest.raises(ConfigError) as caught:
            load_settings().connector("acmecrm")
        assert str(caught.value) == (
            f"{file}:2: [acmecrm] key_fil: unknown key; did you mean 'key_file'?"
        )

    def test_its_missing_key_is_named(self, tmp_path: Path) -> None:
        file = write(tmp_path, "[acmecrm]\n")
        with pytest.raises(ConfigError) as caught:
            load_settings().connector("acmecrm")
        assert str(caught.value) == f"{file}:1: [acmecrm] key_file: is missing; add it"

    def test_a_fault_of_the_whole_table_is_named_by_the_table(self, tmp_path: Path) -> None:
        file = write(tmp_path, '\n[acmecrm]\nkey_file = "a"\nretries = 0\n')
        with pytest.raises(ConfigError) as caught:
            load_settings().connector("acmecrm")
        assert str(caught.value) == f"{file}:2: [acmecrm]: with no retries give no host"

    def test_a_crm_without_a_table_is_not_configured(self) -> None:
        with pytest.raises(ConfigError, match=r"there is no table \[acmecrm\]; add it"):
            load_settings().connector("acmecrm")

    def test_a_misspelt_table_is_named(self, tmp_path: Path) -> None:
        file = write(tmp_path, "[acmecrn]\n")
        assert complaint() == f"{file}:1: [acmecrn]: unknown table; did you mean 'acmecrm'?"

    def test_a_value_where_a_table_belongs_is_named(self, tmp_path: Path) -> None:
        file = write(tmp_path, 'acmecrm = "yes"\n')
        assert complaint() == f"{file}:1: [acmecrm]: must be a table, with its keys below it"

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("key_file", "pat-eu1-11111111-2222-3333"),
            ("key_file", "-----BEGIN PRIVATE KEY-----\nabc\n"),
            ("token", "hunter2-hunter2"),
            ("retries", "hunter2-hunter2"),
        ],
    )
    def test_no_complaint_repeats_a_value_that_may_be_a_secret(
        self, key: str, value: str, tmp_path: Path
    ) -> None:
        write(tmp_path, f"[acmecrm]\n{key} = '''{value}'''\n")
        s = load_settings()
        with pytest.raises(ConfigError) as caught:
            s.connector("acmecrm")
        told = f"{caught.value} {s!r}"
        assert f"[acmecrm] {key}" in told
        assert not any(part in told for part in ("hunter2", "pat-", "BEGIN", "abc"))
        assert caught.value.__cause__ is None
