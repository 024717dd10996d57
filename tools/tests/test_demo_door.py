"""What somebody does to a meter of a running demo, and what he is told of it."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from weir_tools import messages
from weir_tools.demo.bench_door import Act, answer, open_door, provoke
from weir_tools.demo.workplace import open_workplace
from weir_tools.errors import Failed, Misused
from weir_tools.simulator.inputs import RecordedInputs
from weir_tools.simulator.recording import Recording
from weir_tools.simulator.senses import Sense
from weir_tools.simulator.waveform import Waveform

HOUR_MS = 3_600_000
PULSES_AN_HOUR = 60


class StandIn:
    """A bench of two meters, each of which counts a pulse a minute, at the third hour."""

    def __init__(self) -> None:
        self.pace = SimpleNamespace(now_ms=lambda: 3 * HOUR_MS)
        self.meters = [
            SimpleNamespace(identity=SimpleNamespace(meter_id=meter_id), inputs=steady_inputs())
            for meter_id in (4303, 4308)
        ]

    @property
    def first(self) -> RecordedInputs:
        inputs: RecordedInputs = self.meters[0].inputs
        return inputs


def steady_inputs() -> RecordedInputs:
    recording = Recording(
        name="steady",
        starts_at_s=None,
        span_starts_ms=range(0, 10 * HOUR_MS, HOUR_MS),
        ends_ms=10 * HOUR_MS,
        amounts=[PULSES_AN_HOUR] * 10,
        units_per_ml=None,
        pressures_kpa=None,
        missing_starts_ms=(),
    )
    return RecordedInputs(Waveform(recording, 1000), None)


@pytest.fixture
def bench() -> Any:
    return StandIn()


@pytest.fixture
def scratch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Temporary files go to a folder of the test's own, whose path is short."""
    with tempfile.TemporaryDirectory(prefix="weir-") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def test_water_that_is_turned_runs_backwards_until_it_is_turned_again() -> None:
    inputs = steady_inputs()
    inputs.turn(2 * HOUR_MS, backwards=True)
    inputs.turn(2 * HOUR_MS + 1, backwards=True)
    inputs.turn(5 * HOUR_MS, backwards=False)
    found = [inputs.counts_at(hour * HOUR_MS) for hour in (1, 2, 3, 5, 7)]
    assert found == [(60, 0), (120, 0), (120, 60), (120, 180), (240, 180)]
    assert inputs.volumes_ml_at(7 * HOUR_MS) == (240_000.0, 180_000.0)
    inputs.shut_at(8 * HOUR_MS)
    assert inputs.counts_at(9 * HOUR_MS) == (300, 180)


def test_a_tap_shut_while_the_water_runs_backwards_stops_it() -> None:
    inputs = steady_inputs()
    inputs.turn(2 * HOUR_MS, backwards=True)
    inputs.shut_at(3 * HOUR_MS)
    assert inputs.counts_at(9 * HOUR_MS) == (120, 60)


def test_reverse_flow_begins_and_ends_at_the_meter_that_is_named(bench: Any) -> None:
    assert "backwards" in answer(bench, "reverse-flow 4303 begin\n")
    assert bench.first.counts_at(4 * HOUR_MS) == (180, 60)
    assert bench.meters[1].inputs.counts_at(4 * HOUR_MS) == (240, 0)


@pytest.mark.parametrize(
    ("act", "sense"),
    [("cover", Sense.COVER), ("magnet", Sense.MAGNET), ("cable", Sense.LOOP_OPEN)],
)
def test_what_is_done_to_a_meter_lasts_until_it_is_ended(
    bench: Any, act: str, sense: Sense
) -> None:
    senses = bench.first.senses
    assert "--end" in answer(bench, f"{act} 4303 begin\n")
    assert senses.present == sense
    answer(bench, f"{act} 4303 end\n")
    assert senses.present == Sense(0)


def test_a_trigger_lasts_a_moment_and_is_felt(bench: Any) -> None:
    answer(bench, "trigger 4303 begin\n")
    assert bench.first.senses.present == Sense(0)
    assert bench.first.senses.take() == Sense.TRIGGER


def test_everything_that_can_be_done_has_its_sentences() -> None:
    assert set(messages.PROVOKED) == set(messages.PROVOKED_ENDED) == {str(act) for act in Act}


@pytest.mark.parametrize("line", ["", "cover 4303", "dance 4303 begin", "cover 4303 now", "a b c"])
def test_a_line_that_makes_no_sense_is_refused(bench: Any, line: str) -> None:
    assert answer(bench, line) == "! " + messages.PROVOKED_NONSENSE
    assert bench.first.senses.present == Sense(0)


def test_a_demo_is_found_and_told_and_says_what_is_wrong(bench: Any, scratch: Path) -> None:
    async def scene() -> None:
        with open_workplace(None) as place:
            door = await open_door(bench, place.bench)
            said = await asyncio.to_thread(provoke, Act.COVER, 4303, is_beginning=True)
            assert said == messages.PROVOKED["cover"].format(meter_id=4303)
            with pytest.raises(Misused, match="no meter 9; it has 4303, 4308"):
                await asyncio.to_thread(provoke, Act.COVER, 9, is_beginning=True)
            door.close()

    asyncio.run(asyncio.wait_for(scene(), 60))
    assert bench.first.senses.present == Sense.COVER


def test_without_a_demo_the_user_is_told_to_start_one(scratch: Path) -> None:
    killed = scratch / "weir-demo-killed"
    killed.mkdir()
    (killed / "bench.sock").touch()
    with pytest.raises(Failed, match="start `weir demo`"):
        provoke(Act.COVER, 4303, is_beginning=True)


def test_of_two_demos_neither_is_chosen_but_either_can_be_named(bench: Any, scratch: Path) -> None:
    async def scene() -> None:
        with open_workplace(None) as one, open_workplace(None) as other:
            doors = [await open_door(bench, place.bench) for place in (one, other)]
            with pytest.raises(Failed, match=f"2 demos run.*{other.bench.parent}"):
                await asyncio.to_thread(provoke, Act.COVER, 4303, is_beginning=True)
            assert bench.first.senses.present == Sense(0)
            await asyncio.to_thread(
                provoke, Act.COVER, 4303, is_beginning=True, folder=other.bench.parent
            )
            assert bench.first.senses.present == Sense.COVER
            for door in doors:
                door.close()

    asyncio.run(asyncio.wait_for(scene(), 60))
