"""`weir simulate` against a running gateway, and `weir meter` about what arrived there."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from weir_tools.simulator.identity import read_keys

Weir = Callable[..., CompletedProcess[str]]

FLOW = """time,flow_m3_h,pressure_bar
2021-03-01T00:00:00Z,12.5,4.1
2021-03-01T00:30:00Z,30.25,4.0
2021-03-01T01:00:00Z,-3.1,4.15
2021-03-01T01:30:00Z,,
2021-03-01T02:00:00Z,8,4.12
2021-03-01T02:30:00Z,0,4.12
"""
FORWARD_PULSES = int((12.5 + 30.25 + 8) / 2 * 100)  # of 10 L
REVERSE_PULSES = int(3.1 / 2 * 100)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def gateway(workdir: Path, weir: Weir) -> Iterator[Path]:
    """A running gateway without a broker, on whose clock the recording begins in two seconds."""
    config = workdir / "gateway.toml"
    origin_s = time.time() + 2
    config.write_text(
        f'[gateway]\nid = "g"\n[mqtt]\nport = 1\n[tcp]\nlisten = "127.0.0.1:{free_port()}"\n'
        f'[clock]\nstart = "2021-03-01T00:00:00Z"\nspeed = 3600.0\norigin = {origin_s}\n'
    )
    (workdir / "keys.txt").touch(mode=0o600)
    words = [sys.executable, "-m", "weir_tools", "gateway", "--config", str(config)]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as child:
        try:
            ends_s = time.monotonic() + 30
            while weir("meter", "list").returncode and time.monotonic() < ends_s:
                time.sleep(0.05)
            yield config
        finally:
            child.terminate()


def test_meters_deliver_a_recording_and_the_gateway_tells_of_them(
    weir: Weir, workdir: Path, gateway: Path, real_micropython: str
) -> None:
    (workdir / "flow.csv").write_text(FLOW)
    words = ("simulate", "flow.csv", "--meters", "2", "--config", gateway, "--home", "homes")
    outcome = weir(*words, "--json")
    assert outcome.returncode == 0, outcome.stderr
    assert "keys.txt: 1001, 1002." in outcome.stderr
    summaries = json.loads(outcome.stdout)["meters"]
    assert [summary["meter_id"] for summary in summaries] == [1001, 1002]
    for summary in summaries:
        # It was started up to a second of the wall late, an hour of the recording.
        assert summary["register_pulses"] == summary["fed_pulses"] <= FORWARD_PULSES
        assert summary["register_reverse_pulses"] == summary["fed_reverse_pulses"]
        assert summary["fed_reverse_pulses"] <= REVERSE_PULSES + 1

    meters = json.loads(weir("meter", "list", "--json").stdout)["meters"]
    assert [meter["stored_count"] for meter in meters] == [
        summary["records_made"] for summary in summaries
    ]
    shown = weir("meter", "show", "1001")
    assert summaries[0]["epoch"] in shown.stdout
    page = json.loads(weir("meter", "readings", "1001", "--json", "--after", "0").stdout)
    last = page["readings"][-1]
    assert last["forward_pulses"] == summaries[0]["register_pulses"]
    assert last["reverse_pulses"] == summaries[0]["register_reverse_pulses"]
    table = weir("meter", "readings", "1001", "--limit", "3")
    assert last["id"] in table.stdout
    assert len(table.stdout.splitlines()) == 4


def test_a_meter_that_comes_back_to_its_home_keeps_its_key_and_its_register(
    weir: Weir, workdir: Path, gateway: Path, real_micropython: str
) -> None:
    (workdir / "flow.csv").write_text(FLOW)
    words = ("simulate", "flow.csv", "--config", gateway, "--home", "homes", "--json")
    options = ("--clock", "gateway", "--duration", "3")
    first = json.loads(weir(*words, *options).stdout)["meters"][0]
    keys = read_keys(workdir / "keys.txt")
    second = json.loads(weir(*words, *options).stdout)["meters"][0]
    assert read_keys(workdir / "keys.txt") == keys
    assert second["epoch"] == first["epoch"]
    assert second["register_pulses"] == first["register_pulses"] + second["fed_pulses"]
    assert (workdir / "keys.txt").stat().st_mode & 0o077 == 0
    assert (workdir / "homes/1001/identity.json").stat().st_mode & 0o077 == 0


def test_the_gateway_knows_nothing_of_a_meter_that_it_was_not_told_of(
    weir: Weir, gateway: Path
) -> None:
    outcome = weir("meter", "show", "7")
    assert outcome.returncode == 1
    assert "7" in outcome.stderr
    assert len(outcome.stderr.splitlines()) == 1
