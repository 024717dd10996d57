"""A door in a running demo: through it somebody else does something to one of its meters.

It is a Unix socket that takes one line, ``<what> <meter_id> begin|end``, and answers with one:
the sentence to show. A sentence of what went wrong has ``! `` in front.
"""

import asyncio
import socket
from enum import StrEnum
from pathlib import Path

from weir_tools import messages
from weir_tools.demo.workplace import BENCH_SOCKET, bench_sockets
from weir_tools.errors import Failed, Misused
from weir_tools.simulator.bench import Bench, BenchMeter
from weir_tools.simulator.senses import Sense

ANSWER_TIMEOUT_S = 30.0
LINE_SIZE_MAX = 256
BEGIN, END = "begin", "end"
REFUSED = "! "


class Act(StrEnum):
    """What can be done to a meter."""

    REVERSE_FLOW = "reverse-flow"
    COVER = "cover"
    MAGNET = "magnet"
    CABLE = "cable"
    TRIGGER = "trigger"


SENSES = {Act.COVER: Sense.COVER, Act.MAGNET: Sense.MAGNET, Act.CABLE: Sense.LOOP_OPEN}


async def open_door(bench: Bench, path: Path) -> asyncio.Server:
    """Listen. Only those may enter who may open the folder that the socket lies in."""

    async def visited(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                line = (await reader.readline()).decode("ascii", "replace")
            writer.write(answer(bench, line).encode() + b"\n")
            await writer.drain()
        except (OSError, TimeoutError, ValueError):
            pass  # the visitor has gone, or said nothing that makes sense
        finally:
            writer.close()

    return await asyncio.start_unix_server(visited, path, limit=LINE_SIZE_MAX)


def answer(bench: Bench, line: str) -> str:
    """Do what a line says; return what to tell of it."""
    try:
        word, meter_id, when = line.split()
        act = Act(word)
        is_beginning = {BEGIN: True, END: False}[when]
    except (ValueError, KeyError):
        return REFUSED + messages.PROVOKED_NONSENSE
    for meter in bench.meters:
        if str(meter.identity.meter_id) == meter_id:
            return _do(bench, meter, act, is_beginning=is_beginning)
    known = ", ".join(str(meter.identity.meter_id) for meter in bench.meters)
    return REFUSED + messages.PROVOKED_NOBODY.format(meter_id=meter_id, known=known)


def _do(bench: Bench, meter: BenchMeter, act: Act, *, is_beginning: bool) -> str:
    senses = meter.inputs.senses
    match act:
        case Act.REVERSE_FLOW:
            meter.inputs.turn(bench.pace.now_ms(), backwards=is_beginning)
        case Act.TRIGGER:
            senses.touch(Sense.TRIGGER)
        case _ if is_beginning:
            senses.apply(SENSES[act])
        case _:
            senses.release(SENSES[act])
    sentences = messages.PROVOKED if is_beginning else messages.PROVOKED_ENDED
    return sentences[act].format(meter_id=meter.identity.meter_id)


def provoke(act: Act, meter_id: int, *, is_beginning: bool, folder: Path | None = None) -> str:
    """Ask a demo; return its sentence. Raise Failed, Misused.

    folder: of the demo's sockets, None for the demo that runs on this machine.
    """
    when = BEGIN if is_beginning else END
    path = _only_door() if folder is None else folder / BENCH_SOCKET
    try:
        sentence = _ask(path, f"{act} {meter_id} {when}\n")
    except OSError as error:
        raise Failed(messages.DEMO_SILENT.format(reason=error.strerror or error)) from error
    if sentence.startswith(REFUSED):
        raise Misused(sentence.removeprefix(REFUSED))
    return sentence


def _only_door() -> Path:
    found = [path for path in bench_sockets() if _is_open(path)]
    if not found:
        raise Failed(messages.NO_DEMO)
    if len(found) > 1:
        folders = ", ".join(str(path.parent) for path in found)
        raise Failed(messages.SEVERAL_DEMOS.format(count=len(found), folders=folders))
    return found[0]


def _is_open(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as visitor:
        try:
            visitor.connect(str(path))
        except OSError:  # of a demo that was killed, or of another user
            return False
    return True


def _ask(path: Path, line: str) -> str:
    with socket.socket(socket.AF_UNIX) as visitor:
        visitor.settimeout(ANSWER_TIMEOUT_S)
        visitor.connect(str(path))
        visitor.sendall(line.encode())
        with visitor.makefile(encoding="utf-8") as lines:
            sentence = lines.readline().rstrip("\n")
    if not sentence:
        raise OSError("it hung up")
    return sentence
