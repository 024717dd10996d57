"""Cables between a meter's uplink and its reader."""

import asyncio
import contextlib
import os
import tty
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from weir_tools.errors import Unreachable
from weir_tools.simulator.cable import WAITING_SIZE_MAX, open_pty_cable, open_serial_cable
from weir_tools.simulator.waiting import until

EVERY_BYTE = bytes(range(256))


def play(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(scene(), 60))


def open_raw(path: str) -> int:
    device = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    tty.setraw(device)
    return device


async def read_all(device: int, size: int) -> bytes:
    got = bytearray()

    async def is_whole() -> bool:
        with contextlib.suppress(BlockingIOError):
            got.extend(os.read(device, 65_536))
        return len(got) >= size

    await until(is_whole, timeout_s=20)
    return bytes(got)


def test_every_byte_passes_unchanged_both_ways() -> None:
    async def scene() -> None:
        cable, near, far = open_pty_cable()
        ends = open_raw(near), open_raw(far)
        for source, target in (ends, ends[::-1]):
            os.write(source, EVERY_BYTE * 8)
            assert await read_all(target, 2048) == EVERY_BYTE * 8
        for end in ends:
            os.close(end)
        cable.close()

    play(scene)


def test_bytes_that_nobody_takes_are_lost_and_the_writer_is_not_held_up() -> None:
    async def scene() -> None:
        cable, near, far = open_pty_cable()
        source = open_raw(near)
        sent = 0

        async def is_enough() -> bool:
            nonlocal sent
            with contextlib.suppress(BlockingIOError):
                sent += os.write(source, bytes(1024))
            return sent > 3 * WAITING_SIZE_MAX

        assert await until(is_enough, timeout_s=30)
        target = open_raw(far)
        assert len(await read_all(target, WAITING_SIZE_MAX // 2)) < sent
        os.close(source)
        os.close(target)
        cable.close()

    play(scene)


def test_a_user_may_come_and_go() -> None:
    async def scene() -> None:
        cable, near, far = open_pty_cable()
        target = open_raw(far)
        for _ in range(3):
            source = open_raw(near)
            os.write(source, b"once more")
            assert await read_all(target, 9) == b"once more"
            os.close(source)
        os.close(target)
        cable.close()

    play(scene)


def test_a_serial_port_is_joined_to_a_device() -> None:
    async def scene() -> None:
        line, port, far_end = open_pty_cable()
        cable, device = open_serial_cable(port, baud=9600)
        ends = open_raw(device), open_raw(far_end)
        os.write(ends[0], EVERY_BYTE)
        assert await read_all(ends[1], 256) == EVERY_BYTE
        os.write(ends[1], EVERY_BYTE)
        assert await read_all(ends[0], 256) == EVERY_BYTE
        for end in ends:
            os.close(end)
        cable.close()
        line.close()

    play(scene)


def test_a_port_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    async def scene() -> None:
        with pytest.raises(Unreachable, match="cannot be opened"):
            open_serial_cable(str(tmp_path / "none"), baud=9600)

    play(scene)
