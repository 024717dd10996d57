"""The embedded broker: `python -m weir_tools.demo.broker`, until its standard input closes.

So it ends with whoever started it, even when that one is killed. Once it listens, on the loopback
interface and a port that is free, it says the port.
"""

import asyncio
import contextlib
import logging
import sys
from typing import Any

from weir_tools.extras import load_extra

LISTENER = "default"
PROTOCOL_LEVEL = 4  # MQTT 3.1.1, the only one that the library speaks
LEVEL_AT = 6  # bytes into the body of CONNECT: two of length, "MQTT"
WRONG_LEVEL = bytes((0x20, 2, 0, 1))  # CONNACK: unacceptable protocol level


class ReaderAfter:
    """A reader of the library's kind that gives some bytes before those of the stream."""

    def __init__(self, before: bytes, reader: asyncio.StreamReader) -> None:
        self._before = before
        self._reader = reader

    async def read(self, n: int = -1) -> bytes:
        if n == -1:
            n = len(self._before) or 4096
            return self._before or await self._reader.read(n)
        head, self._before = self._before[:n], self._before[n:]
        return head + await self._reader.readexactly(n - len(head))

    def feed_eof(self) -> None:
        self._reader.feed_eof()


class EmbeddedBroker:
    """The library's broker behind a listener of our own.

    It looks at the first packet of each client: given one of MQTT 5 with a will, the library
    waits for ever for bytes that do not come, instead of refusing so that the client speaks 3.1.1.
    """

    def __init__(self) -> None:
        anonymous = "amqtt.plugins.authentication.AnonymousAuthPlugin"
        self._adapters = load_extra("amqtt.adapters", extra="demo")
        self._broker: Any = load_extra("amqtt.broker", extra="demo").Broker(
            {
                "listeners": {LISTENER: {"type": "external", "bind": "ours"}},
                "plugins": {anonymous: {"allow_anonymous": True}},
            }
        )

    async def start(self) -> int:
        """Return the port that it listens on."""
        await self._broker.start()
        self._server = await asyncio.start_server(self._client, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        self._server.close()
        await self._broker.shutdown()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError, EOFError):
            head = await _packet_head(reader)
            body = await reader.readexactly(LEVEL_AT + 1)
            if body[LEVEL_AT] != PROTOCOL_LEVEL:
                writer.write(WRONG_LEVEL)
                await writer.drain()
                return
            await self._broker.external_connected(
                ReaderAfter(head + body, reader),
                self._adapters.StreamWriterAdapter(writer),
                LISTENER,
            )


async def _packet_head(reader: asyncio.StreamReader) -> bytes:
    """The packet's type and its length, which ends with the first byte below 128."""
    head = await reader.readexactly(2)
    while head[-1] >= 0x80:
        head += await reader.readexactly(1)
    return head


async def serve() -> None:
    broker = EmbeddedBroker()
    sys.stdout.write(f"{await broker.start()}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await broker.stop()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(serve())
