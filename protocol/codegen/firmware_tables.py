"""The meter's tables: frame layouts, constants, and the first state of the batch model."""

from collections.abc import Iterable
from enum import IntEnum, IntFlag

from codegen.layouts import flat_layouts
from weir_protocol import batch, frames, framing, model, priors, rangecoder
from weir_protocol.alarms import BY_CODE
from weir_protocol.records import EventCode, EventPhase, Status

HEADER = '''\
"""Tables of the wire format. Generated from protocol/weir_protocol by `make gen`. Do not edit."""

'''


def render() -> str:
    return "".join([HEADER, _constants(), _layouts(), _model_tables()])


def _constants() -> str:
    lines = [
        f"PROTOCOL_VERSION = {frames.PROTOCOL_VERSION}\n",
        f"STREAM_FRAME_SIZE_MAX = {framing.STREAM_FRAME_SIZE_MAX}\n",
        f"NO_PRESSURE_KPA = {frames.NO_PRESSURE_KPA}\n",
        f"RECORDS_MAX = {batch.RECORDS_MAX}\n",
        f"SAMPLES_MAX = {batch.SAMPLES_MAX}\n",
        f"USUAL_COLUMNS = {int(batch.ALL_COLUMNS)}\n",
        f"USUAL_SAMPLES = {batch.USUAL_SHAPE.samples}\n",
        f"USUAL_INTERVAL_S = {batch.USUAL_SHAPE.interval_s}\n",
        f"ORIGIN_QUALITY = {int(batch.ORIGIN_QUALITY)}\n",
        f"KEY_VERSION = {frames.KEY_VERSION}\n",
        f"KEY_SEQUENCE = {frames.KEY_SEQUENCE}\n",
        f"KEY_COUNT = {frames.KEY_COUNT}\n",
    ]
    notes = [code for code in EventCode if code not in BY_CODE]  # alarms: the settings table
    enumerations: list[tuple[str, Iterable[IntEnum] | Iterable[IntFlag]]] = [
        ("TYPE", frames.FrameType),
        ("STATUS", Status),
        ("FLAG", frames.AcknowledgeFlag),
        ("COMMAND", frames.CommandCode),
        ("OUTCOME", frames.Outcome),
        ("REASON", frames.Reason),
        ("EVENT", notes),
        ("PHASE", EventPhase),
        ("COLUMNS", batch.Columns),
        ("COLUMN", model.Column),
    ]
    for prefix, enumeration in enumerations:
        lines += [f"{prefix}_{member.name} = {member.value}\n" for member in enumeration]
    return "".join(lines)


def _layouts() -> str:
    lines = [
        "\n# type: (format of the fields, their names, format of the repeated item, its names)\n"
    ]
    lines.append("LAYOUTS = {\n")
    for layout in flat_layouts():
        fields = "<" + "".join(field.code for field in layout.fields)
        names = " ".join(field.name for field in layout.fields)
        item = "<" + "".join(field.code for field in layout.item) if layout.item else ""
        item_names = " ".join(field.name for field in layout.item)
        key = f"{int(layout.frame_type):#04x}"
        lines.append(f"    {key}: ({fields!r}, {names!r}, {item!r}, {item_names!r}),\n")
    return "".join([*lines, "}\n"])


def _model_tables() -> str:
    prior = bytes(value for table in priors.PRIOR_256THS for row in table for value in row)
    names = (
        "LEVELS",
        "EXPONENTS",
        "MANTISSAS",
        "SIGNS",
        "MANTISSA_OFFSET",
        "SIGN_OFFSET",
        "COLUMN_CONTEXTS",
        "MORE_CONTEXT",
        "SAME_STATUS_CONTEXT",
        "SAME_QUALITY_CONTEXT",
        "CONTEXT_COUNT",
        "EVEN_STATE",
        "LIKELY_STATE",
    )
    lines = ["\n", *(f"{name} = {getattr(model, name)}\n" for name in names)]
    lines += [
        f"COLUMN_COUNT = {len(model.Column)}\n",
        f"PROBABILITY_MIN = {rangecoder.PROBABILITY_MIN}\n",
        f"PROBABILITY_MAX = {rangecoder.PROBABILITY_MAX}\n",
        f"FIRST_ACTIVITY = {model.FIRST_ACTIVITY!r}\n",
        f"RATES = {rangecoder.RATES!r}\n",
        f"PRIOR_256THS = {prior!r}\n",
        f"PRIOR_OF_COLUMN = {bytes(priors.PRIOR_OF_COLUMN)!r}\n",
    ]
    return "".join(lines)
