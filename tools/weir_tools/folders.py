"""Where the command keeps what it can make again, and where the firmware is."""

import os
from pathlib import Path

from weir_tools import messages
from weir_tools.errors import Failed

_PACKAGE = Path(__file__).parent
_CHECKOUT = _PACKAGE.parents[1]


def is_checkout() -> bool:
    return (_CHECKOUT / "firmware/src").is_dir() and (_CHECKOUT / "pyproject.toml").is_file()


def firmware_source() -> Path:
    """The folder of `main.py` and of the package `weir` that runs on the meter."""
    folder = _CHECKOUT / "firmware/src" if is_checkout() else _PACKAGE / "firmware"
    if not (folder / "main.py").is_file():
        raise Failed(messages.NO_FIRMWARE.format(folder=folder))
    return folder


def cache_folder() -> Path:
    """A writable folder of our own: in the checkout, else in the user's cache."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "weir"
    wanted = [_CHECKOUT / ".weir/cache", home] if is_checkout() else [home]
    for folder in wanted:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    from tempfile import mkdtemp  # not for everyone: `weir --help` shall be there at once

    return Path(mkdtemp(prefix="weir-cache-"))


def log_folder() -> Path:
    """A writable folder for the details of unexpected errors."""
    from tempfile import gettempdir

    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    folder = Path(state) / "weir"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(gettempdir())
    return folder if os.access(folder, os.W_OK) else Path(gettempdir())
