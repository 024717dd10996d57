"""Floods a gateway over TCP as fast as it takes bytes, until standard input closes.

Run in a process of its own: ``python -m weir_tools.fairness_bench.flood PORT KIND CONNECTIONS
METER``, with the meter's key in hex on the first line of standard input. KIND is one of:

- ``genuine``: sealed readings of the meter, each frame a new one
- ``forged``: frames that name the meter but are sealed with another key
- ``garbage``: bytes without sense
"""

import os
import socket
import struct
import sys
import threading

from weir_tools.fairness_bench.frames import BenchMeter

KINDS = ("genuine", "forged", "garbage")
_FRAMES_AT_ONCE = 64
_GARBAGE_BYTES = 4096
_SEND_BUFFER_BYTES = 32 << 10  # it is to be the gateway that is busy, not this end
_LEAVE_NOTHING = struct.pack("ii", 1, 0)  # when it ends, what it sent last is thrown away


class Flood:
    def __init__(self, port: int, kind: str, meter: BenchMeter) -> None:
        self._port = port
        self._kind = kind
        self._meter = meter
        self._lock = threading.Lock()

    def run(self) -> None:
        """Keep one connection full; dial again when the gateway ends it."""
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self._port)) as connection:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LEAVE_NOTHING)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
                    threading.Thread(target=_swallow, args=(connection,), daemon=True).start()
                    while True:
                        connection.sendall(self._next_bytes())
            except OSError:
                continue

    def _next_bytes(self) -> bytes:
        if self._kind == "garbage":
            return os.urandom(_GARBAGE_BYTES)
        with self._lock:
            return b"".join(self._meter.same_reading() for _ in range(_FRAMES_AT_ONCE))

    def hello(self) -> None:
        with socket.create_connection(("127.0.0.1", self._port)) as connection:
            connection.sendall(self._meter.hello())
            connection.recv(4096)


def _swallow(connection: socket.socket) -> None:
    try:
        while connection.recv(65536):
            pass
    except OSError:
        return


def main() -> None:
    port, kind, connections, meter_id = sys.argv[1:]
    key = bytes.fromhex(sys.stdin.readline())
    meter = BenchMeter(int(meter_id), bytes(16) if kind == "forged" else key)
    flood = Flood(int(port), kind, meter)
    if kind == "genuine":
        flood.hello()
    for _ in range(int(connections)):
        threading.Thread(target=flood.run, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
