"""A register that disagrees with its own intervals raises an alarm; a restart does not."""

from typing import Any

import pytest

from peers.scripted_meter import HELLO, STATUS, record
from peers.watch_post import WatchPost
from weir_gateway.watch.register import RegisterWatch
from weir_protocol.records import IntervalRecord, Status, TimeQuality

METER, EPOCH = 1001, 7
SAMPLES = 16  # in 900 s at 60 s, the one at the beginning included
TOLERANCE = 2


class Registers(WatchPost):
    def __init__(self) -> None:
        super().__init__()
        self.taken_under_s: int | None = 60
        self.watch = RegisterWatch(
            self.desk, lambda *_: self.taken_under_s, TOLERANCE, clear_records=3
        )
        self.watch.begin(METER, EPOCH, 60)

    def hear(self, *records: IntervalRecord, epoch: int = EPOCH) -> None:
        self.watch.hear_records(METER, epoch, records)

    def hear_status(self, taken_at_s: int, **changes: int) -> None:
        self.watch.hear_status(METER, EPOCH, {**STATUS, "taken_at_s": taken_at_s, **changes})

    def hello(self, epoch: int = EPOCH, **changes: int) -> None:
        self.watch.hear_hello(METER, epoch, {**HELLO, **changes})


@pytest.fixture
def registers() -> Registers:
    post = Registers()
    post.hear(record(10), record(11))
    return post


def at(sequence: int, forward: int, peak: int = 3, **changes: Any) -> IntervalRecord:
    return record(sequence, forward_pulses=forward, peak_flow_pulses=peak, **changes)


def test_a_register_that_agrees_with_its_samples_raises_nothing(registers: Registers) -> None:
    registers.hear(*(record(one) for one in range(12, 40)))
    most = 7 * 39 + 3 * SAMPLES + TOLERANCE
    registers.hear(at(40, most))
    assert registers.found() == []


def test_a_rise_that_no_sample_has_seen_is_raised_until_enough_intervals_agree(
    registers: Registers,
) -> None:
    most = 3 * SAMPLES + TOLERANCE
    registers.hear(at(12, 77 + most + 1))
    assert registers.found() == [(METER, "register", "RAISE", most + 1, most)]
    registers.hear(at(13, 77 + most + 8), at(14, 77 + most + 15))
    assert registers.found() == []
    registers.hear(at(15, 77 + most + 22))
    assert registers.found() == [(METER, "register", "CLEAR", 7, most)]


def test_an_interval_that_disagrees_again_begins_the_count_anew(registers: Registers) -> None:
    registers.hear(at(12, 1000), at(13, 1007), at(14, 1014), at(15, 3000), at(16, 3007))
    assert [one[2] for one in registers.found()] == ["RAISE"]
    registers.hear(at(17, 3014), at(18, 3021))
    assert [one[2] for one in registers.found()] == ["CLEAR"]


@pytest.mark.parametrize("name", ["forward_pulses", "reverse_pulses"])
def test_a_register_that_falls_is_raised(registers: Registers, name: str) -> None:
    fallen = getattr(record(11), name) - 5
    registers.hear(record(12, **{name: fallen}))
    assert registers.found() == [(METER, "register", "RAISE", -5, 0)]


def test_a_register_that_counts_past_its_32_bits_did_not_fall() -> None:
    post = Registers()
    post.hear(at(2**32 - 1, 2**32 - 3), at(0, 4), at(1, 11))
    assert post.found() == []


@pytest.mark.parametrize("status", [Status.RESTARTED, Status.REGISTER_GAP])
def test_what_a_meter_itself_tells_of_is_no_disagreement(
    registers: Registers, status: Status
) -> None:
    registers.hear(at(12, 5000, status=int(status)), at(13, 5007))
    registers.hear(at(14, 100, status=int(status)), at(15, 107))
    assert registers.found() == []


def test_only_records_that_follow_each_other_are_compared(registers: Registers) -> None:
    registers.hear(at(20, 5000))
    registers.hear(at(15, 9000), at(16, 9007))
    registers.hear(at(21, 5007), epoch=EPOCH + 1)
    registers.hear(at(21, 5007))
    assert registers.found() == []


def test_a_peak_that_may_be_larger_and_a_clock_that_was_set_prove_nothing(
    registers: Registers,
) -> None:
    registers.hear(at(12, 5_000_000, peak=65535))
    registers.hear(at(13, 5_001_000, status=int(Status.CLOCK_STEPPED)))
    assert registers.found() == []


def test_the_sample_interval_counts_under_which_a_record_was_taken(registers: Registers) -> None:
    registers.hello(boot_sequence=0, sample_interval_s=900, forward_pulses=77, reverse_pulses=11)
    registers.hear(at(12, 77 + 3 * SAMPLES))
    assert registers.found() == []
    registers.taken_under_s = None
    registers.hear(at(13, 77 + 6 * SAMPLES))
    assert [one[2] for one in registers.found()] == ["RAISE"]


def test_registers_read_live_are_compared_with_the_newest_record(registers: Registers) -> None:
    live = {"forward_pulses": 77, "reverse_pulses": 11}
    registers.hear_status(record(11).taken_at_s + 1, **live)
    registers.hello(boot_sequence=0, **live)
    assert registers.found() == []
    registers.hear_status(record(11).taken_at_s + 1, **{**live, "forward_pulses": 70})
    assert registers.found() == [(METER, "register", "RAISE", -7, 0)]


@pytest.mark.parametrize(
    ("after_s", "changes"), [(-300, {}), (0, {}), (5, {"time_quality": int(TimeQuality.UNSET)})]
)
def test_a_status_that_may_be_older_than_the_newest_record_proves_nothing(
    registers: Registers, after_s: int, changes: dict[str, int]
) -> None:
    at_s = record(11).taken_at_s + after_s
    registers.hear_status(at_s, forward_pulses=72, reverse_pulses=10, **changes)
    assert registers.found() == []


def test_a_status_proves_nothing_beside_a_record_in_which_the_clock_was_set() -> None:
    post = Registers()
    post.hear(record(10, status=int(Status.CLOCK_STEPPED)))
    post.hear_status(record(10).taken_at_s + 5, forward_pulses=1)
    assert post.found() == []


def test_what_comes_late_is_not_taken_for_the_newest_record(registers: Registers) -> None:
    registers.hear(record(5))
    registers.hear(at(12, 70))
    assert registers.found() == [(METER, "register", "RAISE", -7, 0)]


def test_a_restart_or_a_replacement_is_no_disagreement(registers: Registers) -> None:
    registers.hello(boot_sequence=12, forward_pulses=0)
    registers.hear(at(12, 0), at(13, 7))
    assert registers.found() == []
    registers.hear(at(14, 1))
    assert [one[2] for one in registers.found()] == ["RAISE"]
    registers.hello(epoch=EPOCH + 1, boot_sequence=0, forward_pulses=0)
    assert registers.found() == [(METER, "register", "CLEAR", 0, 0)]
    registers.hear(at(0, 0), at(1, 1), epoch=EPOCH + 1)
    assert registers.found() == []
