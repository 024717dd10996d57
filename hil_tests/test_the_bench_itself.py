"""The bench notices what it is there to notice, and says where to look."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from weir_bench import programs, requirements
from weir_bench.bench_file import BENCHES, BenchFileError, find_bench_file, read_bench_file
from weir_bench.errors import BenchFault
from weir_bench.roles import Health
from weir_bench.simulated.inputs import TurnedInputs
from weir_bench.simulated.ledger import Ledger
from weir_bench.targets import check_target

TRIALS = Path(__file__).with_name("trials.py")


@dataclass(frozen=True)
class Outcome:
    """What pytest printed of the trials, and where it kept their folders."""

    printed: str
    folder: Path

    def of(self, trial: str) -> set[str]:
        """How a trial ended, one word for the test and one for what came before or after it."""
        return set(re.findall(rf"^(\w+) \S*::{trial}\b", self.printed, re.MULTILINE))


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The trials, run once by a pytest of their own."""
    folder = tmp_path_factory.mktemp("trials") / "kept"
    options = ["-rA", "-p", "no:cacheprovider", "--basetemp", str(folder), str(TRIALS)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    return Outcome(done.stdout, folder)


def test_a_healthy_meter_passes(trials: Outcome) -> None:
    assert trials.of("test_of_a_healthy_meter") == {"PASSED"}


def test_a_test_ends_in_error_when_the_meter_reset_unexpectedly(trials: Outcome) -> None:
    trial = "test_of_a_meter_that_is_killed_behind_the_benchs_back"
    assert trials.of(trial) == {"PASSED", "ERROR"}
    assert re.search(r"the meter reset unexpectedly: .* \(exit code -9\)", trials.printed)


def test_a_test_ends_in_error_when_the_firmware_died(trials: Outcome) -> None:
    assert trials.of("test_of_a_meter_whose_firmware_dies") == {"PASSED", "ERROR"}
    assert re.search(
        r"the meter reset unexpectedly: the firmware stopped: .*ValueError: ", trials.printed
    )


def test_a_test_ends_in_error_when_the_meter_lost_a_pulse(trials: Outcome) -> None:
    assert trials.of("test_of_a_meter_that_loses_a_pulse") == {"PASSED", "ERROR"}
    assert "the forward register lost 1 pulses" in trials.printed


def test_a_meter_that_cannot_start_is_named_with_its_last_words(trials: Outcome) -> None:
    assert trials.of("test_of_a_meter_that_cannot_start") == {"ERROR"}
    assert re.search(
        r"the meter did not start: .*identity.json cannot be read; provision the meter first",
        trials.printed,
    )


def test_a_failure_leaves_console_trace_bench_and_commit_and_says_where(trials: Outcome) -> None:
    assert trials.of("test_that_fails") == {"FAILED"}
    folder = trials.folder / "test_that_fails0"
    assert f"{folder} has bench.toml, " in trials.printed
    assert (folder / "bench.toml").read_text() == (BENCHES / "unix.toml").read_text()
    assert len((folder / "commit.txt").read_text().strip()) > 0
    assert b"KeyboardInterrupt" in (folder / "console.log").read_bytes()
    calendar, wall, direction, chunk = (folder / "uplink.trace").read_text().split("\n")[0].split()
    assert calendar.startswith("2021-03-01T00:0")
    assert float(wall) >= 0
    assert direction == "up"
    assert bytes.fromhex(chunk)


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
