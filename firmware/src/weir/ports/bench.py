"""The bench's channel: time, pulses, pressure, senses and power of a simulated meter.

It plays the hardware. Lines over a TCP connection on the loopback interface; ``turn`` counts up:

    HELLO <meter_id> 2                                    once, from the meter
    S <turn> <wake_at_ms> <link_wake_in_ms or -> <pressure_wanted>      sleeping; wake me then
    W <turn> <pressure_wanted>                            woken by the link in that turn
    E <text>                                              the meter has died of this
    I <turn> <now_ms> <link_ms> <forward> <reverse> <pressure_kpa or -> <senses>
        <battery_mv> <illegal_transitions>                from the bench: awake; one line
    Q                                                     from the bench: power off

Senses are the bits of weir.hal.senses; the bench wakes the meter when they change. Each turn
gets one ``I``. It may cross the ``W`` of its turn, and then answers both.
"""

import select
import socket

from micropython import const
from weir.errors import StartRefused

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from typing import Protocol

    class Stream(Protocol):
        def fileno(self) -> int: ...

    class PolledLink(Protocol):
        def stir(self, events: int = 0) -> bool: ...


_PROTOCOL = const(2)
_INPUT_WORDS = const(10)

_RECEIVE_SIZE = const(256)
_IPPROTO_TCP = const(6)
_TCP_NODELAY = const(1)  # else a W waits for the bench to acknowledge the S before it
_POWER_ON = const(1)


class BenchLost(Exception):
    """The bench has closed the channel, so the meter has no time and no power."""


class Poller:
    """Watches one stream that is always there and at most one that comes and goes.

    MicroPython's poll tells streams, CPython's their numbers.
    """

    def __init__(self, always: "Stream") -> None:
        self._always_names: tuple[object, ...] = (always, always.fileno())
        self._poll = select.poll()
        self._poll.register(always, select.POLLIN)
        self._watched: Stream | None = None

    def watch(self, stream: "Stream", *, writing: bool) -> None:
        """Watch for bytes to read, and for room to write when ``writing``."""
        events = select.POLLIN | select.POLLOUT if writing else select.POLLIN
        if self._watched is stream:
            self._poll.modify(stream, events)
        else:
            self._poll.register(stream, events)
            self._watched = stream

    def ignore(self) -> None:
        """Stop watching the stream that comes and goes; call it before that one is closed."""
        if self._watched is not None:
            self._poll.unregister(self._watched)
            self._watched = None

    def wait(self) -> "tuple[bool, int]":
        """Block; return whether the lasting stream has bytes, and the other's poll events."""
        always = False
        events = 0
        for ready, flags in self._poll.poll():
            if ready in self._always_names:
                always = True
            else:
                events = flags
        return always, events


class Bench:
    """Keeps the contracts of Clock, Power, PulseCounter, Senses and Analog."""

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
        self._has_sensor = True
        self._turn = 0
        self._inputs: list[str] = []  # words of the last I line
        self._send(f"HELLO {meter_id} {_PROTOCOL}")
        self.sleep(0, None, pressure_wanted=False)

    def now_ms(self) -> int:
        return int(self._inputs[2])

    def link_ms(self) -> int:
        return int(self._inputs[3])

    def count_as(self, mode: int, debounce_close_ms: int, debounce_open_ms: int) -> None:
        """The bench gives pulses that are counted already, forward and reverse apart."""

    def measure_with(self, sensor: int, *_range_and_warm_up: int) -> None:
        """The bench gives kPa of any sensor, and has it warm."""
        self._has_sensor = sensor != 0

    def forward_pulses(self) -> int:
        return int(self._inputs[4])

    def reverse_pulses(self) -> int:
        return int(self._inputs[5])

    def pressure_kpa(self) -> "int | None":
        is_measured = self._has_sensor and self._inputs[6] != "-"
        return int(self._inputs[6]) if is_measured else None

    def battery_mv(self) -> int:
        return int(self._inputs[8])

    def sensed(self) -> int:
        return int(self._inputs[7])

    def illegal_transitions(self) -> int:
        return int(self._inputs[9])

    def reset_cause(self) -> int:
        return _POWER_ON

    def sleep(
        self, wake_at_ms: int, link_wake_at_ms: "int | None", *, pressure_wanted: bool
    ) -> None:
        """Say when to wake, and wait for the bench or the link. Raises SystemExit on Q."""
        self._turn += 1
        wanted = 1 if pressure_wanted else 0
        link_in = "-" if link_wake_at_ms is None else max(link_wake_at_ms - self.link_ms(), 0)
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
        """Tell the bench what the meter died of, if it still listens."""
        try:
            self._send("E " + text.replace("\n", " "))
        except BenchLost:
            pass

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
            if not words or words[0] != "I" or len(words) != _INPUT_WORDS:
                continue
            if int(words[1]) == self._turn:
                self._inputs = words
                awake = True
        return awake
