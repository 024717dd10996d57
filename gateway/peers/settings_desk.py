"""A meter and one who changes its settings, straight on a database."""

from pathlib import Path
from typing import Any

from peers.bookkeeping import METER, Bookkeeping
from weir_gateway.store.receipt import Receipt
from weir_gateway.store.settings import attest, rows, versions
from weir_gateway.store.settings.rows import Reported, StoredVersion
from weir_gateway.store.settings.versions import NewVersion
from weir_protocol.frames import CommandCode, FrameType
from weir_protocol.settings import BY_NAME

Settings = dict[str, int]
FAST = {"sample_interval_s": 30}
SLOW = {"sample_interval_s": 60, "store_interval_s": 1800}


class Desk(Bookkeeping):
    """A meter with no version in force that has said so, and one who asks for changes."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.hello(settings_version=0)
        self.report(0)

    def ask(self, overrides: Settings, **changes: Any) -> StoredVersion:
        new = NewVersion(overrides, overrides, "anna", **changes)
        return versions.make(self.connection, METER, new, self.now_ms)

    def applied(self, version: int, overrides: Settings, **changes: Any) -> Receipt:
        items = {BY_NAME[name].key: value for name, value in overrides.items()}
        return self.report(version, items=items, **changes)

    def changes(self) -> list[StoredVersion]:
        """Return every change, the oldest first."""
        return rows.versions(self.connection, METER, "1")[::-1]

    def listen_to(self, settings_version: int) -> None:
        """Hear which version is in force, without an answer to it."""
        attest.attest(self.connection, self.origin(), settings_version)

    def states(self) -> list[tuple[int, str]]:
        """Return version and state of every change, the oldest first."""
        found = rows.versions(self.connection, METER, "1")
        return [(one.version, one.state) for one in reversed(found)]

    def told(self) -> list[tuple[int, str]]:
        """Return what is to be told, with the place of the change among the changes."""
        query = "SELECT number, state FROM settings_news ORDER BY news"
        told = list(self.connection.execute(query))
        first = min((number for number, _ in told), default=0)
        return [(number - first + 1, state) for number, state in told]

    def forget_news(self) -> None:
        """Have all told."""
        self.connection.execute("DELETE FROM settings_news")

    def desired(self) -> Settings:
        wanted = versions.desired(self.connection, METER)
        return {} if wanted is None else wanted.overrides

    def in_force(self) -> Reported:
        attested = rows.reported(self.connection, METER)
        assert attested is not None
        return attested


def sent(receipt: Receipt) -> dict[int, dict[int, int]]:
    """Return the settings in the SETTINGS of an answer, by version, all frames together."""
    found: dict[int, dict[int, int]] = {}
    for errand in receipt.errands:
        if errand.frame_type is FrameType.SETTINGS:
            items = {item["key"]: item["value"] for item in errand.fields["items"]}
            found.setdefault(errand.fields["settings_version"], {}).update(items)
    return found


def asks_for_report(receipt: Receipt) -> bool:
    return any(
        errand.frame_type is FrameType.COMMAND
        and errand.fields["code"] == CommandCode.REPORT_SETTINGS
        for errand in receipt.errands
    )
