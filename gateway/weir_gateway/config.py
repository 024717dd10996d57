"""The gateway's configuration file: TOML in, frozen dataclasses out, every fault named."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from weir_gateway import messages
from weir_gateway.config_alarms import AlarmsConfig, read_alarms
from weir_gateway.config_files import NamedFiles, check_authorities, check_certificate
from weir_gateway.errors import ConfigError
from weir_gateway.private_file import check_private, read_private_text
from weir_gateway.toml_table import Table, TomlFile

PASSWORD_VARIABLE = "WEIR_MQTT_PASSWORD"
_LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """id: names this gateway in MQTT topics. The paths are absolute or as the caller gave them.

    retention_days: how long published readings are kept, 0 for ever.
    disk_warning_h: fewer hours than this until the disk is full are worth a warning.
    battery_floor_years: no change of settings may let a battery last less, unless it is forced.
    """

    id: str
    database: Path
    keys: Path
    socket: Path
    log_level: str
    retention_days: int
    disk_warning_h: int
    battery_floor_years: float


@dataclass(frozen=True, slots=True)
class MqttConfig:
    """protocol: "auto", "5.0" or "3.1.1". requests: whether requests over MQTT are heard.

    password: from the file or variable that the operator named; never shown.
    """

    host: str
    port: int
    protocol: str
    prefix: str
    client_id: str
    username: str | None
    password: str | None
    tls: bool
    tls_ca_file: Path | None
    tls_certificate_file: Path | None
    tls_key_file: Path | None
    requests: bool = True

    def __repr__(self) -> str:
        return f"MqttConfig({self.host}:{self.port}, prefix={self.prefix!r})"


@dataclass(frozen=True, slots=True)
class SerialConfig:
    port: str
    baud: int


@dataclass(frozen=True, slots=True)
class TcpConfig:
    """first_frame_s: how long a stranger may stay before its first genuine frame."""

    host: str
    port: int
    connections_max: int
    idle_s: float
    first_frame_s: float


@dataclass(frozen=True, slots=True)
class ClockConfig:
    start_s: float
    speed: float
    origin_s: float | None


@dataclass(frozen=True, slots=True)
class Config:
    path: Path
    gateway: GatewayConfig
    mqtt: MqttConfig
    serial: tuple[SerialConfig, ...]
    tcp: TcpConfig | None
    clock: ClockConfig | None
    alarms: AlarmsConfig


_GATEWAY_KEYS = tuple(field.name for field in fields(GatewayConfig))
_SERIAL_KEYS = ("port", "baud")
_TCP_KEYS = ("listen", "connections_max", "idle_timeout_s", "first_frame_timeout_s")
_CLOCK_KEYS = ("start", "speed", "origin")
_MQTT_KEYS = (
    *("host", "port", "protocol", "prefix", "client_id", "username", "password_file", "requests"),
    *("tls", "tls_ca_file", "tls_certificate_file", "tls_key_file"),
)
_TABLES = ("gateway", "mqtt", "serial", "tcp", "clock", "alarms")


def load(path: Path) -> Config:
    """Read and check the whole file. Raise ConfigError with one sentence at the first fault."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError(
            messages.NOT_TEXT.format(purpose="the configuration", path=path)
        ) from None
    except OSError as error:
        why = error.strerror
        raise ConfigError(messages.NO_CONFIG.format(path=path, why=why)) from None
    file = TomlFile(path, text)
    file.refuse_unknown(_TABLES)
    named = NamedFiles(path)
    gateway = _read_gateway(_required(file, "gateway", _GATEWAY_KEYS), named)
    config = Config(
        path=path,
        gateway=gateway,
        mqtt=_read_mqtt(_required_mqtt(file), gateway.id, named),
        serial=tuple(_read_serial(one) for one in file.tables("serial", _SERIAL_KEYS)),
        tcp=_read_tcp(file.table("tcp", _TCP_KEYS)),
        clock=_read_clock(file.table("clock", _CLOCK_KEYS)),
        alarms=read_alarms(file),
    )
    if not config.serial and config.tcp is None:
        raise ConfigError(f"{path}: {messages.NO_LINK}")
    _refuse_repeated_ports(file, config.serial)
    return config


def _required(file: TomlFile, name: str, known: tuple[str, ...]) -> Table:
    table = file.table(name, known)
    if table is None:
        raise ConfigError(f"{file.path}: {messages.NO_TABLE.format(name=name)}")
    return table


def _required_mqtt(file: TomlFile) -> Table:
    written = file.values.get("mqtt")
    if isinstance(written, dict) and "password" in written:
        what = messages.PASSWORD_IN_CONFIG.format(variable=PASSWORD_VARIABLE)
        raise file.error("mqtt", "password", what)
    return _required(file, "mqtt", _MQTT_KEYS)


def _read_gateway(table: Table, named: NamedFiles) -> GatewayConfig:
    config = GatewayConfig(
        id=table.word("id", None, r"[A-Za-z0-9_-]{1,40}", messages.FORM_ID),
        database=table.path("database", "weir.db"),
        keys=table.path("keys", "keys.txt"),
        socket=table.path("socket", "weir.sock"),
        log_level=table.word("log_level", "info", "|".join(_LOG_LEVELS), messages.FORM_LOG_LEVEL),
        retention_days=table.integer("retention_days", 0, 0, 36_500),
        disk_warning_h=table.integer("disk_warning_h", 72, 0, 87_600),
        battery_floor_years=table.number("battery_floor_years", 6, 0, 100),
    )
    for key in ("keys", "database", "socket"):
        named.add(table, key, getattr(config, key))
    return config


def _read_mqtt(table: Table, gateway_id: str, named: NamedFiles) -> MqttConfig:
    tls_files = [table.path_or_none(key) for key in _MQTT_KEYS if key.startswith("tls_")]
    config = MqttConfig(
        host=table.text("host", "127.0.0.1"),
        tls=table.flag("tls", default=any(tls_files)),
        port=table.integer("port", 8883 if table.flag("tls", any(tls_files)) else 1883, 1, 65535),
        protocol=table.word("protocol", "auto", r"auto|5\.0|3\.1\.1", messages.FORM_PROTOCOL),
        prefix=table.word("prefix", "weir", r"[^+#/\s]+(/[^+#/\s]+)*", messages.FORM_PREFIX),
        client_id=table.text("client_id", f"weir-{gateway_id}"),
        username=table.text_or_none("username"),
        password=_read_password(table),
        tls_ca_file=_existing(table, "tls_ca_file"),
        tls_certificate_file=_existing(table, "tls_certificate_file"),
        tls_key_file=_existing(table, "tls_key_file"),
        requests=table.flag("requests", default=True),
    )
    for key in ("password_file", "tls_ca_file", "tls_key_file"):
        named.add(table, key, table.path_or_none(key))
    _check_tls(table, config)
    if config.password is not None and config.username is None:
        raise table.error("password_file", messages.PASSWORD_ALONE)
    return config


def _check_tls(table: Table, config: MqttConfig) -> None:
    if (config.tls_certificate_file is None) != (config.tls_key_file is None):
        raise table.error(None, messages.TLS_PAIR)
    if not config.tls and any((config.tls_ca_file, config.tls_key_file)):
        raise table.error("tls", messages.TLS_OFF)
    if config.tls_key_file is not None:
        mode = config.tls_key_file.stat().st_mode
        with _located(table, "tls_key_file"):
            check_private(config.tls_key_file, mode, purpose="the TLS key")
    check_authorities(table, config.tls_ca_file)
    check_certificate(table, config.tls_certificate_file, config.tls_key_file)


def _read_password(table: Table) -> str | None:
    path = table.path_or_none("password_file")
    if path is None:
        return os.environ.get(PASSWORD_VARIABLE)
    with _located(table, "password_file"):
        password = read_private_text(path, purpose="the password file").rstrip("\r\n")
    if not password:
        raise table.error("password_file", messages.EMPTY_FILE.format(path=path))
    return password


def _existing(table: Table, key: str) -> Path | None:
    path = table.path_or_none(key)
    if path is not None and not path.is_file():
        raise table.error(key, messages.NO_FILE.format(path=path))
    return path


@contextmanager
def _located(table: Table, key: str) -> Iterator[None]:
    """Put the file, line and key before what is complained of inside."""
    try:
        yield
    except ConfigError as error:
        raise table.error(key, str(error)) from None


def _read_serial(table: Table) -> SerialConfig:
    return SerialConfig(
        port=str(table.path("port")),
        baud=table.integer("baud", 9600, 50, 4_000_000),
    )


def _read_tcp(table: Table | None) -> TcpConfig | None:
    if table is None:
        return None
    listen = table.text("listen")
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise table.error("listen", messages.WRONG_LISTEN.format(value=listen))
    return TcpConfig(
        host=host.strip("[]"),
        port=int(port),
        connections_max=table.integer("connections_max", 1000, 1, 100_000),
        idle_s=table.number("idle_timeout_s", 172_800.0, 1.0, 7 * 86400.0),
        first_frame_s=table.number("first_frame_timeout_s", 60.0, 0.1, 3600.0),
    )


def _read_clock(table: Table | None) -> ClockConfig | None:
    if table is None:
        return None
    start = table.text("start")
    try:
        start_at = datetime.fromisoformat(start)
    except ValueError:
        raise table.error("start", messages.WRONG_TIME.format(value=start)) from None
    if start_at.tzinfo is None:
        start_at = start_at.replace(tzinfo=UTC)
    origin = table.number("origin", 0.0, 0.0, 2.0**32) if "origin" in table else None
    return ClockConfig(start_at.timestamp(), table.number("speed", 1.0, 0.001, 1e6), origin)


def _refuse_repeated_ports(file: TomlFile, serial: tuple[SerialConfig, ...]) -> None:
    for index, one in enumerate(serial):
        if one.port in [earlier.port for earlier in serial[:index]]:
            what = messages.PORT_TWICE.format(port=one.port)
            raise file.error(f"serial#{index}", "port", what)
