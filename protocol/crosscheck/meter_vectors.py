"""Checks golden vectors with the meter's own code. Runs on CPython and on MicroPython.

``MICROPYPATH=firmware/src micropython meter_vectors.py VECTOR_FILE ...`` prints one line per
vector, ``ok NAME`` or ``failed NAME: what differs``. Uplinks are built, downlinks are taken apart;
every frame is stuffed into its stream and cut out of it.
"""

import json
import sys

from weir.link import codec, framing, sealing, tables_gen
from weir.link.packing import BatchPacker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def check(vector: "dict[str, Any]", aes: "Callable[..., Any]") -> "str | None":
    """Return what differs between the vector and the meter's code, or None."""
    frame = bytes.fromhex(vector["frame"])
    stream = bytes.fromhex(vector["stream"])
    if framing.enframe(frame) != stream:
        return "enframe"
    if framing.Deframer(512).feed(stream) != [frame]:
        return "deframe"
    key = bytes.fromhex(vector["key"])
    sealer = sealing.Sealer(
        vector["meter_id"], key, vector["epoch"], aes, lambda: int(vector["counter"])
    )
    frame_type = getattr(tables_gen, "TYPE_" + vector["frame_type"])
    if frame_type & codec.DOWNLINK_BIT:
        return _check_downlink(sealer, frame_type, vector, frame)
    return _check_uplink(sealer, frame_type, vector, frame)


def meter_record(row: "list[Any]") -> "list[int]":
    """Return a vector's row as the meter holds it: without sequence, -32768 for no pressure."""
    return [tables_gen.NO_PRESSURE_KPA if value is None else value for value in row[1:]]


def _check_uplink(
    sealer: sealing.Sealer, frame_type: int, vector: "dict[str, Any]", frame: bytes
) -> "str | None":
    body = _body(frame_type, vector["fields"])
    if body != bytes.fromhex(vector["body"]):
        return "body"
    header = codec.header(frame_type, sealer.meter_id, vector["counter"], sealer.epoch)
    nonce = sealer.nonce(vector["counter"], sealing.UPLINK)
    return None if header + sealer.seal(nonce, header, body) == frame else "frame"


def _body(frame_type: int, fields: "dict[str, Any]") -> bytes:
    if "batch" in fields:
        return bytes([fields["settings_version"]]) + _pack(fields["batch"])
    _, names, _, item_names = tables_gen.LAYOUTS[frame_type]
    values = [fields[name] for name in names.split()]
    items = [[item[name] for name in item_names.split()] for item in fields.get("items", ())]
    return codec.pack_body(frame_type, values, items)


def _pack(batch: "dict[str, Any]") -> bytes:
    if not batch["records"]:
        return b""
    packer = BatchPacker(2000)
    reference = batch["reference"]
    packer.begin(
        batch["records"][0][0],
        batch["interval_s"],
        batch["samples"],
        batch["columns"],
        None if reference is None else meter_record(reference),
    )
    for row in batch["records"]:
        if not packer.append(meter_record(row)):
            return b"does not fit"
    return packer.finish()


def _check_downlink(
    sealer: sealing.Sealer, frame_type: int, vector: "dict[str, Any]", frame: bytes
) -> "str | None":
    split = codec.split_downlink(frame)
    if split is None or split[:3] != (frame_type, vector["meter_id"], vector["counter"]):
        return "header"
    size = split[3]
    nonce = sealer.nonce(vector["counter"], sealing.DOWNLINK)
    body = sealer.open(nonce, frame[:size], frame[size:])
    if body is None or body != bytes.fromhex(vector["body"]):
        return "body"
    if sealer.open(nonce, frame[:size], frame[size:-1] + bytes([frame[-1] ^ 1])) is not None:
        return "a damaged tag opens"
    return _check_fields(frame_type, body, vector["fields"])


def _check_fields(frame_type: int, body: bytes, fields: "dict[str, Any]") -> "str | None":
    unpacked = codec.unpack_body(frame_type, body)
    if unpacked is None:
        return "body size"
    _, names, _, item_names = tables_gen.LAYOUTS[frame_type]
    if list(unpacked[0]) != [fields[name] for name in names.split()]:
        return "values"
    wanted = [[item[name] for name in item_names.split()] for item in fields.get("items", ())]
    return None if [list(item) for item in unpacked[1]] == wanted else "items"


def main(paths: "list[str]", aes: "Callable[..., Any]") -> None:
    for path in paths:
        name = path.split("/")[-1]
        with open(path) as file:
            fault = check(json.load(file), aes)
        sys.stdout.write(
            ("ok " + name if fault is None else "failed " + name + ": " + fault) + "\n"
        )


if __name__ == "__main__":
    from cryptolib import aes  # MicroPython alone has it

    main(sys.argv[1:], aes)
