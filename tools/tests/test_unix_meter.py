"""The real firmware on the real MicroPython, on a bench whose time the test steps."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from weir_tools.errors import Failed
from weir_tools.firmware_on_host import make_importable
from weir_tools.simulator.channel import BenchChannel, Seat
from weir_tools.simulator.firmware import Interpreter, compiled_firmware
from weir_tools.simulator.identity import Identity, new_key
from weir_tools.simulator.inputs import HandFedInputs
from weir_tools.simulator.pacing import SteppedTime
from weir_tools.simulator.unix_meter import Launch, UnixMeter
from weir_tools.simulator.waiting import until

make_importable()
HOUR_MS = 3_600_000
NOBODY = "tcp:127.0.0.1:9"  # the discard port: the meter has no gateway here

both_interpreters = pytest.mark.parametrize("interpreter", list(Interpreter))


@dataclass
class Stand:
    time: SteppedTime
    channel: BenchChannel
    inputs: HandFedInputs
    seat: Seat
    meter: UnixMeter
    deaths: list[Failed]

    async def pass_hours(self, hours: int, *, forward_pulses: int = 0) -> None:
        """Feed pulses evenly, a part every quarter of an hour."""
        for _ in range(hours * 4):
            self.inputs.forward_pulses += forward_pulses // (hours * 4)
            now_ms = self.time.now_ms() + HOUR_MS // 4
            await self.time.advance_to(now_ms, meter_count=1)

    def ring(self) -> Any:
        from weir_tools.simulator.ring_reader import read_ring

        return read_ring(self.meter.home / "flash.bin")


def on_stand(
    home: Path,
    scene: Callable[[Stand], Coroutine[Any, Any, None]],
    interpreter: Interpreter = Interpreter.MICROPYTHON,
) -> None:
    async def play() -> None:
        time = SteppedTime()
        channel = BenchChannel(time)
        inputs = HandFedInputs()
        identity = Identity(4303, new_key(), 10_000)
        identity.write_into(home)
        seat = channel.add_seat(identity.meter_id, inputs)
        launch = Launch(home, await channel.open(), NOBODY, interpreter)
        deaths: list[Failed] = []
        meter = UnixMeter(seat, launch, died=lambda dead: deaths.append(dead.stopped()))
        try:
            await meter.start()
            await scene(Stand(time, channel, inputs, seat, meter, deaths))
        finally:
            await meter.stop()
            await channel.close()

    asyncio.run(asyncio.wait_for(play(), 120))


@both_interpreters
def test_a_meter_makes_a_record_each_quarter_and_counts_every_pulse(
    tmp_path: Path, real_micropython: str, interpreter: Interpreter
) -> None:
    async def scene(stand: Stand) -> None:
        await stand.pass_hours(6, forward_pulses=2400)
        stand.inputs.reverse_pulses += 3
        await stand.pass_hours(1)
        ring = stand.ring()
        assert ring.records_made == 28
        assert (ring.forward_pulses, ring.reverse_pulses) == (2400, 3)
        assert stand.seat.fed_pulses == (2400, 3)

    on_stand(tmp_path, scene, interpreter)


def test_a_meter_that_lost_its_power_goes_on_from_its_last_record(
    tmp_path: Path, real_micropython: str
) -> None:
    async def scene(stand: Stand) -> None:
        await stand.pass_hours(2, forward_pulses=800)
        before = stand.ring()
        await stand.meter.kill()
        await stand.meter.start()
        await stand.pass_hours(2, forward_pulses=80)
        after = stand.ring()
        assert after.epoch == before.epoch
        assert after.records_made > before.records_made
        assert after.forward_pulses == 880
        assert stand.seat.boot_count == 2

    on_stand(tmp_path, scene)


def test_a_meter_that_dies_is_missed_and_its_last_words_are_known(
    tmp_path: Path, real_micropython: str
) -> None:
    async def scene(stand: Stand) -> None:
        assert stand.meter.is_running
        child = stand.meter.child_id
        assert child is not None
        os.kill(child, signal.SIGKILL)

        async def is_missed() -> bool:
            return bool(stand.deaths)

        assert await until(is_missed, timeout_s=20)
        [death] = stand.deaths
        assert "meter 4303 was ended from outside (SIGKILL); run the command" in str(death)

    on_stand(tmp_path, scene)


def test_a_meter_that_cannot_start_says_why(tmp_path: Path, real_micropython: str) -> None:
    (tmp_path / "flash.bin").write_bytes(b"too short")

    async def scene(_stand: Stand) -> None:
        pytest.fail("it started")

    with pytest.raises(
        Failed, match=r"meter 4303 stopped \(exit code 2\): .*flash.bin has 9 bytes"
    ):
        on_stand(tmp_path, scene)


def test_the_firmware_is_compiled_once(real_micropython: str) -> None:
    folder = compiled_firmware()
    made_at = folder.stat().st_mtime_ns
    assert (folder / "main.mpy").is_file()
    assert compiled_firmware() == folder
    assert folder.stat().st_mtime_ns == made_at
