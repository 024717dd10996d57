"""A bench that runs the firmware as a program and answers its turns one by one (CPython only).

Nothing here waits for time: when the meter sleeps and nobody has written to its link, it is woken
at once, at the instant it asked for.
"""

import json
import os
import pty
import select
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from memory_gateway import MemoryGateway

METER_ID = 4711
KEY = bytes(range(16))
START_MS = 500_000  # the bench's time at power-on
UTC_MS = 1_614_556_800_000  # of the bench's time 0: 2021-03-01T00:00:00Z
SILENCE_S = 2.0  # a pty hands a frame over much sooner
LINE_TIMEOUT_S = 120.0  # for a meter on a busy machine; a longer silence is a fault


def write_identity(home: Path, **changes: object) -> None:
    """Write the identity of a meter that sends with each record, readable by its owner alone."""
    fields = {
        "meter_id": METER_ID,
        "key": KEY.hex(),
        "pulse_weight_ml": 1000,
        "send_interval_s": 900,
        **changes,
    }
    file = home / "identity.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(fields))


class ScriptedBench:
    """Listens, starts the meter, and plays clock, pulses, pressure and gateway.

    forward_pulses: since the first start of the bench, as a dial would show.
    pressure_kpa: what the next measurement gives.
    senses, illegal_transitions, battery_mv: what the meter feels; new senses wake it at once.
    """

    def __init__(self, home: Path, command: Sequence[str], environment: dict[str, str]) -> None:
        self.home = home
        self.now_ms = START_MS
        self.link_ms = 0
        self.forward_pulses = self.reverse_pulses = 0
        self.pressure_kpa: int | None = 400
        self.senses = self.illegal_transitions = 0
        self.battery_mv = 3600
        self.gateway = MemoryGateway(METER_ID, KEY, lambda: UTC_MS + self.now_ms)
        self.turn_count = 0
        self.each_turn: Callable[[], None] = lambda: None
        self._command = command
        self._environment = environment
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(LINE_TIMEOUT_S)
        self._master, self._slave = pty.openpty()
        self._child: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cut_power()
        self._listener.close()
        os.close(self._master)
        os.close(self._slave)

    def power_on(self) -> None:
        """Start the meter; its hardware counts from 0."""
        host, port = self._listener.getsockname()
        options = ["--home", str(self.home), "--bench", f"{host}:{port}"]
        options += ["--link", self._link_option()]
        self._child = subprocess.Popen(
            [*self._command, *options],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            self._channel, _ = self._listener.accept()
        except TimeoutError:
            raise AssertionError(f"the meter never came: {self.last_words()}") from None
        self._channel.settimeout(LINE_TIMEOUT_S)
        self._lines = self._read_lines()
        assert next(self._lines) == ["HELLO", str(METER_ID), "2"]
        self._counted = (self.forward_pulses, self.reverse_pulses)
        self._transitions_counted = self.illegal_transitions
        self._senses_told = 0
        self._turn_line = next(self._lines)

    def cut_power(self) -> None:
        """Kill the meter."""
        if self._child is not None:
            self._child.send_signal(signal.SIGKILL)
            self._child.wait()
            assert self._child.stdout is not None
            self._child.stdout.close()
            self._channel.close()
            self._child = None

    def power_off(self) -> int:
        """Switch the meter off in order; return its exit code."""
        assert self._child is not None
        self._channel.sendall(b"Q\n")
        code = self._child.wait(LINE_TIMEOUT_S)
        self.cut_power()
        return code

    def last_words(self) -> str:
        """Stop the meter; return what it has printed."""
        assert self._child is not None
        self._child.kill()
        return self._child.communicate()[0]

    def run_until(self, now_ms: int) -> None:
        """Let the bench's time pass, turn by turn, up to an instant."""
        while self._turn(now_ms):
            pass

    def _turn(self, until_ms: int) -> bool:
        """Answer one S line; return False once the meter sleeps beyond ``until_ms``."""
        assert self._turn_line[0] == "S", self._turn_line  # or what it has died of
        _, turn, wake_at_ms, link_wake_in_ms, _ = self._turn_line
        soon = int(wake_at_ms) - self.now_ms
        waits = link_wake_in_ms != "-" and int(link_wake_in_ms) <= soon
        if self._let_link_speak(turn, waits=waits):
            pass  # woken by it
        elif waits:
            self.link_ms += int(link_wake_in_ms)
        elif self.senses != self._senses_told:
            pass  # woken at once
        elif int(wake_at_ms) > until_ms:
            self.now_ms = until_ms
            return False
        else:
            self.now_ms = max(self.now_ms, int(wake_at_ms))
        self.each_turn()
        self._answer(turn)
        self._turn_line = next(self._lines)
        if self._turn_line[:2] == ["W", turn]:  # it has crossed the answer
            self._turn_line = next(self._lines)
        return True

    def _link_option(self) -> str:
        return "pty:" + os.ttyname(self._slave)

    def _let_link_speak(self, turn: str, *, waits: bool) -> bool:
        """Let the gateway answer; return whether the meter was woken by it."""
        answers = self._listen(waits=waits)
        if answers:
            os.write(self._master, answers)
            line = next(self._lines)
            assert line[:2] == ["W", turn], line
        return bool(answers)

    def _listen(self, *, waits: bool) -> bytes:
        """Return the gateway's answers. A meter that ``waits`` has sent a frame: wait for it."""
        answers = b""
        frames_before = self.gateway.frame_count
        while waits and self.gateway.frame_count == frames_before:
            if not select.select([self._master], [], [], SILENCE_S)[0]:
                break
            answers += self.gateway.receive(os.read(self._master, 65536))
        return answers

    def _answer(self, turn: str) -> None:
        self.turn_count += 1
        self.link_ms += 10
        forward = self.forward_pulses - self._counted[0] & 0xFFFFFFFF
        reverse = self.reverse_pulses - self._counted[1] & 0xFFFFFFFF
        pressure = "-" if self.pressure_kpa is None else self.pressure_kpa
        transitions = self.illegal_transitions - self._transitions_counted & 0xFFFFFFFF
        felt = f"{self.senses} {self.battery_mv} {transitions}"
        self._senses_told = self.senses
        line = f"I {turn} {self.now_ms} {self.link_ms} {forward} {reverse} {pressure} {felt}\n"
        self._channel.sendall(line.encode())

    def _read_lines(self) -> Iterator[list[str]]:
        with self._channel.makefile() as lines:
            for line in lines:
                yield line.split()
        raise AssertionError(f"the meter has gone: {self.last_words()}")
