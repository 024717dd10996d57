"""The same tests, run by a real MicroPython."""

import ast
import os
import subprocess
from pathlib import Path

import pytest
from on_meter import micropython

HERE = Path(__file__).parent
PATHS = HERE, HERE.parent / "src", HERE.parents[1] / "tools"

# Tests that use nothing but the firmware and the language. The others need a host around them.
MODULES = (
    "test_alarm_watch",
    "test_assembly",
    "test_call_budget",
    "test_cell",
    "test_counter",
    "test_event_outbox",
    "test_every_setting",
    "test_flash_contract",
    "test_flow",
    "test_flow_alarms",
    "test_interval",
    "test_level_alarms",
    "test_meter",
    "test_meter_settings",
    "test_trial",
    "test_meter_switch",
    "test_registers",
    "test_ring",
    "test_ring_damage",
    "test_ring_power_cut",
    "test_tamper_alarms",
    "test_settings",
    "test_settings_change",
    "test_tcp_link",
    "test_timekeeper",
    "test_timetable",
    "test_vault",
)


def names_of_tests(module: str) -> list[str]:
    tree = ast.parse((HERE / f"{module}.py").read_text(encoding="utf-8"))
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    return sorted(name for name in names if name.startswith("test_"))


@pytest.mark.parametrize("module", MODULES)
def test_every_test_of_the_module_passes_on_micropython(module: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [micropython(), "-X", "heapsize=4m", str(HERE / "run_on_micropython.py"), module],
        env={**os.environ, "MICROPYPATH": ":".join(map(str, PATHS))},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    passed = [line for line in done.stdout.splitlines() if line.startswith("ok ")]
    wanted = [f"ok {module} {test}" for test in names_of_tests(module)]
    assert passed == wanted, done.stdout + done.stderr
    assert done.returncode == 0
