"""A month's backlog goes over a slow line within one session, and the bench says what it took."""

import asyncio
from pathlib import Path

import pytest

from weir_tools.backfill_bench import report
from weir_tools.backfill_bench.measurement import Healing, measure
from weir_tools.simulator.inputs import HandFedInputs
from weir_tools.simulator.wire import Wire


class SteadyFlow(HandFedInputs):
    """A pulse every 7 s."""

    def counts_at(self, now_ms: int, /) -> tuple[int, int]:
        return now_ms // 7000, 0


@pytest.mark.usefixtures("real_micropython")
def test_an_outage_of_thirty_days_is_healed_within_one_session(tmp_path: Path) -> None:
    healing = measure(tmp_path, SteadyFlow(), pulse_weight_ml=1000, days=30, baud=115_200)
    assert healing.missing == 0
    assert healing.sessions == 1
    assert healing.records >= 30 * 96
    assert healing.seconds >= healing.bytes_seconds


def test_the_report_adds_up() -> None:
    healing = Healing(9600, 2880, 0, 1, bytes_up=960, bytes_down=96, seconds=1.5)
    summary = report.as_json(healing, days=30)
    assert (summary["bytes_seconds"], summary["ratio"]) == (1.0, 1.5)
    assert "1.50 s in 1 session at 9600 baud" in report.in_words(healing, days=30)


def test_bytes_come_out_of_a_wire_in_order_and_no_sooner_than_its_speed_allows() -> None:
    async def play() -> None:
        loop = asyncio.get_running_loop()
        arrived = bytearray()
        wire = Wire(9600, arrived.extend)
        wire.send(bytes(range(50)))
        wire.send(bytes(range(50, 100)))
        assert not arrived
        while len(arrived) < 100:
            await asyncio.sleep(0.005)
            assert len(arrived) <= (loop.time() - (wire.began_s or 0)) * 960 + 1
        assert bytes(arrived) == bytes(range(100))
        assert wire.byte_count == 100

    asyncio.run(asyncio.wait_for(play(), 30))


def test_what_is_on_a_wire_that_is_cleared_never_comes_out() -> None:
    async def play() -> None:
        arrived: asyncio.Queue[bytes] = asyncio.Queue()
        wire = Wire(115_200, arrived.put_nowait)
        wire.send(b"lost")
        wire.clear()
        wire.send(b"kept")
        assert await arrived.get() == b"kept"

    asyncio.run(asyncio.wait_for(play(), 30))
