"""The demo, headless: real meters, a real gateway, a real broker, and totals that agree."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from peers.waiting import wait_for
from weir_gateway.client import GatewayClient
from weir_gateway.event_documents import AlarmDocument
from weir_tools.demo.plan import METERS, DemoPlan
from weir_tools.demo.totals import MeterTotals


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder with a short path: the gateway's socket lies in it, and those have a limit."""
    with tempfile.TemporaryDirectory(prefix="weir-") as folder:
        yield Path(folder)


def demo_words(*options: str | Path) -> list[str]:
    return [sys.executable, "-m", "weir_tools", "demo", "--headless", *map(str, options)]


def environment(tmp_path: Path) -> dict[str, str]:
    """What the demo leaves in the folder for temporary files can then be seen."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return {**os.environ, "TMPDIR": str(scratch), "COLUMNS": "100"}


@contextlib.contextmanager
def started(
    words: list[str], env: dict[str, str], *, stderr: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A demo that ends with the block: by itself, or killed where a test has failed."""
    with subprocess.Popen(
        words, env=env, stdout=subprocess.PIPE, stderr=stderr, text=True
    ) as child:
        try:
            yield child
        except BaseException:
            child.kill()  # what it started ends when its pipes do
            raise


def left_running(tmp_path: Path) -> list[str]:
    """Command lines of programs that know the folder of a demo which has ended."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(tmp_path / "scratch") in line:
            found.append(line)
    return found


def check_totals(totals: dict[str, Any]) -> None:
    assert totals["agrees"] is True
    assert totals["ended"] == "complete"
    assert totals["differences"] == []
    made = totals["records_made"]
    assert made == totals["records_stored"] == totals["records_published"] > 0
    assert totals["records_lost"] == totals["records_duplicated"] == 0
    assert [meter["meter_id"] for meter in totals["meters"]] == [
        planned.meter_id for planned in METERS
    ]
    for meter in totals["meters"]:
        assert meter["register_pulses"] == meter["fed_pulses"] > 0
        assert meter["register_reverse_pulses"] == meter["fed_reverse_pulses"] == 0
        difference_m3 = meter["fed_volume_m3"] - meter["recorded_volume_m3"]
        assert abs(difference_m3) < meter["pulse_weight_l"] / 1000


def test_all_that_was_fed_arrives_on_mqtt_and_nothing_is_left_behind(
    tmp_path: Path, real_micropython: str
) -> None:
    words = demo_words("--duration", "5", "--json", tmp_path / "out.json")
    done = subprocess.run(
        words,
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    check_totals(json.loads((tmp_path / "out.json").read_text()))
    assert list((tmp_path / "scratch").iterdir()) == []
    assert left_running(tmp_path) == []


def test_a_signal_ends_it_in_the_same_clean_way(tmp_path: Path, real_micropython: str) -> None:
    words = demo_words("--keep", tmp_path / "kept", "--json", tmp_path / "out.json")
    with started(words, environment(tmp_path)) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if line.startswith("gateway:"):
                child.send_signal(signal.SIGTERM)
        assert child.wait(timeout=200) == 0
    totals = json.loads((tmp_path / "out.json").read_text())
    assert totals["agrees"] is True
    kept = {path.name for path in (tmp_path / "kept").iterdir()}
    assert {"gateway.toml", "keys.txt", "weir.db", "meters"} <= kept
    assert (tmp_path / "kept/keys.txt").stat().st_mode & 0o077 == 0
    assert left_running(tmp_path) == []


def test_an_alarm_can_be_raised_and_ended_by_hand_and_ctrl_c_ends_the_demo(
    tmp_path: Path, real_micropython: str
) -> None:
    words, scratch = demo_words("--json", tmp_path / "out.json"), environment(tmp_path)
    with started(words, scratch) as child:
        assert child.stdout is not None
        line = next(line for line in child.stdout if line.startswith("gateway:"))
        socket = Path(line.split()[-1])
        wait_for(socket.exists, "the gateway")
        gateway = GatewayClient(socket, timeout_s=60)
        provoke = [sys.executable, "-m", "weir_tools", "demo", "provoke", "reverse-flow"]
        subprocess.run([*provoke, "--meter", "4308"], env=scratch, timeout=60, check=True)
        [alarm] = wait_for(lambda: reverse_flows(gateway), "an alarm")
        assert alarm["value"] >= alarm["limit"] == 10
        subprocess.run([*provoke, "--meter", "4308", "--end"], env=scratch, timeout=60, check=True)
        wait_for(lambda: not reverse_flows(gateway), "the end of the alarm")
        child.send_signal(signal.SIGINT)
        child.stdout.read()
        assert child.wait(timeout=200) == 0
    totals = json.loads((tmp_path / "out.json").read_text())
    assert totals["agrees"] is True
    assert totals["meters"][1]["register_reverse_pulses"] > 0
    assert left_running(tmp_path) == []


def reverse_flows(gateway: GatewayClient) -> list[AlarmDocument]:
    """What is active of them: after a simulated day (96 s) water that never rests is a leak."""
    alarms = gateway.alarms(meter_id=4308)
    return [alarm for alarm in alarms if alarm["name"] == "reverse_flow"]


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        ("gateway", "the gateway was ended from outside (SIGKILL); run the demo again"),
        ("weir_tools.demo.broker", "the broker was ended from outside (SIGKILL); run the demo"),
        ("main", "was ended from outside (SIGKILL); run the command again"),
    ],
)
def test_when_a_part_is_killed_the_demo_says_so_writes_what_is_known_and_leaves_nothing(
    tmp_path: Path, real_micropython: str, program: str, sentence: str
) -> None:
    words = demo_words("--duration", "60", "--json", tmp_path / "out.json")
    with started(words, environment(tmp_path), stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        for line in child.stdout:
            if line.startswith("gateway:"):
                os.kill(running(program, child.pid), signal.SIGKILL)
        said = child.stderr.read()
        assert child.wait(timeout=100) == 1
    assert sentence in said
    assert len(said.splitlines()) == 1
    known = json.loads((tmp_path / "out.json").read_text())
    assert f"weir: {known['ended']}\n" == said
    assert known["agrees"] is False
    assert [meter["meter_id"] for meter in known["meters"]] == [
        planned.meter_id for planned in METERS
    ]
    assert (known["records_stored"] is None) == (program == "gateway")
    assert left_running(tmp_path) == []
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_demo_that_does_not_get_to_its_meters_writes_why(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        broker = f"127.0.0.1:{nobody.getsockname()[1]}"
        words = demo_words("--broker", broker, "--json", tmp_path / "out.json")
        done = subprocess.run(
            words,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
    assert done.returncode == 1
    known = json.loads((tmp_path / "out.json").read_text())
    assert (known["agrees"], known["records_made"], known["meters"]) == (False, None, [])
    assert done.stderr == f"weir: {known['ended']}\n"


def running(program: str, parent: int) -> int:
    """The process that was started with that word by that parent."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().decode(errors="replace").split("\0")
            parents = entry.with_name("stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if program in words and int(parents) == parent:
            return int(entry.parent.name)
    raise LookupError(f"no {program} runs")


AGREEING = MeterTotals(
    meter_id=1,
    district="",
    link="TCP",
    epoch="00000000",
    records_made=5,
    records_stored=5,
    records_published=5,
    records_lost=0,
    records_duplicated=0,
    register_pulses=77,
    fed_pulses=77,
    register_reverse_pulses=0,
    fed_reverse_pulses=0,
    pulse_weight_l=10.0,
    fed_volume_m3=0.77,
    recorded_volume_m3=0.77,
    missing_hours=0,
)


def test_totals_that_agree_have_no_difference() -> None:
    assert AGREEING.differences() == []


@pytest.mark.parametrize(
    ("changed", "phrase"),
    [
        ({"records_stored": 4}, "meter 1: 5 made, 4 stored, 5 on MQTT records"),
        ({"records_published": 6}, "meter 1: 5 made, 5 stored, 6 on MQTT records"),
        ({"records_duplicated": 1}, "meter 1: 1 records came twice"),
        ({"register_pulses": 76}, "meter 1: forward register 76, fed 77 pulses"),
        ({"register_pulses": None}, "meter 1: forward register None, fed 77 pulses"),
        ({"fed_reverse_pulses": 1}, "meter 1: reverse register 0, fed 1 pulses"),
    ],
)
def test_each_difference_is_named(changed: dict[str, Any], phrase: str) -> None:
    assert replace(AGREEING, **changed).differences() == [phrase]


@pytest.mark.parametrize(
    ("speed", "store_interval_s"), [(1, 5), (6, 60), (30, 300), (90, 900), (900, 900), (3600, 900)]
)
def test_a_record_comes_within_ten_seconds_at_any_speed(
    speed: float, store_interval_s: int
) -> None:
    plan = DemoPlan(speed)
    assert plan.store_interval_s == store_interval_s
    assert plan.store_interval_s / speed <= 10
    assert plan.sample_interval_s >= 1
