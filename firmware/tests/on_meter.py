"""How tests run the firmware as a program, on each interpreter (CPython only)."""

import os

import pytest

from weir_tools.errors import Failed
from weir_tools.simulator import firmware
from weir_tools.simulator.firmware import FirmwareCommand, Interpreter, firmware_command

on_each_interpreter = pytest.mark.parametrize("interpreter", list(Interpreter))


def micropython() -> str:
    """Return the path of a MicroPython; skip without one, but fail where CI=true wants it."""
    try:
        return firmware.micropython()
    except Failed as error:
        reason = str(error)
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def command_of(interpreter: Interpreter) -> FirmwareCommand:
    """Return how to run the firmware; skip or fail like ``micropython``."""
    if interpreter is Interpreter.MICROPYTHON:
        micropython()
    return firmware_command(interpreter)
