"""The meter's REPL, as a technician has it, while and after the firmware runs."""

import subprocess
import sys
from pathlib import Path

import pytest

from weir_bench.delivery import collect, let_backlog_go
from weir_bench.roles import Calendar, Gateway, Meter, Pulses, Subscriber
from weir_bench.waiting import wait_until


def mpremote(meter: Meter, *words: str) -> str:
    """Run the mpremote command against the meter; return what it printed."""
    command = [sys.executable, "-m", "mpremote", "connect", meter.console.device, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_console_stops_the_firmware_and_answers(meter: Meter, calendar: Calendar) -> None:
    calendar.let_pass(minutes=5)
    assert meter.console.evaluate("6 * 7") == 42
    assert meter.console.is_at_prompt
    assert meter.console.execute("import sys; print(sys.implementation.name)") == "micropython\n"


def test_the_console_carries_a_long_text_unchanged(meter: Meter) -> None:
    text = "".join(map(chr, range(32, 127))) + "äöü m³ 水表"
    printed = meter.console.execute(f"for _ in range(100): print({text!r})")
    assert printed == f"{text}\n" * 100


@pytest.mark.each_link
def test_the_meter_goes_on_counting_after_a_soft_reset(
    calendar: Calendar,
    pulses: Pulses,
    meter: Meter,
    gateway: Gateway,
    subscriber: Subscriber,
) -> None:
    pulses.send(forward=500)
    calendar.let_pass(minutes=30)
    meter.console.execute("print('a technician was here')")
    calendar.let_pass(minutes=3)
    meter.console.soft_reset()
    assert not meter.console.is_at_prompt
    pulses.send(forward=20)
    calendar.let_pass(minutes=27)
    let_backlog_go(calendar, meter)
    readings = collect(gateway, subscriber, count=4)
    assert [one["forward_pulses"] for one in readings] == [500, 500, 520, 520]
    assert "restarted" in readings[2]["quality"]
    assert b"a technician was here" in meter.console.log.read_bytes()


def test_the_mpremote_command_works_as_on_a_board(
    calendar: Calendar, pulses: Pulses, meter: Meter, tmp_path: Path
) -> None:
    pulses.send(forward=9)
    calendar.let_pass(minutes=15)
    note = tmp_path / "note.txt"
    note.write_text("seal 4711 is whole\n")
    assert mpremote(meter, "resume", "exec", "print(2**64)").strip() == str(2**64)
    mpremote(meter, "resume", "fs", "cp", str(note), ":note.txt")
    # Without `resume` it soft-resets first: what was imported before is gone.
    assert mpremote(meter, "exec", "print('weir' in globals())").strip() == "False"
    assert mpremote(meter, "resume", "fs", "cat", ":note.txt") == note.read_text()
    wait_until(lambda: meter.console.is_at_prompt, "the friendly prompt")
    meter.console.soft_reset()
    pulses.send(forward=4)
    calendar.let_pass(minutes=15)
