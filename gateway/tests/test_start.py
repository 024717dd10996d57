"""Starting: ready soon and said so, or one sentence that says what to do."""

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from peers.gateway_run import RUN, GatewayRun
from peers.mosquitto import Mosquitto
from weir_gateway import VERSION


def run(config: Path) -> tuple[int, str]:
    """Run a gateway that is not expected to start; return its exit code and standard error."""
    ended = subprocess.run(
        [sys.executable, "-c", RUN, str(config)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.returncode, ended.stderr


@pytest.fixture
def prepared(tmp_path: Path) -> GatewayRun:
    """The files of a gateway whose broker does not matter."""
    return GatewayRun(tmp_path, 1)


def take_port(gateway: GatewayRun) -> socket.socket:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    gateway.config.write_text(gateway.config.read_text().replace("1:0", f"1:{port}"))
    return listener


def spoil(gateway: GatewayRun, what: str) -> None:
    match what:
        case "configuration":
            gateway.config.write_text("[gateway\n")
        case "keys readable by others":
            gateway.keys.chmod(0o644)
        case "no keys":
            gateway.keys.unlink()
        case "foreign database":
            with contextlib.closing(sqlite3.connect(gateway.folder / "weir.db")) as connection:
                connection.execute("CREATE TABLE theirs (x)")
        case "no folder for the database":
            text = gateway.config.read_text()
            gateway.config.write_text(
                text.replace('id = "gw1"', 'id = "gw1"\ndatabase = "none/weir.db"')
            )
        case "socket taken by a file":
            (gateway.folder / "weir.sock").write_text("mine")


@pytest.mark.parametrize(
    ("what", "exit_code", "sentence"),
    [
        ("configuration", 2, "gateway.toml, line 1: this is not valid TOML"),
        ("keys readable by others", 2, "run `chmod 600 "),
        ("no keys", 2, "cannot read the key file"),
        ("foreign database", 1, "is not a database of this gateway"),
        ("no folder for the database", 1, "cannot open the database"),
        ("socket taken by a file", 1, "cannot open the local interface"),
    ],
)
def test_a_gateway_that_cannot_start_says_why_in_one_sentence(
    prepared: GatewayRun, what: str, exit_code: int, sentence: str
) -> None:
    spoil(prepared, what)
    code, told = run(prepared.config)
    assert code == exit_code
    assert told.startswith("weir: ")
    assert sentence in told
    assert told.count("\n") == 1
    assert "Traceback" not in told


def test_a_taken_port_is_named_and_leaves_no_socket_behind(prepared: GatewayRun) -> None:
    with take_port(prepared):
        code, told = run(prepared.config)
    assert code == 1
    assert told.startswith("weir: cannot listen on 127.0.0.1:")
    assert told.count("\n") == 1
    assert not (prepared.folder / "weir.sock").exists()


def test_a_second_gateway_on_the_same_database_is_refused(prepared: GatewayRun) -> None:
    prepared.start()
    code, told = run(prepared.config)
    assert (code, told.count("\n")) == (1, 1)
    assert "another gateway is using" in told
    assert prepared.client.gateway()["gateway"] == "gw1"
    assert prepared.terminate() == 0


def test_the_stated_version_is_that_of_the_package() -> None:
    assert metadata.version("weir") == VERSION


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(prepared: GatewayRun, number: signal.Signals) -> None:
    prepared.start()
    assert prepared.running is not None
    prepared.running.send_signal(number)
    assert prepared.wait() == 0
    assert "Traceback" not in prepared.log()
    assert not (prepared.folder / "weir.sock").exists()


def test_a_killed_gateway_starts_again_on_what_it_left(prepared: GatewayRun) -> None:
    prepared.start()
    prepared.kill()
    assert (prepared.folder / "weir.sock").exists()
    prepared.start()
    assert prepared.client.gateway()["status"] == "online"
    assert prepared.terminate() == 0


def test_the_ready_line_names_every_place(gateway: GatewayRun, broker: Mosquitto) -> None:
    gateway.add_config('[[serial]]\nport = "missing"\n')
    gateway.start()
    ready = next(line for line in gateway.log().splitlines() if " ready: " in line)
    assert ready == (
        f"weir gateway gw1 ready: serial {gateway.folder}/missing, "
        f"tcp 127.0.0.1:{gateway.tcp_port}, local interface {gateway.folder}/weir.sock"
    )


def test_a_bad_key_line_keeps_only_its_meter_out(prepared: GatewayRun) -> None:
    prepared.keys.write_text("1001 000102030405060708090a0b0c0d0e0f\n1002 short\n")
    prepared.start()
    told = prepared.client.gateway()
    assert told["meters"]["registered"] == 1
    (problem,) = told["keys"]["problems"]
    assert "keys.txt, line 2: the key is not 32 hexadecimal digits" in problem
    assert "short" not in prepared.log()
    assert prepared.terminate() == 0
