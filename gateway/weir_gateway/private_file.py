"""Files that hold secrets: read only when nobody else on the machine can read them."""

import stat
from pathlib import Path

from weir_gateway import messages
from weir_gateway.errors import ConfigError


def read_private_text(path: Path, *, purpose: str) -> str:
    """Return the text of a file that holds secrets.

    purpose: what the file is, for the message ("the key file"). Raise ConfigError when it
    cannot be read or when group or others may read or write it.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError(messages.NOT_TEXT.format(purpose=purpose, path=path)) from None
    except OSError as error:
        raise ConfigError(
            messages.CANNOT_READ.format(purpose=purpose, path=path, why=error.strerror)
        ) from None
    check_private(path, mode, purpose=purpose)
    return text


def check_private(path: Path, mode: int, *, purpose: str) -> None:
    """Raise ConfigError when ``mode`` lets group or others near the file."""
    if stat.S_IMODE(mode) & 0o077:
        raise ConfigError(
            messages.NOT_PRIVATE.format(purpose=purpose, path=path, mode=stat.S_IMODE(mode))
        )
