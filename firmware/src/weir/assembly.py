"""The firmware put together: which object knows which, and what lies where in flash."""

from micropython import const
from weir.alarm_watch import AlarmWatch
from weir.errors import StartRefused
from weir.event_outbox import EventOutbox
from weir.link.errands import body_size_max
from weir.link.sealing import Sealer
from weir.link.session import DeviceSession
from weir.mailbox import Mailbox
from weir.meter import Meter
from weir.metrology.interval import Interval
from weir.metrology.registers import Registers
from weir.notes import Notes
from weir.recorder import Recorder
from weir.schedule.timekeeper import Timekeeper
from weir.schedule.timetable import Timetable
from weir.self_description import SelfDescription
from weir.settings.in_force import Settings
from weir.store.cell import SECTORS, Cell
from weir.store.checkpoint import EVENTS, READINGS, VALUE_SIZE, Checkpoint
from weir.store.journal import EVENT, FIELD_COUNT, Journal
from weir.store.ring import RingLog
from weir.store.slots import FlashWornOut, Slots
from weir.store.vault import Vault
from weir.wake_cycle import WakeCycle

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from collections.abc import Callable

    from weir.hal.board import Board
    from weir.hal.flash_region import FlashRegion

# Sectors of the flash region.
_CHECKPOINT_SECTOR = const(0)
SETTINGS_SECTOR = const(3)
EVENT_SECTOR = const(6)
RING_SECTOR = const(10)  # the ring of readings has all from here on

_FORWARD = const(1)  # places in a record
_REVERSE = const(2)


def open_checkpoint(
    flash: "FlashRegion", draw_u32: "Callable[[], int]", registers: Registers
) -> Checkpoint:
    cell = Cell(Slots(flash, _CHECKPOINT_SECTOR, SECTORS), VALUE_SIZE)
    return Checkpoint(cell, draw_u32, registers)


def _open_ring(
    flash: "FlashRegion", sector: int, sector_count: int, checkpoint: Checkpoint, place: int
) -> RingLog:
    ring = RingLog(Slots(flash, sector, sector_count), checkpoint, place)
    if ring.epoch != checkpoint.epoch:
        raise StartRefused(
            "The flash holds records but has lost their frame counter; "
            "give the meter a new key and an empty flash."
        )
    return ring


def _open_events(flash: "FlashRegion", checkpoint: Checkpoint) -> "Journal | None":
    sectors = RING_SECTOR - EVENT_SECTOR
    try:
        return Journal(_open_ring(flash, EVENT_SECTOR, sectors, checkpoint, EVENTS), EVENT)
    except FlashWornOut:
        return None


def open_flash(
    flash: "FlashRegion", draw_u32: "Callable[[], int]", registers: Registers
) -> "tuple[Checkpoint, Journal, Journal | None]":
    """Return checkpoint, readings and events; bring the registers up to what flash knows of.

    A flash that is empty gets an epoch. A ring that must be formatted later goes on in that one.
    There are no events when their ring is worn out. Raises StartRefused.
    """
    checkpoint = open_checkpoint(flash, draw_u32, registers)
    sectors = flash.sector_count - RING_SECTOR
    readings = Journal(_open_ring(flash, RING_SECTOR, sectors, checkpoint, READINGS))
    events = _open_events(flash, checkpoint)
    record = [0] * FIELD_COUNT
    if readings.read_last_into(record):
        registers.catch_up(record[_FORWARD], record[_REVERSE])
    return checkpoint, readings, events


def _open_session(
    board: "Board",
    checkpoint: Checkpoint,
    journal: Journal,
    describe: SelfDescription,
    errands: Mailbox,
) -> DeviceSession:
    keys = board.keys
    epoch = checkpoint.epoch
    assert epoch is not None
    sealer = Sealer(keys.meter_id, keys.key, epoch, board.aes, checkpoint.next_frame)
    return DeviceSession(sealer, journal, describe, board.link.frame_size_max, errands)


def assemble(board: "Board") -> WakeCycle:
    """Return the firmware on a board, ready for its first turn."""
    registers = Registers()
    checkpoint, journal, events = open_flash(board.flash, board.draw_u32, registers)
    settings = Settings(board.keys.settings, Vault(board.flash, SETTINGS_SECTOR))
    interval = Interval(registers.forward_pulses)
    timekeeper = Timekeeper()
    timetable = Timetable(board.keys.meter_id)
    size_max = body_size_max(board.link.frame_size_max)
    outbox = None if events is None else EventOutbox(events, size_max)
    notes = Notes(events, timekeeper)
    watch = AlarmWatch(settings.value, registers, interval, notes, outbox)
    describe = SelfDescription(board, settings, timekeeper, journal, registers, interval, watch)
    errands = Mailbox(settings, outbox, size_max)
    session = _open_session(board, checkpoint, journal, describe, errands)
    meter = Meter(
        settings,
        timekeeper,
        timetable,
        Recorder(registers, interval, timekeeper, timetable, journal),
        watch,
        errands,
        session,
        describe,
    )
    return WakeCycle(
        meter,
        board.clock,
        board.pulses,
        board.senses,
        board.analog,
        board.link,
        board.power,
    )
