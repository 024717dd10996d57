"""``python -m codegen.generate [--check]``: write the generated files, or say which are stale."""

import sys
from pathlib import Path

from codegen import firmware_tables, settings_pages, settings_tables, specification

ROOT = Path(__file__).parents[2]
TABLES = ROOT / "firmware" / "src" / "weir" / "link" / "tables_gen.py"
SETTINGS_TABLE = ROOT / "firmware" / "src" / "weir" / "settings" / "table_gen.py"
SPEC = ROOT / "protocol" / "SPEC.md"
SCHEMA = ROOT / "protocol" / "settings.schema.json"
SETTINGS_PAGE = ROOT / "docs" / "settings.md"
ALARMS_PAGE = ROOT / "docs" / "alarms.md"


def outputs() -> dict[Path, str]:
    """Return every generated file with its current content."""
    return {
        TABLES: firmware_tables.render(),
        SETTINGS_TABLE: settings_tables.render(),
        SPEC: specification.render(SPEC.read_text(encoding="utf-8")),
        SCHEMA: settings_pages.schema(),
        SETTINGS_PAGE: settings_pages.settings_page(SETTINGS_PAGE.read_text(encoding="utf-8")),
        ALARMS_PAGE: settings_pages.alarms_page(ALARMS_PAGE.read_text(encoding="utf-8")),
    }


def main(arguments: list[str]) -> int:
    check = "--check" in arguments
    stale = [
        path
        for path, content in outputs().items()
        if not path.exists() or path.read_text(encoding="utf-8") != content
    ]
    for path in stale:
        if check:
            sys.stderr.write(f"{path.relative_to(ROOT)} is stale: run `make gen`\n")
        else:
            path.write_text(outputs()[path], encoding="utf-8")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
