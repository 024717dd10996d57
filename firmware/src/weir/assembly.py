"""The firmware put together: which object knows which, and what lies where in flash."""

from micropython import const
from weir.errors import StartRefused
from weir.link.sealing import Sealer
from weir.link.session import DeviceSession
from weir.link.tables_gen import SAMPLES_MAX
from weir.meter import Meter
from weir.metrology.interval import Interval
from weir.metrology.registers import Registers
from weir.schedule.timekeeper import Timekeeper
from weir.schedule.timetable import Timetable
from weir.self_description import SelfDescription
from weir.store.cell import SECTORS, Cell
from weir.store.counter import VALUE_SIZE, FrameCounter
from weir.store.journal import FIELD_COUNT, Journal
from weir.store.ring import RingLog
from weir.store.slots import Slots
from weir.wake_cycle import WakeCycle

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from weir.hal.board import Board
    from weir.hal.key_store import KeyStore

# Sectors of the flash region. The ring has all from RING_SECTOR on.
_COUNTER_SECTOR = const(0)
RING_SECTOR = const(8)  # those between are for the settings

_FORWARD = const(1)  # places in a record
_REVERSE = const(2)


def _open_ring(board: "Board") -> "tuple[RingLog, FrameCounter]":
    """Mount or format the ring, with the frame counter of its epoch."""
    flash = board.flash
    frames = FrameCounter(Cell(Slots(flash, _COUNTER_SECTOR, SECTORS), VALUE_SIZE))

    def draw_epoch() -> int:
        """The counter goes first: a ring without one would repeat its nonces."""
        epoch = board.draw_u32()
        frames.restart(epoch)
        return epoch

    ring = RingLog(Slots(flash, RING_SECTOR, flash.sector_count - RING_SECTOR), draw_epoch)
    if frames.epoch != ring.epoch:
        raise StartRefused(
            "The flash holds records but has lost their frame counter; "
            "give the meter a new key and an empty flash."
        )
    return ring, frames


def _restored_registers(journal: Journal) -> Registers:
    record = [0] * FIELD_COUNT
    journal.read_last_into(record)
    return Registers(record[_FORWARD], record[_REVERSE])


def _open_session(
    board: "Board",
    journal: Journal,
    describe: SelfDescription,
    epoch: int,
    frames: FrameCounter,
) -> DeviceSession:
    keys = board.keys
    sealer = Sealer(keys.meter_id, keys.key, epoch, board.aes, frames.next)
    session = DeviceSession(sealer, journal, describe, board.link.frame_size_max)
    samples = -(-keys.store_interval_s // keys.sample_interval_s)
    session.dispatch.interval_s = keys.store_interval_s
    session.dispatch.samples = min(samples, SAMPLES_MAX)
    return session


def _timetable(keys: "KeyStore") -> Timetable:
    return Timetable(
        keys.meter_id, keys.sample_interval_s, keys.store_interval_s, keys.send_interval_s
    )


def assemble(board: "Board") -> WakeCycle:
    """Return the firmware on a board, ready for its first turn."""
    ring, frames = _open_ring(board)
    journal = Journal(ring)
    registers = _restored_registers(journal)
    interval = Interval(registers.forward_pulses)
    timekeeper = Timekeeper()
    describe = SelfDescription(
        board.keys,
        board.clock,
        board.power,
        timekeeper,
        journal,
        registers,
        interval,
        board.link.frame_size_max,
    )
    meter = Meter(
        registers,
        interval,
        timekeeper,
        _timetable(board.keys),
        journal,
        _open_session(board, journal, describe, ring.epoch, frames),
    )
    return WakeCycle(meter, board.clock, board.pulses, board.analog, board.link, board.power)
