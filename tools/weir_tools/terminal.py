"""Where text goes: a terminal of its own width, or a file or pipe, where nothing is cut off."""

import os

from rich.console import Console

PIPE_WIDTH = 160


class PlainConsole(Console):
    """Leaves it to the command to end quietly when its reader has gone."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def open_console() -> Console:
    console = PlainConsole(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPE_WIDTH
    return console
