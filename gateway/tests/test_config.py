"""The configuration file: what it may say, and how each fault is named."""

import re
from pathlib import Path

import pytest

from peers.certificates import Authority
from weir_gateway.config import PASSWORD_VARIABLE, load
from weir_gateway.config_alarms import KEYS, AlarmsConfig
from weir_gateway.errors import ConfigError
from weir_gateway.event_names import GatewayCode

MINIMAL = '[gateway]\nid = "gw1"\n\n[mqtt]\n\n[tcp]\nlisten = "0.0.0.0:4059"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "gateway.toml"
    path.write_text(text)
    return path


def secret(folder: Path, name: str, text: str, mode: int = 0o600) -> Path:
    path = folder / name
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_minimal_file_gets_the_documented_defaults(tmp_path: Path) -> None:
    config = load(write(tmp_path, MINIMAL))

    assert config.gateway.database == tmp_path / "weir.db"
    assert config.gateway.keys == tmp_path / "keys.txt"
    assert config.gateway.socket == tmp_path / "weir.sock"
    assert (config.mqtt.host, config.mqtt.port, config.mqtt.tls) == ("127.0.0.1", 1883, False)
    assert (config.mqtt.prefix, config.mqtt.client_id) == ("weir", "weir-gw1")
    assert (config.mqtt.protocol, config.mqtt.requests) == ("auto", True)
    assert (config.gateway.retention_days, config.gateway.disk_warning_h) == (0, 72)
    assert config.gateway.battery_floor_years == 6
    assert config.tcp is not None
    assert (config.tcp.host, config.tcp.port, config.tcp.connections_max) == (
        "0.0.0.0",
        4059,
        1000,
    )
    assert (config.serial, config.clock) == ((), None)
    assert config.alarms == AlarmsConfig()


def test_a_full_file_is_taken_over_key_by_key(tmp_path: Path) -> None:
    secret(tmp_path, "password", "hush\n")
    text = """
    [gateway]
    id = "north-2"
    database = "/var/lib/weir/weir.db"
    keys = "secret/keys.txt"
    socket = "run/weir.sock"
    log_level = "debug"
    retention_days = 400
    disk_warning_h = 24
    battery_floor_years = 7.5
    [mqtt]
    host = "broker.example"
    port = 2883
    prefix = "utility/weir"
    client_id = "north"
    username = "gateway"
    password_file = "password"
    requests = false
    [[serial]]
    port = "/dev/ttyUSB0"
    baud = 19200
    [[serial]]
    port = "links/meter"
    [tcp]
    listen = "[::1]:0"
    connections_max = 12
    idle_timeout_s = 90
    first_frame_timeout_s = 5.5
    [clock]
    start = "2021-03-01T00:00:00Z"
    speed = 900
    origin = 1000.5
    """
    config = load(write(tmp_path, text))

    assert config.gateway.database == Path("/var/lib/weir/weir.db")
    assert config.gateway.keys == tmp_path / "secret/keys.txt"
    assert config.gateway.log_level == "debug"
    assert (config.gateway.retention_days, config.gateway.disk_warning_h) == (400, 24)
    assert config.gateway.battery_floor_years == 7.5
    assert config.mqtt.requests is False
    assert (config.mqtt.username, config.mqtt.password) == ("gateway", "hush")
    assert config.mqtt.prefix == "utility/weir"
    assert [(one.port, one.baud) for one in config.serial] == [
        ("/dev/ttyUSB0", 19200),
        (str(tmp_path / "links/meter"), 9600),
    ]
    assert config.tcp is not None
    assert (config.tcp.host, config.tcp.port) == ("::1", 0)
    assert (config.tcp.connections_max, config.tcp.idle_s, config.tcp.first_frame_s) == (
        12,
        90,
        5.5,
    )
    assert config.clock is not None
    assert (config.clock.start_s, config.clock.speed) == (1_614_556_800, 900)
    assert config.clock.origin_s == 1000.5


def test_the_password_can_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "hush")
    config = load(write(tmp_path, MINIMAL.replace("[mqtt]", '[mqtt]\nusername = "u"')))
    assert config.mqtt.password == "hush"


def test_tls_files_switch_tls_and_its_port_on(tmp_path: Path) -> None:
    Authority(tmp_path)
    config = load(write(tmp_path, MINIMAL.replace("[mqtt]", '[mqtt]\ntls_ca_file = "ca.pem"')))
    assert (config.mqtt.tls, config.mqtt.port) == (True, 8883)


def test_no_secret_shows_when_a_configuration_is_printed(tmp_path: Path) -> None:
    secret(tmp_path, "password", "hush")
    text = MINIMAL.replace("[mqtt]", '[mqtt]\nusername = "u"\npassword_file = "password"')
    assert "hush" not in repr(load(write(tmp_path, text)))


FAULTS = {
    "broken TOML": ("[gateway]\nid = gw1\n", "line 2: this is not valid TOML"),
    "no gateway table": ("[mqtt]\n", "the table [gateway] is missing"),
    "no mqtt table": ('[gateway]\nid = "a"\n', "the table [mqtt] is missing"),
    "no link": ('[gateway]\nid = "a"\n[mqtt]\n', "no link is configured"),
    "no id": ("[gateway]\n[mqtt]\n[tcp]\n", "line 1, gateway: the key id is missing"),
    "id with a space": (
        MINIMAL.replace("gw1", "gate way"),
        'line 2, gateway.id: the value "gate way" cannot be used: use 1 to 40 letters',
    ),
    "misspelt key": (
        MINIMAL.replace("[mqtt]", '[mqtt]\nhots = "x"'),
        "line 5, mqtt.hots: there is no setting hots: did you mean host?",
    ),
    "misspelt table": (
        MINIMAL.replace("[tcp]", "[tpc]"),
        "line 6, tpc: there is no setting tpc: did you mean tcp?",
    ),
    "key like no other": (
        MINIMAL.replace("[tcp]", "[tcp]\nzzzz = 1"),
        "line 7, tcp.zzzz: there is no setting zzzz: remove it, or use one of listen,",
    ),
    "retention below nothing": (
        MINIMAL.replace("[mqtt]", "retention_days = -1\n[mqtt]"),
        "line 4, gateway.retention_days: -1 is out of range: use a value from 0 to 36500.",
    ),
    "retention in words": (
        MINIMAL.replace("[mqtt]", 'retention_days = "a year"\n[mqtt]'),
        "line 4, gateway.retention_days: 'a year' is not a whole number",
    ),
    "port as text": (
        MINIMAL.replace("[mqtt]", '[mqtt]\nport = "1883"'),
        "line 5, mqtt.port: '1883' is not a whole number",
    ),
    "port out of range": (
        MINIMAL.replace("[mqtt]", "[mqtt]\nport = 70000"),
        "line 5, mqtt.port: 70000 is out of range: use a value from 1 to 65535.",
    ),
    "true as number": (
        MINIMAL.replace("[mqtt]", "[mqtt]\nport = true"),
        "mqtt.port: true is not a whole number",
    ),
    "tls as text": (
        MINIMAL.replace("[mqtt]", '[mqtt]\ntls = "yes"'),
        "mqtt.tls: 'yes' is neither true nor false",
    ),
    "empty host": (
        MINIMAL.replace("[mqtt]", '[mqtt]\nhost = " "'),
        "mqtt.host: the value is empty",
    ),
    "MQTT version": (
        MINIMAL.replace("[mqtt]", '[mqtt]\nprotocol = "4"'),
        'mqtt.protocol: the value "4" cannot be used: use "auto", "5.0" or "3.1.1"',
    ),
    "prefix with wildcard": (
        MINIMAL.replace("[mqtt]", '[mqtt]\nprefix = "a/#"'),
        'mqtt.prefix: the value "a/#" cannot be used',
    ),
    "password in the file": (
        MINIMAL.replace("[mqtt]", '[mqtt]\npassword = "hush"'),
        "line 5, mqtt.password: a password does not belong in this file",
    ),
    "password without username": (
        MINIMAL.replace("[mqtt]", '[mqtt]\npassword_file = "private"'),
        "mqtt.password_file: a password needs a username",
    ),
    "password file missing": (
        MINIMAL.replace("[mqtt]", '[mqtt]\nusername = "u"\npassword_file = "none"'),
        "line 6, mqtt.password_file: cannot read the password file",
    ),
    "password file readable by others": (
        MINIMAL.replace("[mqtt]", '[mqtt]\nusername = "u"\npassword_file = "public"'),
        "(mode 0644): run `chmod 600",
    ),
    "password file empty": (
        MINIMAL.replace("[mqtt]", '[mqtt]\nusername = "u"\npassword_file = "empty"'),
        "is empty: put the password into it",
    ),
    "TLS file missing": (
        MINIMAL.replace("[mqtt]", '[mqtt]\ntls_ca_file = "none"'),
        "mqtt.tls_ca_file: there is no file",
    ),
    "TLS certificate without key": (
        MINIMAL.replace("[mqtt]", '[mqtt]\ntls_certificate_file = "public"'),
        "tls_certificate_file and tls_key_file belong together",
    ),
    "TLS key readable by others": (
        MINIMAL.replace(
            "[mqtt]", '[mqtt]\ntls_certificate_file = "public"\ntls_key_file = "public"'
        ),
        "line 6, mqtt.tls_key_file: others on this machine can read or write the TLS key",
    ),
    "TLS files but no TLS": (
        MINIMAL.replace("[mqtt]", '[mqtt]\ntls = false\ntls_ca_file = "public"'),
        "mqtt.tls: TLS files are named but tls is false",
    ),
    "TLS authorities that are none": (
        MINIMAL.replace("[mqtt]", '[mqtt]\ntls_ca_file = "public"'),
        "mqtt.tls_ca_file: {folder}/public holds no certificates that can be used",
    ),
    "TLS certificate that is none": (
        MINIMAL.replace(
            "[mqtt]", '[mqtt]\ntls_certificate_file = "public"\ntls_key_file = "private"'
        ),
        "mqtt.tls_certificate_file: {folder}/public and tls_key_file cannot be used together",
    ),
    "database over the keys": (
        MINIMAL.replace("[mqtt]", 'database = "x/../keys.txt"\n[mqtt]'),
        "gateway.database: {folder}/x/../keys.txt is named as gateway.keys already",
    ),
    "database over the configuration": (
        MINIMAL.replace("[mqtt]", 'database = "gateway.toml"\n[mqtt]'),
        "gateway.toml is named as this file already",
    ),
    "socket over the database": (
        MINIMAL.replace("[mqtt]", 'socket = "weir.db"\n[mqtt]'),
        "gateway.socket: {folder}/weir.db is named as gateway.database already",
    ),
    "listen without port": (
        MINIMAL.replace("0.0.0.0:4059", "0.0.0.0"),
        'line 7, tcp.listen: "0.0.0.0" is not HOST:PORT',
    ),
    "listen with too high a port": (
        MINIMAL.replace("4059", "65536"),
        'tcp.listen: "0.0.0.0:65536" is not HOST:PORT',
    ),
    "serial as one table": (
        MINIMAL.replace("[tcp]", '[serial]\nport = "x"\n[tcp]'),
        "line 6, serial: this must be a table: write it as [[serial]]",
    ),
    "tcp as text": ('tcp = "x"\n' + MINIMAL.partition("[tcp]")[0], "write it as [tcp]"),
    "second serial wrong": (
        MINIMAL + '[[serial]]\nport = "a"\n[[serial]]\nport = "b"\nbaud = 1\n',
        "line 12, serial.baud: 1 is out of range",
    ),
    "serial port twice": (
        MINIMAL + '[[serial]]\nport = "/dev/a"\n[[serial]]\nport = "/dev/a"\n',
        "line 11, serial.port: the port /dev/a is already used",
    ),
    "clock start": (
        MINIMAL + '[clock]\nstart = "yesterday"\n',
        'line 9, clock.start: "yesterday" is not a time',
    ),
    "clock speed": (
        MINIMAL + '[clock]\nstart = "2021-03-01T00:00:00Z"\nspeed = 0\n',
        "line 10, clock.speed: 0 is out of range",
    ),
}


@pytest.mark.parametrize(("text", "sentence"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_named_with_file_line_and_key(
    tmp_path: Path, text: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)
    secret(tmp_path, "private", "hush")
    secret(tmp_path, "public", "hush", 0o644)
    secret(tmp_path, "empty", "\n")
    path = write(tmp_path, text)

    with pytest.raises(ConfigError) as caught:
        load(path)

    assert sentence.format(folder=tmp_path) in str(caught.value)
    assert str(path) in str(caught.value)
    assert "hush" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the configuration .*none.toml"):
        load(tmp_path / "none.toml")


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load(path)


def test_what_the_gateway_watches_for_is_set_key_by_key(tmp_path: Path) -> None:
    text = "[alarms]\nenergy = false\nsilence_missed_sessions = 5\nclock_latency_s = 2.5\n"
    alarms = load(write(tmp_path, MINIMAL + text)).alarms
    assert alarms.wanted == frozenset(GatewayCode) - {GatewayCode.ENERGY}
    assert (alarms.silence_missed_sessions, alarms.clock_latency_s) == (5, 2.5)
    with pytest.raises(ConfigError, match=r"line 9, alarms\.silense: there is no setting silense"):
        load(write(tmp_path, MINIMAL + "[alarms]\nsilense = true\n"))


def test_the_defaults_that_the_documentation_gives_are_those_in_force() -> None:
    text = (Path(__file__).parents[2] / "docs" / "alarms.md").read_text()
    shown = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", text.partition("`[alarms]`")[2], re.M))
    usual = AlarmsConfig()
    assert {name: float(value) for name, value in shown.items()} == {
        name: float(getattr(usual, name)) for name in KEYS if "_" in name
    }
