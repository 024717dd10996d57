"""A serial port: held alone, and back by itself when it went away."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from peers.echo import EchoCustody, until
from peers.meter_links import PtyLink
from weir_gateway.config import SerialConfig
from weir_gateway.links.serial import SerialLink
from weir_protocol.framing import enframe

Scenario = Callable[[SerialLink, EchoCustody], Coroutine[Any, Any, None]]


def serve(port: Path, custody: EchoCustody, scenario: Scenario) -> None:
    async def started() -> None:
        link = SerialLink(SerialConfig(str(port), 9600), custody.make_driver)
        await link.start()
        await scenario(link, custody)
        await link.stop()

    asyncio.run(started())


async def ask(meter_end: PtyLink, frame: bytes) -> bytes:
    """Send one frame; return the stream bytes of its answer."""
    meter_end.send(enframe(frame))
    answer = b""
    while not answer.endswith(b"\0"):
        chunk = await asyncio.to_thread(meter_end.receive)
        assert chunk, "no answer came"
        answer += chunk
    return answer


def test_a_frame_is_answered_on_the_port_it_came_from(tmp_path: Path) -> None:
    meter_end = PtyLink(tmp_path / "port")

    async def scenario(link: SerialLink, custody: EchoCustody) -> None:
        assert (link.problem, link.connection_count) == (None, 1)
        every_byte = bytes(range(256))
        assert await ask(meter_end, b"+" + every_byte) == enframe(b"+" + every_byte)
        assert custody.sources == {f"serial {tmp_path}/port"}

    serve(tmp_path / "port", EchoCustody(), scenario)
    meter_end.close()


def test_answers_larger_than_the_devices_buffer_arrive_whole(tmp_path: Path) -> None:
    meter_end = PtyLink(tmp_path / "port")

    async def scenario(_: SerialLink, __: EchoCustody) -> None:
        assert await ask(meter_end, b"+a") == enframe(b"+a" + b"." * 100_000)

    serve(tmp_path / "port", EchoCustody(answer_size=100_000), scenario)
    meter_end.close()


def test_a_port_that_goes_away_is_opened_again_when_it_is_back(tmp_path: Path) -> None:
    first = PtyLink(tmp_path / "port")

    async def scenario(link: SerialLink, _: EchoCustody) -> None:
        await ask(first, b"+1")
        first.close()
        await until(lambda: link.problem, "the loss to be noticed")
        assert "cannot be used" in str(link.problem)

        second = PtyLink(tmp_path / "port")
        await until(lambda: link.problem is None, "the port to be opened again")
        assert await ask(second, b"+2") == enframe(b"+2")
        second.close()

    serve(tmp_path / "port", EchoCustody(), scenario)


def test_a_port_that_is_not_there_yet_does_not_keep_the_gateway_from_starting(
    tmp_path: Path,
) -> None:
    async def scenario(link: SerialLink, _: EchoCustody) -> None:
        assert "No such file or directory" in str(link.problem)
        meter_end = PtyLink(tmp_path / "port")
        await until(lambda: link.problem is None, "the port to be opened")
        assert await ask(meter_end, b"+") == enframe(b"+")
        meter_end.close()

    serve(tmp_path / "port", EchoCustody(), scenario)


def test_a_port_that_another_gateway_holds_is_left_to_it(tmp_path: Path) -> None:
    meter_end = PtyLink(tmp_path / "port")

    async def scenario(link: SerialLink, custody: EchoCustody) -> None:
        other = SerialLink(SerialConfig(str(tmp_path / "port"), 9600), custody.make_driver)
        await other.start()
        assert "another program has it open" in str(other.problem)
        assert await ask(meter_end, b"+mine") == enframe(b"+mine")
        await link.stop()
        await until(lambda: other.problem is None, "the port to become free")
        await other.stop()

    serve(tmp_path / "port", EchoCustody(), scenario)
    meter_end.close()


def test_stopping_lets_what_was_read_be_answered(tmp_path: Path) -> None:
    meter_end = PtyLink(tmp_path / "port")

    async def scenario(link: SerialLink, custody: EchoCustody) -> None:
        meter_end.send(enframe(b"+last"))
        await until(lambda: custody.held, "the frame to arrive")
        stopping = asyncio.create_task(link.stop())
        await asyncio.sleep(0)
        custody.release()
        await stopping
        assert meter_end.receive() == enframe(b"+last")

    serve(tmp_path / "port", EchoCustody(hold=True), scenario)
    meter_end.close()
