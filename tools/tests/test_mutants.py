"""The planted bugs: each can be planted, and one that no test notices is told."""

import runpy
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "dev/mutants"
RUNNER = runpy.run_path(str(FOLDER / "run.py"))
CHECKOUT = RUNNER["CHECKOUT"]
TABLE: list[Any] = RUNNER["read_table"]()


@pytest.mark.parametrize("mutant", TABLE, ids=lambda mutant: mutant.name)
def test_a_bug_of_the_table_can_be_planted_and_its_tests_are_there(mutant: Any) -> None:
    RUNNER["refuse_unknown_tests"]([mutant])
    assert (CHECKOUT / mutant.file).read_text(encoding="utf-8").count(mutant.old) == 1
    assert mutant.new != mutant.old
    assert mutant.tests


def test_firmware_protocol_and_gateway_have_their_share() -> None:
    parts = [mutant.file.partition("/")[0] for mutant in TABLE]
    assert len(TABLE) >= 40
    assert parts.count("firmware") >= 15
    assert parts.count("gateway") >= 20
    assert "protocol" in parts


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A tree with a program of one line and three tests of it."""
    (tmp_path / "program.py").write_text("ANSWER = 42\n")
    (tmp_path / "test_program.py").write_text(
        "import program\n"
        "def test_of_the_answer() -> None:\n    assert program.ANSWER == 42\n"
        "def test_of_nothing() -> None:\n    pass\n"
        "def test_that_needs_a_number() -> None:\n    program.ANSWER + 1\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


@pytest.mark.parametrize(
    ("old", "new", "test", "fault"),
    [
        ("42", "41", "test_of_the_answer", ""),
        ("42", "41", "test_of_nothing", "test_of_nothing does not notice it"),
        ("42", "'42'", "test_that_needs_a_number", "ends otherwise (failed: TypeError"),
        ("ANSWER =", "ANSWER", "test_of_the_answer", "test_of_the_answer ends otherwise (did not"),
        ("43", "41", "test_of_the_answer", "its text is 0 times in program.py"),
    ],
)
def test_a_bug_counts_as_found_when_its_test_fails_by_what_it_asserts(
    copy: Path, old: str, new: str, test: str, fault: str
) -> None:
    mutant = RUNNER["Mutant"]("name", "", "program.py", old, new, (f"test_program.py::{test}",))
    verdict = RUNNER["judge"](mutant, copy)
    assert fault in verdict.fault
    assert bool(fault) == bool(verdict.fault)
    assert (copy / "program.py").read_text() == "ANSWER = 42\n"


def test_a_test_that_fails_without_any_bug_is_told(copy: Path) -> None:
    (copy / "program.py").write_text("ANSWER = 41\n")
    mutant = RUNNER["Mutant"](
        "name", "", "program.py", "41", "0", ("test_program.py::test_of_the_answer",)
    )
    [failing] = RUNNER["failing_without"](copy, [mutant])
    assert failing.startswith("test_program.py::test_of_the_answer: failed: assert 41 == 42")
