"""The bench notices what it is there to notice, and says where to look."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from weir_bench import programs, requirements
from weir_bench.bench_file import BENCHES, BenchFileError, find_bench_file, read_bench_file
from weir_bench.errors import BenchFault
from weir_bench.roles import Health
from weir_bench.simulated.inputs import TurnedInputs
from weir_bench.simulated.ledger import Ledger
from weir_bench.targets import check_target

Scenario = Callable[[str], pytest.RunResult]

KILLED_BEHIND_THE_BENCHS_BACK = """
import os, signal
from pathlib import Path

def is_meter(command, home):
    return b"micropython" in command and str(home).encode() in command

def test_innocent(meter, calendar, pulses, tmp_path):
    pulses.send(forward=3)
    calendar.let_pass(minutes=20)
    for found in Path("/proc").glob("[0-9]*/cmdline"):
        if is_meter(found.read_bytes(), tmp_path):
            os.kill(int(found.parent.name), signal.SIGKILL)
"""

DYING = """
from weir_tools.simulator.channel import Seat

power_on = Seat.power_on

def power_on_with_a_mad_clock(seat, send):
    power_on(seat, lambda line: send(line.replace("00000 ", "ooooo ")))

Seat.power_on = power_on_with_a_mad_clock

def test_innocent(meter, calendar):
    calendar.let_pass(minutes=20)
"""

LOSING_A_PULSE = """
from weir_tools.simulator.channel import Seat

power_on = Seat.power_on

def power_on_with_a_bad_contact(seat, send):
    def send_less(line):
        words = line.split()
        if words[0] == "I" and int(words[4]) >= 10:
            words[4] = str(int(words[4]) - 1)
        send(" ".join(words))
    power_on(seat, send_less)

Seat.power_on = power_on_with_a_bad_contact

def test_innocent(meter, calendar, pulses):
    pulses.send(forward=10)
    calendar.let_pass(minutes=20)
"""

FAILING = """
def test_guilty(meter, calendar):
    calendar.let_pass(minutes=20)
    assert meter.console.evaluate("40 + 2") == 43
"""

HEALTHY = """
def test_innocent(meter, calendar, pulses, supply):
    pulses.send(forward=10, reverse=4)
    calendar.let_pass(minutes=20)
    supply.cycle()
    pulses.send(forward=5)
"""


@pytest.fixture
def scenario(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Scenario:
    """Runs the text of a test in a pytest of its own, with the bench loaded."""
    pytester.makeini("[pytest]\naddopts = -p weir_bench.plugin")
    monkeypatch.setenv("PYTHONPATH", ":".join(path for path in sys.path if path))

    def run(text: str) -> pytest.RunResult:
        pytester.makepyfile(text)
        return pytester.runpytest_subprocess("--basetemp", str(pytester.path / "evidence"))

    return run


def test_a_healthy_meter_passes(scenario: Scenario) -> None:
    scenario(HEALTHY).assert_outcomes(passed=1)


def test_a_test_fails_when_the_meter_reset_unexpectedly(scenario: Scenario) -> None:
    result = scenario(KILLED_BEHIND_THE_BENCHS_BACK)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*the meter reset unexpectedly: * (exit code -9)*"])


def test_a_test_fails_when_the_firmware_died(scenario: Scenario) -> None:
    result = scenario(DYING)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*the firmware stopped: ValueError: *"])


def test_a_test_fails_when_the_meter_lost_a_pulse(scenario: Scenario) -> None:
    result = scenario(LOSING_A_PULSE)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*the forward register lost 1 pulses*"])


def test_a_failure_leaves_console_trace_bench_and_commit_and_says_where(
    scenario: Scenario, pytester: pytest.Pytester
) -> None:
    result = scenario(FAILING)
    result.assert_outcomes(failed=1)
    folder = pytester.path / "evidence" / "test_guilty0"
    result.stdout.fnmatch_lines([f"{folder} has *"])
    assert (folder / "bench.toml").read_text() == (BENCHES / "unix.toml").read_text()
    assert len((folder / "commit.txt").read_text().strip()) > 0
    assert b"KeyboardInterrupt" in (folder / "console.log").read_bytes()
    calendar, wall, direction, chunk = (folder / "uplink.trace").read_text().split("\n")[0].split()
    assert calendar.startswith("2021-03-01T00:0")
    assert float(wall) >= 0
    assert direction == "up"
    assert bytes.fromhex(chunk)


def test_a_meter_that_cannot_start_is_named_with_its_last_words(scenario: Scenario) -> None:
    result = scenario(
        "from weir_tools.simulator import identity\n"
        "identity.Identity.write_into = lambda *_: None\n"
        "def test_innocent(meter): pass\n"
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*the meter did not start: *identity.json cannot be read*"])


@pytest.mark.parametrize(
    ("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)]
)
def test_without_a_broker_a_test_is_skipped_and_in_ci_it_fails(
    ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(requirements, "find_mosquitto", lambda: None)
    with pytest.raises(outcome, match="mosquitto is not installed"):
        requirements.require_mosquitto()


def test_a_program_that_ends_at_once_is_named_with_its_last_words(tmp_path: Path) -> None:
    program = programs.Program("the tool", ["sh", "-c", "echo no luck; exit 3"], tmp_path / "log")
    with pytest.raises(BenchFault, match="the tool did not start: no luck"):
        program.start(lambda: False)


@pytest.mark.parametrize(
    ("replaced", "by", "complaint"),
    [
        ('target = "unix"', 'target = "moon"', "target 'moon'; there is none"),
        ('target = "unix"', "target = 3", "needs target as text"),
        ('"serial", "tcp"', '"pigeon"', "links as a list of some of: serial, tcp"),
        ("2021-03-01T00:00:00Z", "2021-03-01T00:00:00", "time with its zone"),
        ("meter_id = 1001", "", "needs meter.meter_id as a whole number"),
        ("meter_id = 1001", "meter_id = 1001\nid = 7", "has meter.id, which nothing reads"),
        ("[meter]", "[metre]", "has metre, which nothing reads"),
        ("[meter]", "[[[", "is not a TOML file"),
    ],
)
def test_a_wrong_bench_file_is_refused_with_what_to_do(
    replaced: str, by: str, complaint: str, tmp_path: Path
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text((BENCHES / "unix.toml").read_text().replace(replaced, by))
    with pytest.raises(BenchFileError, match=complaint):
        check_target(read_bench_file(file))


def test_a_bench_is_found_by_its_name_or_its_path_and_a_missing_one_names_the_others() -> None:
    assert find_bench_file("unix") == BENCHES / "unix.toml"
    assert find_bench_file(str(BENCHES / "unix.toml")) == BENCHES / "unix.toml"
    with pytest.raises(BenchFileError, match=r"There is no bench file .*or one of: .*unix"):
        find_bench_file("mars")


def test_a_fault_is_told_in_a_sentence_each() -> None:
    assert Health().faults() == []
    assert Health(("it fell",), -2, 7).faults() == [
        "the meter reset unexpectedly: it fell",
        "the forward register invented 2 pulses",
        "the reverse register lost 7 pulses",
    ]


def test_the_ledger_counts_from_the_last_start_and_over_the_end_of_a_register() -> None:
    ledger = Ledger()
    ledger.start((2**32 - 5, 100), (40, 7))
    assert ledger.missing((5, 100), (50, 7)) == (0, 0)
    assert ledger.missing((4, 101), (50, 7)) == (1, -1)


def test_pulses_at_a_rate_are_exact_at_every_instant() -> None:
    inputs = TurnedInputs()
    inputs.send(3, 0)
    inputs.run(1000, 0.5, 0.25)
    assert inputs.counts_at(2999) == (3, 0)
    assert inputs.counts_at(3000) == (4, 0)
    inputs.run(9000, 0, 0)
    assert inputs.counts_at(90_000) == (7, 2)
