"""Showing every event as it comes."""

import json
import time
from collections.abc import Callable
from typing import Any

import click

from weir_tools import messages
from weir_tools.alarm_tables import event_line
from weir_tools.errors import Unreachable

POLL_S = 0.25
AWAY_S = 60.0
"""How long a gateway may be away, as for a restart, before the command gives up."""

Document = dict[str, Any]
Ask = Callable[[Callable[[Any], Any]], Any]


def follow_events(ask_gateway: Ask, meter_id: int | None, after: int, *, as_json: bool) -> None:
    """Print the events behind ``after`` as they come, until interrupted.

    Raise Unreachable when the gateway stays away.
    """
    answered_at_s = time.monotonic()
    is_away = False
    while True:
        try:
            page = _page(ask_gateway, meter_id, after)
        except Unreachable:
            if time.monotonic() - answered_at_s > AWAY_S:
                raise
            if not is_away:
                click.echo(messages.FOLLOWED_AWAY, err=True)
            is_away = True
        else:
            answered_at_s, is_away = time.monotonic(), False
            after = page["next"]
            for event in page["events"]:
                click.echo(json.dumps(event) if as_json else event_line(event))
        time.sleep(POLL_S)


def _page(ask_gateway: Ask, meter_id: int | None, after: int) -> Document:
    page: Document = ask_gateway(lambda client: client.events(meter_id=meter_id, after=after))
    return page
