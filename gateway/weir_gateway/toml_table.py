"""One table of a TOML file, read key by key with messages that name the file, line and key.

``tomllib`` keeps no positions, so the text is scanned once more for where each key stands.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from weir_gateway import messages
from weir_gateway.errors import ConfigError

_HEADER = re.compile(r"^\s*\[(\[)?\s*([^\[\]]+?)\s*\]")
_KEY = re.compile(r"""^\s*([A-Za-z0-9_."'-]+)\s*=""")
_QUOTES_AND_SPACE = re.compile(r"""["']|\s+(?=\.)|(?<=\.)\s+""")
_SYNTAX_PLACE = re.compile(r"^(?P<what>.*) \(at (?:line (?P<line>\d+).*|end of document)\)$")


class TomlFile:
    """A parsed file that knows where its keys stand."""

    def __init__(self, path: Path, text: str) -> None:
        """Parse ``text``. Raise ConfigError naming the line when it is not TOML."""
        self.path = path
        try:
            self.values: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise self._syntax_error(str(error), text) from None
        self._lines = _key_lines(text)

    def table(self, name: str, known: Iterable[str]) -> "Table | None":
        """Return the table ``[name]``, None when it is absent."""
        values = self.values.get(name)
        if values is None:
            return None
        if not isinstance(values, dict):
            raise self.error(name, None, messages.WANTS_TABLE.format(header=f"[{name}]"))
        return Table(self, name, name, values, known)

    def tables(self, name: str, known: Iterable[str]) -> "list[Table]":
        """Return every table ``[[name]]`` in order."""
        values = self.values.get(name, [])
        if not isinstance(values, list) or not all(isinstance(one, dict) for one in values):
            raise self.error(name, None, messages.WANTS_TABLE.format(header=f"[[{name}]]"))
        return [
            Table(self, name, f"{name}#{index}", one, known) for index, one in enumerate(values)
        ]

    def refuse_unknown(self, known: Iterable[str]) -> None:
        """Raise ConfigError for a top-level name that is not one of ``known``."""
        names = list(known)
        for name in self.values:
            if name not in names:
                raise self.error(name, None, _unknown(name, names))

    def error(self, place: str, key: str | None, what: str) -> ConfigError:
        """Return the error that says where: ``place`` is a table, ``key`` one of its keys."""
        line = self._lines.get((place, key)) or self.line_of(place)
        name = place.partition("#")[0]
        where = [str(self.path)]
        where += [f"line {line}"] if line else []
        where += [f"{name}.{key}" if key else name]
        return ConfigError(f"{', '.join(where)}: {what}")

    def line_of(self, place: str) -> int | None:
        """Return where a table begins, None where that is not plain."""
        outer, _, name = place.rpartition(".")
        return self._lines.get((place, None)) or self._lines.get((outer, name))

    def _syntax_error(self, text: str, source: str) -> ConfigError:
        match = _SYNTAX_PLACE.match(text)
        what = match["what"] if match else text
        line = match["line"] if match and match["line"] else str(source.count("\n") + 1)
        return ConfigError(f"{self.path}, line {line}: {messages.NOT_TOML.format(why=what)}")


class Table:
    """The values of one table. Each getter raises ConfigError for a value it cannot take."""

    def __init__(
        self, file: TomlFile, name: str, place: str, values: dict[str, Any], known: Iterable[str]
    ) -> None:
        self._file = file
        self._name = name
        self._place = place
        self._values = values
        names = list(known)
        for key in values:
            if key not in names:
                raise self.error(key, _unknown(key, names))

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def error(self, key: str | None, what: str) -> ConfigError:
        return self._file.error(self._place, key, what)

    def name_of(self, key: str) -> str:
        """Return the key with its table before it, as errors name it."""
        return f"{self._place.partition('#')[0]}.{key}"

    def text(self, key: str, default: str | None = None) -> str:
        value = self._value(key, default, str, messages.WANTS_TEXT)
        if not value.strip():
            raise self.error(key, messages.EMPTY)
        return str(value)

    def text_or_none(self, key: str) -> str | None:
        return self.text(key) if key in self._values else None

    def word(self, key: str, default: str | None, pattern: str, wanted: str) -> str:
        """Return text that matches ``pattern`` whole; ``wanted`` says so in words."""
        value = self.text(key, default)
        if not re.fullmatch(pattern, value):
            raise self.error(key, messages.WRONG_FORM.format(value=value, wanted=wanted))
        return value

    def flag(self, key: str, default: bool) -> bool:
        return bool(self._value(key, default, bool, messages.WANTS_FLAG))

    def integer(self, key: str, default: int | None, low: int, high: int) -> int:
        value = self._value(key, default, int, messages.WANTS_INTEGER)
        self._check_range(key, value, low, high)
        return int(value)

    def number(self, key: str, default: float | None, low: float, high: float) -> float:
        value = self._value(key, default, (int, float), messages.WANTS_NUMBER)
        self._check_range(key, value, low, high)
        return float(value)

    def path(self, key: str, default: str | None = None) -> Path:
        """Return a path; a relative one is relative to the file that names it."""
        return self._file.path.parent / Path(self.text(key, default)).expanduser()

    def path_or_none(self, key: str) -> Path | None:
        return self.path(key) if key in self._values else None

    def _check_range(self, key: str, value: float, low: float, high: float) -> None:
        if not low <= value <= high:
            what = messages.OUT_OF_RANGE.format(value=value, low=low, high=high)
            raise self.error(key, what)

    def _value(self, key: str, default: Any, kind: Any, wanted: str) -> Any:
        value = self._values.get(key, default)
        if value is None:
            raise self.error(None, messages.MISSING.format(key=key))
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.error(key, wanted.format(value=_shown(value)))
        return value


def _key_lines(text: str) -> dict[tuple[str, str | None], int]:
    lines: dict[tuple[str, str | None], int] = {}
    counts: dict[str, int] = {}
    place = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            place = _QUOTES_AND_SPACE.sub("", header[2])
            if header[1]:
                counts[place] = counts.get(place, -1) + 1
                place = f"{place}#{counts[place]}"
            lines.setdefault((place, None), number)
        elif key := _KEY.match(line):
            dotted = _QUOTES_AND_SPACE.sub("", key[1])
            outer, _, name = (f"{place}.{dotted}" if place else dotted).rpartition(".")
            lines.setdefault((outer, name), number)
    return lines


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if near:
        return messages.UNKNOWN_NEAR.format(name=name, near=near[0])
    return messages.UNKNOWN.format(name=name, known=", ".join(known))


def _shown(value: Any) -> str:
    text = repr(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
