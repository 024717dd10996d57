"""What the log says of an uplink that is durable: only what an operator looks for there."""

import logging
from collections.abc import Iterator

from weir_gateway.event_names import event_name, phase_name
from weir_gateway.store.receipt import Receipt
from weir_protocol.frames import KEY_VERSION, FrameType, Outcome
from weir_protocol.session import Uplink

_log = logging.getLogger(__name__)


def log_uplink(uplink: Uplink, receipt: Receipt) -> None:
    for line in _lines(uplink, receipt):
        _log.info("meter %d %s", uplink.meter_id, line)


def _lines(uplink: Uplink, receipt: Receipt) -> Iterator[str]:
    match uplink.frame_type:
        case FrameType.HELLO:
            yield f"says hello, epoch {uplink.epoch:08x}"
        case FrameType.EVENTS if receipt.event_count:  # none of them in what is but repeated
            for event in uplink.fields["items"]:
                name, phase = event_name(event["code"]), phase_name(event["phase"])
                yield f"tells {name} {phase}: {event['value']}, limit {event['limit']}"
        case FrameType.SETTINGS_REPORT:
            yield from _report(uplink)


def _report(uplink: Uplink) -> Iterator[str]:
    versions = [item["value"] for item in uplink.fields["items"] if item["key"] == KEY_VERSION]
    outcome = uplink.fields["outcome"]
    known = [one.name.lower().replace("_", " ") for one in Outcome if one == outcome]
    for version in versions:
        yield f"reports settings version {version}: {(known or [f'outcome {outcome}'])[0]}"
