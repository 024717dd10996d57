"""The firmware put together on a board of fakes."""

from expect import raises

from weir.assembly import EVENT_SECTOR, RING_SECTOR, assemble, open_flash
from weir.errors import StartRefused
from weir.link import tables_gen as t
from weir.metrology.registers import Registers
from weir.settings import table_gen as g
from weir.store.journal import FIELD_COUNT
from weir_tools.virtual.flash import CUT_MODES, FaultyFlash, PowerCut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from weir.wake_cycle import WakeCycle

MINUTE_MS = 60_000


class NoCipher:
    """Stands for AES where nobody opens what is sealed."""

    def __init__(self, *_arguments: object) -> None:
        pass

    def encrypt(self, blocks: bytes) -> bytes:
        return bytes(len(blocks))


class Provisioned:
    meter_id = 4711
    key = bytes(16)

    @property
    def settings(self) -> "dict[int, int]":
        return {g.K_SEND_INTERVAL_S: 900}


class FakeBoard:
    """Everything but flash in one object; it sleeps by moving its clock."""

    frame_size_max = 250

    def __init__(self, flash: FaultyFlash, epoch: int = 1) -> None:
        self.flash = flash
        self.keys = Provisioned()
        self.clock = self.power = self.pulses = self.analog = self.link = self
        self.senses = self
        self.sensed_bits = 0
        self.aes = NoCipher
        self.epoch = epoch
        self.time_ms = 0
        self.configured = (-1, -1)
        self.told_pulses: tuple[int, ...] = ()
        self.told_pressure: tuple[int, ...] = ()
        self.counted = 0
        self.sent: list[bytes] = []
        self.wanted = False
        self.drive_at_ms: int | None = None
        self.slept: list[tuple[int, int | None, bool]] = []

    def draw_u32(self) -> int:
        return self.epoch

    def now_ms(self) -> int:
        return self.time_ms

    def link_ms(self) -> int:
        return self.time_ms

    def count_as(self, *told: int) -> None:
        self.told_pulses = told

    def measure_with(self, *told: int) -> None:
        self.told_pressure = told

    def forward_pulses(self) -> int:
        return self.counted

    def reverse_pulses(self) -> int:
        return 0

    def sensed(self) -> int:
        return self.sensed_bits

    def illegal_transitions(self) -> int:
        return 0

    def pressure_kpa(self) -> "int | None":
        return 350

    def battery_mv(self) -> int:
        return 3600

    def reset_cause(self) -> int:
        return 1

    def configure(self, port: int, baud: int) -> None:
        self.configured = (port, baud)

    def is_open(self) -> bool:
        return True

    def drive(self, link_ms: int, *, wanted: bool) -> "int | None":
        assert link_ms == self.time_ms
        self.wanted = wanted
        return self.drive_at_ms

    def receive(self) -> bytes:
        return b""

    def transmit(self, stream: bytes) -> None:
        self.sent.append(stream)

    def sleep(
        self, wake_at_ms: int, link_wake_at_ms: "int | None", *, pressure_wanted: bool
    ) -> None:
        self.slept.append((wake_at_ms, link_wake_at_ms, pressure_wanted))
        times = [wake_at_ms] if link_wake_at_ms is None else [wake_at_ms, link_wake_at_ms]
        self.time_ms = max(self.time_ms, min(times))


def new_flash() -> FaultyFlash:
    return FaultyFlash(512, RING_SECTOR + 4)


def run_until(cycle: "WakeCycle", board: FakeBoard, time_ms: int) -> None:
    while board.time_ms < time_ms:
        cycle.turn()


def test_it_samples_stores_and_calls() -> None:
    board = FakeBoard(new_flash())
    cycle = assemble(board)
    board.counted = 8
    run_until(cycle, board, 15 * MINUTE_MS)
    cycle.turn()
    assert board.sent
    assert [wanted for wake_at_ms, _, wanted in board.slept if wake_at_ms == MINUTE_MS][-1]


def test_the_hardware_is_told_its_settings_at_the_start() -> None:
    board = FakeBoard(new_flash())
    assemble(board).turn()
    assert board.told_pulses == (0, 5, 5)
    assert board.told_pressure == (1, 1600, 300)
    assert board.configured == (0, 0)


def test_registers_and_records_survive_a_restart() -> None:
    flash = new_flash()
    board = FakeBoard(flash)
    cycle = assemble(board)
    board.counted = 1000
    run_until(cycle, board, 16 * MINUTE_MS)
    board.counted = 1234
    run_until(cycle, board, 31 * MINUTE_MS)
    again = FakeBoard(flash, epoch=2)
    cycle = assemble(again)
    again.counted = 6
    run_until(cycle, again, 16 * MINUTE_MS)
    assert hello_registers(again.sent[0]) == 1240


def test_readings_go_on_when_the_ring_of_events_is_worn_out_at_a_start_or_later() -> None:
    for worn_at_start in (True, False):
        flash = new_flash()
        board = FakeBoard(flash)
        if not worn_at_start:
            assemble(board).turn()
        flash.unprogrammable.update(range(EVENT_SECTOR, RING_SECTOR))
        board = FakeBoard(flash)
        cycle = assemble(board)
        board.counted = 1000
        run_until(cycle, board, 16 * MINUTE_MS)
        again = FakeBoard(flash)
        run_until(assemble(again), again, 16 * MINUTE_MS)
        assert hello_registers(again.sent[0]) == 1000


def hello_registers(stream: bytes) -> int:
    """Return the forward register in a HELLO that NoCipher sealed: its key stream is 0."""
    import struct

    from weir.link.codec import unpack_body
    from weir.link.framing import Deframer
    from weir.link.tables_gen import LAYOUTS, TYPE_HELLO

    [frame, *_] = Deframer(512).feed(stream)
    size = struct.calcsize(LAYOUTS[TYPE_HELLO][0])
    unpacked = unpack_body(TYPE_HELLO, frame[-8 - size : -8])
    assert unpacked is not None
    return unpacked[0][LAYOUTS[TYPE_HELLO][1].split().index("forward_pulses")]


def test_the_earlier_of_the_times_of_session_and_link_wakes_it() -> None:
    board = FakeBoard(new_flash())
    cycle = assemble(board)
    while not board.sent:
        cycle.turn()
    session_at_ms = board.slept[-1][1]
    assert session_at_ms is not None
    for drive_at_ms in (session_at_ms - 1, session_at_ms + 1):
        board.time_ms = session_at_ms - 1000
        board.drive_at_ms = drive_at_ms
        cycle.turn()
        assert board.slept[-1][1] == min(drive_at_ms, session_at_ms)
    assert board.wanted


def test_a_first_start_that_is_cut_anywhere_is_followed_by_one_that_works() -> None:
    cuts = 0
    for mode in CUT_MODES:
        operation = 0
        while True:
            flash = new_flash()
            flash.cut_at = operation
            flash.cut_mode = mode
            try:
                assemble(FakeBoard(flash, epoch=1))
                break
            except PowerCut:
                board = FakeBoard(flash, epoch=2)
                run_until(assemble(board), board, 15 * MINUTE_MS)
                assert board.sent
            operation += 1
            cuts += 1
    # An erase and a program: for each copy of the checkpoint, then for each ring.
    assert cuts == 8 * len(CUT_MODES)


def test_a_ring_whose_frame_counter_is_lost_is_refused() -> None:
    flash = new_flash()
    assemble(FakeBoard(flash))
    for sector in range(RING_SECTOR):
        flash.erase_sector(sector)
    assert "new key" in raises(StartRefused, assemble, FakeBoard(flash))


def test_an_empty_ring_goes_on_in_its_epoch_after_all_that_it_may_have_used() -> None:
    for first, end in ((RING_SECTOR, RING_SECTOR + 4), (EVENT_SECTOR, RING_SECTOR)):
        flash = new_flash()
        board = FakeBoard(flash, epoch=1)
        board.counted = 77
        run_until(assemble(board), board, 40 * 15 * MINUTE_MS)
        _, readings, events = open_flash(flash, no_epoch, Registers())
        assert events is not None
        made = readings.sequence_next, events.sequence_next
        for sector in range(first, end):
            flash.erase_sector(sector)
        registers = Registers()
        checkpoint, readings, events = open_flash(flash, no_epoch, registers)
        assert events is not None
        assert checkpoint.epoch == 1
        assert 0 <= readings.sequence_next - made[0] <= 15
        assert 0 <= events.sequence_next - made[1] <= 15
        assert registers.forward_pulses == 77


def no_epoch() -> int:
    raise AssertionError("an epoch was drawn")


class FlowingBoard(FakeBoard):
    """A pulse each second since the power came."""

    def forward_pulses(self) -> int:
        return self.time_ms // 1000


def readings_of(flash: FaultyFlash) -> "list[list[int]]":
    _, readings, _ = open_flash(flash, no_epoch, Registers())
    found = []
    for sequence in range(readings.sequence_oldest, readings.sequence_next):
        record = [0] * FIELD_COUNT
        if readings.read_into(sequence, record):
            found.append(record)
    return found


def test_a_power_loss_costs_no_pulse_before_the_last_record_and_is_flagged() -> None:
    for mode in CUT_MODES:
        operation = 8  # the flash is formatted
        while True:
            flash = new_flash()
            flash.cut_at, flash.cut_mode = operation, mode
            board = FlowingBoard(flash)
            try:
                run_until(assemble(board), board, 50 * MINUTE_MS)
                break
            except PowerCut:
                check_gap(flash, board.forward_pulses())
            operation += 1
        assert operation >= 8 + 4 + 2  # start, records and frame counters in two copies


def check_gap(flash: FaultyFlash, counted: int) -> None:
    before = readings_of(flash)
    stored = before[-1][1] if before else 0
    board = FlowingBoard(flash)
    run_until(assemble(board), board, 16 * MINUTE_MS)
    restarted = readings_of(flash)[len(before)]
    found = restarted[1] - 900  # what it has counted itself
    assert stored <= found <= counted
    assert restarted[7] & t.STATUS_RESTARTED
    assert bool(restarted[7] & t.STATUS_REGISTER_GAP) == (flash_events(flash) > 1)


def flash_events(flash: FaultyFlash) -> int:
    _, _, events = open_flash(flash, no_epoch, Registers())
    assert events is not None
    return events.sequence_next
