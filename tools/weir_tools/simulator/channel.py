"""The bench's end of its wire to the meters: one TCP listener on the loopback interface.

Lines from a meter; `turn` counts up from its start, and `pressure_wanted` is 0 or 1:

    HELLO <meter_id> 2
    S <turn> <wake_at_ms> <link_wake_in_ms or -> <pressure_wanted>     sleeping: wake me then
    W <turn> <pressure_wanted>                                         woken by the link before
    E <text>                                                           died, and of what

Lines to a meter:

    I <turn> <now_ms> <link_ms> <forward_pulses> <reverse_pulses> <pressure_kpa or -> <senses>
        <battery_mv> <illegal_transitions>                             one line, not two
    Q                                                                  power off

Each turn gets exactly one `I`. When a `W` crosses it on the wire, that `I` is the answer to both.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from weir_tools.simulator.inputs import Inputs
from weir_tools.simulator.pacing import Alarm, Pace

PROTOCOL = "2"
LINE_SIZE_MAX = 512
REGISTER_MODULUS = 2**32


class ChannelError(Exception):
    """A peer broke the channel's rules; its connection is closed."""


@dataclass(slots=True)
class _Turn:
    number: int
    wake_at_ms: int
    link_is_quiet: bool
    pressure_wanted: bool
    alarm: Alarm | None = None


class Seat:
    """One meter's place at the bench: its inputs, and the turn it waits in."""

    def __init__(self, meter_id: int, inputs: Inputs, pace: Pace) -> None:
        self.meter_id = meter_id
        self.inputs = inputs
        self.powered = asyncio.Event()
        self.vacant = asyncio.Event()
        self.vacant.set()
        self.boot_count = 0
        self.now_ms = 0  # what the meter was last told
        self.powered_at_ms = 0  # its latest start
        self.fed_pulses = (0, 0)  # since its first start, and as far as it was told
        self.died_of: str | None = None
        self._pace = pace
        self._send: Callable[[str], None] | None = None
        self._turn: _Turn | None = None
        self._answered_turn = -1
        self._counts_at_boot = (0, 0)
        self._transitions_at_boot = 0
        self._fed_before_boot = (0, 0)
        inputs.senses.wake = self.wake

    def sleeps_beyond(self, now_ms: int) -> bool:
        """Whether the meter sleeps, with nothing to do before or at that instant."""
        return self._turn is not None and self._turn.wake_at_ms > now_ms

    def is_quiet(self) -> bool:
        """Whether the meter sleeps and waits for nothing on its link."""
        return self._turn is not None and self._turn.link_is_quiet

    def power_on(self, send: Callable[[str], None]) -> None:
        """A meter took the seat. Its hardware counters begin at 0."""
        self.boot_count += 1
        self._send = send
        self._turn = None
        self._answered_turn = -1
        self.now_ms = self.powered_at_ms = max(self.now_ms, self._pace.now_ms())
        self._counts_at_boot = self.inputs.counts_at(self.now_ms)
        self._transitions_at_boot = self.inputs.senses.illegal_transitions
        self.inputs.senses.forget()
        self._fed_before_boot = self.fed_pulses
        self.died_of = None
        self.vacant.clear()
        self.powered.set()

    def power_off(self) -> None:
        """Ask the meter to stop; nothing happens when it is off already."""
        if self._send is not None:
            self._send("Q")

    def lost(self) -> None:
        """The meter's connection is gone."""
        self._forget_turn()
        self._send = None
        self.powered.clear()
        self.vacant.set()

    def wake(self) -> None:
        """Wake the meter now, before its time, as an interrupt would."""
        if self._turn is not None:
            self._answer(min(self._pace.now_ms(), self._turn.wake_at_ms))

    def receive(self, line: str) -> None:
        """Take one line of the meter. Raise ChannelError when it makes no sense."""
        word, *rest = line.split(" ")
        try:
            if word == "S":
                self._sleeps(*rest)
            elif word == "W":
                self._woken(*rest)
            elif word == "E":
                self.died_of = " ".join(rest)
            else:
                raise ChannelError(f"unknown line {line!r}")
        except (TypeError, ValueError) as error:
            raise ChannelError(f"malformed line {line!r}") from error

    def _sleeps(self, turn: str, wake_at_ms: str, link_wake_in_ms: str, pressure: str) -> None:
        if int(turn) <= self._answered_turn or self._turn is not None:
            raise ChannelError(f"turn {turn} came out of order")
        link_in_ms = None if link_wake_in_ms == "-" else int(link_wake_in_ms)
        self._turn = _Turn(int(turn), int(wake_at_ms), link_in_ms is None, pressure == "1")
        self._turn.alarm = self._pace.arm(int(wake_at_ms), link_in_ms, self._answer)
        if self.inputs.senses.is_news:
            self.wake()

    def _woken(self, turn: str, pressure: str) -> None:
        if int(turn) <= self._answered_turn:
            return  # it crossed the answer on the wire
        if self._turn is None or int(turn) != self._turn.number:
            raise ChannelError(f"woken in turn {turn}, which never began")
        self._turn.pressure_wanted = pressure == "1"
        self.wake()

    def _answer(self, now_ms: int) -> None:
        turn = self._turn
        if turn is None or self._send is None:
            return
        self._forget_turn()
        self._answered_turn = turn.number
        self.now_ms = max(self.now_ms, now_ms)
        forward, reverse = self._counts_of_boot()
        pressure = self.inputs.pressure_kpa_at(self.now_ms) if turn.pressure_wanted else None
        self._send(
            f"I {turn.number} {self.now_ms} {self._pace.link_ms()} {forward % REGISTER_MODULUS} "
            f"{reverse % REGISTER_MODULUS} {'-' if pressure is None else pressure} "
            f"{self._senses()}"
        )

    def _senses(self) -> str:
        senses = self.inputs.senses
        transitions = senses.illegal_transitions - self._transitions_at_boot
        return f"{senses.take()} {senses.battery_mv} {transitions % REGISTER_MODULUS}"

    def _counts_of_boot(self) -> tuple[int, int]:
        counts = self.inputs.counts_at(self.now_ms)
        forward = counts[0] - self._counts_at_boot[0]
        reverse = counts[1] - self._counts_at_boot[1]
        before = self._fed_before_boot
        self.fed_pulses = (before[0] + forward, before[1] + reverse)
        return forward, reverse

    def _forget_turn(self) -> None:
        if self._turn is not None and self._turn.alarm is not None:
            self._turn.alarm.cancel()
        self._turn = None


class BenchChannel:
    """The listener, and the seats of the meters that may connect."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._seats: dict[int, Seat] = {}
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    async def open(self) -> str:
        """Listen, and return the address to give to the meters."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"{host}:{port}"

    def add_seat(self, meter_id: int, inputs: Inputs) -> Seat:
        seat = self._seats[meter_id] = Seat(meter_id, inputs, self._pace)
        return seat

    def take_seat(self, hello: str, send: Callable[[str], None]) -> Seat:
        """Seat the meter that says hello. Raise ChannelError when there is no seat for it."""
        match hello.split(" "):
            case ["HELLO", meter_id, str(protocol)] if protocol == PROTOCOL and meter_id.isdigit():
                seat = self._seats.get(int(meter_id))
            case _:
                raise ChannelError(f"not a hello: {hello!r}")
        if seat is None or seat.powered.is_set():
            raise ChannelError(f"no free seat for meter {meter_id}")
        seat.power_on(send)
        return seat

    async def close(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for connection in list(self._connections):
            connection.close()
        await self._server.wait_closed()
        self._server = None

    def _connection(self) -> asyncio.Protocol:
        connection = _Connection(self, self._connections)
        self._connections.add(connection)
        return connection


class _Connection(asyncio.Protocol):
    """Lines of one connection, in and out."""

    def __init__(self, channel: BenchChannel, connections: "set[_Connection]") -> None:
        self._channel = channel
        self._connections = connections
        self._transport: asyncio.Transport | None = None
        self._seat: Seat | None = None
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, chunk: bytes, /) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        try:
            for line in lines:
                self._line(line.decode("ascii", "replace").rstrip("\r"))
            if len(self._rest) > LINE_SIZE_MAX:
                raise ChannelError("line too long")
        except ChannelError as error:
            if self._seat is not None:
                self._seat.died_of = f"bench channel: {error}"
            self.close()

    def connection_lost(self, _reason: Exception | None) -> None:
        self._connections.discard(self)
        if self._seat is not None:
            self._seat.lost()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _line(self, line: str) -> None:
        if self._seat is None:
            self._seat = self._channel.take_seat(line, self._send)
        else:
            self._seat.receive(line)

    def _send(self, line: str) -> None:
        if self._transport is not None:
            with contextlib.suppress(OSError):
                self._transport.write(line.encode() + b"\n")
