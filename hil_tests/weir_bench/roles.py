"""What a test may ask for, by role. Which instrument plays a role is said in a bench file.

Names end in their unit. Times are UTC seconds since 1970, pressure is gauge pressure, pulses are
counts. A method returns when what it says has happened.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from weir_bench.flash_cuts import Flash
from weir_gateway.client import GatewayClient
from weir_tools.simulator.identity import Identity

Link = Literal["serial", "tcp"]
Direction = Literal["up", "down"]
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Health:
    """What the bench knows against the meter; see ``faults``.

    resets: why it restarted or stopped, once for each time that nobody on the bench had asked
        for it.
    forward_missing_pulses, reverse_missing_pulses: sent since its last start and not in its newest
        record; negative when the record has more than was sent.
    """

    resets: tuple[str, ...] = ()
    forward_missing_pulses: int = 0
    reverse_missing_pulses: int = 0

    def faults(self) -> list[str]:
        """One sentence for each thing that is wrong, none for a healthy meter."""
        sentences = [f"the meter reset unexpectedly: {reset}" for reset in self.resets]
        for register, missing in (
            ("forward", self.forward_missing_pulses),
            ("reverse", self.reverse_missing_pulses),
        ):
            if missing:
                verb = "lost" if missing > 0 else "invented"
                sentences.append(f"the {register} register {verb} {abs(missing)} pulses")
        return sentences


@dataclass(frozen=True, slots=True)
class Crossing:
    """Bytes that went over the uplink. at_s: by the calendar, seconds since 1970."""

    at_s: float
    direction: Direction
    chunk: bytes


class Calendar(Protocol):
    """The time that meter, gateway and bench share."""

    @property
    def now_s(self) -> float: ...

    def let_pass(self, *, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Return when that much time has passed and the meter has done all that fell due."""


class Pulses(Protocol):
    """The pulse output of a base meter. Counts are totals since the bench was built."""

    @property
    def forward_pulses(self) -> int: ...

    @property
    def reverse_pulses(self) -> int: ...

    def send(self, *, forward: int = 0, reverse: int = 0) -> None:
        """Give pulses now; the meter need not have looked at them yet."""

    def run(self, *, forward_hz: float = 0, reverse_hz: float = 0) -> None:
        """Give pulses at these rates from now on, until the next ``run`` or ``stop``."""

    def stop(self) -> None: ...


class Pressure(Protocol):
    """The pressure sensor."""

    def set_kpa(self, pressure_kpa: int) -> None: ...

    def fail(self) -> None:
        """Give no valid value, as a broken wire, until the next ``set_kpa``."""


class Supply(Protocol):
    """The meter's power. Cutting it is not announced to the meter."""

    @property
    def is_on(self) -> bool: ...

    def cut(self) -> None: ...

    def restore(self) -> None:
        """Return when the meter runs again. Its flash is as the cut left it."""

    def cycle(self) -> None:
        """Cut and restore."""


class Console(Protocol):
    """The meter's REPL, as a technician has it over USB."""

    @property
    def device(self) -> str:
        """What to give to `mpremote connect`."""

    @property
    def log(self) -> Path:
        """Everything that the console has printed."""

    @property
    def is_at_prompt(self) -> bool:
        """The firmware does not run, the console waits for a line."""

    def execute(self, source: str) -> str:
        """Stop the firmware if it runs, run ``source`` on the meter, return what it printed.

        Lines in it end in a line feed, whatever the board's REPL makes of them.
        """

    def evaluate(self, expression: str) -> Any:
        """Stop the firmware if it runs, and return the value of an expression on the meter."""

    def soft_reset(self) -> None:
        """Restart the interpreter and with it the firmware; return when that runs."""


class Uplink(Protocol):
    """The line from the meter to its gateway, with the bench's clip on it."""

    @property
    def kind(self) -> Link: ...

    @property
    def trace(self) -> Sequence[Crossing]:
        """All bytes that crossed the line, in order."""

    def cut(self, *, down_only: bool = False) -> None:
        """Lose all bytes, or only those to the meter, until ``mend``."""

    def mend(self) -> None: ...

    def inject(self, stream_bytes: bytes) -> None:
        """Put bytes on the line to the gateway, as someone else on it would."""

    def frames_up(self) -> list[bytes]:
        """Every whole frame of the meter so far, as it was on the line, delimiter included."""


class Meter(Protocol):
    """The meter under test."""

    @property
    def identity(self) -> Identity:
        """Its number, pulse weight and intervals, from the bench file, and its key."""

    @property
    def console(self) -> Console: ...

    @property
    def uplink(self) -> Uplink: ...

    def read_health(self) -> Health:
        """Let the meter finish its interval, and compare its record with what was sent to it."""


class Broker(Protocol):
    """A real MQTT broker that keeps subscriptions, and what waits for them, over a restart."""

    @property
    def port(self) -> int: ...

    def stop(self) -> None: ...

    def start(self) -> None: ...

    def forget(self) -> None:
        """Lose all that it keeps over a restart. Only while it is stopped."""

    def freeze(self) -> None:
        """Let it take and acknowledge nothing more, with all its connections open."""

    def kill(self) -> None:
        """End it at once, frozen or not: what it had taken in and not yet dealt with is lost."""


class Gateway(Protocol):
    """The real gateway, as a program of its own, with the meter under test in its key file."""

    @property
    def gateway_id(self) -> str: ...

    @property
    def client(self) -> GatewayClient:
        """Its local interface."""

    @property
    def log(self) -> Path: ...

    @property
    def is_running(self) -> bool: ...

    def start(self) -> None:
        """Return when it listens."""

    def stop(self) -> int:
        """Ask it to stop (SIGTERM), wait, and return its exit code."""

    def kill(self) -> None:
        """End it at once (SIGKILL)."""

    def wait_until_published(self) -> None:
        """Return when the broker has acknowledged every reading that the gateway holds."""


class Subscriber(Protocol):
    """An independent MQTT client that keeps its subscription while it is away."""

    @property
    def readings(self) -> dict[str, Document]:
        """Readings by their id, in the order of their first arrival."""

    @property
    def repeats(self) -> list[Document]:
        """Readings whose id had arrived before."""

    @property
    def events(self) -> list[Document]:
        """Every message about an event, repeats included, in the order of their arrival."""

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Return when the condition holds; it is looked at after every message."""

    def wait_for_readings(self, count: int) -> list[Document]:
        """Wait for that many different readings; return all that came, by epoch and sequence."""

    def latest(self, topic: str) -> Document | None:
        """The newest message on a topic below the prefix, None when there was none."""

    def catch_up(self) -> None:
        """Return when everything that the broker had for this client has arrived."""

    def retained(self, topic: str) -> Document | None:
        """What a newcomer to the broker is given at once on a topic below the prefix."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a target is built for. folder: its own, for one test.

    gateway_port: where the gateway of the test listens for TCP, on this computer.
    """

    link: Link
    gateway_port: int
    folder: Path


class Target(Protocol):
    """Plays the meter and everything that is wired to it. Made by ``targets.<name>.build``.

    Nothing has power before ``supply.restore``.
    """

    @property
    def description(self) -> str:
        """What plays the roles, in a few words, for the head of a run."""

    @property
    def meter(self) -> Meter: ...

    @property
    def pulses(self) -> Pulses: ...

    @property
    def pressure(self) -> Pressure: ...

    @property
    def supply(self) -> Supply: ...

    @property
    def calendar(self) -> Calendar: ...

    @property
    def flash(self) -> Flash | None:
        """None on a bench that cannot get at it."""

    @property
    def serial_port(self) -> str | None:
        """The gateway's end of the uplink, None when the meter calls by TCP."""

    @property
    def module_runner(self) -> Sequence[str]:
        """Command words that run a Python module on the calendar; its name and options follow."""

    def notice_gateway(self, *, answers: bool) -> None:
        """Hear whether somebody answers at the far end of the uplink.

        A target that owns the link's time need not wait in vain while nobody does.
        """

    def close(self) -> None:
        """Let go of the meter and of everything else."""
