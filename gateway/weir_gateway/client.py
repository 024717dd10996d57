"""Asks a running gateway over its local interface. For the command line and other programs.

Results are the documents of ``api``, ``documents`` and ``status``: dictionaries with known keys.
"""

import http.client
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlencode

from weir_gateway import messages

if TYPE_CHECKING:
    from weir_gateway.alarms import AlarmsDocument, EventsDocument
    from weir_gateway.api import MeterDetailDocument, MeterDocument, ReadingsPageDocument
    from weir_gateway.backfills import BackfillDocument
    from weir_gateway.dial_checks import CheckDocument
    from weir_gateway.documents import GapDocument
    from weir_gateway.event_documents import AlarmDocument
    from weir_gateway.read_documents import ReadDocument
    from weir_gateway.replay import ReplayDocument
    from weir_gateway.settings.documents import ChangeDocument, ConfigDocument, ResultDocument
    from weir_gateway.status import GatewayDocument

TIMEOUT_S = 10.0
REPLAY_S_MAX = 600.0
"""It answers when all of a range, years of readings perhaps, is durably on its way."""


class ClientError(Exception):
    """The gateway did not give what was asked. The text is a sentence that says what to do.

    status: the HTTP status of its refusal, None when no gateway answers.
    """

    def __init__(self, sentence: str, status: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status

    @property
    def is_unreachable(self) -> bool:
        return self.status is None


class GatewayClient:
    """One question, one connection: nothing to close, and a restarted gateway is no matter."""

    def __init__(self, socket_path: Path, *, timeout_s: float = TIMEOUT_S) -> None:
        self._path = socket_path
        self._timeout_s = timeout_s

    def gateway(self) -> "GatewayDocument":
        """Return the gateway's status and counters."""
        return cast("GatewayDocument", self.ask("/v1/gateway"))

    def meters(self) -> "list[MeterDocument]":
        """Return every meter that is registered or was ever heard, by number."""
        return cast("list[MeterDocument]", self.ask("/v1/meters")["meters"])

    def meter(self, meter_id: int) -> "MeterDetailDocument":
        return cast("MeterDetailDocument", self.ask(f"/v1/meters/{meter_id}"))

    def readings(
        self, meter_id: int, *, limit: int | None = None, after: str | None = None
    ) -> "ReadingsPageDocument":
        """Return the newest readings, or those that follow the reading ``after``, in order.

        after: the id of a reading, or "0" to begin with the oldest.
        """
        query = _query({"limit": limit, "after": after})
        path = f"/v1/meters/{meter_id}/readings{query}"
        return cast("ReadingsPageDocument", self.ask(path))

    def gaps(self, meter_id: int, *, limit: int | None = None) -> "list[GapDocument]":
        """Return the newest gaps of a meter, newest first."""
        query = "" if limit is None else f"?limit={limit}"
        path = f"/v1/meters/{meter_id}/gaps{query}"
        return cast("list[GapDocument]", self.ask(path)["gaps"])

    def backfill(self, meter_id: int, wish: Mapping[str, Any]) -> "BackfillDocument":
        """Ask a meter for readings again: the fields of ``wish`` are those of docs/api.md."""
        path = f"/v1/meters/{meter_id}/backfills"
        return cast("BackfillDocument", self._exchange("POST", path, json.dumps(wish)))

    def backfills(self, meter_id: int) -> "list[BackfillDocument]":
        """Return the back-fills of a meter, newest first."""
        path = f"/v1/meters/{meter_id}/backfills"
        return cast("list[BackfillDocument]", self.ask(path)["backfills"])

    def backfill_progress(self, meter_id: int, number: int) -> "BackfillDocument":
        path = f"/v1/meters/{meter_id}/backfills/{number}"
        return cast("BackfillDocument", self.ask(path))

    def set(self, meter_id: int, wish: Mapping[str, Any]) -> "ResultDocument":
        """Change settings of a meter: the fields of ``wish`` are those of docs/api.md."""
        return cast("ResultDocument", self.post(f"/v1/meters/{meter_id}/settings", wish))

    def config(self, meter_id: int) -> "ConfigDocument":
        """Return what is desired and in force of a meter's settings, and its history."""
        return cast("ConfigDocument", self.ask(f"/v1/meters/{meter_id}/settings"))

    def change(self, meter_id: int, number: int) -> "ChangeDocument":
        """Return one change of a meter's settings."""
        return cast("ChangeDocument", self.ask(f"/v1/meters/{meter_id}/settings/{number}"))

    def read(self, meter_id: int, *, by: str | None = None) -> "ReadDocument":
        """Ask a meter for a reading as soon as it listens."""
        path = f"/v1/meters/{meter_id}/reads"
        return cast("ReadDocument", self.post(path, {"by": by}))

    def reads(self, meter_id: int) -> "list[ReadDocument]":
        """Return what a meter was asked to read and what was triggered at it, newest first."""
        return cast("list[ReadDocument]", self.ask(f"/v1/meters/{meter_id}/reads")["reads"])

    def read_progress(self, meter_id: int, number: int) -> "ReadDocument":
        return cast("ReadDocument", self.ask(f"/v1/meters/{meter_id}/reads/{number}"))

    def check(self, meter_id: int, wish: Mapping[str, Any]) -> "CheckDocument":
        """Record a dial check: the fields of ``wish`` are those of docs/api.md."""
        return cast("CheckDocument", self.post(f"/v1/meters/{meter_id}/checks", wish))

    def checks(self, meter_id: int) -> "list[CheckDocument]":
        """Return the dial checks of a meter, newest first."""
        return cast("list[CheckDocument]", self.ask(f"/v1/meters/{meter_id}/checks")["checks"])

    def alarms(self, *, meter_id: int | None = None, past: bool = False) -> "list[AlarmDocument]":
        """Return the active alarms, or with ``past`` the newest of all, the newest first."""
        return self.alarm_list(meter_id=meter_id, past=past)["alarms"]

    def alarm_list(
        self, *, meter_id: int | None = None, past: bool = False, limit: int | None = None
    ) -> "AlarmsDocument":
        """Return the same with what is missing of the events."""
        options = {"meter": meter_id, "all": 1 if past else None, "limit": limit}
        return cast("AlarmsDocument", self.ask(f"/v1/alarms{_query(options)}"))

    def events(
        self, *, meter_id: int | None = None, after: int | None = None, limit: int | None = None
    ) -> "EventsDocument":
        """Return the newest events, or those after a number, in their order."""
        options = {"meter": meter_id, "after": after, "limit": limit}
        return cast("EventsDocument", self.ask(f"/v1/events{_query(options)}"))

    def acknowledge(self, alarm: str, *, by: str, note: str) -> "AlarmDocument":
        """Note that somebody has seen an alarm."""
        words = json.dumps({"by": by, "note": note})
        path = f"/v1/alarms/{quote(alarm, safe='')}/acknowledgements"
        return cast("AlarmDocument", self._exchange("POST", path, words))

    def replay(
        self, meter_id: int, *, from_time: str | None = None, to_time: str | None = None
    ) -> "ReplayDocument":
        """Have readings published again: all, or those from one time to another (ISO 8601)."""
        span = json.dumps({"from": from_time, "to": to_time})
        path = f"/v1/meters/{meter_id}/replays"
        return cast("ReplayDocument", self._exchange("POST", path, span, REPLAY_S_MAX))

    def ask(self, path: str) -> dict[str, Any]:
        """GET any route; return its document. Raise ClientError for whatever goes wrong."""
        return self._exchange("GET", path)

    def post(self, path: str, document: object) -> dict[str, Any]:
        """POST a document to any route; return the answer. Raise ClientError as ``ask``."""
        return self._exchange("POST", path, json.dumps(document))

    def _exchange(
        self, method: str, path: str, body: str | None = None, timeout_s: float | None = None
    ) -> dict[str, Any]:
        connection = _UnixConnection(self._path, timeout_s or self._timeout_s)
        try:
            connection.request(method, path, body, headers={"Connection": "close"})
            response = connection.getresponse()
            document = json.loads(response.read())
        except OSError as error:
            why = error.strerror or str(error)
            raise ClientError(messages.NOT_RUNNING.format(path=self._path, why=why)) from None
        except (http.client.HTTPException, ValueError):
            raise ClientError(messages.ANSWER_UNREADABLE.format(path=self._path)) from None
        finally:
            connection.close()
        return self._checked(response.status, document)

    def _checked(self, status: int, document: Any) -> dict[str, Any]:
        if not isinstance(document, dict):
            raise ClientError(messages.ANSWER_UNREADABLE.format(path=self._path))
        if status not in (http.client.OK, http.client.CREATED):
            raise ClientError(str(document.get("error")), status)
        return document


def _query(options: Mapping[str, object]) -> str:
    """Return what stands behind a path: the options that are given."""
    query = urlencode({name: value for name, value in options.items() if value is not None})
    return f"?{query}" if query else ""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("gateway", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
