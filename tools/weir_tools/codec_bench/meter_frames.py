"""Send records with the session of the meter to that of the gateway, and count every byte."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from weir.link.sealing import Sealer
from weir.link.session import DeviceSession
from weir.link.tables_gen import NO_PRESSURE_KPA, USUAL_COLUMNS
from weir.ports.aes_on_host import HostAes
from weir_protocol.framing import Deframer
from weir_protocol.records import IntervalRecord, TimeQuality
from weir_protocol.session import HostSession, Uplink
from weir_tools import messages
from weir_tools.errors import Different

METER_ID = 2_403_177_001
EPOCH = 0x5EED1E55
KEY = bytes(range(16))  # of no meter
FIRST_COUNTER = 350_000  # frames sent before: ten years of a session an hour, and some
FIRST_SEQUENCE = 175_000  # records made before: five years


@dataclass(frozen=True, slots=True)
class Traffic:
    """What it took to deliver some records: bytes on the wire, delimiters included."""

    uplink_sizes: tuple[int, ...]
    downlink_bytes: int
    records: tuple[IntervalRecord, ...]

    @property
    def uplink_bytes(self) -> int:
        return sum(self.uplink_sizes)


class Tape:
    """A journal that holds the records given, the first of them acknowledged long ago."""

    def __init__(self, records: Sequence[Sequence[int]]) -> None:
        self._records = records
        self.sequence_oldest = FIRST_SEQUENCE
        self.sequence_next = FIRST_SEQUENCE + len(records)

    def read_into(self, sequence: int, record: list[int]) -> bool:
        if not self.sequence_oldest <= sequence < self.sequence_next:
            return False
        record[:] = self._records[sequence - FIRST_SEQUENCE]
        return True

    def skip_to(self, sequence: int) -> None:
        raise Different(f"the gateway claims to hold {sequence - self.sequence_next} more")


def deliver(
    records: Sequence[Sequence[int]],
    *,
    frame_size_max: int,
    columns: int = USUAL_COLUMNS,
    leans: bool = True,
) -> Traffic:
    """Deliver all but the first record, which the gateway holds already.

    leans: the first frame may continue the record before; else every frame stands alone, as
    after a frame that was lost. Raise Different when what arrives is not what was sent.
    """
    first = FIRST_SEQUENCE + (1 if leans else 0)
    meter = _meter(Tape(records if leans else records[1:]), frame_size_max)
    meter.dispatch.columns = columns
    meter.backlog.cursor = first
    meter.begin()
    held = {FIRST_SEQUENCE: _as_received(FIRST_SEQUENCE, records[0])}
    gateway = HostSession(
        METER_ID,
        KEY,
        epoch=EPOCH,
        counters={EPOCH: FIRST_COUNTER},
        reference=lambda _, sequence: held.get(sequence),
    )
    traffic = _converse(meter, gateway, held)
    if columns == USUAL_COLUMNS:
        _compare(traffic.records, (_as_received(first + i, r) for i, r in enumerate(records[1:])))
    return traffic


def _meter(tape: Tape, frame_size_max: int) -> DeviceSession:
    counters = iter(range(FIRST_COUNTER + 1, 2**32))
    sealer = Sealer(METER_ID, KEY, EPOCH, HostAes, lambda: next(counters))
    meter = DeviceSession(sealer, tape, lambda: (), frame_size_max)
    meter.said_hello = True
    return meter


def _converse(
    meter: DeviceSession, gateway: HostSession, held: dict[int, IntervalRecord]
) -> Traffic:
    """Carry frames both ways until the meter has nothing more to say.

    The meter fills its window before an answer reaches it, as on a link that takes its time.
    """
    deframer = Deframer()
    sizes: list[int] = []
    records: list[IntervalRecord] = []
    downlink_bytes = 0
    while window := list(iter(lambda: meter.transmit(0, 0), b"")):
        sizes.extend(map(len, window))
        for frame in deframer.feed(b"".join(window)):
            uplink = gateway.receive(frame)
            records.extend(uplink.records)
            held.update({record.sequence: record for record in uplink.records})
            downlink_bytes += len(_answer(meter, gateway, uplink))
    return Traffic(tuple(sizes), downlink_bytes, tuple(records))


def _answer(meter: DeviceSession, gateway: HostSession, uplink: Uplink) -> bytes:
    last = uplink.records[-1]
    answer = gateway.acknowledge(
        uplink,
        now_ms=last.taken_at_s * 1000,
        resume_at=last.sequence + 1,
        downlink_counter=uplink.counter,
    )
    meter.receive(answer, 0, 0)
    return answer


def _as_received(sequence: int, record: Sequence[int]) -> IntervalRecord:
    taken_at_s, forward, reverse, *pressures, peak, status, quality = record
    mean, low, high = (None if kpa == NO_PRESSURE_KPA else kpa for kpa in pressures)
    return IntervalRecord(
        sequence, taken_at_s, forward, reverse, mean, low, high, peak, status, TimeQuality(quality)
    )


def _compare(received: Sequence[IntervalRecord], sent: Iterable[IntervalRecord]) -> None:
    if list(received) != list(sent):
        raise Different(messages.RECORDS_DIFFER)
