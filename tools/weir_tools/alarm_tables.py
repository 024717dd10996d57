"""Alarms and events as people read them."""

from collections.abc import Iterable, Mapping
from typing import Any

from weir_tools.event_words import event_words, quantity
from weir_tools.listing import Column, Listing, number, text
from weir_tools.quantities import NOTHING, moment

Document = Mapping[str, Any]


def alarms_table(alarms: Iterable[Document], *, past: bool) -> Listing:
    table = Listing(
        Column("alarm"),
        number("meter"),
        Column("what"),
        Column("since (UTC)"),
        number("value"),
        number("limit"),
        *([Column("cleared (UTC)")] if past else []),
        text("acknowledged"),
    )
    for alarm in alarms:
        table.add_row(
            alarm["id"],
            str(alarm["meter_id"]),
            alarm["name"],
            moment(alarm["since"] or alarm["raised_received_at"]),
            quantity(alarm["value"], alarm["unit"]),
            quantity(alarm["limit"], alarm["unit"]),
            *([_cleared(alarm)] if past else []),
            _acknowledged(alarm),
        )
    return table


def event_line(event: Document) -> str:
    """Return an event as one line."""
    at = moment(event["measured_at"] or event["received_at"])
    return f"{at}  meter {event['meter_id']}  {event_words(event)}  ({event['id']})"


def _cleared(alarm: Document) -> str:
    if alarm["active"]:
        return "active"
    return moment(alarm["cleared_at"] or alarm["cleared_received_at"])


def _acknowledged(alarm: Document) -> str:
    words = alarm["acknowledged"]
    if words is None:
        return "NO" if alarm["active"] else NOTHING
    note = f": {words['note']}" if words["note"] else ""
    return f"{words['by']}, {moment(words['at'])}{note}"
