"""Where things are: files, addresses, intervals, and each connector's own table.

Settings say *where*, the policy says *who gets what*. They come, later ones winning, from
`fairlead.toml`, from `FAIRLEAD_*` in the environment, and from the command line. Unknown keys are
errors in all three. A secret is never a setting: settings only name the file that holds it.

Relative paths in `fairlead.toml` start at that file's folder, all others at the working directory.
"""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from fairlead.errors import ConfigError
from fairlead.notify.tables import NAME, Alerts, Channel, Heartbeat, Mailbox, Smtp
from fairlead.spi import registry
from fairlead.spi.connector import ConnectorFactory
from fairlead.toml_lines import line_of

PREFIX = "FAIRLEAD_"
CONFIG_VARIABLE = "FAIRLEAD_CONFIG"
CONFIG_FILES = (Path("fairlead.toml"), Path("/etc/fairlead/fairlead.toml"))
LONGEST_SOCKET_PATH = 107
"""Bytes; Linux keeps 108 for a Unix socket's address, the last one is a zero."""


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _loopback_address(text: str) -> str:
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    if not (port.isascii() and port.isdigit() and int(port) <= 65535 and host):
        raise ValueError("must look like 127.0.0.1:9464")
    if host == "localhost":
        return f"127.0.0.1:{port}"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise ValueError("must be an address of this machine, such as 127.0.0.1:9464") from None
    if not address.is_loopback:
        raise ValueError(
            "must be a loopback address: health and metrics have no login;"
            " let a proxy with one stand before 127.0.0.1 to reach them from elsewhere"
        )
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


Absolute = Annotated[Path, AfterValidator(_absolute)]
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


def _default_state() -> Path:
    # systemd lists several directories separated by colons; the first is ours.
    folder = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    return Path(folder or ".") / "fairlead.sqlite"


class Settings(BaseSettings):
    """The daemon's settings, complete and checked; made by `load_settings` only.

    All paths are absolute. `listen` is a loopback address. Intervals are seconds.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    state: Absolute = Field(
        default_factory=_default_state,
        validate_default=True,
        description="The state file (SQLite); its folder must be on a local disk.",
    )
    policy: Absolute = Field(
        default=Path("policy.yaml"),
        validate_default=True,
        description="The policy: a YAML file.",
    )
    shadow: Absolute | None = Field(
        default=None,
        description="A second policy that decides alongside and only records.",
    )
    listen: Annotated[str, AfterValidator(_loopback_address)] = Field(
        default="127.0.0.1:9464",
        description="Where /healthz and /metrics are served; loopback only. Port 0 picks one.",
    )
    log_format: Annotated[Literal["auto", "json", "text"], BeforeValidator(_lower)] = Field(
        default="auto",
        description="json, text, or auto: text on a terminal and json elsewhere.",
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = (
        Field(default="info", description="The least severe lines to write.")
    )
    poll_interval: Seconds = Field(
        default=5.0,
        description="Seconds between two looks at a CRM; stretched when its quota runs low.",
    )
    signal_interval: Seconds = Field(
        default=60.0,
        description="Seconds between two looks at campaigns and lists that signals are read from.",
    )
    quiet_period: Seconds = Field(
        default=120.0,
        description="Seconds to wait before looking what became of a write without an answer.",
    )
    kill_switch: Absolute | None = Field(
        default=None,
        description="While this file exists nothing is written to any CRM. Default: STATE.stop",
    )
    socket: Absolute | None = Field(
        default=None,
        description="The Unix socket for the other commands. Default: STATE.sock",
    )
    smtp: Smtp | None = None
    channels: dict[str, Channel] = Field(default_factory=dict)
    alerts: Alerts | None = None
    heartbeat: Heartbeat | None = None
    connectors: dict[str, dict[str, Any]] = Field(default_factory=dict, repr=False)
    """Each configured connector's raw table, by connector name."""
    config_file: Path | None = Field(default=None, exclude=True)
    """The file that was read, if any."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # load_settings lays the sources over each other itself, to know where each key stands.
        return (init_settings,)

    @property
    def host(self) -> str:
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])

    @property
    def kill_switch_path(self) -> Path:
        return self.kill_switch or self.state.with_name(self.state.name + ".stop")

    @property
    def socket_path(self) -> Path:
        return self.socket or self.state.with_name(self.state.name + ".sock")

    def connector(self, name: str) -> tuple[ConnectorFactory, BaseModel]:
        """The factory of a configured connector and its checked settings.

        Imports that connector. Raises ConfigError when it is not configured, not installed, or its
        table has faults.
        """
        if name not in self.connectors:
            file = self.config_file or "fairlead.toml"
            raise ConfigError(f"{file}: there is no table [{name}]; add it")
        factory = registry.load_factory(name)
        where = _Origin(self.config_file, ()).of
        table = self.connectors[name]
        return factory, registry.read_table(
            factory, table, where=lambda *path: where(name, *path, table=True)
        )


CHANNELS = "channels"
KINDS = ("chat", "webhook", "email")
TABLES = ("smtp", CHANNELS, "alerts", "heartbeat")
"""The tables about messages out of the house; they stand in `fairlead.toml` only."""
PLAIN_KEYS = tuple(
    n for n in Settings.model_fields if n not in (*TABLES, "connectors", "config_file")
)
"""The top-level keys an admin may write, besides the tables."""


def load_settings(
    config: Path | None = None, overrides: Mapping[str, Any] | None = None
) -> Settings:
    """Read and check all settings.

    `config` is the file given on the command line; without it FAIRLEAD_CONFIG, ./fairlead.toml and
    /etc/fairlead/fairlead.toml are tried. A file that was named must exist. `overrides` are keys
    from the command line; those that are None do not count. Raises ConfigError with one line for
    every fault: place, key and remedy, never a value.
    """
    file = _find_config(config)
    given = {k: v for k, v in (overrides or {}).items() if v is not None}
    origin = _Origin(file, given)
    tables = set(registry.known_connectors())
    values, connectors = _read_file(file, tables, origin.of)
    values |= _read_environment(connectors, tables)
    values |= given
    try:
        settings = Settings.model_validate(
            {**values, "connectors": connectors, "config_file": file}
        )
    except ValidationError as e:
        raise registry.explain(e, Settings, origin.of) from None
    _check_channels(settings, origin)
    if len(os.fsencode(settings.socket_path)) > LONGEST_SOCKET_PATH:
        raise ConfigError(
            f"{origin.of('socket')}: {settings.socket_path} is longer than {LONGEST_SOCKET_PATH}"
            " bytes, which no Unix socket may be; set a shorter one"
        )
    return settings


def _check_channels(settings: Settings, origin: _Origin) -> None:
    """Channels have plain names, alerts go to some of them, and who mails has a mail server."""
    faults = []
    known = settings.channels
    for name, spec in known.items():
        where = origin.of(CHANNELS, name)
        if not NAME.fullmatch(name) or name == "smtp":
            faults.append(f"{where}: a channel's name is letters, digits and _, and not smtp")
        if isinstance(spec, Mailbox) and settings.smtp is None:
            faults.append(f"{where}: mail needs a mail server; add a table [smtp]")
    for name in settings.alerts.to if settings.alerts else ():
        if name not in known:
            near = registry.did_you_mean(name, known)
            where = origin.of("alerts", "to")
            faults.append(f"{where}: no channel is called {name!r}{near}; add [channels.{name}]")
    if faults:
        raise ConfigError("\n".join(faults))


def _find_config(config: Path | None) -> Path | None:
    variable = os.environ.get(CONFIG_VARIABLE)
    named = config or (Path(variable) if variable else None)
    if named is not None:
        if not named.is_file():
            what = "--config" if config else CONFIG_VARIABLE
            raise ConfigError(f"{what}: there is no file {named}; create it or name another")
        return named.absolute()
    return next((p.absolute() for p in CONFIG_FILES if p.is_file()), None)


def _read_file(
    file: Path | None, tables: set[str], where: Callable[..., str]
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    if file is None:
        return {}, {}
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as e:
        raise ConfigError(f"{file}: cannot be read: {e.strerror}") from e
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: is not UTF-8 text; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as e:
        raise ConfigError(f"{file}: is not valid TOML: {e}") from None
    faults = []
    values: dict[str, Any] = {}
    connectors: dict[str, dict[str, Any]] = {}
    for key, value in raw.items():
        if key in PLAIN_KEYS:
            values[key] = value
        elif key in TABLES and isinstance(value, dict):
            values[key] = _files_beside(file, value)
        elif key in tables and isinstance(value, dict):
            connectors[key] = {k: _beside(file, k, v) for k, v in value.items()}
        elif key in tables or key in TABLES:
            faults.append(f"{where(key, table=True)}: must be a table, with its keys below it")
        else:
            near = registry.did_you_mean(key, [*PLAIN_KEYS, *TABLES, *tables])
            what = "table" if isinstance(value, dict) else "key"
            faults.append(f"{where(key, table=what == 'table')}: unknown {what}{near}")
    if faults:
        raise ConfigError("\n".join(faults))
    for key in ("state", "policy", "shadow", "kill_switch", "socket"):
        if isinstance(values.get(key), str):
            values[key] = file.parent / Path(values[key]).expanduser()
    return values, connectors


def _files_beside(file: Path, table: dict[str, Any]) -> dict[str, Any]:
    """The table with its `*_file` names found beside the settings, in its own tables too."""
    return {
        k: _files_beside(file, v) if isinstance(v, dict) else _beside(file, k, v)
        for k, v in table.items()
    }


def _beside(file: Path, key: str, value: Any) -> Any:
    """A connector's `*_file` as an absolute name, unless systemd holds a credential of that name.

    What is no plausible file name stays as it is, so that it is refused and not printed.
    """
    if not (key.endswith("_file") and isinstance(value, str)) or "\n" in value:
        return value
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    path = Path(value).expanduser()
    beside = file.parent / path
    if path.is_absolute() or (credentials and (Path(credentials) / path).exists()):
        return str(path)
    return str(beside) if beside.exists() else value


def _read_environment(connectors: dict[str, dict[str, Any]], tables: set[str]) -> dict[str, Any]:
    """The plain keys set in the environment; the connectors' keys are laid into `connectors`."""
    faults = []
    for variable, value in sorted(os.environ.items()):
        if not variable.startswith(PREFIX) or variable == CONFIG_VARIABLE:
            continue
        name = variable.removeprefix(PREFIX).lower()
        table, _, key = name.partition("__")
        if key and table in tables:
            connectors.setdefault(table, {})[key] = value
        elif name not in PLAIN_KEYS:
            known = [PREFIX + n.upper() for n in (*PLAIN_KEYS, "config")]
            known += [f"{PREFIX}{t.upper()}__" for t in tables]
            near = registry.did_you_mean(variable, known)
            faults.append(f"environment: {variable}: unknown variable{near}")
    if faults:
        raise ConfigError("\n".join(faults))
    read = EnvSettingsSource(Settings)()
    return {k: v for k, v in read.items() if k in PLAIN_KEYS}


class _Origin:
    """Tells where a key was written: on the command line, in the environment, or at file:line."""

    def __init__(self, file: Path | None, overrides: Mapping[str, Any] | tuple[()]) -> None:
        self._file = file
        self._overrides = overrides

    def of(self, key: str, *below: str, table: bool = False) -> str:
        if key == CHANNELS and len(below) > 1 and below[1] in KINDS:
            # What kind of channel it is stands in the path of a fault, and not in the file.
            below = (below[0], *below[2:])
        variable = PREFIX + "__".join(part.upper() for part in (key, *below))
        if not below and key in self._overrides:
            return f"command line: --{key.replace('_', '-')}"
        if variable in os.environ:
            return f"environment: {variable}"
        name = _told(key, below, table=table or key in TABLES)
        if self._file is None:
            return f"settings: {name}"
        line = line_of(self._file.read_text(encoding="utf-8"), (key, *below))
        place = f"{self._file}:{line}" if line else f"{self._file}"
        return f"{place}: {name}"


def _told(key: str, below: tuple[str, ...], *, table: bool) -> str:
    """A key as it stands in the file, with the table before it."""
    if not below and not table:
        return key
    depth = 1 if key == CHANNELS and below else 0
    header = f"[{'.'.join((key, *below[:depth]))}]"
    rest = ".".join(part for part in below[depth:] if not part.isdigit())
    entry = "".join(f", entry {int(part) + 1}" for part in below[depth:] if part.isdigit())
    return f"{header} {rest}{entry}" if rest else header
