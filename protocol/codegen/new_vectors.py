"""``python -m codegen.new_vectors``: write the vectors that have no file yet, and no other."""

import json
import re
import sys
from dataclasses import astuple
from pathlib import Path
from typing import Any

from codegen.vector_cases import Case, cases
from weir_protocol.batch import Batch
from weir_protocol.frames import FrameType, Header, build_body
from weir_protocol.framing import enframe
from weir_protocol.records import IntervalRecord
from weir_protocol.sealing import DIRECTION_DOWNLINK, DIRECTION_UPLINK, Sealer, nonce

FOLDER = Path(__file__).parents[1] / "vectors"
KEY = bytes(range(16))


def vector(case: Case) -> dict[str, Any]:
    """Return the content of one vector file."""
    epoch = case.epoch if case.frame_type is FrameType.HELLO else None
    header = Header(case.frame_type, case.meter_id, case.counter, epoch).encode()
    body = build_body(case.frame_type, case.fields)
    direction = DIRECTION_UPLINK if case.frame_type.is_uplink else DIRECTION_DOWNLINK
    at = nonce(case.meter_id, case.epoch, case.counter, direction)
    frame = header + Sealer(KEY).seal(at, header, body)
    return {
        "rule": case.rule,
        "why": case.why,
        "frame_type": case.frame_type.name,
        "key": KEY.hex(),
        "meter_id": case.meter_id,
        "epoch": case.epoch,
        "counter": case.counter,
        "fields": {name: _plain(value) for name, value in case.fields.items()},
        "body": body.hex(),
        "frame": frame.hex(),
        "stream": enframe(frame).hex(),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Batch):
        return {
            "interval_s": value.interval_s,
            "samples": value.samples,
            "columns": int(value.columns),
            "reference": _row(value.reference) if value.reference else None,
            "records": [_row(record) for record in value.records],
        }
    return value


def _row(record: IntervalRecord) -> list[int | None]:
    return [None if value is None else int(value) for value in astuple(record)]


def main() -> int:
    for case in cases():
        path = FOLDER / f"{case.name}.json"
        if not path.exists():
            text = json.dumps(vector(case), indent=1)
            path.write_text(_rows_on_one_line(text) + "\n", encoding="utf-8")
            sys.stdout.write(f"new: {path.name}\n")
    return 0


def _rows_on_one_line(text: str) -> str:
    """Write innermost lists and objects on one line, so that a record takes one."""
    return re.sub(
        r"([\[{])\s+([^\[\]{}]*?)\s+([\]}])",
        lambda found: found[1] + " ".join(found[2].split()) + found[3],
        text,
    )


if __name__ == "__main__":
    sys.exit(main())
