"""`weir decode`: a frame explained field by field."""

import json
import os
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from weir_protocol.errors import PeerError
from weir_tools import messages
from weir_tools.decode.anatomy import Anatomy, Field, Knowledge, dissect
from weir_tools.decode.tables import show
from weir_tools.decode.wire_text import WireFrame, find_frames, read_hex
from weir_tools.errors import Failed, Misused
from weir_tools.simulator.identity import read_keys

KEY_VARIABLE = "WEIR_KEY"
SEALED = {
    "key": messages.SEALED_FOR_KEY,
    "epoch": messages.SEALED_FOR_EPOCH,
    "reference": messages.SEALED_FOR_REFERENCE,
}


@click.command()
@click.argument("hexes", metavar="HEX...", nargs=-1)
@click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    help="A gateway's key file, or a file that holds one key as 32 hex digits. "
    f"Without it the key comes from the variable {KEY_VARIABLE}, if it is set.",
)
@click.option("--epoch", metavar="HEX", help="The meter's epoch, for frames other than HELLO.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def decode(
    hexes: tuple[str, ...], key_file: Path | None, epoch: str | None, as_json: bool
) -> None:
    """Explain frames field by field.

    HEX is what was seen on the wire: COBS with or without its delimiter, or a bare frame, as hex
    digits with or without spaces; "-" reads it from standard input. Several frames may follow
    each other. The header is in clear; the body needs the meter's key and epoch. A HELLO carries
    the epoch, and the frames after it are opened with it.
    """
    text = sys.stdin.read() if hexes == ("-",) else " ".join(hexes)
    frames = find_frames(read_hex(text))
    knowledge = Knowledge(*_keys(key_file), epoch=_epoch(epoch), records={})
    explained = [(found, dissect(found.frame, knowledge)) for found in frames]
    if as_json:
        listed = [_plain(found, anatomy) for found, anatomy in explained]
        click.echo(json.dumps({"frames": listed}, indent=2))
    else:
        for found, anatomy in explained:
            show(found, anatomy, _sealed_sentence(anatomy))
    refused = next((anatomy.refused for _, anatomy in explained if anatomy.refused), None)
    if refused is not None:
        raise Failed(_refusal(refused))


def _refusal(refused: PeerError) -> str:
    return messages.FRAME_REFUSED.format(rule=refused.rule, detail=refused.detail)


def _keys(file: Path | None) -> tuple[dict[int, bytes], bytes | None]:
    """Keys by meter, and the one for any meter."""
    if file is None:
        text = os.environ.get(KEY_VARIABLE)
        return {}, None if text is None else _key(text, KEY_VARIABLE)
    try:
        first = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise Misused(messages.KEYS_UNREADABLE.format(file=file, reason=reason)) from error
    if re.fullmatch(r"\S+", first):
        return {}, _key(first, str(file))
    return read_keys(file), None


def _key(text: str, source: str) -> bytes:
    if not re.fullmatch(r"[0-9a-fA-F]{32}", text.strip()):
        raise Misused(messages.KEY_NOT_HEX.format(source=source))
    return bytes.fromhex(text.strip())


def _epoch(text: str | None) -> int | None:
    if text is None:
        return None
    if not re.fullmatch(r"[0-9a-fA-F]{8}", text):
        raise Misused(messages.BAD_EPOCH.format(text=text))
    return int(text, 16)


def _sealed_sentence(anatomy: Anatomy) -> str | None:
    if anatomy.sealed_because is None:
        return None
    return SEALED[anatomy.sealed_because].format(meter_id=anatomy.header.meter_id)


def _plain(found: WireFrame, anatomy: Anatomy) -> dict[str, Any]:
    refused = anatomy.refused
    return {
        "frame_type": anatomy.header.frame_type.name,
        "meter_id": anatomy.header.meter_id,
        "frame_bytes": len(found.frame),
        "wire_bytes": found.wire_size,
        "is_framed": found.is_framed,
        "opened": anatomy.sealed_because is None and refused is None,
        "sealed_because": _sealed_sentence(anatomy),
        "broken_rule": None if refused is None else refused.rule,
        "refused_because": None if refused is None else _refusal(refused),
        "fields": [_plain_field(field) for field in anatomy.fields],
        "records": [asdict(record) for record in anatomy.records],
    }


def _plain_field(field: Field) -> dict[str, Any]:
    return {
        "offset": field.offset,
        "bytes": field.octets.hex(),
        "name": field.name,
        "value": field.value,
        "unit": field.unit or None,
        "meaning": field.meaning or None,
    }
