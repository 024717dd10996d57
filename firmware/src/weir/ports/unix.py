"""The port for a computer: a bench plays the hardware, files keep flash and identity.

main.py --home DIR --bench HOST:PORT --link pty:PATH|tcp:HOST:PORT [--cut KIND:N:PART]

--cut loses the power inside a flash operation, see weir.ports.cut_flash.
"""

import os
import sys

from micropython import const
from weir.assembly import RING_SECTOR
from weir.errors import StartRefused
from weir.ports.bench import Bench, BenchLost
from weir.ports.file_flash import FileFlash
from weir.ports.identity_file import IdentityFile

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from weir.hal.board import Board
    from weir.ports.bench import Poller
    from weir.ports.pty_link import PtyLink
    from weir.ports.tcp_link import TcpLink
    from weir.wake_cycle import WakeCycle

_NEEDED = ("--home", "--bench", "--link")
_CUT = "--cut"
_OPTIONS = _NEEDED + (_CUT,)
_BENCH_LOST = "The bench has closed its channel; the meter is off."
_USAGE = "main.py --home DIR --bench HOST:PORT --link pty:PATH|tcp:HOST:PORT [--cut KIND:N:PART]"


class UnixBoard:
    """Keeps the Board contract."""

    def __init__(self, home: str, bench: str, link: str, cut: "str | None") -> None:
        """Open everything. Raises StartRefused with what cannot be opened, and why."""
        self.keys = identity = IdentityFile(home + "/identity.json")
        self.flash = _open_flash(home + "/flash.bin", RING_SECTOR + identity.ring_sectors, cut)
        self.aes = _find_aes()
        host, port = _address("--bench", bench)
        played = Bench(host, port, identity.meter_id)
        self.clock = self.power = self.pulses = self.analog = self.senses = played
        self.link = played.link = _open_link(link, played.poller)

    def draw_u32(self) -> int:
        return int.from_bytes(os.urandom(4), "little")


def _find_aes() -> "Callable[..., Any]":
    """Return MicroPython's own AES, or on CPython the host library's in the same form."""
    if sys.implementation.name == "micropython":
        from cryptolib import aes

        return aes
    from weir.ports.aes_on_host import HostAes

    return HostAes


def _open_flash(path: str, sector_count: int, cut: "str | None") -> FileFlash:
    if cut is None:
        return FileFlash(path, sector_count)
    from weir.ports.cut_flash import CutFlash

    return CutFlash(path, sector_count, cut)


def _open_link(link: str, poller: "Poller") -> "PtyLink | TcpLink":
    """Open the kind of link that is asked for; the other one's code takes no memory."""
    if link.startswith("pty:"):
        from weir.ports.pty_link import PtyLink

        return PtyLink(link[4:], poller)
    if link.startswith("tcp:"):
        from weir.ports.tcp_link import TcpLink

        host, port = _address("--link tcp:", link[4:])
        return TcpLink(host, port, poller)
    raise StartRefused(f"--link is pty:PATH or tcp:HOST:PORT, not {link}.")


def _address(option: str, text: str) -> "tuple[str, int]":
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 0x10000:
        raise StartRefused(f"{option} needs HOST:PORT, not {text!r}.")
    return host, int(port)


def _parse(arguments: "list[str]") -> "dict[str, str]":
    values: dict[str, str] = {}
    for place in range(0, len(arguments), 2):
        option = arguments[place]
        if option not in _OPTIONS or place + 1 == len(arguments):
            raise StartRefused(f"{option} is not understood here; usage: {_USAGE}")
        values[option] = arguments[place + 1]
    for option in _NEEDED:
        if option not in values:
            raise StartRefused(f"{option} is missing; usage: {_USAGE}")
    return values


def run(arguments: "list[str]", assemble: "Callable[[Board], WakeCycle]") -> int:
    """Run the meter until it is switched off; return the exit code.

    0: switched off by the bench. 1: the bench has gone, or the firmware failed.
    2: wrong arguments, identity or flash.
    """
    try:
        options = _parse(arguments)
        board = UnixBoard(
            options["--home"], options["--bench"], options["--link"], options.get(_CUT)
        )
    except StartRefused as refusal:
        return _stop(str(refusal), 2)
    except BenchLost:
        return _stop(_BENCH_LOST, 1)
    return _turn_until_off(board, assemble)


def _turn_until_off(board: UnixBoard, assemble: "Callable[[Board], WakeCycle]") -> int:
    try:
        cycle = assemble(board)
        while True:
            cycle.turn()
    except SystemExit:
        return 0
    except BenchLost:
        return _stop(_BENCH_LOST, 1)
    except StartRefused as refusal:
        board.power.die(str(refusal))
        return _stop(str(refusal), 2)
    except Exception as error:  # a defect: the bench must hear of it whatever it is
        sentence = f"The meter died of {type(error).__name__}: {error}"
        board.power.die(sentence)
        return _stop(sentence, 1)


def _stop(sentence: str, code: int) -> int:
    sys.stderr.write(sentence + "\n")
    return code
