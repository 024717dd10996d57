"""The bench's channel: time, pulses, pressure and power of a simulated meter come over it.

Lines over a TCP connection on the loopback interface; ``turn`` counts up:

    HELLO <meter_id> 1                                    once, from the meter
    S <turn> <wake_at_ms> <link_wake_in_ms or -> <pressure_wanted>      sleeping; wake me then
    W <turn> <pressure_wanted>                            woken by the link in that turn
    E <text>                                              the meter has died of this
    I <turn> <now_ms> <link_ms> <forward> <reverse> <pressure_kpa or ->  from the bench: awake
    Q                                                     from the bench: power off

Each turn gets one ``I``. It may cross the ``W`` of its turn, and then answers both.
"""

import socket

from weir.errors import StartRefused
from weir.ports.poller import Poller

TYPE_CHECKING = False  # mypy takes this name for True; the meter never runs the import
if TYPE_CHECKING:
    from typing import Protocol

    class PolledLink(Protocol):
        def stir(self, events: int = 0) -> bool: ...


PROTOCOL = 1

_RECEIVE_SIZE = 256
_IPPROTO_TCP = 6
_TCP_NODELAY = 1  # else a W waits for the bench to acknowledge the S before it
_POWER_ON = 1


class BenchLost(Exception):
    """The bench has closed the channel, so the meter has no time and no power."""


class Bench:
    """Keeps the contracts of Clock, Power, PulseCounter and Analog."""

    def __init__(self, host: str, port: int, meter_id: int) -> None:
        """Connect and wait for the first inputs. Raises StartRefused when nobody listens."""
        self._socket = socket.socket()
        try:
            address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0][-1]
            self._socket.connect(address)
        except OSError:
            raise StartRefused(
                f"No bench listens on {host}:{port}; start one, or correct --bench."
            ) from None
        self._socket.setsockopt(_IPPROTO_TCP, _TCP_NODELAY, 1)
        self.poller = Poller(self._socket)
        self.link: PolledLink | None = None
        self._received = b""
        self._turn = 0
        self._now_ms = self._link_ms = self._forward_pulses = self._reverse_pulses = 0
        self._pressure_kpa: int | None = None
        self._send(f"HELLO {meter_id} {PROTOCOL}")
        self.sleep(0, None, pressure_wanted=False)

    def now_ms(self) -> int:
        return self._now_ms

    def link_ms(self) -> int:
        return self._link_ms

    def forward_pulses(self) -> int:
        return self._forward_pulses

    def reverse_pulses(self) -> int:
        return self._reverse_pulses

    def pressure_kpa(self) -> "int | None":
        return self._pressure_kpa

    def battery_mv(self) -> int:
        return 0  # there is none

    def reset_cause(self) -> int:
        return _POWER_ON

    def sleep(
        self, wake_at_ms: int, link_wake_at_ms: "int | None", *, pressure_wanted: bool
    ) -> None:
        """Say when to wake, and wait for the bench or the link. Raises SystemExit on Q."""
        self._turn += 1
        wanted = 1 if pressure_wanted else 0
        link_in = "-" if link_wake_at_ms is None else max(link_wake_at_ms - self._link_ms, 0)
        self._send(f"S {self._turn} {wake_at_ms} {link_in} {wanted}")
        while not self._take_lines():
            bench_ready, link_events = self.poller.wait()
            if bench_ready:
                self._receive()
            elif self.link is not None and self.link.stir(link_events):
                self._send(f"W {self._turn} {wanted}")
                while not self._take_lines():
                    self._receive()
                return

    def die(self, text: str) -> None:
        """Tell the bench what the meter died of."""
        self._send("E " + text.replace("\n", " "))

    def _send(self, line: str) -> None:
        try:
            self._socket.sendall((line + "\n").encode())
        except OSError:
            raise BenchLost from None

    def _receive(self) -> None:
        try:
            chunk = self._socket.recv(_RECEIVE_SIZE)
        except OSError:
            chunk = b""
        if not chunk:
            raise BenchLost
        self._received += chunk

    def _take_lines(self) -> bool:
        """Take what has arrived; return whether this turn's inputs were in it."""
        awake = False
        while b"\n" in self._received:
            line, self._received = self._received.split(b"\n", 1)
            words = line.decode().split()
            if words and words[0] == "Q":
                raise SystemExit(0)
            if len(words) == 7 and words[0] == "I" and int(words[1]) == self._turn:
                self._take_inputs(words)
                awake = True
        return awake

    def _take_inputs(self, words: "list[str]") -> None:
        self._now_ms = int(words[2])
        self._link_ms = int(words[3])
        self._forward_pulses = int(words[4])
        self._reverse_pulses = int(words[5])
        self._pressure_kpa = None if words[6] == "-" else int(words[6])
