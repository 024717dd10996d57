"""The driver of a link: acknowledged means stored, and rubbish changes nothing."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir_gateway.counters import RejectCounters
from weir_gateway.links.driver import Driver
from weir_gateway.links.stream import LinkClosed
from weir_protocol.framing import Deframer, enframe

Answer = asyncio.Future[bytes | None]


class World:
    """Stream and custody in one; ``log`` keeps the order in which they were used."""

    source = "test"

    def __init__(self, chunks: list[bytes], *, refuses: bytes = b"", closed: bool = False) -> None:
        self.log: list[str] = []
        self._chunks = chunks
        self._refuses = refuses
        self._closed = closed

    async def read(self) -> bytes:
        if not self._chunks:
            raise LinkClosed("end")
        self.log.append("read")
        return self._chunks.pop(0)

    async def write(self, stream_bytes: bytes) -> None:
        if self._closed:
            raise LinkClosed("gone")
        self.log.append(f"answered {stream_bytes.decode()}")

    def submit(self, frame: bytes, source: str) -> Answer | None:
        assert source == self.source
        if frame == self._refuses or not frame.isascii():
            return None
        self.log.append(f"submitted {frame.decode()}")
        answer: Answer = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(self._store, frame, answer)
        return answer

    def _store(self, frame: bytes, answer: Answer) -> None:
        self.log.append(f"stored {frame.decode()}")
        answer.set_result(None if frame == b"mute" else frame)


def drive(world: World) -> tuple[Driver, RejectCounters]:
    counters = RejectCounters()

    async def scenario() -> Driver:
        driver = Driver(world, Deframer(), counters)
        await driver.run(world)
        return driver

    return asyncio.run(scenario()), counters


def test_each_frame_is_stored_before_it_is_answered() -> None:
    world = World([enframe(b"a"), enframe(b"b")])
    drive(world)
    assert world.log == [
        *("read", "submitted a", "stored a", "answered a"),
        *("read", "submitted b", "stored b", "answered b"),
    ]


def test_frames_that_come_together_are_submitted_together_and_answered_in_order() -> None:
    world = World([enframe(b"known"), enframe(b"a") + enframe(b"b")])
    drive(world)
    assert [entry for entry in world.log if entry != "read"][3:] == [
        *("submitted a", "submitted b", "stored a", "stored b", "answered a", "answered b")
    ]


def test_what_is_refused_or_has_no_answer_is_answered_with_nothing() -> None:
    world = World([enframe(b"bad") + enframe(b"mute") + enframe(b"good")], refuses=b"bad")
    driver, _ = drive(world)
    assert [entry for entry in world.log if entry.startswith("answered")] == ["answered good"]
    assert driver.genuine


def test_a_link_without_an_answered_frame_is_not_genuine() -> None:
    driver, _ = drive(World([enframe(b"bad")], refuses=b"bad"))
    assert not driver.genuine


def test_malformed_bytes_are_counted_and_the_next_frame_gets_through() -> None:
    world = World([b"\x05rub\x00", b"\x09ish\x00" + enframe(b"a")])
    _, counters = drive(world)
    assert counters.by_source() == {"test": {"malformed": 2}}
    assert "answered a" in world.log


def test_a_link_that_closes_while_it_is_answered_ends_the_driver() -> None:
    world = World([enframe(b"a") + enframe(b"b"), enframe(b"c")], closed=True)
    drive(world)
    assert "submitted c" not in world.log


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_the_cutting_of_the_stream_does_not_matter(size: int) -> None:
    stream = b"".join(enframe(text) for text in (b"alpha", b"beta", b"", b"gamma"))
    world = World([stream[at : at + size] for at in range(0, len(stream), size)])
    drive(world)
    answered = [entry for entry in world.log if entry.startswith("answered")]
    assert answered == ["answered alpha", "answered beta", "answered gamma"]


@given(st.lists(st.binary(max_size=300), max_size=10))
def test_after_any_rubbish_the_next_frame_but_one_gets_through(rubbish: list[bytes]) -> None:
    world = World([*rubbish, enframe(b"first") + enframe(b"second")])
    drive(world)
    assert "answered second" in world.log
