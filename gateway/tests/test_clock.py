"""The calendar, real and scaled, and how times are written."""

import time

from weir_gateway.clock import Clock, utc_text, utc_text_ms


def test_without_arguments_it_is_the_machines_clock() -> None:
    before = time.time()
    now_s = Clock().now_s()
    assert before <= now_s <= time.time()


def test_a_scaled_clock_runs_from_its_start_at_its_speed() -> None:
    machine = [5000.0]
    clock = Clock(start_s=1_614_556_800, origin_s=5000, speed=900, machine_s=lambda: machine[0])
    assert clock.now_ms() == 1_614_556_800_000
    machine[0] = 5001.5
    assert clock.now_ms() == 1_614_556_800_000 + 1350 * 1000
    assert clock.real_seconds(900) == 1


def test_two_processes_with_the_same_numbers_agree() -> None:
    one = Clock(10, 20, 3, machine_s=lambda: 1000.0)
    other = Clock(10, 20, 3, machine_s=lambda: 1000.0)
    assert one.now_ms() == other.now_ms()


def test_times_are_written_as_iso_8601_in_utc() -> None:
    assert utc_text(0) == "1970-01-01T00:00:00Z"
    assert utc_text(2**32 - 1) == "2106-02-07T06:28:15Z"
    assert utc_text_ms(1_614_556_800_007) == "2021-03-01T00:00:00.007Z"
