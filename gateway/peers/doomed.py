"""Runs a program of the gateway that kills itself when it comes to a point the n-th time.

``python -m peers.doomed POINT N gateway CONFIG`` or ``... prepare DATABASE``. The points:

- ``statement``: before an SQL statement; ``commit``: before a COMMIT
- ``checkpoint N``: at the first write beyond N bytes of a file; checkpoints come every 20 pages
- ``rename``, ``open``: before a file is renamed or opened
- ``acknowledge``: an uplink is durable, its acknowledgement is not made yet
- ``publish``, ``published``: before and after a message is handed to the MQTT client
- ``delivered``: PUBACKs came, nothing is noted of them yet

The gateway's own code is untouched: SQL is watched by SQLite's trace, files by audit events, the
rest by wrapping what the parts call of each other.
"""

import os
import resource
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from weir_gateway.store.file import DatabaseFile

CHECKPOINT_PAGES = 20


class Doom:
    """Counts how often the point was come to, and ends the process the n-th time."""

    def __init__(self, point: str, times: int) -> None:
        self._point = point
        self._left = times

    def come_to(self, point: str) -> None:
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, event: str, _: tuple[Any, ...]) -> None:
        """Follow the interpreter's audit events."""
        if event in ("os.rename", "open"):
            self.come_to(event.removeprefix("os."))

    def trace(self, connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(self._trace)

    def before(self, owner: type, name: str, point: str) -> None:
        """Come to the point before each call of a method."""
        self._wrap(owner, name, lambda: self.come_to(point), lambda: None)

    def after(self, owner: type, name: str, point: str) -> None:
        self._wrap(owner, name, lambda: None, lambda: self.come_to(point))

    def _trace(self, statement: str) -> None:
        self.come_to("statement")
        if statement == "COMMIT":
            self.come_to("commit")

    def _wrap(
        self, owner: type, name: str, before: Callable[[], None], after: Callable[[], None]
    ) -> None:
        method = getattr(owner, name)

        def wrapped(*arguments: Any, **keywords: Any) -> Any:
            before()
            result = method(*arguments, **keywords)
            after()
            return result

        setattr(owner, name, wrapped)


def end_at_write_beyond(size_bytes: int) -> None:
    """Let the kernel end the process at a write that would leave a file larger than this."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, size_bytes))
    with_each_connection(
        lambda one: one.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    )


def with_each_connection(act: Callable[[sqlite3.Connection], object]) -> None:
    """Act on every connection that is opened, before it is used."""
    connect = sqlite3.connect

    def connect_and_act(*arguments: Any, **keywords: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **keywords)
        act(connection)
        return connection

    sqlite3.connect = connect_and_act


def run_gateway(config: Path, doom: Doom | None) -> int:
    from paho.mqtt.client import Client

    from weir_gateway import app
    from weir_gateway.publisher import Publisher
    from weir_protocol.session import HostSession

    if doom is not None:
        doom.before(HostSession, "acknowledge", "acknowledge")
        doom.before(Client, "publish", "publish")
        doom.after(Client, "publish", "published")
        doom.before(Publisher, "on_delivered", "delivered")
    return app.run(config)


def main() -> int:
    point, times, program, path = sys.argv[1:]
    doom = None
    if point == "checkpoint":
        end_at_write_beyond(int(times))
    else:
        doom = Doom(point, int(times))
        with_each_connection(doom.trace)
        sys.addaudithook(doom.watch)
    if program == "gateway":
        return run_gateway(Path(path), doom)
    DatabaseFile(Path(path)).prepare()
    return 0


if __name__ == "__main__":
    sys.exit(main())
