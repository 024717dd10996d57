"""Following a back-fill until it is finished: a live line on a terminal, plain lines elsewhere."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import click

from weir_tools import messages
from weir_tools.errors import Unreachable
from weir_tools.quantities import whole
from weir_tools.terminal import open_console

POLL_S = 0.5
AWAY_S = 60.0
"""How long a gateway may be away, as for a restart, before the command gives up."""

Document = dict[str, Any]
Show = Callable[[str], None]


def watch(progress: Callable[[], Document], *, is_quiet: bool) -> Document:
    """Show ``progress`` as it changes; return it when it is finished.

    Raise Unreachable when the gateway stays away.
    """
    with _shown(is_quiet=is_quiet) as show:
        answered_at_s = time.monotonic()
        while True:
            try:
                document = progress()
                answered_at_s = time.monotonic()
            except Unreachable:
                if time.monotonic() - answered_at_s > AWAY_S:
                    raise
                show(messages.GATEWAY_AWAY)
            else:
                show(_sentence(document))
                if document["state"] == "finished":
                    return document
            time.sleep(POLL_S)


def _sentence(document: Document) -> str:
    counts = ("asked", "returned", "lost", "remaining")
    return messages.BACKFILL_PROGRESS.format(**{name: whole(document[name]) for name in counts})


@contextlib.contextmanager
def _shown(*, is_quiet: bool) -> Iterator[Show]:
    """Give what shows a sentence in place of the one before, or below it, or not at all."""
    console = open_console()
    if is_quiet:
        yield lambda _: None
    elif console.is_terminal:
        with console.status("") as status:
            yield status.update
    else:
        yield _OnlyChanges().show


class _OnlyChanges:
    def __init__(self) -> None:
        self._shown: str | None = None

    def show(self, sentence: str) -> None:
        """Print a sentence unless it is the one before."""
        if sentence != self._shown:
            self._shown = sentence
            click.echo(sentence)
