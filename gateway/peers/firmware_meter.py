"""The meter's own session code, with a ring of plausible records, for tests of both sides."""

from crosscheck.meter_aes import MeterAes
from peers.scripted_meter import HELLO, ScriptedMeter, record
from weir.link.sealing import Sealer
from weir.link.session import DeviceSession

METER = 1001
EPOCH = 0x0BAD_CAFE
_MODULUS = 1 << 32


class Journal:
    """Plausible records as the firmware's ring gives them; ``unreadable`` ones it has lost."""

    def __init__(self, oldest: int, after: int, unreadable: frozenset[int] = frozenset()) -> None:
        self.sequence_oldest = oldest
        self.sequence_next = after
        self.unreadable = unreadable

    def read_into(self, sequence: int, values: list[int]) -> bool:
        oldest = self.sequence_oldest
        if (sequence - oldest) % _MODULUS >= (self.sequence_next - oldest) % _MODULUS:
            return False
        one = record(sequence)
        values[:3] = [one.taken_at_s, one.forward_pulses, one.reverse_pulses]
        values[3:6] = [400, 390, 410]
        values[6:] = [one.peak_flow_pulses, one.status, int(one.time_quality)]
        return sequence not in self.unreadable

    def skip_to(self, sequence: int) -> None:
        while self.sequence_next != sequence:
            self.unreadable |= {self.sequence_next}
            self.sequence_next = (self.sequence_next + 1) % _MODULUS


class FirmwareMeter:
    """A device session on a journal; who drives it tells it the time."""

    def __init__(self, journal: Journal, frame_size_max: int = 140) -> None:
        self.identity = ScriptedMeter(METER, epoch=EPOCH)
        self.journal = journal
        self._frame_size_max = frame_size_max
        self._counter = 0
        sealer = Sealer(METER, self.identity.key, EPOCH, MeterAes, self._next_counter)
        self.session = DeviceSession(sealer, journal, self._describe, frame_size_max)

    def _next_counter(self) -> int:
        self._counter += 1
        return self._counter

    def _describe(self) -> list[int]:
        changes = {
            "boot_sequence": self.journal.sequence_oldest,
            "sequence_oldest": self.journal.sequence_oldest,
            "sequence_next": self.journal.sequence_next,
            "settings_version": 0,
            "frame_size_max": self._frame_size_max,
        }
        return list({**HELLO, **changes}.values())
