"""What a bench needs of this machine. Without it a test is skipped with the reason.

With CI=true it fails instead: a test that did not run must not look green.
"""

import os
from typing import NoReturn

import pytest

from weir_bench.programs import find_mosquitto
from weir_tools.errors import Failed
from weir_tools.simulator.firmware import micropython


def require_micropython() -> str:
    try:
        return micropython()
    except Failed as missing:
        give_up(str(missing))


def require_mosquitto() -> str:
    found = find_mosquitto()
    if found is None:
        give_up("mosquitto is not installed; `sudo apt-get install mosquitto` brings it")
    return found


def give_up(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (CI=true, so this is a failure)", pytrace=False)
    pytest.skip(reason)
