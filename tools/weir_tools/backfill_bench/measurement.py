"""An outage, then the session that heals it, measured on the line.

Import it after `weir_tools.firmware_on_host.make_importable`.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from weir_tools.backfill_bench.stand import Stand, open_stand
from weir_tools.simulator.identity import Identity, new_key
from weir_tools.simulator.inputs import Inputs
from weir_tools.simulator.ring_reader import read_ring
from weir_tools.simulator.wire import BITS_A_BYTE

METER_ID = 4303
DAY_MS = 86_400_000
STORE_INTERVAL_S = 900
SESSIONS_MAX = 5


@dataclass(frozen=True, slots=True)
class Healing:
    """records: that the meter had to give when the line was mended. missing: not stored after it.

    seconds: from the meter's first byte to the end of the last acknowledgement.
    """

    baud: int
    records: int
    missing: int
    sessions: int
    bytes_up: int
    bytes_down: int
    seconds: float

    @property
    def bytes_seconds(self) -> float:
        """What the bytes of the busier direction alone take."""
        return max(self.bytes_up, self.bytes_down) * BITS_A_BYTE / self.baud

    @property
    def ratio(self) -> float:
        return self.seconds / self.bytes_seconds


def measure(
    folder: Path, inputs: Inputs, *, pulse_weight_ml: int, days: int, baud: int
) -> Healing:
    """Let a meter record for some days without a gateway, and time how it catches up."""
    identity = Identity(
        METER_ID,
        new_key(),
        pulse_weight_ml,
        sample_interval_s=STORE_INTERVAL_S,
        store_interval_s=STORE_INTERVAL_S,
        send_interval_s=DAY_MS // 1000,  # a call in vain costs the bench time and proves nothing
    )
    return asyncio.run(_measure(folder, identity, inputs, days, baud))


async def _measure(
    folder: Path, identity: Identity, inputs: Inputs, days: int, baud: int
) -> Healing:
    async with open_stand(folder, identity, inputs, baud) as stand:
        await stand.time.advance_to(DAY_MS)  # it has been heard and knows the time
        stand.cut()
        for day in range(days):
            await stand.time.advance_to((day + 2) * DAY_MS)
        stored_before = stand.stored_count()
        stand.mend()
        sessions = await _heal(stand)
        made = read_ring(stand.flash).records_made
        line = stand.line
        assert line.up.began_s is not None
        return Healing(
            baud=baud,
            records=made - stored_before,
            missing=made - stand.stored_count(),
            sessions=sessions,
            bytes_up=line.up.byte_count,
            bytes_down=line.down.byte_count,
            seconds=line.down.ended_s - line.up.began_s,
        )


async def _heal(stand: Stand) -> int:
    """Let the meter call until the gateway has all it has made; return how often it called."""
    sessions = 0
    while sessions < SESSIONS_MAX:
        heard = stand.line.up.byte_count
        await stand.time.advance_to_wake(stand.time.now_ms() + DAY_MS)
        if stand.line.up.byte_count > heard:
            sessions += 1
            if stand.stored_count() == read_ring(stand.flash).records_made:
                break
    return sessions
