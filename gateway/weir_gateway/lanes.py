"""Which readings go out next: the backlog oldest first, and live ones ahead of a deep backlog.

A fetch has two lanes. Most of it is the backlog of the meters whose turn it is. While more waits
than a fetch takes, a fixed share is kept for what is new: a meter's newest reading goes ahead, so
that it is out after a bounded number of messages, however much is waiting, and of how many meters.
"""

import sqlite3
from dataclasses import dataclass, field

from weir_gateway.documents import json_bytes, reading_document
from weir_gateway.store import outbox
from weir_gateway.store.outbox import Waiting
from weir_gateway.store.rows import ReadingKey

FETCH_MAX = 256
"""Readings fetched at once: enough to keep the window full while the next are fetched."""

LIVE_MAX = FETCH_MAX // 4
"""Of these, how many are kept for live readings while the backlog is deeper than a fetch."""

METERS_MAX = 64
"""Meters that share one fetch, so that none waits for another's backlog."""

InHand = dict[int, frozenset[ReadingKey]]
"""For each meter that is looked at, its readings that are on their way already."""


@dataclass(frozen=True, slots=True)
class Message:
    key: ReadingKey
    payload: bytes


@dataclass(slots=True)
class Fetched:
    """What goes out next, in this order, and the meters that may have more."""

    messages: list[Message] = field(default_factory=list)
    unfinished: list[int] = field(default_factory=list)


def fetch(connection: sqlite3.Connection, turn: InHand, live: InHand) -> Fetched:
    """Return the messages of one fetch.

    turn: meters whose backlog is next, METERS_MAX at most. live: meters whose newest reading goes
    ahead, LIVE_MAX at most, unless all that waits of them goes out in this fetch anyway.
    """
    fetched = Fetched()
    share = max(1, (FETCH_MAX - LIVE_MAX) // max(1, len(turn)))
    for meter_id, in_hand in turn.items():
        _add_backlog(connection, fetched, meter_id, in_hand, share)
    finished = turn.keys() - fetched.unfinished
    ahead = [
        message
        for meter_id, in_hand in live.items()
        if meter_id not in finished
        and (message := _live_message(connection, meter_id, in_hand)) is not None
    ]
    fetched.messages[:0] = ahead
    return fetched


def _add_backlog(
    connection: sqlite3.Connection,
    fetched: Fetched,
    meter_id: int,
    in_hand: frozenset[ReadingKey],
    share: int,
) -> None:
    """Add a meter's oldest readings; only the last of all that wait can be its newest."""
    found = outbox.oldest_unpublished(connection, meter_id, share + len(in_hand) + 1)
    fresh = [one for one in found if one.reading[:3] not in in_hand]
    newest_key = None
    if len(fresh) > share:
        fetched.unfinished.append(meter_id)
    elif fresh:
        newest_key = outbox.newest_key(connection, meter_id)
    fetched.messages += [_message(one, newest_key) for one in fresh[:share]]


def _live_message(
    connection: sqlite3.Connection, meter_id: int, in_hand: frozenset[ReadingKey]
) -> Message | None:
    """Return a meter's newest reading if it is new and not on its way already."""
    newest_key = outbox.newest_key(connection, meter_id)
    if newest_key is None or newest_key in in_hand:
        return None
    newest = outbox.unpublished(connection, newest_key)
    return None if newest is None or newest.replayed else _message(newest, newest_key)


def _message(waiting: Waiting, newest_key: ReadingKey | None) -> Message:
    key = waiting.reading[:3]
    historical = waiting.replayed or key != newest_key
    return Message(key, json_bytes(reading_document(waiting.reading, historical=historical)))
