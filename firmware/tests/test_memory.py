"""The whole firmware runs in the heap of a small board, and does not grow."""

import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from on_meter import command_of
from scripted_bench import START_MS, ScriptedBench, write_identity

from weir_protocol.frames import FrameType
from weir_protocol.settings import SETTINGS
from weir_tools.simulator.firmware import BOARD_HEAP_KB, Interpreter, bare_interpreter

HOUR_MS = 3_600_000
TIGHT_KB = 56  # an eighth less than every meter gets, so that none runs at the edge
FIGURES = re.compile(r"turn (\d+) used (\d+) free (\d+)")

# main.py of a meter that says every 500 turns how much of its heap is used.
MEASURED_MAIN = """
import gc, sys
from weir.assembly import assemble
from weir.ports.unix import run

class Measured:
    def __init__(self, board):
        self.cycle = assemble(board)
        self.turn_count = 0

    def turn(self):
        self.cycle.turn()
        self.turn_count += 1
        if self.turn_count % 500 == 0:
            gc.collect()
            print("turn", self.turn_count, "used", gc.mem_alloc(), "free", gc.mem_free())

sys.exit(run(sys.argv[1:], Measured))
"""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ScriptedBench]:
    """A bench whose meter has a tighter heap than every simulated one, and says what it uses."""
    write_identity(tmp_path, ring_sectors=4)
    command = command_of(Interpreter.MICROPYTHON)
    main = tmp_path / "measured_main.py"
    main.write_text(MEASURED_MAIN)
    words = [*bare_interpreter(TIGHT_KB), str(main)]
    with ScriptedBench(tmp_path, words, command.environment) as made:
        yield made


def change_everything(bench: ScriptedBench, version: int) -> None:
    """Change every setting that leaves the bench as it is."""
    kept = ("_interval_s", "_slot_s", "_spread_s", "link_", "receive_")
    values = {
        setting.name: min(setting.default + version, setting.high)
        for setting in SETTINGS
        if not any(part in setting.name for part in kept)
    }
    bench.gateway.change_settings(version, **values)


@pytest.mark.parametrize("part_h", [12, pytest.param(24, marks=pytest.mark.soak)])
def test_thousands_of_steps_fit_in_the_heap_and_leave_nothing_behind(
    bench: ScriptedBench, part_h: int
) -> None:
    assert BOARD_HEAP_KB == 64
    chance = random.Random(1)

    def flow() -> None:
        bench.forward_pulses += chance.randrange(50)
        bench.pressure_kpa = chance.randrange(900)

    bench.each_turn = flow
    bench.power_on()
    part_ms = part_h * HOUR_MS
    bench.run_until(START_MS + part_ms)
    change_everything(bench, 1)
    bench.run_until(START_MS + 2 * part_ms)
    bench.gateway.is_mute = True  # sessions that fail, and a backlog
    bench.run_until(START_MS + 4 * part_ms)
    bench.gateway.is_mute = False
    for part in (5, 6, 7):
        bench.run_until(START_MS + part * part_ms)
        change_everything(bench, part)
        bench.gateway.errands.append((FrameType.READ_NOW, {"request": part}))
    bench.run_until(START_MS + 7 * part_ms + HOUR_MS)
    assert bench.gateway.reports[-1]["settings_version"] == 7
    assert [reading["request"] for reading in bench.gateway.readings] == [5, 6, 7]
    assert len(bench.gateway.records()) >= 7 * part_h * 4 - 2

    figures = [tuple(map(int, found)) for found in FIGURES.findall(bench.last_words())]
    used = {turn: size for turn, size, _ in figures}
    for turn, size in used.items():
        sys.stdout.write(f"turn {turn}: {size} bytes of heap used after a collection\n")
    assert max(used) >= 7 * part_h * 60 - 500
    settled = max(size for turn, size in used.items() if turn <= 3_000)
    assert max(used.values()) <= settled + 1024
