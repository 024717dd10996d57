"""Where text goes: a terminal of its own width, or a file or pipe, where nothing is cut off."""

import os

from rich.console import Console

PIPE_WIDTH = 160


def open_console() -> Console:
    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPE_WIDTH
    return console
