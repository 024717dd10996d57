"""Trials of the bench: a test here does nothing wrong, what happens to its meter does.

Not collected with the tests: ``test_the_bench_itself.py`` runs this file and says what has to come
of it.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from weir_bench.roles import Calendar, Meter, Pulses, Supply
from weir_tools.simulator.channel import Seat
from weir_tools.simulator.identity import Identity

Rewrite = Callable[[str], str]
Spoil = Callable[[Rewrite], None]


@pytest.fixture
def spoil(monkeypatch: pytest.MonkeyPatch) -> Spoil:
    """Rewrites what the bench tells the meter, before the meter starts."""

    def spoiling(rewrite: Rewrite) -> None:
        power_on = Seat.power_on

        def spoilt_power_on(seat: Seat, send: Callable[[str], None]) -> None:
            power_on(seat, lambda line: send(rewrite(line)))

        monkeypatch.setattr(Seat, "power_on", spoilt_power_on)

    return spoiling


@pytest.fixture
def bad_contact(spoil: Spoil) -> None:
    """The tenth pulse never arrives."""

    def one_less(line: str) -> str:
        words = line.split(" ")
        if words[0] == "I" and int(words[4]) >= 10:
            words[4] = str(int(words[4]) - 1)
        return " ".join(words)

    spoil(one_less)


@pytest.fixture
def mad_clock(spoil: Spoil) -> None:
    """After a while the clock gives no number any more."""
    spoil(lambda line: line.replace("00000 ", "ooooo "))


@pytest.fixture
def lost_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Identity, "write_into", lambda *_: None)


def test_of_a_healthy_meter(
    meter: Meter, calendar: Calendar, pulses: Pulses, supply: Supply
) -> None:
    pulses.send(forward=10, reverse=4)
    calendar.let_pass(minutes=20)
    supply.cycle()
    pulses.send(forward=5)
    assert meter.read_health().faults() == []


@pytest.mark.usefixtures("meter")
def test_of_a_meter_that_is_killed_behind_the_benchs_back(
    calendar: Calendar, tmp_path: Path
) -> None:
    calendar.let_pass(minutes=20)
    for found in Path("/proc").glob("[0-9]*/cmdline"):
        command = found.read_bytes()
        if b"micropython" in command and bytes(tmp_path) in command:
            os.kill(int(found.parent.name), signal.SIGKILL)


@pytest.mark.usefixtures("mad_clock", "meter")
def test_of_a_meter_whose_firmware_dies(calendar: Calendar) -> None:
    calendar.let_pass(minutes=20)


@pytest.mark.usefixtures("bad_contact", "meter")
def test_of_a_meter_that_loses_a_pulse(calendar: Calendar, pulses: Pulses) -> None:
    pulses.send(forward=10)
    calendar.let_pass(minutes=20)


@pytest.mark.usefixtures("lost_identity", "meter")
def test_of_a_meter_that_cannot_start() -> None:
    """Never begins."""


def test_that_fails(meter: Meter, calendar: Calendar) -> None:
    calendar.let_pass(minutes=20)
    assert meter.console.evaluate("40 + 2") == 43
