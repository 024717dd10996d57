"""The firmware put together: which object knows which, and what lies where in flash."""

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
from weir.store import counter, cursor
from weir.store.cell import SECTORS, Cell
from weir.store.interval_record import FIELD_COUNT
from weir.store.journal import Journal
from weir.store.ring import RingLog
from weir.store.span import Span
from weir.wake_cycle import WakeCycle

TYPE_CHECKING = False  # mypy takes this name for True; the meter never runs the import
if TYPE_CHECKING:
    from weir.hal.board import Board
    from weir.hal.flash_region import FlashRegion
    from weir.settings import Settings

# Sectors of the flash region. The ring has all from RING_SECTOR on.
COUNTER_SECTOR = 0
CURSOR_SECTOR = 2
RING_SECTOR = 8  # those between are for the settings

FORWARD = 1  # places in a record
REVERSE = 2


def _open_ring(board: "Board") -> "tuple[RingLog, counter.FrameCounter]":
    """Mount or format the ring, with the frame counter of its epoch."""
    flash = board.flash
    frames = counter.FrameCounter(_cell(flash, COUNTER_SECTOR, counter.VALUE_SIZE))

    def draw_epoch() -> int:
        """The counter goes first: a ring without one would repeat its nonces."""
        epoch = board.draw_u32()
        frames.restart(epoch)
        return epoch

    ring = RingLog(Span(flash, RING_SECTOR, flash.sector_count - RING_SECTOR), draw_epoch)
    if frames.epoch != ring.epoch:
        raise StartRefused(
            "The flash holds records but has lost their frame counter; "
            "give the meter a new key and an empty flash."
        )
    return ring, frames


def _cell(flash: "FlashRegion", sector: int, value_size: int) -> Cell:
    return Cell(Span(flash, sector, SECTORS), value_size)


def _restored_registers(journal: Journal) -> Registers:
    record = [0] * FIELD_COUNT
    journal.read_last_into(record)
    return Registers(record[FORWARD], record[REVERSE])


def _open_session(
    board: "Board",
    journal: Journal,
    describe: SelfDescription,
    epoch: int,
    frames: counter.FrameCounter,
) -> DeviceSession:
    settings, keys = board.settings, board.keys
    sealer = Sealer(keys.meter_id, keys.key, epoch, board.aes, frames.next)
    session = DeviceSession(sealer, journal, describe, settings.frame_size_max)
    session.settings_version = settings.version
    session.interval_s = settings.store_interval_s
    session.samples = min(-(-settings.store_interval_s // settings.sample_interval_s), SAMPLES_MAX)
    return session


def _timetable(meter_id: int, settings: "Settings") -> Timetable:
    return Timetable(
        meter_id,
        settings.sample_interval_s,
        settings.store_interval_s,
        settings.send_interval_s,
    )


def assemble(board: "Board") -> WakeCycle:
    """Return the firmware on a board, ready for its first turn."""
    ring, frames = _open_ring(board)
    journal = Journal(ring)
    registers = _restored_registers(journal)
    interval = Interval(registers.forward_pulses)
    timekeeper = Timekeeper()
    describe = SelfDescription(
        board.settings, board.clock, board.power, timekeeper, journal, registers, interval
    )
    meter = Meter(
        registers,
        interval,
        timekeeper,
        _timetable(board.keys.meter_id, board.settings),
        journal,
        cursor.AcknowledgedCursor(
            _cell(board.flash, CURSOR_SECTOR, cursor.VALUE_SIZE), ring.epoch, ring.sequence_oldest
        ),
        _open_session(board, journal, describe, ring.epoch, frames),
    )
    return WakeCycle(meter, board.clock, board.pulses, board.analog, board.link, board.power)
