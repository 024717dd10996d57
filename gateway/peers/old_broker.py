"""Brokers that real networks have and mosquitto cannot play: old, rude, mute or slow ones."""

import asyncio
from enum import Enum


class Manner(Enum):
    REFUSES_5 = "answers MQTT 5 with the return code of 3.1.1"
    HANGS_UP_ON_5 = "closes the connection when it hears MQTT 5"
    MUTE_ON_5 = "never answers MQTT 5"
    HANGS_UP = "closes every connection"
    MUTE = "never answers"
    DENIES_SUBSCRIBING = "speaks MQTT 5 and lets nobody subscribe"
    WITHHOLDS = "speaks MQTT 5, wants at most 3 messages in flight, and acknowledges none"


class OldBroker:
    """Speaks just enough MQTT to take messages. topics: of what it was sent."""

    def __init__(self, manner: Manner) -> None:
        self.manner = manner
        self.topics: list[str] = []
        self.levels: list[int] = []
        self.port = 0

    async def start(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = server
        self.port = server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while self._answer(writer, *await _read_packet(reader)):
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, writer: asyncio.StreamWriter, kind: int, body: bytes) -> bool:
        """Answer one packet; return whether to go on."""
        if kind >> 4 == 1:
            self.levels.append(body[6])
            return self._greet(writer, body[6])
        if kind >> 4 == 3:
            size = int.from_bytes(body[:2], "big")
            self.topics.append(body[2 : 2 + size].decode())
            if self.manner is not Manner.WITHHOLDS:
                writer.write(b"\x40\x02" + body[2 + size : 4 + size])
        if kind >> 4 == 8 and self.manner is Manner.DENIES_SUBSCRIBING:
            writer.write(b"\x90\x04" + body[:2] + b"\x00\x87")  # Not authorized
        return True

    def _greet(self, writer: asyncio.StreamWriter, level: int) -> bool:
        if self.manner is Manner.MUTE or (self.manner is Manner.MUTE_ON_5 and level == 5):
            return True
        if self.manner is Manner.HANGS_UP or (self.manner is Manner.HANGS_UP_ON_5 and level == 5):
            return False
        if self.manner is Manner.WITHHOLDS:
            writer.write(b"\x20\x06\x00\x00\x03\x21\x00\x03")  # Receive Maximum 3
            return True
        if self.manner is Manner.DENIES_SUBSCRIBING:
            writer.write(b"\x20\x03\x00\x00\x00")
            return True
        refused = level == 5
        writer.write(b"\x20\x02\x00\x01" if refused else b"\x20\x02\x00\x00")
        return not refused


async def _read_packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    kind = (await reader.readexactly(1))[0]
    size, shift = 0, 0
    while True:
        byte = (await reader.readexactly(1))[0]
        size |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return kind, await reader.readexactly(size)
