"""The bench's end of its wire to the meters, spoken to line by line."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from weir_tools.simulator.channel import BenchChannel, ChannelError, Seat
from weir_tools.simulator.inputs import HandFedInputs
from weir_tools.simulator.pacing import PacedTime, SteppedTime
from weir_tools.simulator.senses import Sense, Senses

METER_ID = 1001


class FakeMeter:
    """The meter's end of the channel, as raw lines."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, address: str, hello: str = f"HELLO {METER_ID} 2") -> "FakeMeter":
        host, _, port = address.partition(":")
        meter = cls(*await asyncio.open_connection(host, int(port)))
        meter.say(hello)
        return meter

    def say(self, *lines: str) -> None:
        self._writer.write("".join(f"{line}\n" for line in lines).encode())

    async def hears(self) -> str:
        """The next line, or nothing when the bench hung up."""
        async with asyncio.timeout(10):
            return (await self._reader.readline()).decode().rstrip("\n")

    async def turn(self) -> list[str]:
        """The next input up to the pressure, without its link time, which is that of the wall."""
        word, turn, now_ms, _, *rest = (await self.hears()).split(" ")
        return [word, turn, now_ms, *rest[:3]]

    async def feels(self) -> list[str]:
        """Turn and time of the next input, its senses, battery and illegal transitions."""
        word, turn, now_ms, *rest = (await self.hears()).split(" ")
        assert word == "I"
        return [turn, now_ms, *rest[4:]]

    def hang_up(self) -> None:
        self._writer.close()


def on_bench(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(scene(), 60))


async def stepped_bench() -> tuple[SteppedTime, BenchChannel, Seat, HandFedInputs, str]:
    stepped = SteppedTime()
    channel = BenchChannel(stepped)
    inputs = HandFedInputs(pressure_kpa=412)
    seat = channel.add_seat(METER_ID, inputs)
    return stepped, channel, seat, inputs, await channel.open()


def test_a_sleeping_meter_is_woken_exactly_when_it_asked() -> None:
    async def scene() -> None:
        stepped, channel, seat, inputs, address = await stepped_bench()
        meter = await FakeMeter.connect(address)
        await seat.powered.wait()
        meter.say("S 0 60000 - 1")
        inputs.forward_pulses = 7
        advancing = asyncio.create_task(stepped.advance_to(130_000, meter_count=1))
        assert await meter.turn() == ["I", "0", "60000", "7", "0", "412"]
        meter.say("S 1 120000 - 0")
        assert await meter.turn() == ["I", "1", "120000", "7", "0", "-"]
        meter.say("S 2 180000 - 0")
        await advancing
        assert stepped.now_ms() == 130_000
        await channel.close()

    on_bench(scene)


def test_a_meter_woken_by_its_link_gets_one_input_for_sleep_and_wake() -> None:
    async def scene() -> None:
        stepped, channel, seat, _, address = await stepped_bench()
        meter = await FakeMeter.connect(address)
        meter.say("S 0 60000 - 0", "W 0 1")
        assert await meter.turn() == ["I", "0", "0", "0", "0", "412"]
        meter.say("S 1 60000 - 0")
        await stepped.advance_to(59_999, meter_count=1)
        seat.wake()
        assert await meter.turn() == ["I", "1", "59999", "0", "0", "-"]
        await channel.close()

    on_bench(scene)


def test_a_wake_that_crosses_the_input_on_the_wire_is_not_answered_again() -> None:
    async def scene() -> None:
        stepped, channel, _, _, address = await stepped_bench()
        meter = await FakeMeter.connect(address)
        meter.say("S 0 60000 - 0")
        advancing = asyncio.create_task(stepped.advance_to(60_000, meter_count=1))
        assert (await meter.turn())[:2] == ["I", "0"]
        meter.say("W 0 1", "S 1 120000 - 0")
        await advancing
        advancing = asyncio.create_task(stepped.advance_to(120_000, meter_count=1))
        assert (await meter.turn())[:3] == ["I", "1", "120000"]
        meter.say("S 2 180000 - 0")
        await advancing
        await channel.close()

    on_bench(scene)


def test_a_sense_that_comes_or_goes_wakes_the_meter_at_once() -> None:
    async def scene() -> None:
        stepped, channel, seat, inputs, address = await stepped_bench()
        meter = await FakeMeter.connect(address)
        await seat.powered.wait()
        meter.say("S 0 60000 - 0")
        await stepped.advance_to(1000, meter_count=1)
        inputs.senses.apply(Sense.COVER)
        assert await meter.feels() == ["0", "1000", "1", "0", "0"]
        inputs.senses.battery_mv = 3600
        inputs.senses.illegal_transitions += 3
        meter.say("S 1 60000 - 0")
        await stepped.advance_to(2000, meter_count=1)
        inputs.senses.release(Sense.COVER)
        assert await meter.feels() == ["1", "2000", "0", "3600", "3"]
        await channel.close()

    on_bench(scene)


def test_a_sense_of_a_moment_is_told_once() -> None:
    senses = Senses()
    senses.touch(Sense.TRIGGER)
    assert senses.is_news
    assert senses.take() == Sense.TRIGGER
    assert senses.is_news  # that it is over
    assert senses.take() == Sense(0)
    assert not senses.is_news


def test_what_lasts_a_moment_is_felt_even_by_a_meter_that_is_awake() -> None:
    async def scene() -> None:
        _, channel, seat, inputs, address = await stepped_bench()
        meter = await FakeMeter.connect(address)
        await seat.powered.wait()
        inputs.senses.touch(Sense.TRIGGER | Sense.MAGNET)
        meter.say("S 0 60000 - 0")
        assert (await meter.feels())[2] == "10"
        meter.say("S 1 60000 - 0")
        assert (await meter.feels())[2] == "0"
        await channel.close()

    on_bench(scene)


def test_a_meter_that_starts_feels_what_is_there_and_nothing_of_the_past() -> None:
    async def scene() -> None:
        _, channel, seat, inputs, address = await stepped_bench()
        inputs.senses.touch(Sense.TRIGGER)
        inputs.senses.apply(Sense.LOOP_OPEN)
        inputs.senses.illegal_transitions = 40
        meter = await FakeMeter.connect(address)
        await seat.powered.wait()
        meter.say("S 0 60000 - 0")
        assert (await meter.feels())[2:] == ["4", "0", "0"]
        await channel.close()

    on_bench(scene)


def test_the_links_time_wakes_a_meter_whose_own_time_stands_still() -> None:
    async def scene() -> None:
        _, channel, _, _, address = await stepped_bench()
        meter = await FakeMeter.connect(address)
        meter.say("S 0 60000 20 0")
        word, turn, now_ms, link_ms, *_ = (await meter.hears()).split(" ")
        assert (word, turn, now_ms) == ("I", "0", "0")
        assert int(link_ms) >= 20
        await channel.close()

    on_bench(scene)


def test_fast_time_gives_every_instant_exactly_and_in_order() -> None:
    async def scene() -> None:
        channel = BenchChannel(PacedTime(speed=100_000))
        channel.add_seat(METER_ID, HandFedInputs())
        meter = await FakeMeter.connect(await channel.open())
        for turn in range(50):
            wake_at_ms = 10_000_000 + turn * 60_000
            meter.say(f"S {turn} {wake_at_ms} - 0")
            assert (await meter.turn())[:3] == ["I", str(turn), str(wake_at_ms)]
        await channel.close()

    on_bench(scene)


def test_no_time_passes_before_its_origin() -> None:
    async def scene() -> None:
        pace = PacedTime(speed=1000, origin_s=time.time() + 0.5)
        channel = BenchChannel(pace)
        channel.add_seat(METER_ID, HandFedInputs())
        meter = await FakeMeter.connect(await channel.open())
        meter.say("S 0 100 - 0")
        assert pace.now_ms() == 0
        assert (await meter.turn())[:3] == ["I", "0", "100"]
        assert time.time() >= pace.origin_s
        await channel.close()

    on_bench(scene)


def test_time_that_is_held_stands_still_while_the_link_goes_on() -> None:
    async def scene() -> None:
        pace = PacedTime(speed=1000)
        channel = BenchChannel(pace)
        channel.add_seat(METER_ID, HandFedInputs())
        meter = await FakeMeter.connect(await channel.open())
        end_ms = pace.now_ms() + 5000
        pace.hold_at(end_ms)
        meter.say(f"S 0 {end_ms} - 0")
        assert (await meter.turn())[:3] == ["I", "0", str(end_ms)]
        meter.say(f"S 1 {end_ms + 1} 30 0")
        assert (await meter.turn())[:3] == ["I", "1", str(end_ms)]
        assert pace.now_ms() == end_ms
        await channel.close()

    on_bench(scene)


def test_counters_begin_at_zero_each_time_a_meter_starts_and_what_was_fed_adds_up() -> None:
    async def scene() -> None:
        _, channel, seat, inputs, address = await stepped_bench()
        inputs.forward_pulses, inputs.reverse_pulses = 100, 10
        meter = await FakeMeter.connect(address)
        meter.say("S 0 60000 - 0")
        await seat.powered.wait()
        inputs.forward_pulses += 5
        meter.say("W 0 0")
        assert (await meter.turn())[3:5] == ["5", "0"]
        meter.hang_up()
        await seat.vacant.wait()
        inputs.forward_pulses += 1000  # while its power is off nothing counts them
        meter = await FakeMeter.connect(address)
        await seat.powered.wait()
        inputs.forward_pulses += 3
        inputs.reverse_pulses += 2
        meter.say("S 0 60000 - 0", "W 0 0")
        assert (await meter.turn())[3:5] == ["3", "2"]
        assert (seat.boot_count, seat.fed_pulses) == (2, (8, 2))
        await channel.close()

    on_bench(scene)


def test_registers_are_told_modulo_two_to_the_32() -> None:
    async def scene() -> None:
        _, channel, seat, inputs, address = await stepped_bench()
        meter = await FakeMeter.connect(address)
        await seat.powered.wait()
        inputs.forward_pulses = 2**32 + 9
        meter.say("S 0 60000 - 0", "W 0 0")
        assert (await meter.turn())[3] == "9"
        assert seat.fed_pulses == (2**32 + 9, 0)
        await channel.close()

    on_bench(scene)


def test_a_meter_is_told_to_power_off() -> None:
    async def scene() -> None:
        _, channel, seat, _, address = await stepped_bench()
        meter = await FakeMeter.connect(address)
        await seat.powered.wait()
        seat.power_off()
        assert await meter.hears() == "Q"
        await channel.close()

    on_bench(scene)


def test_what_a_meter_died_of_is_kept() -> None:
    async def scene() -> None:
        _, channel, seat, _, address = await stepped_bench()
        meter = await FakeMeter.connect(address)
        meter.say("E MemoryError: heap is locked")
        meter.hang_up()
        await seat.powered.wait()
        await seat.vacant.wait()
        assert seat.died_of == "MemoryError: heap is locked"
        await channel.close()

    on_bench(scene)


@pytest.mark.parametrize(
    "line",
    [
        "S 0 60000 -",
        "S zero 60000 - 0",
        "W 3 0",
        "X",
        "",
        "S 0 60000 - 0\nS 1 60000 - 0",
        "x" * 2000,
    ],
)
def test_a_meter_that_breaks_the_channels_rules_is_hung_up_on(line: str) -> None:
    async def scene() -> None:
        _, channel, seat, _, address = await stepped_bench()
        meter = await FakeMeter.connect(address)
        meter.say(line)
        assert await meter.hears() == ""
        await seat.vacant.wait()
        assert seat.died_of is not None
        assert seat.died_of.startswith("bench channel: ")
        await channel.close()

    on_bench(scene)


@pytest.mark.parametrize("hello", ["HELLO 1001 1", "HELLO 9 2", "HELLO 1001", "GET / HTTP/1.1"])
def test_a_stranger_gets_no_seat(hello: str) -> None:
    async def scene() -> None:
        _, channel, seat, _, address = await stepped_bench()
        stranger = await FakeMeter.connect(address, hello)
        assert await stranger.hears() == ""
        assert not seat.powered.is_set()
        await channel.close()

    on_bench(scene)


def test_a_seat_is_for_one_meter_at_a_time() -> None:
    async def scene() -> None:
        _, channel, seat, _, address = await stepped_bench()
        first = await FakeMeter.connect(address)
        await seat.powered.wait()
        second = await FakeMeter.connect(address)
        assert await second.hears() == ""
        first.say("S 0 60000 - 0", "W 0 0")
        assert (await first.turn())[:2] == ["I", "0"]
        await channel.close()

    on_bench(scene)


def test_a_turn_out_of_order_is_refused() -> None:
    seat = Seat(METER_ID, HandFedInputs(), SteppedTime())
    with pytest.raises(ChannelError, match="woken in turn 5"):
        seat.receive("W 5 0")
