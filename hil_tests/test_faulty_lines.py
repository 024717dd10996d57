"""Real meters over TCP lines that do everything a bad network does. Each reading arrives once."""

from pathlib import Path

import pytest

from weir_bench.faulty_proxy import FAULTS, Script
from weir_bench.field import Field, open_field
from weir_bench.waiting import wait_until

PATIENCE_S = 150.0
SLOW_BAUD = 2400
ALONE = [Script((fault,), seed=place) for place, fault in enumerate(FAULTS)]
SLOW = Script((), seed=10, baud=SLOW_BAUD)
ALL_TOGETHER = Script(FAULTS, seed=11, baud=9600)


def has_suffered(field: Field, times: int) -> bool:
    """Whether each line has had its faults so often in all, and each of them once."""
    return all(
        proxy.happened.total() >= times and set(proxy.happened) == set(proxy.script.faults)
        for proxy in field.proxies
        if proxy.script.faults
    )


def check_both_ends_gave_up_dead_lines(field: Field) -> None:
    silent = [call for proxy in field.proxies for call in proxy.calls if call.is_silent]
    assert silent
    wait_until(
        lambda: all(call.is_forgotten for call in silent),
        "meters and gateway to give up connections that fell silent",
    )


def test_each_fault_of_a_line_and_all_together_cost_time_and_no_reading(tmp_path: Path) -> None:
    with open_field(tmp_path, [*ALONE, SLOW, ALL_TOGETHER]) as field:
        wait_until(lambda: has_suffered(field, times=2), "every fault", patience_s=PATIENCE_S)
        field.calm()
        field.drain()
        check_both_ends_gave_up_dead_lines(field)
        field.check_that_all_arrived()


@pytest.mark.soak
@pytest.mark.timeout(1800)  # for a machine that has other things to do
@pytest.mark.parametrize("seed", range(5))
def test_bad_lines_for_a_long_time_cost_no_reading(tmp_path: Path, seed: int) -> None:
    scripts = [Script(FAULTS, seed=100 * seed + place, gap_size=100) for place in range(8)]
    with open_field(tmp_path, scripts) as field:
        wait_until(lambda: has_suffered(field, times=30), "every fault", patience_s=1000)
        field.calm()
        field.drain()
        check_both_ends_gave_up_dead_lines(field)
        field.check_that_all_arrived()
