"""The bench's channel keeps the contracts of Clock, Power, PulseCounter, Senses and Analog."""

import socket
import threading
from collections.abc import Callable, Iterator
from types import TracebackType

import pytest
from scripted_bench import LINE_TIMEOUT_S

from weir.errors import StartRefused
from weir.ports.bench import Bench, BenchLost


class FakeLink:
    """Stands for a link whose bytes come over a socket pair."""

    def __init__(self, bench: Bench) -> None:
        self.near, self.far = socket.socketpair()
        bench.poller.watch(self.near, writing=False)
        bench.link = self

    def stir(self, events: int = 0) -> bool:
        return events != 0


class Played:
    """The far end of a channel, played by the test; ``bench`` is the meter's end."""

    def __init__(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        meter: list[Bench] = []
        port = listener.getsockname()[1]
        thread = threading.Thread(target=lambda: meter.append(Bench("127.0.0.1", port, 4711)))
        thread.start()
        self.channel, _ = listener.accept()
        self.channel.settimeout(LINE_TIMEOUT_S)
        listener.close()
        self.lines = self.channel.makefile()
        self.first_lines = [self.lines.readline(), self.lines.readline()]
        self.send("I 1 -7 2000 4294967295 3 - 0 0 0")
        thread.join(30)
        [self.bench] = meter

    def send(self, line: str) -> None:
        self.channel.sendall(line.encode() + b"\n")

    def __enter__(self) -> "Played":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.lines.close()
        self.channel.close()


@pytest.fixture
def played() -> Iterator[Played]:
    with Played() as made:
        yield made


def test_it_says_who_it_is_and_asks_for_its_first_inputs(played: Played) -> None:
    assert played.first_lines == ["HELLO 4711 2\n", "S 1 0 - 0\n"]


def test_inputs_are_those_of_the_last_line(played: Played) -> None:
    bench = played.bench
    assert (bench.now_ms(), bench.link_ms()) == (-7, 2000)
    assert (bench.forward_pulses(), bench.reverse_pulses()) == (4294967295, 3)
    assert bench.pressure_kpa() is None
    assert (bench.sensed(), bench.battery_mv(), bench.illegal_transitions()) == (0, 0, 0)
    played.send("I 2 60000 2100 9 4 -31 5 3650 77")
    bench.sleep(60_000, None, pressure_wanted=True)
    assert (bench.now_ms(), bench.link_ms()) == (60_000, 2100)
    assert (bench.forward_pulses(), bench.reverse_pulses()) == (9, 4)
    assert bench.pressure_kpa() == -31
    assert (bench.sensed(), bench.battery_mv(), bench.illegal_transitions()) == (5, 3650, 77)


def test_a_sleep_says_when_to_wake_in_both_times_and_whether_pressure_is_wanted(
    played: Played,
) -> None:
    for turn, link_wake_at_ms, link_in in ((2, None, "-"), (3, 2750, "750"), (4, 1000, "0")):
        played.send(f"I {turn} 0 2000 0 0 - 0 0 0")
        played.bench.sleep(5000 + turn, link_wake_at_ms, pressure_wanted=turn == 3)
        wanted = 1 if turn == 3 else 0
        assert played.lines.readline() == f"S {turn} {5000 + turn} {link_in} {wanted}\n"


def test_the_link_wakes_it_before_its_time(played: Played) -> None:
    link = FakeLink(played.bench)
    link.far.send(b"!")
    woken = threading.Thread(target=played.bench.sleep, args=(9000, None), kwargs=PRESSURE)
    woken.start()
    assert played.lines.readline() == "S 2 9000 - 1\n"
    assert played.lines.readline() == "W 2 1\n"
    played.send("I 2 8000 2001 0 0 400 0 0 0")
    woken.join(30)
    assert not woken.is_alive()
    assert played.bench.now_ms() == 8000


PRESSURE = {"pressure_wanted": True}


def test_inputs_that_cross_the_wake_answer_both(played: Played) -> None:
    link = FakeLink(played.bench)
    link.far.send(b"!")
    played.send("I 2 9000 2001 0 0 - 0 0 0")  # before the meter can have said that it was woken
    played.bench.sleep(9000, None, pressure_wanted=False)
    played.send("I 3 9500 2001 0 0 - 0 0 0")
    played.bench.sleep(9500, None, pressure_wanted=False)
    assert played.bench.now_ms() == 9500


def test_inputs_of_another_turn_are_passed_over(played: Played) -> None:
    played.send("I 1 1 1 1 1 1 0 0 0\nI 7 2 2 2 2 2 0 0 0\nI 2 2 2 2 2 2\nI 2 3 3 3 3 3 0 0 0")
    played.bench.sleep(0, None, pressure_wanted=False)
    assert played.bench.now_ms() == 3


def test_a_line_may_come_in_pieces(played: Played) -> None:
    def in_pieces() -> None:
        for byte in b"I 2 61000 2100 9 4 500 0 0 0\n":
            played.channel.sendall(bytes([byte]))

    sender = threading.Thread(target=in_pieces)
    sender.start()
    played.bench.sleep(61_000, None, pressure_wanted=True)
    sender.join(30)
    assert played.bench.now_ms() == 61_000


def test_an_order_to_switch_off_ends_the_program_with_code_0(played: Played) -> None:
    played.send("Q")
    with pytest.raises(SystemExit) as stopped:
        played.bench.sleep(1, None, pressure_wanted=False)
    assert stopped.value.code == 0


@pytest.mark.parametrize("act", [lambda bench: bench.sleep(1, None, pressure_wanted=False)])
def test_a_bench_that_has_gone_is_told_as_such(
    played: Played, act: Callable[[Bench], None]
) -> None:
    played.lines.close()
    played.channel.close()
    with pytest.raises(BenchLost):
        act(played.bench)


def test_it_tells_what_the_meter_died_of_in_one_line(played: Played) -> None:
    played.bench.die("MemoryError:\nnothing left")
    assert played.lines.readline() == "E MemoryError: nothing left\n"


def test_that_nobody_listens_is_refused_with_the_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(StartRefused, match=f"127.0.0.1:{port}"):
        Bench("127.0.0.1", port, 1)
