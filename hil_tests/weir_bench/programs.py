"""The programs around the meter: where they are, and starting and stopping them."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from weir_bench.errors import BenchFault
from weir_bench.waiting import wait_until

_MORE_FOLDERS = "/usr/sbin:/usr/local/sbin"  # where Debian keeps daemons, off a user's PATH
_STOP_S_MAX = 60.0
_PORTS = range(15_000, 30_000)  # below those that the system gives out by itself
_TRIES = 100


def find_mosquitto() -> str | None:
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:{_MORE_FOLDERS}")


def free_port() -> int:
    """A TCP port of the loopback interface that nobody uses now."""
    for port in random.sample(_PORTS, _TRIES):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise BenchFault(f"none of {_TRIES} ports from {_PORTS.start} to {_PORTS.stop} is free")


class Program:
    """A program that a test starts, stops and kills. What it writes goes to ``log``."""

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self.log = log
        self._name = name
        self._command = command
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def start(self, is_ready: Callable[[], bool]) -> None:
        """Return when it is ready. Raise BenchFault with its last line when it ends before."""
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_until(lambda: not self.is_running or is_ready(), f"{self._name} to be ready")
        if not self.is_running:
            raise BenchFault(f"{self._name} did not start: {self._last_line()} (log: {self.log})")

    def stop(self) -> int:
        """Ask it to stop and return its exit code. Raise BenchFault when it does not stop."""
        assert self._child is not None
        self._child.send_signal(signal.SIGTERM)
        try:
            return self._child.wait(_STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            raise BenchFault(
                f"{self._name} did not stop {_STOP_S_MAX:g} s after SIGTERM (log: {self.log})"
            ) from None

    def freeze(self) -> None:
        """Let it do nothing more until it is killed."""
        assert self._child is not None
        self._child.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """End it at once; nothing happens when it has ended."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    def _last_line(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"
