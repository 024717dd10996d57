"""The key file: who is served, and how bad lines and changes are dealt with."""

import logging
import os
from pathlib import Path

import pytest

from weir_gateway.errors import ConfigError
from weir_gateway.registry import MeterKey, Registry

KEY_A = "000102030405060708090a0b0c0d0e0f"
KEY_B = "F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "keys.txt"
    file.touch(mode=0o600)
    return file


def loaded(path: Path, text: str) -> Registry:
    path.write_text(text)
    registry = Registry(path)
    registry.load()
    return registry


def test_each_line_registers_a_meter(path: Path) -> None:
    registry = loaded(
        path, f"# ours\n\n1001 {KEY_A}  # cellar\n4294967295 {KEY_B} pulse_weight_ml=10\n"
    )
    assert registry.get(1001) == MeterKey(bytes.fromhex(KEY_A), None)
    assert registry.get(4294967295) == MeterKey(bytes.fromhex(KEY_B), 10)
    assert registry.get(7) is None
    assert sorted(registry) == [1001, 4294967295]
    assert registry.problems == ()


BAD_LINES = {
    "one word": "1002",
    "meter not a number": f"meter {KEY_A}",
    "meter too large": f"4294967296 {KEY_A}",
    "meter negative": f"-1 {KEY_A}",
    "meter in other digits": f"\u0661 {KEY_A}",
    "key too short": f"1002 {KEY_A[:-1]}",
    "key too long": f"1002 {KEY_A}0",
    "key not hex": f"1002 {'x' * 32}",
    "weight not a number": f"1002 {KEY_A} pulse_weight_ml=ten",
    "weight zero": f"1002 {KEY_A} pulse_weight_ml=0",
    "weight above 1000 L": f"1002 {KEY_A} pulse_weight_ml=1000001",
    "unknown option": f"1002 {KEY_A} colour=blue",
    "meter given before": f"1001 {KEY_B}",
}


@pytest.mark.parametrize("line", BAD_LINES.values(), ids=BAD_LINES)
def test_a_bad_line_is_named_and_leaves_only_itself_out(path: Path, line: str) -> None:
    registry = loaded(path, f"1001 {KEY_A}\n{line}\n1003 {KEY_B}\n")
    assert sorted(registry) == [1001, 1003]
    assert registry.get(1001) == MeterKey(bytes.fromhex(KEY_A))
    (problem,) = registry.problems
    assert problem.startswith(f"{path}, line 2: ")


def test_neither_the_log_nor_a_problem_nor_repr_shows_a_key(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        registry = loaded(path, f"1001 {KEY_A}\n1002 {KEY_B}0\n1003 {KEY_A} {KEY_B}\n")
    told = caplog.text + str(registry.problems) + repr(registry.get(1001))
    assert KEY_A not in told
    assert KEY_B not in told
    assert str(bytes.fromhex(KEY_A)) not in told


def test_a_file_that_others_may_read_is_refused(path: Path) -> None:
    path.chmod(0o640)
    with pytest.raises(ConfigError, match=r"mode 0640.*chmod 600"):
        Registry(path).load()


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the key file"):
        Registry(tmp_path / "none").load()


def test_a_changed_file_is_read_again_and_the_changes_are_told(path: Path) -> None:
    registry = loaded(path, f"1 {KEY_A}\n2 {KEY_A}\n3 {KEY_A}\n")
    assert registry.refresh() == set()

    path.write_text(f"1 {KEY_A}\n2 {KEY_B}\n4 {KEY_A}\n")

    assert registry.refresh() == {2, 3, 4}
    assert registry.refresh() == set()
    assert sorted(registry) == [1, 2, 4]


def test_a_file_replaced_by_one_of_the_same_size_and_time_is_noticed(path: Path) -> None:
    registry = loaded(path, f"1 {KEY_A}\n")
    before = path.stat()
    other = path.with_name("other")
    other.touch(mode=0o600)
    other.write_text(f"2 {KEY_A}\n")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.rename(path)
    assert registry.refresh() == {1, 2}


def test_a_file_that_becomes_unusable_leaves_the_known_meters_in_force(path: Path) -> None:
    registry = loaded(path, f"1 {KEY_A}\n")
    path.chmod(0o644)
    assert registry.refresh() == set()
    assert registry.get(1) is not None
    assert "chmod 600" in registry.problems[0]

    path.unlink()
    assert registry.refresh() == set()
    assert registry.get(1) is not None
    assert "cannot read the key file" in registry.problems[0]

    path.touch(mode=0o600)
    path.write_text(f"1 {KEY_A}\n5 {KEY_A}\n")
    assert registry.refresh() == {5}
    assert registry.problems == ()
