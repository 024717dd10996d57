"""Bodies of SETTINGS_REPORT: what became of a version, over as many frames as it takes."""

from micropython import const
from weir.link import codec
from weir.link import tables_gen as t

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from weir.settings.in_force import Settings

_FIELDS_SIZE = const(3)  # bytes
_ITEM_SIZE = const(5)
_HALF = const(0x80000000)


class Report:
    """One report, from its first frame to the last that is delivered."""

    def __init__(
        self, settings: "Settings", outcome: int, version: int, reasons: "dict[int, int]"
    ) -> None:
        """version: the one that the report is about. reasons: by key, of a version refused."""
        self.outcome = outcome
        self._settings = settings
        self._version = version
        self._reasons = reasons
        applied = outcome == t.OUTCOME_APPLIED
        self._keys = settings.changed_keys() if applied else bytes(sorted(reasons))
        self._first = self._end = 0  # places in _keys that the body made last covers

    def body(self, body_size_max: int) -> bytes:
        """Return the body of the next frame."""
        items = self._head()
        room = (body_size_max - _FIELDS_SIZE) // _ITEM_SIZE - len(items)
        self._end = min(self._first + room, len(self._keys))
        for key in self._keys[self._first : self._end]:
            items.append((key, self._value(key)))
        fields = (self._settings.version, self.outcome)
        return codec.pack_body(t.TYPE_SETTINGS_REPORT, fields, items)

    def delivered(self) -> bool:
        """Take note that the last body is delivered; return whether it was the last of all."""
        self._first = self._end
        return self._end == len(self._keys)

    def _head(self) -> "list[tuple[int, int]]":
        """Return the items that every frame of the report begins with."""
        items = [(t.KEY_VERSION, self._version)]
        if self.outcome == t.OUTCOME_APPLIED:
            sequence = self._settings.first_sequence
            signed = sequence - 2 * _HALF if sequence >= _HALF else sequence
            items += [(t.KEY_COUNT, len(self._keys)), (t.KEY_SEQUENCE, signed)]
        return items

    def _value(self, key: int) -> int:
        if self.outcome == t.OUTCOME_APPLIED:
            return self._settings.value(key)
        return self._reasons[key]
