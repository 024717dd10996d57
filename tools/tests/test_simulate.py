"""`weir simulate` against a running gateway, and `weir meter` about what arrived there."""

import contextlib
import json
import os
import pty
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from weir_tools.errors import Misused
from weir_tools.simulate.gateway_file import GatewayClock
from weir_tools.simulate.options import time_by
from weir_tools.simulator.csv_input import read_recording
from weir_tools.simulator.identity import read_keys
from weir_tools.simulator.recording import Recording

Weir = Callable[..., CompletedProcess[str]]

FLOW = """time,flow_m3_h,pressure_bar
0,12.5,4.1
1800,30.25,4.0
3600,-3.1,4.15
5400,,
7200,8,4.12
9000,0,4.12
"""
FORWARD_PULSES = int((12.5 + 30.25 + 8) / 2 * 100)  # of 10 L
REVERSE_PULSES = int(3.1 / 2 * 100)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


PLAIN = """[gateway]
id = "g"
[mqtt]
port = 1
[tcp]
listen = "127.0.0.1:{port}"
"""
CLOCK = """[clock]
start = "2021-03-01T00:00:00Z"
speed = 3600.0
origin = {origin_s}
"""


@pytest.fixture
def gateway(workdir: Path, weir: Weir) -> Iterator[Path]:
    """A running gateway without a broker, on whose clock an hour takes a second."""
    clock = CLOCK.format(origin_s=time.time())
    with running_gateway(workdir, weir, PLAIN.format(port=free_port()) + clock) as config:
        yield config


@pytest.fixture
def plain_gateway(workdir: Path, weir: Weir) -> Iterator[Path]:
    """A running gateway without a broker that tells real time."""
    with running_gateway(workdir, weir, PLAIN.format(port=free_port())) as config:
        yield config


@contextlib.contextmanager
def running_gateway(workdir: Path, weir: Weir, configuration: str) -> Iterator[Path]:
    config = workdir / "gateway.toml"
    config.write_text(configuration)
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
        assert summary["register_pulses"] == summary["fed_pulses"] == FORWARD_PULSES
        assert summary["register_reverse_pulses"] == summary["fed_reverse_pulses"]
        assert summary["fed_reverse_pulses"] == REVERSE_PULSES
        assert summary["records_acknowledged"] == summary["records_made"] > 0

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


QUICK = ("--sample-interval-s", "1", "--store-interval-s", "2", "--send-interval-s", "2")
PULSES = "time,pulses\n0,20\n2,8\n4,7\n"


def test_a_new_meter_is_fed_a_short_recording_from_its_first_pulse_to_its_last(
    weir: Weir, workdir: Path, plain_gateway: Path, real_micropython: str
) -> None:
    (workdir / "pulses.csv").write_text(PULSES)
    outcome = weir("simulate", "pulses.csv", "--config", plain_gateway, *QUICK, "--json")
    assert outcome.returncode == 0, outcome.stderr
    [summary] = json.loads(outcome.stdout)["meters"]
    assert summary["fed_pulses"] == summary["register_pulses"] == 35
    assert summary["records_acknowledged"] == summary["records_made"] > 0
    page = json.loads(weir("meter", "readings", "1001", "--json").stdout)
    assert page["readings"][-1]["forward_pulses"] == 35


def test_the_last_reading_of_a_recording_with_pressure_has_a_pressure(
    weir: Weir, workdir: Path, plain_gateway: Path, real_micropython: str
) -> None:
    (workdir / "flow.csv").write_text("time,pulses,pressure_kpa\n0,20,400\n2,8,412\n")
    assert weir("simulate", "flow.csv", "--config", plain_gateway, *QUICK).returncode == 0
    page = json.loads(weir("meter", "readings", "1001", "--json").stdout)
    assert page["readings"][-1]["pressure_mean_kpa"] == 412
    assert "pressure_fault" not in page["readings"][-1]["quality"]


def test_a_gateway_that_is_not_there_is_said_with_what_to_do(
    weir: Weir, workdir: Path, real_micropython: str
) -> None:
    (workdir / "pulses.csv").write_text(PULSES)
    nobody = f"127.0.0.1:{free_port()}"
    outcome = weir("simulate", "pulses.csv", "--tcp", nobody, *QUICK, "--json")
    assert outcome.returncode == 3
    sentence = outcome.stderr.splitlines()[-1]
    assert sentence.startswith(f"weir: no gateway answers at {nobody} (Connection refused)")
    [summary] = json.loads(outcome.stdout)["meters"]
    assert summary["records_made"] > summary["records_acknowledged"] == 0


def test_a_gateway_that_has_another_key_acknowledges_nothing_and_that_is_said(
    weir: Weir, workdir: Path, plain_gateway: Path, real_micropython: str
) -> None:
    (workdir / "pulses.csv").write_text(PULSES)
    words = ("simulate", "pulses.csv", "--config", plain_gateway, "--keys", "others.txt")
    outcome = weir(*words, *QUICK)
    assert outcome.returncode == 4
    sentence = outcome.stderr.splitlines()[-1]
    assert "acknowledged none of" in sentence
    assert "has the key of meter 1001" in sentence


def test_a_serial_line_on_which_nothing_comes_back_is_said(
    weir: Weir, workdir: Path, real_micropython: str
) -> None:
    (workdir / "pulses.csv").write_text(PULSES)
    ours, theirs = pty.openpty()
    port = os.ttyname(theirs)
    try:
        outcome = weir("simulate", "pulses.csv", "--serial", port, *QUICK)
    finally:
        os.close(ours)
        os.close(theirs)
    assert outcome.returncode == 3
    assert f"nothing came back on {port}" in outcome.stderr.splitlines()[-1]


def dated(workdir: Path, hours: int) -> Recording:
    rows = "".join(f"2021-03-01T{hour:02}:00:00Z,1\n" for hour in range(hours))
    (workdir / "dated.csv").write_text(f"time,flow_l_s\n{rows}")
    return read_recording(workdir / "dated.csv", pulse_weight_ml=1000)


MIDNIGHT_S = 1_614_556_800  # 2021-03-01


def test_a_dated_recording_takes_place_when_it_is_dated_on_the_gateways_clock(
    workdir: Path,
) -> None:
    recording = dated(workdir, 4)
    clock = GatewayClock(MIDNIGHT_S - 3600, time.time(), 60.0)
    bench = time_by([recording], clock)
    assert bench.pace.wall_s_until(0) == pytest.approx(60, abs=20)
    assert bench.begin() == MIDNIGHT_S


def test_a_dated_recording_that_is_over_on_the_gateways_clock_is_refused(workdir: Path) -> None:
    clock = GatewayClock(MIDNIGHT_S + 5 * 3600, time.time(), 60.0)
    with pytest.raises(Misused, match="past the end of the recording"):
        time_by([dated(workdir, 4)], clock)


def test_a_recording_without_dates_waits_until_the_meters_are_ready(workdir: Path) -> None:
    (workdir / "pulses.csv").write_text(PULSES)
    recording = read_recording(workdir / "pulses.csv", pulse_weight_ml=1000)
    bench = time_by([recording], GatewayClock(MIDNIGHT_S, time.time() - 3600, 60.0))
    assert bench.pace.now_ms() == 0
    assert bench.begin() == pytest.approx(MIDNIGHT_S + 3600 * 60, abs=60 * 20)


def test_the_gateway_knows_nothing_of_a_meter_that_it_was_not_told_of(
    weir: Weir, gateway: Path
) -> None:
    outcome = weir("meter", "show", "7")
    assert outcome.returncode == 1
    assert "7" in outcome.stderr
    assert len(outcome.stderr.splitlines()) == 1
